/*
 * listener.h - takes connections on one address and hands each descriptor over.
 *
 * Out of descriptors (EMFILE): one is kept in reserve to take and close a connection, so that the
 * backlog does not spin; accepting pauses for 100 ms.
 */
#ifndef NET_LISTENER_H
#define NET_LISTENER_H

#include <sys/socket.h>

#include "gateway/net/loop.h"

struct port; /* a listening socket */

/* on_fd owns fd (non-blocking, close-on-exec). ERR_IO: names the address ("address already in
 * use"). Port 0 takes a free one. An IPv6 address takes IPv6 only. */
MUST_USE bool port_open(struct loop *l, const struct sockaddr *address,
                        void (*on_fd)(void *context, int fd), void *context, struct port **out,
                        struct err *err);
/* The address with the real port, as text. */
const char *port_text(const struct port *p);
/* Connections taken and closed at once because descriptors had run out. */
uint64_t port_dropped(const struct port *p);
/* From anywhere on the loop, also from on_fd. A unix socket leaves its folder. NULL is fine. */
void port_close(struct port **p);

/* The same on a unix socket path (0600 within a folder; a stale socket nobody answers on is
 * replaced). */
MUST_USE bool port_open_unix(struct loop *l, const char *path,
                             void (*on_fd)(void *context, int fd), void *context,
                             struct port **out, struct err *err);

#endif
