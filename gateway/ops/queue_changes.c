#include "gateway/ops/queue_changes.h"

#include <inttypes.h>

#include "gateway/base/clock.h"
#include "gateway/ops/control_text.h"

/* ---- Status ------------------------------------------------------------------------------- */

static json_t *
row_json(const struct changes_row *row)
{
    return json_pack("{s:s, s:s, s:I}", "from", control_queue_name(row->from), "to",
                     control_queue_name(row->to), "messages", (json_int_t)row->messages);
}

json_t *
queue_changes_json(struct changes *c)
{
    struct changes_view v;
    char since[CLOCK_TEXT];
    json_t *rows = json_array();
    changes_read(c, &v);
    clock_iso(v.since_unix_ms, since);
    for (size_t i = 0; i < v.row_count; i++)
        json_array_append_new(rows, row_json(&v.rows[i]));
    return json_pack("{s:s, s:b, s:I, s:I, s:I, s:o}", "since", since, "walking",
                     (int)v.is_walking, "moved", (json_int_t)v.moved, "unreachable",
                     (json_int_t)v.unreachable, "retimed", (json_int_t)v.retimed, "queues", rows);
}

static intmax_t
number_of(const json_t *json, const char *key)
{
    return (intmax_t)json_integer_value(json_object_get(json, key));
}

void
queue_changes_put_text(struct buf *out, const json_t *changes)
{
    const json_t *queues = json_object_get(changes, "queues");
    intmax_t moved = number_of(changes, "moved"), lost = number_of(changes, "unreachable"),
             retimed = number_of(changes, "retimed");
    if (json_is_true(json_object_get(changes, "walking")))
        buf_put_str(out, "  the queue is still being looked through for what it changed\n");
    if (moved + lost + retimed > 0)
        buf_printf(out,
                   "  under queued mail it changed: %" PRIdMAX " messages moved, %" PRIdMAX
                   " became unreachable, %" PRIdMAX " are due at another time\n",
                   moved, lost, retimed);
    for (size_t i = 0; i < json_array_size(queues); i++) {
        const json_t *q = json_array_get(queues, i);
        buf_printf(out, "    %" PRIdMAX " from %s to %s\n", number_of(q, "messages"),
                   json_string_value(json_object_get(q, "from")),
                   json_string_value(json_object_get(q, "to")));
    }
}

/* ---- A queue ------------------------------------------------------------------------------ */

/* It has mail of a send connector that is no more. */
static bool
has_lost_connector(const struct queue_row *q)
{
    return !q->is_configured && q->stats.connector[0] != '\0' && q->stats.connector[0] != '(';
}

void
queue_changes_put_queue(struct buf *out, struct changes *changes, const struct queue_row *q)
{
    struct changes_view v = {.row_count = 0};
    if (has_lost_connector(q))
        buf_put_str(out, "    its send connector has left the configuration: it empties\n");
    if (changes != NULL)
        changes_read(changes, &v);
    for (size_t i = 0; i < v.row_count; i++)
        if (strcmp(v.rows[i].to, q->stats.connector) == 0)
            buf_printf(out,
                       "    %" PRIu64 " message%s came from %s, for the configuration changed\n",
                       v.rows[i].messages, v.rows[i].messages == 1 ? "" : "s",
                       control_queue_name(v.rows[i].from));
}

void
queue_changes_add_queue(json_t *to, struct changes *changes, const struct queue_row *q)
{
    struct changes_view v = {.row_count = 0};
    json_t *rows = json_array();
    if (changes != NULL)
        changes_read(changes, &v);
    for (size_t i = 0; i < v.row_count; i++)
        if (strcmp(v.rows[i].to, q->stats.connector) == 0)
            json_array_append_new(rows, row_json(&v.rows[i]));
    control_json_set(to, "moved_here", rows);
    control_json_set(to, "connector_has_left", json_boolean(has_lost_connector(q)));
}

/* ---- A recipient -------------------------------------------------------------------------- */

void
queue_changes_put_recipient(struct buf *out, const char *before,
                            const struct envelope_recipient *r, const char *behind)
{
    if (r->moved_from.len > 0 && !slice_equal(r->moved_from, r->connector))
        buf_printf(out, "%swas for %.*s until the configuration changed%s", before,
                   SLICE_ARG(r->moved_from), behind);
}
