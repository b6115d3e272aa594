/*
 * tls_pair.h - a client's and a server's filter, mouth to ear, in memory.
 */
#ifndef KIT_TLS_PAIR_H
#define KIT_TLS_PAIR_H

#include "tls/tls_filter.h"

struct tls_pair {
    struct tls_filter *client;
    struct tls_filter *server;
    struct buf client_wire; /* from the client to the server */
    struct buf server_wire;
    struct buf client_plain; /* what the client received */
    struct buf server_plain;
    struct err client_err; /* kind ERR_NONE: no failure so far */
    struct err server_err;
};

enum { PAIR_WIRE_MAX = 256 * 1024, PAIR_PLAIN_MAX = 1024 * 1024 };

void tls_pair_init(struct tls_pair *p, struct tls_context *client, struct tls_context *server,
                   const char *host, const char *session_key);
void tls_pair_fini(struct tls_pair *p);

/* Are both hands shaken? */
bool tls_pair_is_open(const struct tls_pair *p);

/* Carry octets both ways, at most step of them at a time, until nothing moves. */
void tls_pair_carry(struct tls_pair *p, size_t step);

/* The same in one direction, once: feed up to step octets of one wire to the other end. False:
 * nothing moved, or that end failed. */
bool tls_pair_carry_to_server(struct tls_pair *p, size_t step);
bool tls_pair_carry_to_client(struct tls_pair *p, size_t step);

#endif
