/*
 * tally.h - how much waits for which connector: kept in memory, built at start from the records.
 *
 * Takes    what the committer changes, batch by batch: changes count when the batch is kept.
 * Gives    one row for each connector, to any thread.
 * Owns     a row for each connector that ever had mail since start; their number is bounded by
 *          the configuration, not by the queue.
 */
#ifndef SPOOL_TALLY_H
#define SPOOL_TALLY_H

#include "gateway/spool/spool_store.h"

struct tally;

struct tally *tally_new(struct spool_store *store);
void tally_free(struct tally **t);

/* A message with this front came, or goes (was replaced, removed). False: no memory for a new
 * row; the batch cannot be kept then. */
MUST_USE bool tally_add(struct tally *t, const struct envelope_front *front);
void tally_subtract(struct tally *t, const struct envelope_front *front);

/* The batch is durable; or it never happened. */
void tally_keep(struct tally *t);
void tally_forget(struct tally *t);

/* Rows of connectors that have mail; up to max. */
size_t tally_rows(struct tally *t, struct spool_queue_stats *out, size_t max);

#endif
