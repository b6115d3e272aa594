/*
 * conn_owner.h - an owner of a conn for tests: remembers what it was told, and does in each event
 * what the test said beforehand.
 */
#ifndef KIT_CONN_OWNER_H
#define KIT_CONN_OWNER_H

#include "gateway/net/conn.h"

enum conn_event { CONN_CONNECTED, CONN_INPUT, CONN_DRAINED, CONN_TLS, CONN_END, CONN_EVENTS };

struct conn_owner {
    struct conn *conn;
    struct buf got;          /* all plaintext that was taken */
    size_t got_count;        /* the same as a number; got may be kept empty by the test */
    size_t offered;          /* length of the last input that was offered */
    size_t appetite;         /* at most so many octets are taken, then none; SIZE_MAX: all */
    int events[CONN_EVENTS]; /* how often each came */
    struct err why;          /* of the end, or of a failed connect */
    /* Called last in each event, when set. */
    void (*and_then)(struct conn_owner *o, enum conn_event event);
    void *context;
};

extern const struct conn_events conn_owner_events;

void conn_owner_init(struct conn_owner *o);
void conn_owner_fini(struct conn_owner *o);

/* For conn_dial(). */
void conn_owner_connected(void *owner, const struct err *err_or_null);

/* Two owners, each at one end of a unix socket pair or of a TCP connection over loopback. */
void conn_owner_pair(struct loop *l, struct conn_owner *a, struct conn_owner *b);
void conn_owner_tcp_pair(struct loop *l, struct conn_owner *client, struct conn_owner *server);

/* A loopback TCP connection as two blocking descriptors. */
void conn_owner_tcp_fds(int fds[2]);

void conn_owner_write(struct conn_owner *o, const char *text);

#endif
