#include "gateway/ops/queue_rows.h"

#include "gateway/base/clock.h"
#include "gateway/base/mem.h"

enum { QUEUES_MAX = 1024 };

static void
read_board(struct queue_row *row, struct board *board)
{
    struct board_connector c;
    uint64_t now = clock_ms();
    if (board == NULL || !board_read(board, slice_str(row->stats.connector), &c))
        return;
    uint64_t next = board_next_try_ms(&c, now);
    row->in_flight = c.in_flight;
    row->connections = c.connections;
    row->wait_ms = next > now ? next - now : 0;
    row->in_retry = row->wait_ms > 0;
    memcpy(row->last_error, c.last_error, sizeof row->last_error);
    if (board_is_suspended(&c, now))
        row->state = "Suspended";
    else if (row->in_retry && row->stats.messages > 0)
        row->state = "Retry";
    else if (c.in_flight > 0)
        row->state = "Active";
    board_connector_fini(&c);
}

static void
fill_row(struct queue_row *row, struct spool *spool, struct board *board)
{
    struct slice name = slice_str(row->stats.connector);
    bool is_poison = slice_is(name, QUEUE_POISON);
    row->state = "Ready";
    read_board(row, board);
    if (is_poison || spool_queue_is_suspended(spool, name))
        row->state = "Suspended";
}

const struct queue_row *
queue_row_of(const struct queue_row *rows, size_t count, struct slice queue)
{
    for (size_t i = 0; i < count; i++)
        if (slice_is(queue, rows[i].stats.connector))
            return &rows[i];
    return NULL;
}

/* Queues that no send connector has any more, or never had, behind those that one has. */
static size_t
add_others(struct queue_row *rows, size_t count, size_t max,
           const struct spool_queue_stats *stats, size_t stats_count)
{
    for (size_t i = 0; i < stats_count && count < max; i++)
        if (queue_row_of(rows, count, slice_str(stats[i].connector)) == NULL)
            rows[count++].stats = stats[i];
    return count;
}

struct queue_row *
queue_rows(struct spool *spool, struct board *board, const struct config *config, size_t *count)
{
    size_t max = config->send_count + QUEUES_MAX;
    struct queue_row *rows = mem_new(max * sizeof *rows);
    struct spool_queue_stats *stats = mem_new(QUEUES_MAX * sizeof *stats);
    *count = 0;
    if (rows != NULL && stats != NULL) {
        size_t stats_count = spool_stats(spool, stats, QUEUES_MAX);
        for (size_t i = 0; i < config->send_count; i++) {
            struct queue_row *row = &rows[(*count)++];
            row->is_configured = true;
            slice_copy_text(row->stats.connector, sizeof row->stats.connector,
                            slice_str(config->send[i].name));
            for (size_t k = 0; k < stats_count; k++)
                if (strcmp(stats[k].connector, row->stats.connector) == 0)
                    row->stats = stats[k];
        }
        *count = add_others(rows, *count, max, stats, stats_count);
        for (size_t i = 0; i < *count; i++)
            fill_row(&rows[i], spool, board);
    } else {
        mem_free(&rows);
    }
    mem_free(&stats);
    return rows;
}
