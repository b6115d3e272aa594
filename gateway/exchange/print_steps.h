/*
 * print_steps.h - a document as plain text for people.
 */
#ifndef EXCHANGE_PRINT_STEPS_H
#define EXCHANGE_PRINT_STEPS_H

#include "gateway/base/buf.h"
#include "gateway/exchange/document.h"

/* What must be known first, then the numbered steps with Why, Do, Check, Undo and Check on your
 * system. Sentences are wrapped at 100 columns; values in dialogues and lines of PowerShell,
 * cmd.exe and .reg files are never broken. Control characters become '?'. */
void exchange_print_steps(const struct exchange_document *d, struct buf *out);

#endif
