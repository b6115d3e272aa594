/*
 * print_html.h - a document as one page for a browser or a printer.
 */
#ifndef EXCHANGE_PRINT_HTML_H
#define EXCHANGE_PRINT_HTML_H

#include "gateway/base/buf.h"
#include "gateway/exchange/document.h"

/* HTML 5 that needs nothing else: no scripts, fonts, pictures or links to elsewhere. Boxes to
 * tick off, an anchor for each step ("#step-3"). All text is escaped. */
void exchange_print_html(const struct exchange_document *d, struct buf *out);

#endif
