/*
 * changes.h - what the configuration in force changed under mail that was queued already: shared
 * by all workers, read by the tools from any thread.
 *
 * Says     what the walk through the queue (queue_walk.h) is to do when a configuration comes
 *          into force: nothing if its text is the one that the queue was last looked through
 *          under, here or, by the spool's mark (spool_mark()), in an earlier process.
 * Counts   what was moved, to where, and whose time was changed since then; it starts at zero
 *          with each configuration that differs.
 * Bounds   CHANGES_ROWS pairs of queues; what goes beyond is in the totals alone.
 */
#ifndef RELAY_CHANGES_H
#define RELAY_CHANGES_H

#include "config/config.h"
#include "gateway/base/log.h"
#include "gateway/spool/spool.h"

enum { CHANGES_ROWS = 128 };

struct changes;

/* Borrows log and spool. NULL: out of memory. */
struct changes *changes_new(struct spool *spool, struct log *log);
void changes_free(struct changes **c);

/* What a worker is to do about the queue. */
struct changes_task {
    uint64_t walk; /* the number of the walk to begin, unless it has begun it already; 0: none */
    bool retime;   /* the timetable may differ, too */
};

/* This configuration comes into force at one of so many workers; each says so, some a moment
 * later, and by then there may be a newer one: then there is nothing to do yet. Blocks for a
 * sync of the spool folder when a walk begins: the mark must be gone before the first message
 * moves. */
struct changes_task changes_begin(struct changes *c, struct config *next, size_t workers);

/* A worker has looked through its part in this walk. The last one leaves the mark for the next
 * start (a sync) and a line in the log. */
void changes_walked(struct changes *c, uint64_t walk);

/* A message was moved between these queues ("" = unreachable), durably; or its time was changed.
 * Counted whoever did it: the walk, or an attempt. */
void changes_moved(struct changes *c, struct slice from, struct slice to);
void changes_retimed(struct changes *c);

struct changes_row {
    char from[ENVELOPE_CONNECTOR_MAX + 1];
    char to[ENVELOPE_CONNECTOR_MAX + 1];
    uint64_t messages;
};

struct changes_view {
    int64_t since_unix_ms; /* when the configuration in force came */
    bool is_walking;
    uint64_t moved;       /* messages that have another send connector now */
    uint64_t unreachable; /* that have none any more */
    uint64_t retimed;     /* that are due at another time */
    struct changes_row rows[CHANGES_ROWS];
    size_t row_count;
};
void changes_read(struct changes *c, struct changes_view *out);

#endif
