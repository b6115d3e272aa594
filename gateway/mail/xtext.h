/*
 * xtext.h - RFC 3461 4: text in command parameters. '+', '=' and what is not printable ASCII is
 * written as '+' and two hexadecimal capitals.
 */
#ifndef MAIL_XTEXT_H
#define MAIL_XTEXT_H

#include "gateway/base/buf.h"

/* Append the encoding of raw to out. */
void xtext_encode(struct buf *out, struct slice raw);

/* Append what text encodes to out. False: text is not xtext (a blank, a control or 8-bit octet,
 * '=' in clear, '+' without two hexadecimal capitals), or out has no room; out is then as it was.
 * Decoded octets may be anything, NUL included: judge them before use. */
MUST_USE bool xtext_decode(struct buf *out, struct slice text);

#endif
