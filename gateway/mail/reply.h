/*
 * reply.h - SMTP replies: ours and a peer's (RFC 5321 4.2, enhanced codes RFC 3463/2034).
 */
#ifndef MAIL_REPLY_H
#define MAIL_REPLY_H

#include "gateway/base/buf.h"

enum { REPLY_TEXT = 480 }; /* a reply line is at most 512 octets (RFC 5321 4.5.3.1.5) */

/* A reply as a value. Multi-line replies of a peer are joined with one space for each line end
 * and cut at REPLY_TEXT; the code repeated in each line is not in the text. */
struct reply {
    short code;                 /* 200 to 599; 0 = none yet */
    unsigned short enhanced[3]; /* 5.7.1 (each up to 999: 5.7.606 is real); enhanced[0] == 0: none
                                   given, or none that fits the code (then it is text) */
    bool local; /* made by us about ourselves or the connection, not said by the peer */
    unsigned short len;
    char text[REPLY_TEXT]; /* printable ASCII (others become '?'), NUL-terminated, no CRLF,
                              without the codes */
};

/* reply_make(250, "2.1.0", "Sender OK"): enhanced NULL = none. Text is a printf format. */
struct reply reply_make(int code, const char *enhanced, const char *fmt, ...) PRINTF_LIKE(3, 4);

static inline bool
reply_is_success(const struct reply *r)
{
    return r->code >= 200 && r->code < 300;
}

static inline bool
reply_is_transient(const struct reply *r)
{
    return r->code >= 400 && r->code < 500;
}

static inline bool
reply_is_permanent(const struct reply *r)
{
    return r->code >= 500 && r->code < 600;
}

bool reply_has_enhanced(const struct reply *r, int class, int subject, int detail);

/* "550 5.7.1 Unable to relay" without CRLF: for the wire (add CRLF), logs and reports. */
void reply_put(struct buf *out, const struct reply *r);

/* "5.7.1". */
void reply_put_enhanced(struct buf *out, const struct reply *r);

enum reply_parse { REPLY_MORE, REPLY_DONE, REPLY_BAD };

/*
 * Reads a peer's replies out of a stream, whatever way it is split.
 * Malformed (BAD): no three digits, a code outside 200-599, codes that differ between lines, a
 * separator other than space, '-' or the line's end, a line over 2048 octets, a reply over 128
 * lines (an EHLO list is never longer), NUL. A bare LF ends a line here: real servers do that.
 * After BAD the stream has no meaning any more: only fini.
 */
struct reply_reader {
    struct reply reply; /* under construction; whole when DONE was returned */
    struct buf line;    /* the unfinished line */
    unsigned lines;
    void (*on_line)(void *context, struct slice text); /* each line's text behind the code:
                                                          the EHLO list; may be NULL */
    void *context;
};

void reply_reader_init(struct reply_reader *r);
void reply_reader_fini(struct reply_reader *r);

/* Use octets of *in up to the end of one reply. After DONE, r->reply stays until the next call.
 */
MUST_USE enum reply_parse reply_read(struct reply_reader *r, struct slice *in);

#endif
