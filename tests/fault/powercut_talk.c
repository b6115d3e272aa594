/*
 * powercut_talk.c - what is said and heard over TCP (IPv4).
 */
#include "tests/fault/powercut_record.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

static void
name_address(const struct sockaddr_storage *a, char text[80])
{
    char ip[64] = "?";
    unsigned port = 0;
    if (a->ss_family == AF_INET) {
        const struct sockaddr_in *in = (const struct sockaddr_in *)a;
        inet_ntop(AF_INET, &in->sin_addr, ip, sizeof ip);
        port = ntohs(in->sin_port);
    }
    snprintf(text, 80, "%s:%u", ip, port);
}

/* With the lock held. kind A: by its own address; C: to the peer's. */
static void
note_connection(int fd, char kind, const struct sockaddr *peer)
{
    struct sockaddr_storage address = {0};
    socklen_t len = sizeof address;
    int type = 0;
    socklen_t type_len = sizeof type;
    char name[80];
    forget(fd);
    if (recorder.log_fd < 0 || fd >= FILES_MAX ||
        getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &type_len) || type != SOCK_STREAM)
        return;
    if (peer != NULL && peer->sa_family == AF_INET)
        memcpy(&address, peer, sizeof(struct sockaddr_in));
    else if (peer != NULL || getsockname(fd, (struct sockaddr *)&address, &len) != 0)
        return;
    if (address.ss_family != AF_INET)
        return;
    name_address(&address, name);
    recorder.connections[fd] = ++recorder.last_connection;
    note(kind, 0, recorder.connections[fd], 0, name, "", NULL, 0);
}

int
accept4(int listener, struct sockaddr *address, socklen_t *len, int flags)
{
    pthread_mutex_lock(&recorder.lock);
    int fd = (int)raw(SYS_accept4, listener, address, len, flags);
    int saved = errno;
    if (fd >= 0)
        note_connection(fd, 'A', NULL);
    pthread_mutex_unlock(&recorder.lock);
    errno = saved;
    return fd;
}
int
accept(int listener, struct sockaddr *address, socklen_t *len)
{
    return accept4(listener, address, len, 0);
}

int
connect(int fd, const struct sockaddr *address, socklen_t len)
{
    pthread_mutex_lock(&recorder.lock);
    int rc = (int)raw(SYS_connect, fd, address, len);
    int saved = errno;
    if (rc == 0 || saved == EINPROGRESS)
        note_connection(fd, 'C', address);
    pthread_mutex_unlock(&recorder.lock);
    errno = saved;
    return rc;
}

/* Connections do not block, so the lock may be held; other descriptors are none of ours. */
static ssize_t
read_any(int fd, void *octets, size_t len, long call, int flags)
{
    if (!is_connection(fd))
        return call == SYS_read ? raw(SYS_read, fd, octets, len)
                                : raw(SYS_recvfrom, fd, octets, len, flags, NULL, NULL);
    pthread_mutex_lock(&recorder.lock);
    ssize_t n = call == SYS_read ? raw(SYS_read, fd, octets, len)
                                 : raw(SYS_recvfrom, fd, octets, len, flags, NULL, NULL);
    int saved = errno;
    if (n > 0 && (flags & MSG_PEEK) == 0)
        note('i', 0, recorder.connections[fd], 0, "", "", octets, (size_t)n);
    pthread_mutex_unlock(&recorder.lock);
    errno = saved;
    return n;
}

ssize_t
read(int fd, void *octets, size_t len)
{
    return read_any(fd, octets, len, SYS_read, 0);
}
ssize_t
recv(int fd, void *octets, size_t len, int flags)
{
    return read_any(fd, octets, len, SYS_recvfrom, flags);
}
ssize_t
send(int fd, const void *octets, size_t len, int flags)
{
    pthread_mutex_lock(&recorder.lock);
    ssize_t n = raw(SYS_sendto, fd, octets, len, flags, NULL, 0);
    int saved = errno;
    if (n > 0 && is_connection(fd))
        note('o', 0, recorder.connections[fd], 0, "", "", octets, (size_t)n);
    pthread_mutex_unlock(&recorder.lock);
    errno = saved;
    return n;
}

/* The first n octets of these parts. */
static void
note_parts(int fd, char kind, const struct msghdr *message, ssize_t n)
{
    for (size_t i = 0; i < message->msg_iovlen && n > 0; i++) {
        size_t part = message->msg_iov[i].iov_len;
        if (part > (size_t)n)
            part = (size_t)n;
        note(kind, 0, recorder.connections[fd], 0, "", "", message->msg_iov[i].iov_base, part);
        n -= (ssize_t)part;
    }
}

ssize_t
sendmsg(int fd, const struct msghdr *message, int flags)
{
    if (!is_connection(fd))
        return raw(SYS_sendmsg, fd, message, flags);
    pthread_mutex_lock(&recorder.lock);
    ssize_t n = raw(SYS_sendmsg, fd, message, flags);
    int saved = errno;
    note_parts(fd, 'o', message, n);
    pthread_mutex_unlock(&recorder.lock);
    errno = saved;
    return n;
}
ssize_t
recvmsg(int fd, struct msghdr *message, int flags)
{
    if (!is_connection(fd))
        return raw(SYS_recvmsg, fd, message, flags);
    pthread_mutex_lock(&recorder.lock);
    ssize_t n = raw(SYS_recvmsg, fd, message, flags);
    int saved = errno;
    note_parts(fd, 'i', message, n);
    pthread_mutex_unlock(&recorder.lock);
    errno = saved;
    return n;
}
