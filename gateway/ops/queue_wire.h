/*
 * queue_wire.h - files on their way between the desk and the tool, both ways, in the middle of
 * lines of text: "F name size", LF, and as many octets.
 *
 * Export: the desk sends ID.json and ID.eml for each message, and text, which is for people.
 * Import: the tool sends such a pair and waits for its line, "+ id" or "- why"; then the next;
 * "E" ends it.
 */
#ifndef OPS_QUEUE_WIRE_H
#define OPS_QUEUE_WIRE_H

#include "gateway/base/buf.h"
#include "gateway/base/err.h"

enum {
    QUEUE_NAME_MAX = 32,
    QUEUE_LINE_MAX = 4096,
    QUEUE_JSON_MAX = 64 << 20, /* an envelope as JSON */
};

/* The descriptor that the other side writes to, read piece by piece. */
struct queue_wire {
    int fd;
    size_t at, len; /* what of piece is not taken yet */
    char piece[64 * 1024];
};

/* fd is borrowed; head: what of it was read before (at most a piece). */
void queue_wire_init(struct queue_wire *w, int fd, struct slice head);

/* A line without its LF, put into line (emptied first). ERR_CLOSED: the other side has ended;
 * ERR_LIMIT, ERR_IO, ERR_TIMEOUT. */
MUST_USE bool queue_wire_line(struct queue_wire *w, struct buf *line, struct err *err);

/* Up to max octets of what comes next, at least one; they stay until the next call. */
MUST_USE bool queue_wire_piece(struct queue_wire *w, size_t max, struct slice *out,
                               struct err *err);

/* The head of a file. False: the line is none. */
MUST_USE bool queue_wire_file(struct slice line, char name[QUEUE_NAME_MAX], uint64_t *size);
void queue_wire_put_file(struct buf *out, const char *name, uint64_t size);

#endif
