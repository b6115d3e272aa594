/*
 * conn_private.h - a conn as its files see it.
 *
 *   conn.c         beginning, input, end
 *   conn_output.c  what is put, gathered, on its way
 *   conn_tls.c     the filter in between
 *   conn_peer.c    who is at the other end
 *
 * Call-outs to the owner: on_input and on_tls come while input is worked on, on_drained and
 * on_end at the end of the turn. After each the owner may have closed the conn; its memory stays
 * until libuv has closed the handle, so looking at `state` is always possible, and is all one may
 * do.
 */
#ifndef NET_CONN_PRIVATE_H
#define NET_CONN_PRIVATE_H

#include <netinet/in.h>

#include "gateway/net/conn.h"
#include "gateway/net/loop_private.h"

enum {
    CONN_INPUT_MAX = LOOP_READ_SIZE,
    CONN_OUTPUT_MAX = 256 * 1024,
    /* What TLS adds to CONN_OUTPUT_MAX octets, a handshake's flight, alerts. */
    CONN_OUTPUT_EXTRA = 32 * 1024,
    /* An output buffer of this size is not given back: most replies are shorter. */
    CONN_OUTPUT_KEEP = 512,
    CONN_LINGER_MS = 5000,
    /* Of one loop, at the same time. Clients that were told no and hold on to their connection
     * would use up the descriptors; beyond, last words are given to the kernel and that is all.
     */
    CONN_LINGERING_MAX = 256,
    CONN_KEEPALIVE_S = 60,
};

/* A conn only ever moves down this list. */
enum conn_state {
    CONN_DIALING,   /* connect is under way: nothing is read or written */
    CONN_OPEN,      /* the owner hears of everything */
    CONN_LINGERING, /* the owner has let go: what is pending leaves, what comes is thrown away */
    CONN_CLOSED,    /* the handle is closing: only its callback is still to come */
};

struct conn {
    unsigned magic;
    enum conn_state state;
    struct loop *loop;
    union {
        uv_handle_t handle;
        uv_stream_t stream;
        uv_tcp_t tcp;
        uv_pipe_t pipe;
    };
    struct turn_task turn;
    const struct conn_events *events;
    void (*on_connected)(void *owner, const struct err *err_or_null);
    void *owner;
    uv_connect_t connect_req;
    uv_timer_t linger; /* once it lingers */
    unsigned open_handles;
    struct err trouble; /* kind ERR_NONE, or what the conn ends with at the end of this turn */

    /* Input */
    bool reading;      /* libuv reads for us */
    bool input_ended;  /* the peer's direction is over */
    bool resume;       /* conn_resume() was called */
    unsigned era;      /* counts conn_start_tls_*(): input of an earlier era is thrown away */
    struct buf in;     /* what the owner left; */
    size_t in_taken;   /* so many octets of it were taken since */
    struct buf sealed; /* ciphertext for whose plaintext there is no room */

    /* Output */
    bool writing;       /* a uv_write is under way, of on_wire */
    bool broken;        /* nothing can be written any more */
    bool drained;       /* on_drained is due */
    struct buf out;     /* gathers: what leaves next; the filter writes here */
    struct buf on_wire; /* belongs to libuv while writing */
    uv_write_t write_req;

    struct tls_filter *tls; /* NULL in clear */
    bool tls_told;          /* on_tls was called */
    bool tls_holds;         /* the filter stopped for want of room: it may hold plaintext */

    struct sockaddr_storage peer;
    char peer_text[INET6_ADDRSTRLEN];
};

/* ---- conn.c ------------------------------------------------------------------------------ */

/* Do what is due at the end of this turn. */
void conn_at_turn_end(struct conn *c);

/* How many octets the owner has left. */
size_t conn_kept(const struct conn *c);

/* The buffer of what the owner left, ready to be appended to. */
struct buf *conn_keep_room(struct conn *c);

/* Calls out. What came: the owner looks at it, behind what it left before; the rest is kept. */
void conn_deliver(struct conn *c, struct slice came);

/* Calls out, when there is something. Offer what was kept. */
void conn_deliver_kept(struct conn *c);

/* The peer's direction is over: what came before it still counts. */
void conn_input_ended(struct conn *c);

/* ---- conn_peer.c ------------------------------------------------------------------------- */

/* At the beginning: whom the owner is told it speaks with. */
void conn_take_peer(struct conn *c, const struct sockaddr *address, socklen_t len);

/* ---- conn_output.c ----------------------------------------------------------------------- */

/* Give to the kernel what can be given, without calling out. */
void conn_push(struct conn *c);

/* ---- conn_tls.c -------------------------------------------------------------------------- */

/* Calls out. Decrypt and deliver for as long as both go on; advances *sealed. */
void conn_unseal(struct conn *c, struct slice *sealed);

#endif
