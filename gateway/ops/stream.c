#include "gateway/ops/stream.h"

#include <errno.h>
#include <unistd.h>

void
stream_init(struct stream *s, int fd)
{
    *s = (struct stream){.fd = fd};
    buf_init(&s->text, STREAM_ROW_MAX);
}

void
stream_fini(struct stream *s)
{
    stream_flush(s);
    buf_fini(&s->text);
}

bool
stream_flush(struct stream *s)
{
    struct slice rest = buf_slice(&s->text);
    s->is_broken = s->is_broken || !buf_ok(&s->text);
    while (rest.len > 0 && !s->is_broken) {
        ssize_t n = write(s->fd, rest.ptr, rest.len);
        if (n > 0)
            slice_skip(&rest, (size_t)n);
        else if (errno != EINTR)
            s->is_broken = true;
    }
    buf_clear(&s->text);
    return !s->is_broken;
}

bool
stream_on(struct stream *s)
{
    return s->text.len >= STREAM_PIECE || !buf_ok(&s->text) ? stream_flush(s) : !s->is_broken;
}
