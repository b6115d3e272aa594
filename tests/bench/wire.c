#include "tests/bench/wire.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "gateway/base/ascii.h"

enum { READ_MAX = 64 * 1024, IN_MAX = 1024 * 1024, OUT_MAX = 1024 * 1024, OUT_FULL = 128 * 1024 };

void
wire_init(struct wire *w, int fd, int epoll, void *owner)
{
    *w = (struct wire){.fd = fd, .epoll = epoll, .owner = owner, .interest = EPOLLIN};
    buf_init(&w->in, IN_MAX);
    buf_init(&w->out, OUT_MAX);
    if (fd < 0)
        return;
    int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    struct epoll_event event = {.events = w->interest, .data.ptr = owner};
    must(epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) == 0);
}

void
wire_fini(struct wire *w)
{
    tls_filter_free(&w->tls);
    if (w->fd >= 0)
        close(w->fd);
    w->fd = -1;
    buf_fini(&w->in);
    buf_fini(&w->out);
}

bool
wire_read(struct wire *w, struct err *err)
{
    char octets[READ_MAX];
    if (w->in.len > IN_MAX - 2 * READ_MAX)
        return true;
    ssize_t n = recv(w->fd, octets, sizeof octets, 0);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return true;
    if (n < 0)
        return err_sys(err, ERR_IO, "receive");
    if (n == 0) {
        w->ended = true;
        return true;
    }
    struct slice in = slice(octets, (size_t)n);
    if (w->tls == NULL)
        buf_put(&w->in, in);
    else if (!tls_filter_feed(w->tls, &in, &w->in, err))
        return false;
    if (w->tls != NULL && tls_filter_is_ended(w->tls))
        w->ended = true;
    must(buf_ok(&w->in));
    return true;
}

void
wire_put(struct wire *w, struct slice octets)
{
    struct err err;
    if (w->tls == NULL)
        buf_put(&w->out, octets);
    else if (!tls_filter_write(w->tls, &octets, &err))
        w->ended = true;
    must(buf_ok(&w->out));
}

size_t
wire_room(const struct wire *w)
{
    return w->out.len < OUT_FULL ? OUT_FULL - w->out.len : 0;
}

static void
set_interest(struct wire *w, uint32_t interest)
{
    if (interest == w->interest)
        return;
    struct epoll_event event = {.events = interest, .data.ptr = w->owner};
    must(epoll_ctl(w->epoll, EPOLL_CTL_MOD, w->fd, &event) == 0);
    w->interest = interest;
}

bool
wire_flush(struct wire *w, bool wants_input)
{
    while (w->sent < w->out.len) {
        ssize_t n = send(w->fd, w->out.data + w->sent, w->out.len - w->sent, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno != EAGAIN && errno != ENOTCONN)
            return false;
        if (n < 0)
            break;
        w->sent += (size_t)n;
    }
    if (w->sent == w->out.len) {
        buf_clear(&w->out);
        w->sent = 0;
    }
    set_interest(w, (wants_input ? (uint32_t)EPOLLIN : 0) |
                        (w->out.len > 0 ? (uint32_t)EPOLLOUT : 0));
    return true;
}

bool
wire_parse_endpoint(const char *text, uint32_t *address, uint16_t *port)
{
    struct slice all = slice_str(text);
    size_t colon = slice_find(all, ':');
    char host[32];
    uint64_t number;
    struct in_addr parsed;
    if (colon >= sizeof host || !ascii_number(slice_from(all, colon + 1), 65535, &number))
        return false;
    memcpy(host, text, colon);
    host[colon] = '\0';
    if (inet_pton(AF_INET, host, &parsed) != 1)
        return false;
    *address = parsed.s_addr;
    *port = (uint16_t)number;
    return true;
}

uint64_t
wire_now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}
