/*
 * utf8.h - is it text in UTF-8 (RFC 3629)?
 */
#ifndef BASE_UTF8_H
#define BASE_UTF8_H

#include <stdint.h>

#include "gateway/base/must.h"
#include "gateway/base/slice.h"

/* Nothing but octets below 128. */
bool utf8_is_ascii(struct slice s);

/* Whole characters in their shortest form; no surrogates, nothing beyond U+10FFFF, none of the
 * controls U+0080 to U+009F, which terminals obey. ASCII is not looked at. */
bool utf8_is_text(struct slice s);

/* Cut a character, of at least one octet, off the front of *s. False: none stands there; nothing
 * was cut. */
MUST_USE bool utf8_take(struct slice *s, uint32_t *character);

#endif
