#include <inttypes.h>
#include <stdio.h>

#include "gateway/base/clock.h"
#include "gateway/base/mem.h"
#include "gateway/ops/control.h"
#include "gateway/ops/control_text.h"

enum { QUEUES_MAX = 256 };

/* ---- queue list ---- */

/* One row of the table: a send connector's queue. */
struct queue_row {
    const char *name;
    const char *state;
    uint64_t in_flight, connections, wait_ms;
    char last_error[BOARD_ERROR_MAX];
    struct spool_queue_stats stats;
};

static const struct spool_queue_stats *
stats_of(const struct spool_queue_stats *list, size_t count, const char *name)
{
    static const struct spool_queue_stats none = {.oldest_unix_ms = 0};
    for (size_t i = 0; i < count; i++)
        if (strcmp(list[i].connector, name) == 0)
            return &list[i];
    return &none;
}

/* As Exchange's Get-Queue says it: Active, Ready, Retry, Suspended. */
static const char *
queue_state(const struct board_connector *c, const struct queue_row *row, uint64_t now)
{
    if (board_is_suspended(c, now))
        return "Suspended";
    if (row->wait_ms > 0 && row->stats.messages > 0)
        return "Retry";
    return c->in_flight > 0 ? "Active" : "Ready";
}

static void
fill_row(struct queue_row *row, const struct board_connector *c)
{
    uint64_t now = clock_ms();
    uint64_t next = board_next_try_ms(c, now);
    row->in_flight = c->in_flight;
    row->connections = c->connections;
    row->wait_ms = next > now ? next - now : 0;
    memcpy(row->last_error, c->last_error, sizeof row->last_error);
    row->state = queue_state(c, row, now);
}

static size_t
collect_queues(const struct control_means *means, struct queue_row *rows, size_t max)
{
    const struct config *config = means->worker->runtime->config;
    struct spool_queue_stats stats[QUEUES_MAX];
    size_t stats_count = spool_stats(means->shop->spool, stats, QUEUES_MAX);
    size_t n = 0;
    for (size_t i = 0; i < config->send_count && n < max; i++) {
        struct board_connector notice;
        struct queue_row *row = &rows[n++];
        *row = (struct queue_row){.name = config->send[i].name, .state = "Ready"};
        row->stats = *stats_of(stats, stats_count, row->name);
        if (board_read(means->shop->board, slice_str(row->name), &notice)) {
            fill_row(row, &notice);
            board_connector_fini(&notice);
        }
    }
    static const struct {
        const char *queue, *state;
    } stranded[] = {
        {QUEUE_UNREACHABLE, "Ready"}, {QUEUE_HELD, "Ready"}, {QUEUE_POISON, "Suspended"}};
    for (size_t i = 0; i < COUNT_OF(stranded) && n < max; i++) {
        const struct spool_queue_stats *q = stats_of(stats, stats_count, stranded[i].queue);
        if (q->messages > 0)
            rows[n++] = (struct queue_row){.name = control_queue_name(stranded[i].queue),
                                           .state = stranded[i].state,
                                           .stats = *q};
    }
    return n;
}

/* A row of columns, and below it why its mail waits: that sentence is longer than any column. */
static void
put_queue_text(struct buf *out, const struct queue_row *q, int64_t now)
{
    char text[32];
    struct buf cell;
    control_put_padded(out, slice_str(q->name), 24);
    control_put_padded(out, slice_str(q->state), 11);
    snprintf(text, sizeof text, "%8" PRIu64 " %11" PRIu64 "  ", q->stats.messages,
             q->stats.octets);
    buf_put_str(out, text);
    buf_init(&cell, 32);
    if (q->stats.messages > 0) {
        control_put_age(&cell, now - q->stats.oldest_unix_ms);
        control_put_padded(out, buf_slice(&cell), 8);
        if (q->wait_ms > 0)
            control_put_age(out, (int64_t)q->wait_ms);
    }
    buf_fini(&cell);
    buf_put_char(out, '\n');
    if (q->last_error[0] != '\0')
        buf_printf(out, "    %s\n", q->last_error);
}

static json_t *
queue_json(const struct queue_row *q)
{
    return json_pack("{s:s, s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:s}", "connector", q->name,
                     "state", q->state, "messages", (json_int_t)q->stats.messages, "octets",
                     (json_int_t)q->stats.octets, "oldest_unix_ms",
                     (json_int_t)q->stats.oldest_unix_ms, "next_retry_ms", (json_int_t)q->wait_ms,
                     "connections", (json_int_t)q->connections, "in_flight",
                     (json_int_t)q->in_flight, "last_error", q->last_error);
}

static int
list_queues(const struct control_means *means, bool as_json, struct buf *out)
{
    struct queue_row *rows = mem_new(QUEUES_MAX * sizeof *rows);
    size_t n = rows != NULL ? collect_queues(means, rows, QUEUES_MAX) : 0;
    int64_t now = clock_unix_ms();
    if (as_json) {
        json_t *list = json_array();
        for (size_t i = 0; i < n; i++)
            json_array_append_new(list, queue_json(&rows[i]));
        control_put_json(out, list);
        mem_free(&rows);
        return 0;
    }
    buf_put_str(out, "CONNECTOR               STATE      MESSAGES      OCTETS  OLDEST  RETRY\n");
    for (size_t i = 0; i < n; i++)
        put_queue_text(out, &rows[i], now);
    mem_free(&rows);
    return 0;
}

int
control_queue_list(const struct control_means *means, const struct slice *words, size_t count,
                   struct buf *out)
{
    if (control_has_word(words, count, "--messages"))
        return control_messages_list(means, words, count, out);
    return list_queues(means, control_has_word(words, count, "--json"), out);
}

/* ---- queue retry ---- */

struct retrying {
    struct crew *crew;
    char connector[64];
};

static void
on_due(void *context, const struct spool_answer *a)
{
    struct retrying *r = context;
    /* What could not be made due now stays due at its time. At the end there is no crew to ask.
     */
    if (a->err.kind != ERR_CLOSED)
        crew_retry(r->crew, slice_str(r->connector));
    mem_free(&r);
}

int
control_queue_retry(const struct control_means *means, const struct slice *words, size_t count,
                    struct buf *out)
{
    bool all = control_has_word(words, count, "--all");
    struct slice connector = count > 0 && !all ? words[0] : slice(NULL, 0);
    if (!all && connector.len == 0) {
        buf_put_str(out, "queue retry takes the name of a send connector, or --all.\n");
        return 2;
    }
    if (!all && config_send(means->worker->runtime->config, connector) == NULL) {
        buf_printf(out, "There is no send connector \"%.*s\".\n", SLICE_ARG(connector));
        return 1;
    }
    struct retrying *r = mem_new(sizeof *r);
    uint64_t token = r != NULL ? answers_expect(means->worker->answers, on_due, r) : 0;
    if (token == 0) {
        mem_free(&r);
        buf_put_str(out, "Out of memory.\n");
        return 2;
    }
    r->crew = means->crew;
    slice_copy_text(r->connector, sizeof r->connector, connector);
    spool_retry(means->worker->spool_client, connector, token);
    buf_put_str(out, "Its mail is tried again now.\n");
    return 0;
}
