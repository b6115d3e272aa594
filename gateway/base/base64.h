/*
 * base64.h - RFC 4648 base64 as SASL and pins use it: canonical, padded, no line breaks.
 */
#ifndef BASE_BASE64_H
#define BASE_BASE64_H

#include "gateway/base/buf.h"

/* Append the encoding of raw to out. */
void base64_encode(struct buf *out, struct slice raw);

/* Append the octets that text encodes to out. False: text is not base64 (a character outside the
 * alphabet, padding missing or in the wrong place, a length that is no multiple of 4), or out has
 * no room; out is then as it was. */
MUST_USE bool base64_decode(struct buf *out, struct slice text);

#endif
