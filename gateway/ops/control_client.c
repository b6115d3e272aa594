#include "gateway/ops/control_client.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "gateway/ops/control_words.h"

enum { PIECE = 8192 };

static bool
dial(int fd, const char *path, struct err *err)
{
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    size_t len = strlen(path);
    if (len >= sizeof to.sun_path)
        return err_set(err, ERR_LIMIT, "control socket %.120s: the path is too long", path);
    memcpy(to.sun_path, path, len);
    if (connect(fd, (struct sockaddr *)&to, sizeof to) == 0)
        return true;
    bool nobody = errno == ECONNREFUSED || errno == ENOENT;
    return err_set(err, nobody ? ERR_CLOSED : ERR_IO,
                   "control socket %s: %s; is the daemon running?", path, strerror(errno));
}

int
control_dial(const char *socket_path, struct err *err)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        err_sys(err, ERR_IO, "control socket %s", socket_path);
        return -1;
    }
    if (!dial(fd, socket_path, err)) {
        close(fd);
        return -1;
    }
    return fd;
}

static bool
set_timeout(int fd, uint64_t ms, struct err *err)
{
    const struct timeval wait = {.tv_sec = (time_t)(ms / 1000),
                                 .tv_usec = (suseconds_t)(ms % 1000 * 1000)};
    return setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait) == 0 ||
           err_sys(err, ERR_IO, "control socket");
}

bool
control_say(int fd, struct slice request, struct err *err)
{
    bool ok = send(fd, request.ptr, request.len, MSG_NOSIGNAL) == (ssize_t)request.len &&
              send(fd, "\n", 1, MSG_NOSIGNAL) == 1;
    return ok || err_sys(err, ERR_IO, "the daemon does not take the request");
}

static bool
hear(int fd, struct buf *answer, struct err *err)
{
    for (;;) {
        char piece[PIECE];
        ssize_t n = recv(fd, piece, sizeof piece, 0);
        if (n == 0)
            return buf_ok(answer) || err_set(err, ERR_NOMEM, "the daemon's answer: no room");
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return err_sys(err, errno == EAGAIN ? ERR_TIMEOUT : ERR_IO, "the daemon's answer");
        buf_put(answer, slice(piece, (size_t)n));
    }
}

/* The end is the exit status, what is before it is for the reader. */
static bool
take_status(struct buf *answer, int *status, struct err *err)
{
    struct slice text = buf_slice(answer);
    size_t end = text.len > CONTROL_END ? text.len - CONTROL_END : 0;
    *status = control_read_end(slice_from(text, end));
    if (*status < 0)
        return err_set(err, ERR_SYNTAX,
                       text.len > 0 ? "the daemon's answer was cut short"
                                    : "the daemon gave no answer");
    buf_truncate(answer, end);
    return true;
}

bool
control_ask(const char *socket_path, struct slice request, uint64_t timeout_ms, int *status,
            struct buf *answer, struct err *err)
{
    int fd = control_dial(socket_path, err);
    if (fd < 0)
        return false;
    bool ok = set_timeout(fd, timeout_ms, err) && control_say(fd, request, err) &&
              hear(fd, answer, err) && take_status(answer, status, err);
    close(fd);
    return ok;
}
