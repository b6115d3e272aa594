/*
 * proxy_header.h - what a load balancer says in front of a connection: whose it is.
 *
 * Takes    octets in pieces of any size.
 * Gives    the client's address, or that there is no client: the balancer speaks for itself.
 * Follows  HAProxy's PROXY protocol, versions 1 (a line) and 2 (binary), told apart by their
 *          first octets. Uses not one octet behind the header.
 * Refuses  anything else: another beginning, a version 1 line over 107 octets or not to the
 *          letter, an unknown version or command, address blocks shorter than their family.
 * Ignores  TLVs, datagram and unix families ("no client"); a version 2 header is skipped to its
 *          end, at most 65 551 octets, none of which is kept.
 * Touches  no socket, no clock; allocates nothing.
 */
#ifndef MAIL_PROXY_HEADER_H
#define MAIL_PROXY_HEADER_H

#include <sys/socket.h>

#include "gateway/base/must.h"
#include "gateway/base/slice.h"

enum { PROXY_LINE_MAX = 107, PROXY_KEPT_MAX = PROXY_LINE_MAX };

enum proxy_client {
    PROXY_CLIENT,  /* address and port are there */
    PROXY_LOCAL,   /* version 2 LOCAL: the balancer's own connection, as for its checks */
    PROXY_UNKNOWN, /* UNKNOWN, UNSPEC, or a family that is not TCP over IP */
    PROXY_ZERO,    /* 0.0.0.0 or ::, as check_smtp -r sends */
};

enum proxy_result { PROXY_MORE, PROXY_DONE, PROXY_BAD };

struct proxy_reader {
    char kept[PROXY_KEPT_MAX];
    size_t len;
    size_t to_skip;                 /* octets of a version 2 header that say nothing to us */
    unsigned version;               /* 1 or 2, once known */
    enum proxy_client client;       /* once DONE */
    struct sockaddr_storage source; /* ... and PROXY_CLIENT; a mapped IPv4 address as it came */
    const char *fault;              /* once BAD: static words for the log */
};

void proxy_reader_init(struct proxy_reader *r);

/* Use octets of *in up to the end of the header. After DONE or BAD it is not called again. */
MUST_USE enum proxy_result proxy_read(struct proxy_reader *r, struct slice *in);

/* Does a client that need not send a header begin with one? For a line in the log. */
bool proxy_header_begins(struct slice octets);

/* "client", "local", "unknown", "zero". */
const char *proxy_client_text(enum proxy_client client);

#endif
