#include "tests/kit/conn_owner.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <unistd.h>

#include "tests/kit/test.h"

enum { GOT_MAX = 32 * 1024 * 1024 };

static void
note(struct conn_owner *o, enum conn_event event)
{
    o->events[event]++;
    if (o->and_then != NULL)
        o->and_then(o, event);
}

void
conn_owner_connected(void *owner, const struct err *err_or_null)
{
    struct conn_owner *o = owner;
    if (err_or_null != NULL) {
        o->why = *err_or_null;
        o->conn = NULL;
    }
    note(o, CONN_CONNECTED);
}

static void
on_input(void *owner, struct slice *in)
{
    struct conn_owner *o = owner;
    must(in->len > 0);
    o->offered = in->len;
    size_t n = in->len < o->appetite ? in->len : o->appetite;
    buf_put(&o->got, slice_head(*in, n));
    slice_skip(in, n);
    o->got_count += n;
    if (o->appetite != SIZE_MAX)
        o->appetite -= n;
    note(o, CONN_INPUT);
}

static void
on_drained(void *owner)
{
    note(owner, CONN_DRAINED);
}

static void
on_tls(void *owner)
{
    note(owner, CONN_TLS);
}

static void
on_end(void *owner, const struct err *why)
{
    struct conn_owner *o = owner;
    o->why = *why;
    note(o, CONN_END);
    o->conn = NULL;
}

const struct conn_events conn_owner_events = {
    .on_input = on_input,
    .on_drained = on_drained,
    .on_tls = on_tls,
    .on_end = on_end,
};

void
conn_owner_init(struct conn_owner *o)
{
    *o = (struct conn_owner){.appetite = SIZE_MAX};
    buf_init(&o->got, GOT_MAX);
}

void
conn_owner_fini(struct conn_owner *o)
{
    buf_fini(&o->got);
}

static void
adopt(struct loop *l, struct conn_owner *o, int fd)
{
    struct err err;
    o->conn = conn_of_fd(l, fd, &conn_owner_events, o, &err);
    if (o->conn == NULL)
        fail_msg("%s", err.text);
}

static void
adopt_both(struct loop *l, struct conn_owner *a, struct conn_owner *b, const int fds[2])
{
    conn_owner_init(a);
    conn_owner_init(b);
    adopt(l, a, fds[0]);
    adopt(l, b, fds[1]);
}

void
conn_owner_pair(struct loop *l, struct conn_owner *a, struct conn_owner *b)
{
    int fds[2];
    must(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) == 0);
    adopt_both(l, a, b, fds);
}

void
conn_owner_tcp_fds(int fds[2])
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof at;
    int listening = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    must(listening >= 0 && bind(listening, (struct sockaddr *)&at, sizeof at) == 0 &&
         listen(listening, 1) == 0 && getsockname(listening, (struct sockaddr *)&at, &len) == 0);
    fds[0] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    must(fds[0] >= 0 && connect(fds[0], (struct sockaddr *)&at, sizeof at) == 0);
    fds[1] = accept4(listening, NULL, NULL, SOCK_CLOEXEC);
    must(fds[1] >= 0);
    close(listening);
}

void
conn_owner_tcp_pair(struct loop *l, struct conn_owner *client, struct conn_owner *server)
{
    int fds[2];
    conn_owner_tcp_fds(fds);
    adopt_both(l, client, server, fds);
}

void
conn_owner_write(struct conn_owner *o, const char *text)
{
    must(conn_write(o->conn, slice_str(text)));
}
