/*
 * stuffer.h - a message on its way into DATA: dots doubled, the end put behind it.
 *
 * Takes    message octets in pieces of any size, lines ended by CRLF.
 * Gives    the same with a dot more at the start of each line that begins with one, and at its
 *          end CRLF.CRLF, of which the first CRLF is the message's own when it has one.
 * Follows  RFC 5321 4.5.2. A line also begins behind a bare LF here: should one ever get this
 *          far, no server behind us can take what follows it for the end.
 */
#ifndef MAIL_STUFFER_H
#define MAIL_STUFFER_H

#include "gateway/base/buf.h"

enum { STUFFER_END_ROOM = 5 }; /* octets of "CRLF.CRLF" */

struct stuffer {
    bool in_line; /* the last octet was not the end of a line */
};

void stuffer_init(struct stuffer *s);

/* Put of *octets what out has room for, keeping STUFFER_END_ROOM free, and move *octets. */
void stuffer_put(struct stuffer *s, struct buf *out, struct slice *octets);

/* The message is over. Wants no more than STUFFER_END_ROOM. */
void stuffer_end(struct stuffer *s, struct buf *out);

#endif
