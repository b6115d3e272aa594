#include "gateway/ops/queue_wire.h"

#include <errno.h>
#include <inttypes.h>
#include <unistd.h>

#include "gateway/base/ascii.h"

void
queue_wire_init(struct queue_wire *w, int fd, struct slice head)
{
    must(head.len <= sizeof w->piece);
    w->fd = fd;
    w->at = 0;
    w->len = head.len;
    if (head.len > 0)
        memcpy(w->piece, head.ptr, head.len);
}

/* Something is there to take. */
static bool
fill(struct queue_wire *w, struct err *err)
{
    while (w->at == w->len) {
        ssize_t n = read(w->fd, w->piece, sizeof w->piece);
        if (n == 0)
            return err_set(err, ERR_CLOSED, "the other side has ended");
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return err_sys(err, errno == EAGAIN ? ERR_TIMEOUT : ERR_IO, "the other side");
        w->at = 0;
        w->len = (size_t)n;
    }
    return true;
}

bool
queue_wire_piece(struct queue_wire *w, size_t max, struct slice *out, struct err *err)
{
    TRY(fill(w, err));
    *out = slice_head(slice(w->piece + w->at, w->len - w->at), max);
    w->at += out->len;
    return true;
}

bool
queue_wire_line(struct queue_wire *w, struct buf *line, struct err *err)
{
    buf_clear(line);
    for (;;) {
        TRY(fill(w, err));
        struct slice rest = slice(w->piece + w->at, w->len - w->at);
        size_t n = slice_find(rest, '\n');
        buf_put(line, slice_head(rest, n));
        if (!buf_ok(line))
            return err_set(err, ERR_LIMIT, "a line of the other side is too long");
        w->at += n < rest.len ? n + 1 : n;
        if (n < rest.len)
            return true;
    }
}

/* Queue ids and endings; never a way out of a folder. */
static bool
is_name(struct slice name)
{
    if (name.len == 0 || name.len >= QUEUE_NAME_MAX || name.ptr[0] == '.')
        return false;
    for (size_t i = 0; i < name.len; i++)
        if (!ascii_is_alnum(name.ptr[i]) && name.ptr[i] != '.')
            return false;
    return true;
}

bool
queue_wire_file(struct slice line, char name[QUEUE_NAME_MAX], uint64_t *size)
{
    if (!slice_starts(line, slice_str("F ")))
        return false;
    slice_skip(&line, 2);
    struct slice word = slice_head(line, slice_find(line, ' '));
    if (!is_name(word) || !ascii_number(slice_from(line, word.len + 1), UINT64_MAX / 2, size))
        return false;
    slice_copy_text(name, QUEUE_NAME_MAX, word);
    return true;
}

void
queue_wire_put_file(struct buf *out, const char *name, uint64_t size)
{
    buf_printf(out, "F %s %" PRIu64 "\n", name, size);
}
