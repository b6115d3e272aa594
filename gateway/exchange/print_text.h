/*
 * print_text.h - what the printers of a document share.
 */
#ifndef EXCHANGE_PRINT_TEXT_H
#define EXCHANGE_PRINT_TEXT_H

#include "gateway/base/buf.h"
#include "gateway/exchange/document.h"

enum { PRINT_COLUMNS = 100 };

/* "Do", "Check", "Undo" */
const char *print_part_name(enum exchange_part part);

/* What stands in a part of a step; where nothing undoes it, a sentence that says why. */
const struct exchange_blocks *print_part(const struct exchange_step *s, enum exchange_part part);

/* "PowerShell", "Command line", "Registry file"; NULL for a sentence and for a field. */
const char *print_kind_name(enum exchange_block_kind kind);

/* How many blocks from this one on are lines of one piece: of its kind, and without labels. */
size_t print_run(const struct exchange_block *b, size_t count);

/* "Exchange Server 2003 of forest contoso: mail through gw.contoso.example" */
void print_title(const struct exchange_document *d, struct buf *out);

/* "proposed: 'x'", "must be given", "no unless you say so" */
void print_proposal(const struct exchange_parameter *p, struct buf *out);

/* What the shell blocks of the steps need: all parameters as variables, then the prelude. */
void print_prelude(const struct exchange_document *d, struct buf *out);

/* One line: what a terminal might obey, line ends too, becomes '?', and so does what is no UTF-8.
 */
void print_clean(struct buf *out, const char *text);

/* Columns of text on a terminal where each character has one. */
size_t print_width(const char *text);

/* Broken at blanks so that lines have PRINT_COLUMNS at most; a word that is longer stays whole.
 * The first line begins with first, the others with rest. */
void print_wrapped(struct buf *out, const char *first, const char *rest, const char *text);

/* Each line as it is, behind prefix. */
void print_lines(struct buf *out, const char *prefix, const char *text);

#endif
