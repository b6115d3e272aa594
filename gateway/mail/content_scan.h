/*
 * content_scan.h - what the octets of a message ask of the way they travel.
 *
 * Takes    the message, as it is kept, in pieces of any size.
 * Gives    whether it holds octets over 127 (8BITMIME, RFC 6152), CR or LF that are not CRLF, or
 *          NUL (BINARYMIME, RFC 3030), and whether its last line is ended.
 * Touches  nothing. What MAIL called the content (BODY=) plays no part: Exchange says BINARYMIME
 *          of everything where it may (exchange-facts.md 3.8), and others say nothing of 8-bit.
 */
#ifndef MAIL_CONTENT_SCAN_H
#define MAIL_CONTENT_SCAN_H

#include "gateway/base/slice.h"

struct content_scan {
    bool has_8bit;
    bool has_bare; /* a bare CR or LF, or NUL; complete only with content_scan_end() */
    bool behind_cr;
    bool is_begun; /* some octet was seen ... */
    char last[2];  /* ... and these two were the last */
};

/* Starts empty: all zero. */
void content_scan_take(struct content_scan *scan, struct slice octets);

/* The content has ended: a CR at its very end is bare. */
void content_scan_end(struct content_scan *scan);

/* Its last octets are no CRLF. Empty content lacks nothing. */
bool content_scan_is_unended(const struct content_scan *scan);

/* Does this piece alone, which ends a line or the content, hold what DATA cannot carry? */
bool content_has_bare(struct slice octets);

#endif
