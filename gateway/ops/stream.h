/*
 * stream.h - a long answer on its way to a descriptor: written piece by piece, so that memory
 * does not grow with it. Blocks; not for a loop.
 */
#ifndef OPS_STREAM_H
#define OPS_STREAM_H

#include "gateway/base/buf.h"

enum {
    STREAM_PIECE = 64 * 1024,          /* what gathers before it is written */
    STREAM_ROW_MAX = 64 * 1024 * 1024, /* the most that may be put at once: one message with
                                           as many recipients as there may be, as JSON */
};

struct stream {
    int fd;
    struct buf text; /* put what is to be said here, then stream_on() */
    bool is_broken;  /* nobody reads any more, or there was no memory */
};

/* fd is borrowed. */
void stream_init(struct stream *s, int fd);
/* What gathered is written first. */
void stream_fini(struct stream *s);

/* Once a row: writes when enough has gathered. False: broken, stop. */
bool stream_on(struct stream *s);
bool stream_flush(struct stream *s);

#endif
