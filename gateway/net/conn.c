#include "gateway/net/conn.h"

#include <errno.h>
#include <unistd.h>

#include "gateway/base/mem.h"
#include "gateway/net/conn_private.h"
#include "gateway/net/uv_err.h"

enum { CONN_MAGIC = 0x636f6e6e };

static void on_turn(struct turn_task *task);

static struct conn *
conn_of(void *data)
{
    struct conn *c = data;
    must(c->magic == CONN_MAGIC);
    return c;
}

/* The only place where the state changes. */
static void
move(struct conn *c, enum conn_state state)
{
    must(c->state < state);
    if (c->state <= CONN_OPEN && state >= CONN_LINGERING)
        loop_count_out(c->loop);
    c->state = state;
}

/* ---- Input --------------------------------------------------------------------------------- */

size_t
conn_kept(const struct conn *c)
{
    return c->in.len - c->in_taken;
}

struct buf *
conn_keep_room(struct conn *c)
{
    buf_drop(&c->in, c->in_taken);
    c->in_taken = 0;
    return &c->in;
}

/* Octets had to be thrown away: nothing behind the gap may reach the owner. */
static void
lose_input(struct conn *c)
{
    err_set(&c->trouble, ERR_NOMEM, "out of memory for input");
    conn_input_ended(c);
}

static void
keep(struct conn *c, struct slice left)
{
    if (left.len == 0)
        return;
    buf_put(conn_keep_room(c), left);
    if (!buf_ok(&c->in))
        lose_input(c);
}

/* The owner looks at *in. Afterwards that holds what is to be kept: nothing when the conn went on
 * without it, because it is closed or shakes hands on what follows. */
static void
offer(struct conn *c, struct slice *in)
{
    unsigned era = c->era;
    c->events->on_input(c->owner, in);
    if (c->state != CONN_OPEN || c->era != era)
        *in = slice(NULL, 0);
}

void
conn_deliver_kept(struct conn *c)
{
    struct slice left = slice_from(buf_slice(&c->in), c->in_taken);
    if (left.len == 0)
        return;
    offer(c, &left);
    c->in_taken = c->in.len - left.len;
    if (left.len == 0) {
        buf_clear(conn_keep_room(c));
        buf_shrink(&c->in);
    }
}

void
conn_deliver(struct conn *c, struct slice came)
{
    if (conn_kept(c) > 0) {
        keep(c, came);
        conn_deliver_kept(c);
    } else if (came.len > 0) {
        offer(c, &came);
        keep(c, came);
    }
}

/* Never more than can be kept, should the owner take nothing; what comes to a lingering conn is
 * not kept. */
static void
on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *room)
{
    struct conn *c = conn_of(handle->data);
    (void)suggested;
    room->base = c->loop->read_room;
    room->len = c->state == CONN_OPEN ? CONN_INPUT_MAX - conn_kept(c) : LOOP_READ_SIZE;
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *room);

static void
set_reading(struct conn *c, bool reading)
{
    if (c->reading == reading)
        return;
    c->reading = reading;
    if (reading)
        must(uv_read_start(&c->stream, on_alloc, on_read) == 0);
    else
        uv_read_stop(&c->stream);
}

/* Read while what comes can be kept. */
static void
read_within_bounds(struct conn *c)
{
    set_reading(c, !c->input_ended && !c->tls_holds && conn_kept(c) < CONN_INPUT_MAX);
}

void
conn_input_ended(struct conn *c)
{
    c->input_ended = true;
    set_reading(c, false);
    conn_at_turn_end(c);
}

static void
take(struct conn *c, struct slice came)
{
    if (c->state != CONN_OPEN)
        return;
    if (c->tls == NULL)
        conn_deliver(c, came);
    else
        conn_unseal(c, &came);
    if (c->state != CONN_OPEN)
        return;
    if (c->tls_holds)
        buf_put(&c->sealed, came);
    if (!buf_ok(&c->sealed))
        lose_input(c);
    read_within_bounds(c);
    conn_at_turn_end(c);
}

/* Input, nothing for now, the end, or an error. */
static void
on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *room)
{
    struct conn *c = conn_of(stream->data);

    if (n > 0) {
        take(c, slice(room->base, (size_t)n));
    } else if (n == UV_EOF) {
        conn_input_ended(c);
    } else if (n < 0) {
        if (c->trouble.kind == ERR_NONE)
            err_uv(&c->trouble, n == UV_ECONNRESET ? ERR_CLOSED : ERR_IO, (int)n, "read");
        conn_input_ended(c);
    }
}

void
conn_resume(struct conn *c)
{
    c->resume = true;
    conn_at_turn_end(c);
}

/* What the owner left, then what had no room behind it. */
static void
offer_again(struct conn *c)
{
    c->resume = false;
    conn_deliver_kept(c);
    if (c->state != CONN_OPEN || !c->tls_holds)
        return;
    struct slice sealed = buf_slice(&c->sealed);
    conn_unseal(c, &sealed);
    if (c->state != CONN_OPEN)
        return;
    buf_drop(&c->sealed, c->sealed.len - sealed.len);
    buf_shrink(&c->sealed);
}

/* ---- End ----------------------------------------------------------------------------------- */

static void
on_closed(uv_handle_t *handle)
{
    struct conn *c = conn_of(handle->data);
    if (--c->open_handles > 0)
        return;
    c->magic = 0;
    tls_filter_free(&c->tls);
    buf_fini(&c->in);
    buf_fini(&c->sealed);
    buf_fini(&c->out);
    buf_fini(&c->on_wire);
    mem_free(&c);
}

static void
shut(struct conn *c)
{
    bool has_lingered = c->state == CONN_LINGERING;
    move(c, CONN_CLOSED);
    loop_forget_task(c->loop, &c->turn);
    uv_close(&c->handle, on_closed);
    if (!has_lingered)
        return;
    uv_close((uv_handle_t *)&c->linger, on_closed);
    c->loop->lingering--;
}

/* The conn is over and its owner hears why. The last call-out. */
static void
end(struct conn *c, const struct err *why)
{
    shut(c);
    c->events->on_end(c->owner, why);
}

static bool
is_shaking(const struct conn *c)
{
    return c->tls != NULL && !c->tls_told;
}

static void
end_by_peer(struct conn *c)
{
    struct err why;
    if (is_shaking(c))
        err_set(&why, ERR_TLS,
                "the peer closed the connection during the TLS handshake; no cipher in common?");
    else if (c->tls != NULL && !tls_filter_is_ended(c->tls))
        err_set(&why, ERR_CLOSED, "the peer closed the connection without close_notify");
    else
        err_set(&why, ERR_CLOSED, "the peer closed the connection");
    end(c, &why);
}

/* The peer's last words may still lie in the socket when writing fails: a server says 421 and
 * closes while we send. Reading goes on until it ends by itself. */
static bool
may_hear_more(const struct conn *c)
{
    return c->broken && c->reading && c->trouble.kind == ERR_CLOSED;
}

static void
turn_open(struct conn *c)
{
    if (c->resume)
        offer_again(c);
    if (c->state != CONN_OPEN)
        return;
    conn_push(c);
    if (c->trouble.kind != ERR_NONE && !may_hear_more(c)) {
        end(c, &c->trouble);
        return;
    }
    bool has_left = conn_kept(c) > 0 || c->sealed.len > 0;
    if (c->input_ended && !has_left) {
        end_by_peer(c);
        return;
    }
    read_within_bounds(c);
    if (c->drained && !is_shaking(c)) {
        c->drained = false;
        c->events->on_drained(c->owner);
    }
}

/* Our direction ends. False: nobody is left to hear of it. */
static bool
end_output(struct conn *c)
{
    uv_os_fd_t fd;
    return !c->input_ended && uv_fileno(&c->handle, &fd) == 0 && shutdown(fd, SHUT_WR) == 0;
}

/* Closing a socket with input unread makes the kernel send a reset, which can destroy what we
 * said last before the peer reads it. So only our direction ends here; the peer ends its own. */
static void
turn_lingering(struct conn *c)
{
    conn_push(c);
    if (c->trouble.kind != ERR_NONE || (conn_pending(c) == 0 && !end_output(c)))
        shut(c);
    else
        set_reading(c, !c->input_ended);
}

static void
on_turn(struct turn_task *task)
{
    struct conn *c = CONTAINER(task, struct conn, turn);
    if (c->state == CONN_OPEN)
        turn_open(c);
    else if (c->state == CONN_LINGERING)
        turn_lingering(c);
}

void
conn_at_turn_end(struct conn *c)
{
    if (c->state != CONN_CLOSED)
        loop_at_turn_end(c->loop, &c->turn);
}

static void
on_linger_deadline(uv_timer_t *timer)
{
    shut(conn_of(timer->data));
}

/* Its owner has let go of it: what is left to do happens by itself. */
static void
linger(struct conn *c)
{
    move(c, CONN_LINGERING);
    c->loop->lingering++;
    uv_timer_init(&c->loop->uv, &c->linger);
    c->linger.data = c;
    c->open_handles++;
    uv_timer_start(&c->linger, on_linger_deadline, CONN_LINGER_MS, 0);
    conn_at_turn_end(c);
}

void
conn_close(struct conn **conn, bool now)
{
    struct conn *c = *conn;
    *conn = NULL;
    if (c == NULL || c->state >= CONN_LINGERING)
        return;
    if (now || c->state == CONN_DIALING || c->trouble.kind != ERR_NONE) {
        shut(c);
        return;
    }
    if (c->tls != NULL)
        tls_filter_close(c->tls);
    if (c->loop->lingering < CONN_LINGERING_MAX) {
        linger(c);
        return;
    }
    conn_push(c);
    shut(c);
}

/* ---- Beginning ----------------------------------------------------------------------------- */

static struct conn *
conn_new(struct loop *l, const struct conn_events *events, void *owner, struct err *err)
{
    struct conn *c = mem_new(sizeof *c);
    if (c == NULL) {
        err_set(err, ERR_NOMEM, "connection: out of memory");
        return NULL;
    }
    c->magic = CONN_MAGIC;
    c->loop = l;
    c->turn.fn = on_turn;
    c->events = events;
    c->owner = owner;
    buf_init(&c->in, CONN_INPUT_MAX);
    buf_init(&c->sealed, LOOP_READ_SIZE);
    buf_init(&c->out, CONN_OUTPUT_MAX + CONN_OUTPUT_EXTRA);
    buf_init(&c->on_wire, CONN_OUTPUT_MAX + CONN_OUTPUT_EXTRA);
    loop_count_in(l);
    return c;
}

static void
init_tcp(struct conn *c)
{
    must(uv_tcp_init(&c->loop->uv, &c->tcp) == 0);
    c->handle.data = c;
    c->open_handles = 1;
}

static void
init_pipe(struct conn *c)
{
    must(uv_pipe_init(&c->loop->uv, &c->pipe, 0) == 0);
    c->handle.data = c;
    c->open_handles = 1;
}

/* From here on the owner hears of everything. Replies are small and each is waited for: no Nagle.
 * A client behind a dead firewall state must not hold a session for ever: keep-alive. */
static void
begin_open(struct conn *c)
{
    if (c->handle.type == UV_TCP) {
        uv_tcp_nodelay(&c->tcp, 1);
        uv_tcp_keepalive(&c->tcp, 1, CONN_KEEPALIVE_S);
    }
    move(c, CONN_OPEN);
    set_reading(c, true);
}

struct conn *
conn_of_fd(struct loop *l, int fd, const struct conn_events *events, void *owner, struct err *err)
{
    struct sockaddr_storage peer = {0};
    socklen_t len = sizeof peer;
    if (getpeername(fd, (struct sockaddr *)&peer, &len) < 0) {
        err_sys(err, errno == ENOTCONN ? ERR_CLOSED : ERR_IO, "connection");
        close(fd);
        return NULL;
    }
    struct conn *c = conn_new(l, events, owner, err);
    if (c == NULL) {
        close(fd);
        return NULL;
    }
    conn_take_peer(c, (struct sockaddr *)&peer, len);

    int status;
    if (peer.ss_family == AF_UNIX) {
        init_pipe(c);
        status = uv_pipe_open(&c->pipe, fd);
    } else {
        init_tcp(c);
        status = uv_tcp_open(&c->tcp, fd);
    }
    if (status < 0) {
        err_uv(err, ERR_IO, status, "connection");
        close(fd);
        shut(c);
        return NULL;
    }
    begin_open(c);
    return c;
}

/* Connected, refused, unreachable; or conn_close() came first, and nobody is interested. */
static void
on_connect(uv_connect_t *req, int status)
{
    struct conn *c = CONTAINER(req, struct conn, connect_req);

    must(c->magic == CONN_MAGIC);
    if (c->state != CONN_DIALING)
        return;
    if (status < 0) {
        struct err why;
        err_uv(&why, ERR_IO, status, "connect to %s", c->peer_text);
        shut(c);
        c->on_connected(c->owner, &why);
        return;
    }
    begin_open(c);
    c->on_connected(c->owner, NULL);
}

struct conn *
conn_dial(struct loop *l, const struct sockaddr *to, const struct conn_events *events,
          void (*on_connected)(void *owner, const struct err *err_or_null), void *owner,
          struct err *err)
{
    struct conn *c = conn_new(l, events, owner, err);
    if (c == NULL)
        return NULL;
    c->on_connected = on_connected;
    conn_take_peer(c, to,
                   to->sa_family == AF_INET ? sizeof(struct sockaddr_in)
                                            : sizeof(struct sockaddr_in6));
    init_tcp(c);
    int status = uv_tcp_connect(&c->connect_req, &c->tcp, to, on_connect);
    if (status < 0) {
        err_uv(err, ERR_IO, status, "connect to %s", c->peer_text);
        shut(c);
        return NULL;
    }
    return c;
}
