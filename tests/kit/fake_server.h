/*
 * fake_server.h - an SMTP server in the loop of the test, in clear, that answers as it is told.
 *
 * Left alone it takes everything: PIPELINING, 8BITMIME, no AUTH, 250. It counts what it took by
 * recipient, so that a test can say "once, and only once".
 */
#ifndef KIT_FAKE_SERVER_H
#define KIT_FAKE_SERVER_H

#include "gateway/net/conn.h"
#include "gateway/net/listener.h"

enum { FAKE_TAKEN_MAX = 64, FAKE_LINE_MAX = 600 };

struct fake_session;

struct fake_server {
    struct loop *loop;
    struct port *port;
    struct fake_session *sessions;

    /* The reply to a line ("" is the connection itself, "." the end of the content), with CRLF;
     * NULL: the good one; fake_silence: none; fake_close: the connection is cut instead. */
    const char *(*answer)(struct fake_server *f, const char *line);
    void *context;

    size_t taken_in_transaction; /* recipients taken since MAIL, of the session that speaks */
    int connections;
    int transactions;                          /* contents taken with 250 */
    char taken[FAKE_TAKEN_MAX][FAKE_LINE_MAX]; /* recipients of those */
    int taken_count;
};

extern const char fake_silence[], fake_close[];

/* Listens on a free port of 127.0.0.1. */
void fake_server_open(struct fake_server *f, struct loop *l);
/* Its connections are cut. */
void fake_server_close(struct fake_server *f);
/* Nobody listens there any more; what is open stays. */
void fake_server_deafen(struct fake_server *f);

/* How often this recipient got the message. */
int fake_server_took(const struct fake_server *f, const char *recipient);

#endif
