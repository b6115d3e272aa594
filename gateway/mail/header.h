/*
 * header.h - the header fields of a message, one by one, while the message passes.
 *
 * Takes    the octets of the message in pieces of any size, from its first.
 * Gives    each field whole, as it stands there with its folding; then the end of the header
 *          section. What follows is the body: it is not looked at and goes on as it is.
 * Follows  RFC 5322 2.2 (fields), 2.2.3 (folding), 4.5.8 (blanks before the colon, as the
 * firewall must not be fooled by them). LF ends a line, with CR before it or not: we must see no
 *          fewer fields than the most tolerant reader behind us.
 * Refuses  a header section over HEADER_MAX, or what was said instead.
 * Touches  no heap for fields that lie whole in one piece.
 *
 *     while ((event = header_scan(&scanner, &in, &field)) == HEADER_FIELD)
 *         if (firewall_passes(field.name))
 *             buf_put(out, field.raw);
 *     if (event == HEADER_END)
 *         ... put field.raw (the blank line), then what is left of in: the body begins
 *
 * The raw slices of all events, joined, and what is left of the input are the input, octet for
 * octet.
 */
#ifndef MAIL_HEADER_H
#define MAIL_HEADER_H

#include "gateway/base/buf.h"

enum {
    HEADER_MAX = 256 * 1024, /* octets, without the blank line: Exchange's own later limit */
    HEADER_HEAD_MAX = 998,   /* a colon must come within one line (RFC 5322 2.1.1) */
};

enum header_event {
    HEADER_MORE,         /* all of the input was used and more is needed */
    HEADER_FIELD,        /* *field is the next field */
    HEADER_END,          /* field->raw is the blank line; the body follows in the input */
    HEADER_END_UNMARKED, /* a line that is no field stands where a field or the blank line should:
                            field->raw is what was already taken of it. Put a blank line before
                            it, or the next reader may search it for fields, past our firewall. */
    HEADER_TOO_LONG,     /* over the maximum: 552 5.3.4 */
    HEADER_NOMEM,        /* 452 4.3.1 */
};

struct header_field {
    struct slice raw;  /* with folding and its last line end; valid until the next call */
    struct slice name; /* without blanks and colon */
};

/* Where the octets looked at last stand in their line. */
enum header_place {
    HEADER_AT_NAME,
    HEADER_AT_BLANKS, /* behind a name, before its colon */
    HEADER_AT_CR,     /* of what may be the blank line */
    HEADER_AT_VALUE,
    HEADER_AT_LINE_START, /* within a field: a blank goes on with it, all else ends it */
    HEADER_AT_BODY,
};

struct header_scanner {
    size_t max; /* octets of the section */
    enum header_place place;
    size_t name_len;
    size_t passed;      /* octets of the fields given so far */
    struct buf pending; /* the front of an unfinished field */
    bool given;         /* pending was given as a field and is used up */
};

void header_scanner_init(struct header_scanner *s);
/* For a header section of another maximum than HEADER_MAX. */
void header_scanner_init_max(struct header_scanner *s, size_t max);
void header_scanner_fini(struct header_scanner *s);

/* For the next message; the memory stays. */
void header_scanner_reset(struct header_scanner *s);

/* Use octets of *in up to the next event. Not to be called after an end or a failure. */
MUST_USE enum header_event header_scan(struct header_scanner *s, struct slice *in,
                                       struct header_field *field);

/* The message ends here, within its header section. Call until it is HEADER_END_UNMARKED. */
MUST_USE enum header_event header_scan_end(struct header_scanner *s, struct header_field *field);

/* What stands behind the colon, as it is. */
struct slice header_value(const struct header_field *field);

/* Append the value on one line: folding undone, no blanks at both ends. */
void header_unfold(struct buf *out, const struct header_field *field);

#endif
