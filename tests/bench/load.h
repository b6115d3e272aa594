/*
 * load.h - the generator's parts: its sessions, the message of each, and what is counted.
 *
 * load_message.c begins and ends messages and counts them; load_session.c moves one connection;
 * smtp_load.c owns both, runs the loop and prints the result.
 */
#ifndef BENCH_LOAD_H
#define BENCH_LOAD_H

#include <netinet/in.h>

#include "gateway/mail/smtp_client.h"
#include "tests/bench/content_hash.h"
#include "tests/bench/load_options.h"
#include "tests/bench/wire.h"

enum { PATTERN_MAX = 256, HEAD_MAX = 2048 };
enum { TO_MAX = 8, TO_TEXT = 1024 };
enum { CODE_LOST = 0, CODES = 600 };

struct session {
    struct wire wire; /* fd -1: not connected */
    struct load *load;
    struct smtp_client *engine;
    uint64_t dial_ms; /* not connected: when to try again */
    uint64_t sent;    /* messages on this connection */
    bool has_quit;

    /* The message under way. */
    bool is_busy;
    char from[PATTERN_MAX], to[TO_TEXT], mark[CONTENT_MARK_MAX + 1];
    char hash[CONTENT_HASH_TEXT];
    struct buf head;                   /* header and, with marks, the first line of the body */
    struct slice parts[2];             /* what is still to be given: head, filler */
    struct smtp_to recipients[TO_MAX]; /* in to */
    size_t recipient_count;
    struct smtp_transaction transaction;
    struct smtp_outcome outcomes[TO_MAX];
    uint64_t dot_ns; /* 0: the content is not all given */
};

struct load {
    struct options options;
    struct smtp_client_settings settings;
    struct tls_context *tls;
    struct session *sessions;
    struct sockaddr_in address;
    char *filler; /* lines of text; a message ends with its last octets */
    size_t filler_len;
    int epoll;
    int ledger; /* -1: none */
    int signals;
    bool is_ending;

    uint64_t begun, under_way, accepted, failed, connections;
    uint64_t errors[CODES]; /* of messages and of connections; CODE_LOST: no reply at all */
    uint32_t *latencies_us; /* of accepted ones */
    uint64_t begin_ns, last_ns;
    int64_t begin_unix_ms, last_unix_ms;
};

/* Is there nothing more to do? May a message begin now? */
bool load_is_all_done(const struct load *l);
bool load_may_begin(const struct load *l);

/* The text that fills messages up to their size. */
void load_make_filler(struct load *l);

/* The session's engine is ready: give it a message. It was answered or lost: count it. */
void load_begin_message(struct session *c);
void load_end_message(struct session *c);

/* Count it; the first of each code is shown. */
void load_count_error(struct load *l, const struct reply *reply);

/* Connect; if that fails, dial_ms says when to try again. */
void load_dial(struct session *c);

/* As far as it goes; the connection may be over afterwards. */
void load_go_on(struct session *c);
void load_on_event(struct session *c, uint32_t events);

/* QUIT where that is possible; nobody waits for the answer. */
void load_hang_up(struct session *c);

#endif
