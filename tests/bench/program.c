#include "tests/bench/program.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "gateway/base/ascii.h"

_Noreturn void
program_die(const char *what, const char *why)
{
    fprintf(stderr, "%s: %s%s%s\n", program_invocation_short_name, what, why ? ": " : "",
            why ? why : "");
    exit(2);
}

uint64_t
program_number(const char *text)
{
    uint64_t n = 0;
    if (!ascii_number(slice_str(text), 1u << 30, &n))
        program_die("a number is wanted", text);
    return n;
}

int
program_open_log(const char *path)
{
    if (path == NULL)
        return -1;
    int log = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    if (log < 0)
        program_die(path, strerror(errno));
    return log;
}

void
program_log(int log, const struct buf *line)
{
    must(write(log, line->data, line->len) == (ssize_t)line->len);
}

void
program_watch(int epoll, int fd, void *what)
{
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = what};
    if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) != 0)
        program_die("epoll", strerror(errno));
}

int
program_open_signals(const int *signals)
{
    sigset_t set;
    sigemptyset(&set);
    for (; *signals != 0; signals++)
        sigaddset(&set, *signals);
    sigprocmask(SIG_BLOCK, &set, NULL);
    return signalfd(-1, &set, SFD_CLOEXEC);
}

int
program_signal(int fd)
{
    struct signalfd_siginfo info;
    return read(fd, &info, sizeof info) == sizeof info ? (int)info.ssi_signo : 0;
}
