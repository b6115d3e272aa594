/*
 * quoted_printable.h - RFC 2045 6.7: text with octets over 127 as ASCII.
 */
#ifndef MAIL_QUOTED_PRINTABLE_H
#define MAIL_QUOTED_PRINTABLE_H

#include "gateway/base/buf.h"

/* Append the encoding of text whose lines end with CRLF; no line is over 76 octets. A CR or LF by
 * itself is encoded. The last line gets no line end that it does not have. */
void quoted_printable_put(struct buf *out, struct slice text);

#endif
