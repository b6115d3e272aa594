/*
 * print_registry.h - what of a document lives in the registry, as one .reg text.
 */
#ifndef EXCHANGE_PRINT_REGISTRY_H
#define EXCHANGE_PRINT_REGISTRY_H

#include "gateway/base/buf.h"
#include "gateway/exchange/document.h"

/* "Windows Registry Editor Version 5.00", lines that end with CRLF, ASCII alone. Each value has
 * before it, as comments, what it changes, its risk, how it is checked and how it is undone.
 * Those of optional steps are comments as well: importing the file as it stands sets none of
 * them. */
void exchange_print_registry(const struct exchange_document *d, struct buf *out);

#endif
