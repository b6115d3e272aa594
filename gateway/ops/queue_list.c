/* queue list: the queues, or the messages in them. */
#include <inttypes.h>
#include <stdio.h>

#include "gateway/base/id.h"
#include "gateway/ops/queue_desk.h"
#include "gateway/ops/queue_text.h"

/* ---- The queues ---- */

static void
put_line(struct queue_desk *d, struct slice line)
{
    queue_put_clean(&d->out->text, line, d->wish.width);
    buf_put_char(&d->out->text, '\n');
}

/* A row of columns, and below it why its mail waits: that sentence is longer than any column. */
static void
put_queue(struct queue_desk *d, const struct queue_row *q)
{
    struct buf line, cell;
    buf_init(&line, 2048);
    buf_init(&cell, 32);
    control_put_padded(&line, slice_str(control_queue_name(q->stats.connector)), 24);
    control_put_padded(&line, slice_str(q->state), 11);
    buf_printf(&line, "%8" PRIu64 " %9" PRIu64 "  ", q->stats.messages, q->stats.suspended);
    queue_put_size(&cell, q->stats.octets);
    control_put_padded(&line, buf_slice(&cell), 7);
    buf_clear(&cell);
    if (q->stats.messages > 0) {
        control_put_age(&cell, d->now_unix_ms - q->stats.oldest_unix_ms);
        control_put_padded(&line, buf_slice(&cell), 8);
        if (q->wait_ms > 0)
            control_put_age(&line, (int64_t)q->wait_ms);
    }
    put_line(d, buf_slice(&line));
    if (q->last_error[0] != '\0') {
        buf_put_str(&d->out->text, "    ");
        queue_put_clean(&d->out->text, slice_str(q->last_error),
                        0); /* the remedy is at its end */
        buf_put_char(&d->out->text, '\n');
    }
    queue_changes_put_queue(&d->out->text, d->changes, q);
    buf_fini(&cell);
    buf_fini(&line);
}

static json_t *
queue_json(const struct queue_desk *d, const struct queue_row *q)
{
    json_t *json = json_pack(
        "{s:s, s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:s}", "connector",
        control_queue_name(q->stats.connector), "state", q->state, "messages",
        (json_int_t)q->stats.messages, "suspended", (json_int_t)q->stats.suspended, "octets",
        (json_int_t)q->stats.octets, "oldest_unix_ms", (json_int_t)q->stats.oldest_unix_ms,
        "next_retry_ms", (json_int_t)q->wait_ms, "connections", (json_int_t)q->connections,
        "in_flight", (json_int_t)q->in_flight, "last_error", q->last_error);
    queue_changes_add_queue(json, d->changes, q);
    return json;
}

static bool
is_meant(const struct queue_selector *s, const struct queue_row *q)
{
    return s->queue == NULL || strcmp(s->queue, q->stats.connector) == 0;
}

static int
list_queues(struct queue_desk *d, const struct queue_selector *s)
{
    json_t *list = d->wish.json ? json_array() : NULL;
    if (list == NULL)
        put_line(d, slice_str("QUEUE                   STATE      MESSAGES SUSPENDED  SIZE   "
                              "OLDEST  RETRY"));
    for (size_t i = 0; i < d->row_count; i++) {
        if (!is_meant(s, &d->rows[i]))
            continue;
        if (list != NULL)
            json_array_append_new(list, queue_json(d, &d->rows[i]));
        else
            put_queue(d, &d->rows[i]);
    }
    if (list != NULL)
        control_put_json(&d->out->text, list);
    return 0;
}

/* ---- The messages ---- */

struct listing {
    struct queue_desk *d;
    uint64_t last; /* the id that was shown last; 0: none */
};

/* The recipient that says most of the message: the first one that is open. */
static const struct envelope_recipient *
first_open(const struct envelope *e)
{
    for (size_t i = 0; i < e->recipient_count; i++)
        if (envelope_is_open(&e->recipients[i]))
            return &e->recipients[i];
    never("a message in the spool has an open recipient");
}

/* As a word at the beginning of a column. */
static struct slice
state_word(struct queue_desk *d, const struct envelope *e, const struct envelope_recipient *r)
{
    static const char *const words[QUEUE_STATES] = {
        [QUEUE_ACTIVE] = "Active",       [QUEUE_READY] = "Ready",    [QUEUE_RETRY] = "Retry",
        [QUEUE_SUSPENDED] = "Suspended", [QUEUE_HELD_BACK] = "Held", [QUEUE_ENDING] = "Returning",
    };
    const struct queue_facts facts = queue_desk_facts(d, envelope_queue(e, r));
    return slice_str(words[queue_state_of(e, r, d->now_unix_ms, &facts)]);
}

static void
put_message(struct queue_desk *d, const struct envelope *e)
{
    const struct envelope_recipient *r = first_open(e);
    char queue[ENVELOPE_CONNECTOR_MAX + 1], id[ID_TEXT];
    size_t more = envelope_open_count(e) - 1;
    struct buf line, cell;
    buf_init(&line, 4096);
    buf_init(&cell, 32);
    id_text(e->id, id);
    buf_printf(&line, "%s ", id);
    control_put_padded(&line, state_word(d, e, r), 10);
    control_put_age(&cell, d->now_unix_ms - e->received_unix_ms);
    control_put_padded(&line, buf_slice(&cell), 8);
    buf_clear(&cell);
    queue_put_size(&cell, e->size);
    control_put_padded(&line, buf_slice(&cell), 6);
    slice_copy_text(queue, sizeof queue, envelope_queue(e, r));
    control_put_padded(&line, slice_str(control_queue_name(queue)), 20);
    buf_printf(&line, " %.*s -> %.*s", SLICE_ARG(queue_sender(e)), SLICE_ARG(r->address));
    if (more > 0)
        buf_printf(&line, " (+%zu)", more);
    put_line(d, buf_slice(&line));
    buf_fini(&cell);
    buf_fini(&line);
}

static void
put_error(struct queue_desk *d, const struct envelope *e)
{
    const struct envelope_recipient *r = first_open(e);
    struct buf line;
    buf_init(&line, 4096);
    buf_put_str(&line, "    ");
    size_t indent = line.len;
    queue_changes_put_recipient(&line, "", r, r->last_error.len > 0 ? "; " : "");
    buf_put(&line, r->last_error);
    if (line.len > indent)
        put_line(d, buf_slice(&line));
    buf_fini(&line);
}

static bool
on_message(void *context, const struct envelope *e)
{
    struct listing *l = context;
    if (l->d->wish.json) {
        control_put_json(&l->d->out->text, queue_message_json(e));
    } else {
        if (l->last == 0)
            put_line(l->d, slice_str("ID            STATE     AGE     SIZE  QUEUE                "
                                     "FROM -> TO"));
        put_message(l->d, e);
        put_error(l->d, e);
    }
    l->last = e->id;
    return stream_on(l->d->out);
}

static int
list_messages(struct queue_desk *d, const struct queue_selector *s)
{
    struct listing l = {.d = d};
    bool all = queue_desk_walk(d, s, on_message, &l);
    if (l.last == 0 && !d->had_trouble && !d->wish.json)
        buf_put_str(&d->out->text, "No message.\n");
    if (!all && l.last != 0 && !d->wish.json && !d->had_trouble) {
        char id[ID_TEXT];
        id_text(l.last, id);
        buf_printf(&d->out->text, "There are more%s%s.\n",
                   s->queue == NULL || s->after != 0 ? ": --after " : "",
                   s->queue == NULL || s->after != 0 ? id : "");
    }
    return 0;
}

static bool
selects_messages(const struct queue_selector *s)
{
    struct queue_selector without_queue = *s;
    without_queue.queue = NULL;
    without_queue.is_all = false;
    return s->limit != UINT64_MAX || s->after != 0 || !queue_select_is_empty(&without_queue);
}

int
queue_list(struct queue_desk *d, const struct queue_selector *s)
{
    return d->wish.messages || selects_messages(s) ? list_messages(d, s) : list_queues(d, s);
}
