/*
 * committer.h - the one thread that writes to the store.
 *
 * Takes    requests from any thread, in a bounded queue.
 * Gives    answers, all of them from here. A batch is whatever arrived while the last one was
 *          being committed, outcomes before accepts; each client is woken once for a batch.
 * Follows  design.md 4 "When storage fails": no room aborts the batch, outcomes are then tried
 *          alone; after an I/O error everything is in doubt and nothing is done any more.
 */
#ifndef SPOOL_COMMITTER_H
#define SPOOL_COMMITTER_H

#include "gateway/base/histogram.h"
#include "gateway/spool/room.h"
#include "gateway/spool/spool_client.h"
#include "gateway/spool/syncer.h"
#include "gateway/spool/tally.h"

struct committer;

/* All borrowed. */
struct committer_parts {
    struct spool_store *store;
    struct tally *tally;
    struct suspensions *suspensions;
    struct room *room;
    struct syncer *syncer; /* removes the files of bodies that are gone */
    struct log *log;
    struct histogram *commit_seconds; /* NULL, as the next one: not wanted */
    struct histogram *commit_changes;
    void (*on_failure)(void *context, const struct err *why);
    void *context;
    uint64_t messages; /* in custody at start */
};

MUST_USE bool committer_new(const struct committer_parts *parts, struct committer **out,
                            struct err *err);

/* The request's client holds a reference for it. Settled requests are only answered. */
void committer_hand_in(struct committer *c, struct request *request);

/* There was no memory even for a request: stop as after an I/O error. */
void committer_give_up(struct committer *c, const struct err *why);

bool committer_has_failed(const struct committer *c);
/* For how long the batch under way has been; 0: none is. Any thread. */
uint64_t committer_age_us(const struct committer *c);
void committer_counters(const struct committer *c, struct spool_counters *out);

/* Finishes what was handed in, ends the thread. */
void committer_free(struct committer **c);

#endif
