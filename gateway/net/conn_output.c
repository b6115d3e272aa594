#include <errno.h>

#include "gateway/base/mem.h"
#include "gateway/net/conn_private.h"
#include "gateway/net/uv_err.h"

size_t
conn_pending(const struct conn *c)
{
    return c->out.len + uv_stream_get_write_queue_size(&c->stream);
}

size_t
conn_room(const struct conn *c)
{
    size_t pending = conn_pending(c);
    return pending < CONN_OUTPUT_MAX ? CONN_OUTPUT_MAX - pending : 0;
}

/* It was all given to the kernel. */
static void
empty(struct buf *b)
{
    buf_clear(b);
    if (b->cap > CONN_OUTPUT_KEEP)
        buf_shrink(b);
}

/* What is gathered goes nowhere, nor does what still comes. */
static void
break_off(struct conn *c, int status)
{
    bool is_closed = status == UV_EPIPE || status == UV_ECONNRESET;
    if (c->trouble.kind == ERR_NONE)
        err_uv(&c->trouble, is_closed ? ERR_CLOSED : ERR_IO, status, "write");
    c->broken = true;
    empty(&c->out);
}

/* The write came home: sent, failed, or cancelled because the handle is closing. */
static void
on_written(uv_write_t *req, int status)
{
    struct conn *c = CONTAINER(req, struct conn, write_req);

    c->writing = false;
    empty(&c->on_wire);
    if (c->state == CONN_CLOSED)
        return;
    if (status < 0)
        break_off(c, status);
    else if (c->out.len == 0)
        c->drained = true;
    conn_at_turn_end(c);
}

/* The kernel took `sent` octets of what is gathered and no more: the rest waits with libuv, and
 * new output gathers in the other buffer. */
static void
write_rest(struct conn *c, size_t sent)
{
    struct buf spare = c->on_wire;
    c->on_wire = c->out;
    c->out = spare;

    uv_buf_t rest = uv_buf_init(c->on_wire.data + sent, (unsigned int)(c->on_wire.len - sent));
    int status = uv_write(&c->write_req, &c->stream, &rest, 1, on_written);
    if (status < 0) {
        empty(&c->on_wire);
        break_off(c, status);
        return;
    }
    c->writing = true;
    c->drained = false;
}

void
conn_push(struct conn *c)
{
    if (c->writing || c->broken || c->out.len == 0)
        return;
    uv_buf_t all = uv_buf_init(c->out.data, (unsigned int)c->out.len);
    int n = uv_try_write(&c->stream, &all, 1);
    if (n == (int)c->out.len) {
        empty(&c->out);
        c->drained = true;
    } else if (n >= 0 || n == UV_EAGAIN) {
        write_rest(c, n > 0 ? (size_t)n : 0);
    } else {
        break_off(c, n);
    }
}

void
conn_flush(struct conn *c)
{
    must(c->state == CONN_OPEN);
    conn_push(c);
    conn_at_turn_end(c);
}

bool
conn_write(struct conn *c, struct slice octets)
{
    must(c->state == CONN_OPEN);
    if (octets.len > conn_room(c))
        return false;
    conn_at_turn_end(c);
    /* The owner will hear of it at the end of this turn; until then its octets go nowhere. */
    if (c->broken || c->trouble.kind != ERR_NONE)
        return true;
    if (c->tls == NULL) {
        buf_put(&c->out, octets);
        if (!buf_ok(&c->out))
            err_set(&c->trouble, ERR_NOMEM, "out of memory for output");
    } else {
        must(tls_filter_is_open(c->tls));
        if (tls_filter_write(c->tls, &octets, &c->trouble))
            must(octets.len == 0); /* conn_room() leaves CONN_OUTPUT_EXTRA for what TLS adds */
    }
    return true;
}
