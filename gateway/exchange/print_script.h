/*
 * print_script.h - a document as one PowerShell script.
 */
#ifndef EXCHANGE_PRINT_SCRIPT_H
#define EXCHANGE_PRINT_SCRIPT_H

#include "gateway/base/buf.h"
#include "gateway/exchange/document.h"

/* The shell blocks that are done, in order, behind the parameters and the prelude; everything
 * else as comments: why, how to check, how to undo, and at the end the way back from all of it.
 *
 * UTF-8 with a byte order mark (without one PowerShell 1.0 takes a file for the code page of the
 * system), lines end with CR LF, nothing in it depends on the clock. A value of the configuration
 * cannot leave a comment: control characters become '?'. */
void exchange_print_script(const struct exchange_document *d, struct buf *out);

#endif
