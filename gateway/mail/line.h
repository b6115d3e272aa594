/*
 * line.h - CRLF lines out of a stream.
 *
 * Takes    octets in pieces of any size.
 * Gives    one line at a time without its CRLF: a slice of the input when all of it lies there,
 *          else a slice of a small carry buffer.
 * Follows  RFC 5321 2.3.8: CR and LF stand only together, and only CRLF ends a line.
 * Refuses  bare LF, bare CR, NUL, and lines over the maximum; each by its own name, because each
 *          gets its own reply. An over-long line is skipped to its end; its front is kept, which
 *          says what command is lost.
 * Touches  nothing but its carry buffer, allocated when a line first comes in two pieces.
 */
#ifndef MAIL_LINE_H
#define MAIL_LINE_H

#include "gateway/base/buf.h"

enum line_result {
    LINE_MORE,     /* all input is used, the line has not ended */
    LINE_DONE,     /* a good line */
    LINE_TOO_LONG, /* a line over the maximum has ended */
    LINE_BARE_LF,  /* an LF without CR came. Reported at once: who ends its lines like that waits
                      for an answer now. What follows the LF is the next line. */
    LINE_BARE_CR,  /* a line has ended in which a CR stood alone */
    LINE_NUL,      /* a line has ended in which there was a NUL */
    LINE_NOMEM,    /* no memory to keep a line that came in pieces; it has ended */
};

struct line_reader {
    struct buf carry; /* the front of a line whose end has not come */
    size_t max;       /* octets of a line, without CRLF */
    bool given;       /* the carry is what the last call gave out */
    bool skipping;    /* the line is over the maximum: no more of it is kept */
    bool lost;        /* ... or could not be kept */
    bool after_cr;    /* the last octet seen was a CR */
};

void line_reader_init(struct line_reader *r, size_t max);
void line_reader_fini(struct line_reader *r);

/* Use octets of *in up to the end of one line. *line is set with LINE_DONE; and with
 * LINE_TOO_LONG, LINE_BARE_CR and LINE_NUL, of a long line to its first `max` octets at least.
 * Valid until the next call, as long as the input stays where it is. */
MUST_USE enum line_result line_read(struct line_reader *r, struct slice *in, struct slice *line);

/* Is there half a line, in the carry or skipped? */
bool line_is_begun(const struct line_reader *r);

/* Forget a half line, and overwrite what the carry ever held: there was a password in it. */
void line_reader_wipe(struct line_reader *r);

#endif
