/*
 * quote.h - a value from the configuration as a literal of another language, whatever is in it.
 *
 * All give text that lives as long as the document. Control characters cannot be in a value of
 * the configuration; should one be, it becomes '?'.
 */
#ifndef EXCHANGE_QUOTE_H
#define EXCHANGE_QUOTE_H

#include "gateway/base/buf.h"
#include "gateway/exchange/document.h"

/* 'it''s': a verbatim string of PowerShell, in which $ and backtick mean nothing. Doubled are the
 * apostrophe and U+2018, U+2019, U+201A, U+201B, which PowerShell takes for one (PowerShell
 * language specification 2.3.5.2). */
const char *exchange_quote_shell(struct exchange_document *d, const char *value);
/* The same into out. */
void exchange_put_shell(struct buf *out, const char *value);

/* "with blanks": an argument of a Windows program as CommandLineToArgvW takes it apart. cmd.exe
 * expands %NAME% before that and offers no way to say otherwise in a line that is typed. */
const char *exchange_quote_command(struct exchange_document *d, const char *value);

/* The value between the quotes of a .reg file: backslash and quote are escaped. */
const char *exchange_quote_registry(struct exchange_document *d, const char *value);

/* <, >, &, " and ' as entities, into out. */
void exchange_quote_html(struct buf *out, const char *text);

#endif
