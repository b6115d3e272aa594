/*
 * conn.h - a byte stream with an end: a socket, with or without a TLS filter in between.
 *
 * Takes    plaintext to send, in pieces.
 * Gives    plaintext as it comes; one end, with the reason, after which nothing comes.
 * Follows  libuv's contract: one write under way at a time, what gathers meanwhile goes in the
 *          next one; uv_try_write first.
 * Bounds   input 64 KiB, output 256 KiB; reading stops while the owner cannot take more.
 */
#ifndef NET_CONN_H
#define NET_CONN_H

#include <sys/socket.h>

#include "gateway/net/loop.h"
#include "tls/tls_filter.h"
#include "tls/tls_identity.h"

struct conn;

/* What the owner is told. All calls come from the loop. After on_end the conn frees itself when
 * its last handle is closed: forget the pointer. */
struct conn_events {
    /* Plaintext came: use what you can of *in; what is left is offered again with the next input
     * or after conn_resume(). */
    void (*on_input)(void *owner, struct slice *in);
    /* Output was fully written: more may be put. */
    void (*on_drained)(void *owner);
    /* The handshake that conn_start_tls_*() began is done. */
    void (*on_tls)(void *owner);
    /* Closed by the peer, broken, or TLS failed; why->kind tells. Not called after conn_close().
     */
    void (*on_end)(void *owner, const struct err *why);
};

/* Takes over an accepted descriptor. NULL: out of memory (fd is closed then). */
struct conn *conn_of_fd(struct loop *l, int fd, const struct conn_events *events, void *owner,
                        struct err *err);

/* Connect; on_connected(ok) tells the end of it, always from the loop. */
struct conn *conn_dial(struct loop *l, const struct sockaddr *to,
                       const struct conn_events *events,
                       void (*on_connected)(void *owner, const struct err *err_or_null),
                       void *owner, struct err *err);

/* Put octets in the way of the wire (copied or encrypted at once). False: more than the bound.
 * They leave at the end of this turn or with conn_flush(). */
bool conn_write(struct conn *c, struct slice octets);
void conn_flush(struct conn *c);
/* How many octets may be put now. */
size_t conn_room(const struct conn *c);
/* Octets put but not yet given to the kernel. */
size_t conn_pending(const struct conn *c);

/* Offer left-over input again, at the end of this turn. */
void conn_resume(struct conn *c);

/* Shake hands on what follows. Input that came before is thrown away (RFC 3207 4.2; the engines
 * report how much); what was written before leaves in clear first. */
MUST_USE bool conn_start_tls_server(struct conn *c, struct tls_context *context, struct err *err);
MUST_USE bool conn_start_tls_client(struct conn *c, struct tls_context *context, const char *host,
                                    struct slice session_key, struct err *err);
const struct tls_filter *conn_tls(const struct conn *c); /* NULL in clear */

const struct sockaddr *conn_peer(const struct conn *c);
const char *conn_peer_text(const struct conn *c); /* "10.1.20.4", "2001:db8::1" */
uint16_t conn_peer_port(const struct conn *c);

/* Flush what is pending (bounded: 5 s), say close_notify, close. *c is NULL afterwards, no event
 * comes any more. now = true: do not flush. NULL is fine. */
void conn_close(struct conn **c, bool now);

#endif
