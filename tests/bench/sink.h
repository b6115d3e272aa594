/*
 * sink.h - the sink's parts: its sessions, the transaction of each, and what is counted.
 *
 * sink_transaction.c answers from MAIL to the final dot, makes trouble and writes the hash log;
 * sink_session.c moves one connection; smtp_sink.c owns both and runs the loop.
 */
#ifndef BENCH_SINK_H
#define BENCH_SINK_H

#include "gateway/mail/smtp_server.h"
#include "tests/bench/content_hash.h"
#include "tests/bench/sink_options.h"
#include "tests/bench/wire.h"

enum { RECIPIENTS_MAX = 64 * 1024 };

/* Where in a transaction something can happen. */
enum point { AT_NOTHING, AT_RCPT, AT_DATA, AT_BODY, AT_MESSAGE, AT_ANSWER };
enum trouble { NO_TROUBLE, REFUSE, DROP, STALL };

struct session {
    struct wire wire;
    struct sink *sink;
    struct session *next;
    struct smtp_server *engine;
    enum trouble trouble; /* what will happen to this transaction ... */
    enum point point;     /* ... and where */
    uint64_t wake_ms;     /* stalled until then; 0 = not stalled */
    size_t used;          /* of wire.in; a BODY question points into it, so it stays a while */
    bool in_transaction;  /* MAIL was taken, and no end of it is known */
    bool in_body;
    bool is_gone; /* by our own doing */
    uint64_t number;
    int64_t opened_unix_ms;
    struct content_hash hash;
    struct buf recipients;
    uint64_t recipient_count;
};

struct sink {
    struct options options;
    struct smtp_server_settings settings;
    struct tls_context *tls; /* NULL: no STARTTLS */
    struct session *sessions;
    int epoll;
    int listener;
    int signals;
    int hash_log; /* -1: none */
    uint64_t random;
    bool is_over;

    uint64_t connections, resumed, messages, octets, recipients;
    uint64_t refused, dropped, unanswered, stalled;
    int64_t first_unix_ms, last_unix_ms;
};

/* The same seed, the same troubles. */
void sink_seed(struct sink *s, uint64_t seed);

/* Behave from now on, also in transactions that have begun. */
void sink_end_trouble(struct sink *s);

void sink_answer(struct session *c, int code, const char *enhanced, const char *text);

/* The questions of a transaction; one that meets trouble may stay open. */
void sink_got_mail(struct session *c);
void sink_got_rcpt(struct session *c, const struct smtp_rcpt *rcpt);
void sink_got_body(struct session *c, struct slice octets);
void sink_got_data_or_message(struct session *c, bool is_message);

/* The line of a transaction that ends; how: see smtp_sink.c. is_whole: the body is complete. */
void sink_write_hash_line(struct session *c, const char *how, bool is_whole);

/* Takes fd over. Sessions free themselves when they are over; sink_end_session does it before. */
void sink_begin_session(struct sink *s, int fd);
void sink_end_session(struct session *c);
void sink_on_event(struct session *c, uint32_t events);

/* Wake who has stalled long enough; how many ms until the next one? */
int sink_wake_stalled(struct sink *s);

#endif
