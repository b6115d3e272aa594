#include "gateway/mail/stuffer.h"

void
stuffer_init(struct stuffer *s)
{
    *s = (struct stuffer){0};
}

/* How far s goes until a dot at the start of a line: lines without one are put in one go. */
static size_t
run_length(struct slice s)
{
    size_t at = 0;
    while (at < s.len) {
        at += slice_find(slice_from(s, at), '\n') + 1;
        if (at < s.len && s.ptr[at] == '.')
            return at;
    }
    return s.len;
}

void
stuffer_put(struct stuffer *s, struct buf *out, struct slice *octets)
{
    while (octets->len > 0 && buf_room(out) > STUFFER_END_ROOM + 1) {
        if (!s->in_line && octets->ptr[0] == '.')
            buf_put_char(out, '.');
        struct slice fits = slice_head(*octets, buf_room(out) - STUFFER_END_ROOM);
        struct slice run = slice_head(fits, run_length(fits));
        buf_put(out, run);
        slice_skip(octets, run.len);
        s->in_line = run.ptr[run.len - 1] != '\n';
    }
}

void
stuffer_end(struct stuffer *s, struct buf *out)
{
    buf_put_str(out, s->in_line ? "\r\n.\r\n" : ".\r\n");
    s->in_line = false;
}
