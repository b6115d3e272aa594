/*
 * queue_rows.h - the queues as wholes: what waits in each, how it is, when it is tried again and
 * what went wrong last.
 */
#ifndef OPS_QUEUE_ROWS_H
#define OPS_QUEUE_ROWS_H

#include "config/config.h"
#include "gateway/relay/board.h"
#include "gateway/spool/spool.h"

struct queue_row {
    const char *state; /* as Exchange's Get-Queue says it: Active, Ready, Retry, Suspended */
    bool in_retry;
    bool is_configured; /* a send connector of the configuration in force */
    uint64_t in_flight, connections, wait_ms;
    char last_error[BOARD_ERROR_MAX];
    struct spool_queue_stats stats; /* with the queue's name */
};

/* One row for each send connector, and for each other queue that has mail; the caller's to free
 * with mem_free(). board NULL: no daemon runs. NULL: out of memory. */
struct queue_row *queue_rows(struct spool *spool, struct board *board,
                             const struct config *config, size_t *count);

/* The row of a queue; NULL: there is none. */
const struct queue_row *queue_row_of(const struct queue_row *rows, size_t count,
                                     struct slice queue);

#endif
