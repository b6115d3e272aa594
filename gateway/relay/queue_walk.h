/*
 * queue_walk.h - mail that waits learns of a new configuration without waiting for its next
 * attempt: a walk through the queues that are ours, message by message (reroute.h).
 *
 * When     a configuration comes into force whose text is another one than the queue was last
 *          looked through under (changes.h), at start or by a reload: all queues, once. Every
 *          minute: the few that may hold mail without an owner (unreachable, held, of connectors
 *          that are in no configuration any more), for what came there meanwhile.
 * Pace     some milliseconds at a time, more rest between them, and a bounded number of
 *          changes that the spool has still to record: a million messages stall nobody, and are
 *          a page in memory.
 * Passes   over what an operator suspended, queues or messages; when something is resumed it
 *          walks again.
 */
#ifndef RELAY_QUEUE_WALK_H
#define RELAY_QUEUE_WALK_H

#include "gateway/relay/changes.h"
#include "gateway/relay/worker.h"

/* NULL: out of memory. */
struct queue_walk *queue_walk_new(struct worker *w);
void queue_walk_free(struct queue_walk **k);

/* A configuration is in force at the worker: do what there is to do, from the beginning. */
void queue_walk_begin(struct queue_walk *k, struct changes_task task);

/* Through what nobody owns: each minute, and when a connector that is gone has nothing in flight
 * any more. */
void queue_walk_unowned(struct queue_walk *k);

/* An operator changed something: what was put back is looked at again, and, if a walk passed over
 * what was suspended, all. */
void queue_walk_heed_edit(struct queue_walk *k);

bool queue_walk_is_under_way(const struct queue_walk *k);

#endif
