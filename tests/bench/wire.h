/*
 * wire.h - a non-blocking socket with or without TLS, for generator and sink.
 *
 * Takes    plaintext to send. Gives plaintext as it came, in wire.in, until wire.ended.
 * Touches  one socket and the epoll that it is registered with.
 */
#ifndef BENCH_WIRE_H
#define BENCH_WIRE_H

#include <stdint.h>

#include "gateway/base/buf.h"
#include "gateway/base/err.h"
#include "tls/tls_filter.h"

struct wire {
    int fd; /* -1: none */
    int epoll;
    uint32_t interest; /* what epoll was told last */
    void *owner;       /* the data of its epoll events */
    struct tls_filter *tls;
    struct buf in;  /* plaintext for the owner, who drops what was used */
    struct buf out; /* octets for the socket */
    size_t sent;    /* of out, already */
    bool ended;     /* the peer is gone, politely or not */
};

/* fd: connected, connecting or accepted; -1 leaves an empty wire. Takes fd over. */
void wire_init(struct wire *w, int fd, int epoll, void *owner);
void wire_fini(struct wire *w);

/* One read of the socket. False: the connection is of no use any more. */
bool wire_read(struct wire *w, struct err *err);

/* Put octets in the way of the socket; all of them fit (the owners write little at a time). */
void wire_put(struct wire *w, struct slice octets);

/* How many octets may be put. */
size_t wire_room(const struct wire *w);

/* Give the socket what it takes, and tell epoll what we wait for. False: it is broken. */
bool wire_flush(struct wire *w, bool wants_input);

/* 127.0.0.1:2525 and the like. */
bool wire_parse_endpoint(const char *text, uint32_t *address, uint16_t *port);

uint64_t wire_now_ns(void);

#endif
