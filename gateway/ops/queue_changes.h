/*
 * queue_changes.h - what the configuration in force changed under mail that was queued already,
 * in words: for status, and for the lists of the queue.
 */
#ifndef OPS_QUEUE_CHANGES_H
#define OPS_QUEUE_CHANGES_H

#include <jansson.h>

#include "gateway/ops/queue_rows.h"
#include "gateway/relay/changes.h"

/* "changes" of status: since when, how much was moved, between which queues, and whether the
 * queue is still being looked through. A new reference. */
json_t *queue_changes_json(struct changes *c);
/* The same as lines of the page; nothing when nothing changed. */
void queue_changes_put_text(struct buf *out, const json_t *changes);

/* A line each, below a queue's row: its connector has left the configuration; mail came here from
 * another queue, or lost its way. changes NULL: no daemon runs. */
void queue_changes_put_queue(struct buf *out, struct changes *changes, const struct queue_row *q);
/* The same for its JSON: "moved_here", "connector_has_left". */
void queue_changes_add_queue(json_t *to, struct changes *changes, const struct queue_row *q);

/* "was for X until the configuration changed", between these texts; nothing at all when it did
 * not, or the recipient is back there. */
void queue_changes_put_recipient(struct buf *out, const char *before,
                                 const struct envelope_recipient *r, const char *behind);

#endif
