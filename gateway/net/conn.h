/*
 * conn.h - a byte stream with an end: a socket, with or without a TLS filter in between.
 *
 * Takes    plaintext to send, in pieces.
 * Gives    plaintext as it comes; one end, with the reason, after which nothing comes.
 * Follows  libuv's contract: one write under way at a time, what gathers meanwhile goes in the
 *          next one; uv_try_write first.
 * Bounds   input 64 KiB (and as much ciphertext), output 256 KiB; reading stops while the owner
 *          does not take what came. An idle conn holds no buffers.
 */
#ifndef NET_CONN_H
#define NET_CONN_H

#include <sys/socket.h>

#include "gateway/net/loop.h"
#include "tls/tls_filter.h"
#include "tls/tls_identity.h"

struct conn;

/* What the owner is told, always from the loop. Each call may close the conn. */
struct conn_events {
    /* Plaintext came: use what you can of *in and advance it. What is left means "not now": it is
     * offered again with the next input or after conn_resume(). */
    void (*on_input)(void *owner, struct slice *in);
    /* Output was fully written: more may be put. */
    void (*on_drained)(void *owner);
    /* The handshake that conn_start_tls_*() began is done. */
    void (*on_tls)(void *owner);
    /* Closed by the peer (ERR_CLOSED), broken (ERR_IO), or TLS failed (ERR_TLS): the last call,
     * forget the pointer; conn_tls() may still be asked inside. An orderly close waits until the
     * input before it was taken. Not called after conn_close(). */
    void (*on_end)(void *owner, const struct err *why);
};

/* Takes over an accepted descriptor, TCP or unix. NULL: fd was closed; ERR_NOMEM, or ERR_CLOSED
 * when the peer has gone already. */
struct conn *conn_of_fd(struct loop *l, int fd, const struct conn_events *events, void *owner,
                        struct err *err);

/* Connect; on_connected(owner, NULL), or with the reason, and then the conn is gone: forget the
 * pointer. NULL: could not even begin, no call comes. The deadline is the owner's: conn_close().
 */
struct conn *conn_dial(struct loop *l, const struct sockaddr *to,
                       const struct conn_events *events,
                       void (*on_connected)(void *owner, const struct err *err_or_null),
                       void *owner, struct err *err);

/* Put octets in the way of the wire (copied or encrypted at once); not before on_connected, not
 * between conn_start_tls_*() and on_tls. False: more than conn_room(), nothing was put. They
 * leave at the end of this turn or with conn_flush(). */
bool conn_write(struct conn *c, struct slice octets);
void conn_flush(struct conn *c);
/* How many octets may be put now. */
size_t conn_room(const struct conn *c);
/* Octets put but not yet given to the kernel (under TLS: of ciphertext). */
size_t conn_pending(const struct conn *c);

/* Offer left-over input again, at the end of this turn. */
void conn_resume(struct conn *c);

/* Shake hands on what follows. Input that came before is thrown away, also what on_input is
 * looking at (RFC 3207 4.2; the engines report how much); what was written before leaves in clear
 * first. False (ERR_NOMEM, ERR_TLS): close. */
MUST_USE bool conn_start_tls_server(struct conn *c, struct tls_context *context, struct err *err);
MUST_USE bool conn_start_tls_client(struct conn *c, struct tls_context *context, const char *host,
                                    struct slice session_key, struct err *err);
const struct tls_filter *conn_tls(const struct conn *c); /* NULL in clear */

/* An IPv4 client of an IPv6 socket shows as IPv4. Of a unix socket: "local", port 0. */
const struct sockaddr *conn_peer(const struct conn *c);
const char *conn_peer_text(const struct conn *c); /* "10.1.20.4", "2001:db8::1" */
/* The octets so far said on whose behalf this peer speaks: from now on it is known as that. */
void conn_set_peer(struct conn *c, const struct sockaddr *peer);
uint16_t conn_peer_port(const struct conn *c);

/* Flush what is pending, say close_notify, end our direction and wait for the peer to end its
 * own, throwing its octets away, so that what we said last is not lost in a reset; 5 s at most
 * for all of it, and not when 256 of the loop do so already. now = true: none of this. *c is NULL
 * afterwards, no event comes any more; from anywhere on the loop. NULL is fine. */
void conn_close(struct conn **c, bool now);

#endif
