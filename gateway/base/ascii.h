/*
 * ascii.h - character classes, case and numbers of ASCII; no locale, no surprises.
 */
#ifndef BASE_ASCII_H
#define BASE_ASCII_H

#include <stdint.h>

#include "gateway/base/must.h"
#include "gateway/base/slice.h"

static inline bool
ascii_is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static inline bool
ascii_is_alpha(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static inline bool
ascii_is_alnum(char c)
{
    return ascii_is_alpha(c) || ascii_is_digit(c);
}

/* Printable ASCII with the space. */
static inline bool
ascii_is_print(char c)
{
    return c >= 0x20 && c <= 0x7e;
}

static inline bool
ascii_is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static inline char
ascii_lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}

static inline char
ascii_upper(char c)
{
    return c >= 'a' && c <= 'z' ? (char)(c - 32) : c;
}

/* The value of a hexadecimal digit, or -1. */
int ascii_hex_value(char c);

/* Equal but for the case of A-Z. */
bool ascii_same(struct slice a, struct slice b);
bool ascii_is(struct slice a, const char *text);
bool ascii_starts(struct slice a, const char *prefix);

/* Order without case; <0, 0, >0. */
int ascii_compare(struct slice a, struct slice b);

/* Without blanks (space, tab) at both ends. */
struct slice ascii_trim(struct slice s);

/* All of s as a decimal number up to max; false for anything else, also for nothing. */
MUST_USE bool ascii_number(struct slice s, uint64_t max, uint64_t *out);

#endif
