/*
 * buf.h - owned bytes with a maximum from birth.
 *
 * Appending never fails in the caller's face: a put that does not fit (or for which there is no
 * memory) is dropped whole and remembered. Write the whole answer, then ask buf_ok() once.
 */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include <stdint.h>

#include "gateway/base/must.h"
#include "gateway/base/slice.h"

struct buf {
    char *data; /* owned; NULL until the first put */
    size_t len;
    size_t cap;
    size_t max; /* the most it may ever hold, in octets */
    bool over;  /* sticky: something did not fit */
};

void buf_init(struct buf *b, size_t max);
void buf_fini(struct buf *b); /* frees; may be called twice */

/* Empty it and forget that it was over; the memory stays for the next use. */
void buf_clear(struct buf *b);

/* Give the memory back when it is empty: for buffers of idle sessions. */
void buf_shrink(struct buf *b);

static inline bool
buf_ok(const struct buf *b)
{
    return !b->over;
}

static inline struct slice
buf_slice(const struct buf *b)
{
    return (struct slice){b->data, b->len};
}

/* How many octets may still be put. */
static inline size_t
buf_room(const struct buf *b)
{
    return b->max - b->len;
}

void buf_put(struct buf *b, struct slice s);
void buf_put_char(struct buf *b, char c);
void buf_put_str(struct buf *b, const char *text);
void buf_put_num(struct buf *b, uint64_t n);
void buf_printf(struct buf *b, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* Room for n octets at the end to be written in place, or NULL (then it is over). What was
 * written is taken over with buf_grew(). */
MUST_USE char *buf_reserve(struct buf *b, size_t n);
void buf_grew(struct buf *b, size_t n);

/* Remove the first n octets. Cheap when it empties the buffer, else it moves the rest. */
void buf_drop(struct buf *b, size_t n);

/* Cut it back to len octets. */
void buf_truncate(struct buf *b, size_t len);

/* The content with a NUL behind it (not counted), or "" when that does not fit. */
const char *buf_text(struct buf *b);

#endif
