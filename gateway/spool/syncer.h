/*
 * syncer.h - makes large bodies durable, on a thread of its own, so that 25 MB do not hold up the
 * small messages of everybody else.
 *
 * Takes    requests whose arrival is in a file, and ids of files to be removed.
 * Gives    the requests, to `forward`: file and name durable, or settled with the error.
 */
#ifndef SPOOL_SYNCER_H
#define SPOOL_SYNCER_H

#include "gateway/spool/body_files.h"
#include "gateway/spool/request.h"

struct syncer;

/* forward is called on the syncer's thread (for a request that is turned away, on that of its
 * giver).
 */
MUST_USE bool syncer_new(const struct body_files *files,
                         void (*forward)(void *context, struct request *request), void *context,
                         struct syncer **out, struct err *err);

void syncer_hand_in(struct syncer *s, struct request *request);

/* Remove this body's file; its record is gone. Any thread, returns at once. */
void syncer_remove(struct syncer *s, uint64_t id);

/* Waits until every request handed in was forwarded. */
void syncer_drain(struct syncer *s);

/* Drains, ends the thread. */
void syncer_free(struct syncer **s);

#endif
