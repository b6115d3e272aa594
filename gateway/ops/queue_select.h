/*
 * queue_select.h - which messages an operator means: the words of a queue command, and whether a
 * message is one of those. Pure.
 *
 * Words    queue ids, or one queue's name; or selectors, all of which must hold:
 *          --queue NAME, --forest NAME, --connector NAME, --sender A, --recipient A,
 *          --older AGE, --newer AGE, --larger SIZE, --smaller SIZE, --state S, --error TEXT.
 *          Addresses and queue names without the case of ASCII; an address may have '*' for
 *          anything, and "<>" is the null sender.
 */
#ifndef OPS_QUEUE_SELECT_H
#define OPS_QUEUE_SELECT_H

#include "config/config.h"
#include "gateway/base/id.h"
#include "gateway/spool/envelope.h"
#include "gateway/spool/in_flight.h"

enum { QUEUE_IDS_MAX = 200 };

/* As Exchange's Queue Viewer says it, and three of ours. */
enum queue_state {
    QUEUE_ACTIVE, /* being delivered */
    QUEUE_READY,
    QUEUE_RETRY, /* tried, and waits for its time, or for its server */
    QUEUE_SUSPENDED,
    QUEUE_HELD_BACK, /* a report without a route */
    QUEUE_ENDING,    /* removed; its report is being made */
    QUEUE_STATES
};
const char *queue_state_text(enum queue_state state); /* "ready", as it is asked for */

struct queue_selector {
    uint64_t ids[QUEUE_IDS_MAX];
    size_t id_count;
    const char *queue; /* as envelope_queue() calls it; NULL: any */
    bool is_whole;     /* the queue's name stood alone: it is meant as a whole */
    const struct forest *forest;
    struct slice connector, sender, recipient, error; /* ptr NULL: any */
    uint64_t older_ms, newer_ms;                      /* newer_ms 0: any */
    uint64_t larger, smaller;                         /* octets; smaller 0: any */
    bool has_state;
    enum queue_state state;
    bool is_all;                           /* --all */
    uint64_t limit;                        /* at most so many messages; UINT64_MAX: no limit */
    uint64_t after;                        /* only ids behind this one */
    char room[ENVELOPE_CONNECTOR_MAX + 1]; /* of queue */
};

/*
 * Take the words that select out of words[0..*count); those that do not stay, in their order.
 * known(context, queue): is there, or was there, a queue of that name? False: *complaint has a
 * sentence.
 */
MUST_USE bool queue_select_read(struct queue_selector *s, const struct config *config,
                                struct slice *words, size_t *count,
                                bool (*known)(void *context, struct slice queue), void *context,
                                struct buf *complaint);

/* Is anything selected at all? */
bool queue_select_is_empty(const struct queue_selector *s);

/* What is known of a queue as a whole. */
struct queue_facts {
    bool in_retry;                     /* its servers are waited for */
    const char *last_error;            /* of its connector; "" = none */
    const struct in_flight *in_flight; /* NULL: nothing is */
};

enum queue_state queue_state_of(const struct envelope *e, const struct envelope_recipient *r,
                                int64_t now_unix_ms, const struct queue_facts *queue);

/* What went wrong last: the recipient's own words, else those of its queue. */
struct slice queue_error_of(const struct envelope_recipient *r, const struct queue_facts *queue);

/* Does the message have an open recipient that is meant? facts tells of a queue. */
bool queue_select_matches(const struct queue_selector *s, const struct envelope *e,
                          int64_t now_unix_ms,
                          struct queue_facts (*facts)(void *context, struct slice queue),
                          void *context);

/* text against a pattern with '*', without the case of ASCII. */
bool queue_select_glob(struct slice pattern, struct slice text);

#endif
