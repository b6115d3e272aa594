#include "gateway/net/listener.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "gateway/base/mem.h"
#include "gateway/net/loop_private.h"
#include "gateway/net/timer.h"
#include "gateway/net/watch.h"

enum {
    PORT_TEXT = sizeof((struct sockaddr_un *)NULL)->sun_path,
    ACCEPTS_A_TURN = 64, /* a flood of clients must not keep the others waiting */
    PAUSE_MS = 100,
};

struct port {
    struct loop *loop;
    int fd;
    int reserve; /* a descriptor kept back for the day when there are none; -1: in use */
    struct watch *watch;
    struct timer *pause;
    void (*on_fd)(void *context, int fd);
    void *context;
    uint64_t dropped;
    bool calling; /* inside on_fd: port_close() must leave the memory */
    bool closed;
    bool is_unix;
    dev_t device; /* of the unix socket that is ours to remove */
    ino_t inode;
    char text[PORT_TEXT];
};

/* ---- Accepting ----------------------------------------------------------------------------- */

static void
take_reserve(struct port *p)
{
    p->reserve = open("/dev/null", O_RDONLY | O_CLOEXEC);
}

/* No descriptor is left. A connection that nobody takes stays in the backlog and would wake us
 * again at once: take one with the reserve, close it, and leave the rest alone for a while. */
static void
shed(struct port *p)
{
    if (p->reserve >= 0)
        close(p->reserve);
    int fd = accept4(p->fd, NULL, NULL, SOCK_CLOEXEC);
    if (fd >= 0) {
        close(fd);
        p->dropped++;
    }
    take_reserve(p);
    watch_pause(p->watch);
    timer_set(p->pause, loop_now_ms(p->loop) + PAUSE_MS);
}

static void
on_pause_over(void *context)
{
    struct port *p = context;
    watch_resume(p->watch);
}

static bool
is_out_of_something(int error)
{
    return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM;
}

/* Errors of one connection that ended while it waited (accept(2)) say nothing about the next. */
static bool
is_over(int error)
{
    return error == EAGAIN || error == EINVAL || error == EBADF;
}

static void
accept_some(struct port *p)
{
    for (int i = 0; i < ACCEPTS_A_TURN && !p->closed; i++) {
        int fd = accept4(p->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (fd >= 0) {
            p->on_fd(p->context, fd);
        } else if (is_out_of_something(errno)) {
            shed(p);
            return;
        } else if (is_over(errno)) {
            return;
        }
    }
}

static void
on_acceptable(void *context)
{
    struct port *p = context;
    p->calling = true;
    accept_some(p);
    p->calling = false;
    if (p->closed)
        mem_free(&p);
}

/* ---- Opening ------------------------------------------------------------------------------- */

static bool
begin(struct port *p, struct err *err)
{
    if (listen(p->fd, SOMAXCONN) < 0)
        return err_sys(err, ERR_IO, "%s: listen", p->text);
    p->watch = watch_new(p->loop, p->fd, on_acceptable, p);
    p->pause = timer_new(p->loop, on_pause_over, p);
    if (p->watch == NULL || p->pause == NULL)
        return err_set(err, ERR_NOMEM, "%s: out of memory", p->text);
    take_reserve(p);
    return true;
}

static struct port *
port_new(struct loop *l, int family, void (*on_fd)(void *context, int fd), void *context,
         struct err *err)
{
    struct port *p = mem_new(sizeof *p);
    if (p == NULL) {
        err_set(err, ERR_NOMEM, "listener: out of memory");
        return NULL;
    }
    *p = (struct port){.loop = l, .reserve = -1, .on_fd = on_fd, .context = context};
    p->fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (p->fd < 0) {
        err_sys(err, ERR_IO, "socket");
        mem_free(&p);
    }
    return p;
}

/* "10.1.0.5:25", "[::1]:25", with the port that the system chose for 0. */
static void
name_port(struct port *p, const struct sockaddr *address)
{
    char host[INET6_ADDRSTRLEN] = "?";
    const void *a = address;
    if (address->sa_family == AF_INET) {
        const struct sockaddr_in *v4 = a;
        uv_ip4_name(v4, host, sizeof host);
        snprintf(p->text, sizeof p->text, "%s:%u", host, (unsigned)ntohs(v4->sin_port));
    } else {
        const struct sockaddr_in6 *v6 = a;
        uv_ip6_name(v6, host, sizeof host);
        snprintf(p->text, sizeof p->text, "[%s]:%u", host, (unsigned)ntohs(v6->sin6_port));
    }
}

static bool
bind_address(struct port *p, const struct sockaddr *address, struct err *err)
{
    const int on = 1;
    socklen_t len = sizeof(struct sockaddr_in);
    name_port(p, address);
    if (setsockopt(p->fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) < 0)
        return err_sys(err, ERR_IO, "%s", p->text);
    if (address->sa_family == AF_INET6) {
        len = sizeof(struct sockaddr_in6);
        if (setsockopt(p->fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on) < 0)
            return err_sys(err, ERR_IO, "%s", p->text);
    }
    if (bind(p->fd, address, len) < 0)
        return err_sys(err, ERR_IO, "%s", p->text);

    struct sockaddr_storage real;
    len = sizeof real;
    if (getsockname(p->fd, (struct sockaddr *)&real, &len) < 0)
        return err_sys(err, ERR_IO, "%s", p->text);
    name_port(p, (struct sockaddr *)&real);
    return true;
}

bool
port_open(struct loop *l, const struct sockaddr *address, void (*on_fd)(void *context, int fd),
          void *context, struct port **out, struct err *err)
{
    must(address->sa_family == AF_INET || address->sa_family == AF_INET6);
    struct port *p = port_new(l, address->sa_family, on_fd, context, err);
    if (p == NULL)
        return false;
    if (!bind_address(p, address, err) || !begin(p, err)) {
        port_close(&p);
        return false;
    }
    *out = p;
    return true;
}

/* ---- Unix sockets -------------------------------------------------------------------------- */

/* Does somebody answer there? Only a plain refusal means that the owner is gone. */
static bool
is_stale(const struct sockaddr_un *address)
{
    struct stat st;
    if (lstat(address->sun_path, &st) < 0 || !S_ISSOCK(st.st_mode))
        return false;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return false;
    bool refused = connect(fd, (const struct sockaddr *)address, sizeof *address) < 0 &&
                   errno == ECONNREFUSED;
    close(fd);
    return refused;
}

static bool
bind_path(struct port *p, const char *path, struct err *err)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof address.sun_path)
        return err_set(err, ERR_IO, "%s: longer than the %zu octets of a socket's path", path,
                       sizeof address.sun_path - 1);
    memcpy(address.sun_path, path, strlen(path));
    memcpy(p->text, path, strlen(path));

    /* Before bind, so that there is no moment at which others may connect. */
    if (fchmod(p->fd, 0600) < 0)
        return err_sys(err, ERR_IO, "%s: mode", path);
    int status = bind(p->fd, (struct sockaddr *)&address, sizeof address);
    if (status < 0 && errno == EADDRINUSE && is_stale(&address)) {
        unlink(path);
        status = bind(p->fd, (struct sockaddr *)&address, sizeof address);
    }
    struct stat st;
    if (status < 0 || lstat(path, &st) < 0)
        return err_sys(err, ERR_IO, "%s", path);
    p->is_unix = true;
    p->device = st.st_dev;
    p->inode = st.st_ino;
    return true;
}

/* Another process may have put its own socket there since. */
static void
remove_path(const struct port *p)
{
    struct stat st;
    if (lstat(p->text, &st) == 0 && st.st_dev == p->device && st.st_ino == p->inode)
        unlink(p->text);
}

bool
port_open_unix(struct loop *l, const char *path, void (*on_fd)(void *context, int fd),
               void *context, struct port **out, struct err *err)
{
    struct port *p = port_new(l, AF_UNIX, on_fd, context, err);
    if (p == NULL)
        return false;
    if (!bind_path(p, path, err) || !begin(p, err)) {
        port_close(&p);
        return false;
    }
    *out = p;
    return true;
}

const char *
port_text(const struct port *p)
{
    return p->text;
}

uint64_t
port_dropped(const struct port *p)
{
    return p->dropped;
}

void
port_close(struct port **port)
{
    struct port *p = *port;
    *port = NULL;
    if (p == NULL)
        return;
    timer_free(&p->pause);
    watch_free(&p->watch);
    if (p->is_unix)
        remove_path(p);
    close(p->fd);
    if (p->reserve >= 0)
        close(p->reserve);
    p->closed = true;
    if (!p->calling)
        mem_free(&p);
}
