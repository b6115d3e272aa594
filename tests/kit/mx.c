#include "tests/kit/mx.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>
#include <unistd.h>

#include "tests/kit/test.h"

static void *
answer_all(void *context)
{
    const struct mx *m = context;
    int fd;
    while ((fd = accept(m->listener, NULL, NULL)) >= 0) {
        m->serve(fd, m->context);
        close(fd);
    }
    return NULL;
}

void
mx_open(struct mx *m, void (*serve)(int fd, void *context), void *context)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof at;
    *m = (struct mx){.serve = serve, .context = context};
    m->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(m->listener, (struct sockaddr *)&at, sizeof at), 0);
    assert_int_equal(listen(m->listener, 8), 0);
    assert_int_equal(getsockname(m->listener, (struct sockaddr *)&at, &len), 0);
    m->port = ntohs(at.sin_port);
    assert_int_equal(pthread_create(&m->thread, NULL, answer_all, m), 0);
}

void
mx_close(struct mx *m)
{
    shutdown(m->listener, SHUT_RDWR); /* accept() returns */
    assert_int_equal(pthread_join(m->thread, NULL), 0);
    close(m->listener);
}

bool
mx_hear_line(int fd, char *line, size_t room)
{
    size_t n = strlen(line);
    while (n + 1 < room && read(fd, line + n, 1) == 1) {
        line[++n] = '\0';
        if (line[n - 1] == '\n')
            return true;
    }
    return false;
}
