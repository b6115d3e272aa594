/* queue show: one message, what happened to it, its header section or its body. */
#include <inttypes.h>

#include "gateway/base/clock.h"
#include "gateway/base/id.h"
#include "gateway/ops/queue_desk.h"
#include "gateway/ops/queue_text.h"

enum { PIECE = 64 * 1024 };

/* ---- The envelope ---- */

static const char *
trust_text(const struct envelope *e)
{
    switch (e->auth) {
    case ENVELOPE_AUTH_UNSAID:
        return "inside";
    case ENVELOPE_AUTH_ANONYMOUS:
        return "external (AUTH=<>)";
    case ENVELOPE_AUTH_NAMED:
        return "inside (AUTH= carried)";
    }
    never("envelope_auth has three values");
}

static void
put_field(struct buf *out, const char *name, struct slice value)
{
    if (value.len == 0)
        return;
    buf_put_str(out, name);
    queue_put_clean(out, value, 0);
    buf_put_char(out, '\n');
}

static void
put_trouble(struct queue_desk *d, struct buf *out, struct slice queue)
{
    const struct queue_row *row = queue_row_of(d->rows, d->row_count, queue);
    if (row == NULL)
        return;
    put_field(out, "  Connector's trouble: ", slice_str(row->last_error));
    if (row->wait_ms > 0) {
        buf_put_str(out, "  Its next try in ");
        control_put_age(out, (int64_t)row->wait_ms);
        buf_put_char(out, '\n');
    }
    if (strcmp(row->state, "Suspended") == 0)
        buf_put_str(out, "  The whole queue is suspended.\n");
}

static void
put_notify(struct buf *out, unsigned notify)
{
    static const struct {
        unsigned bit;
        const char *word;
    } rows[] = {{DSN_NOTIFY_NEVER, "NEVER"},
                {DSN_NOTIFY_SUCCESS, "SUCCESS"},
                {DSN_NOTIFY_FAILURE, "FAILURE"},
                {DSN_NOTIFY_DELAY, "DELAY"}};
    const char *between = "  Notify:    ";
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        if (!(notify & rows[i].bit))
            continue;
        buf_printf(out, "%s%s", between, rows[i].word);
        between = ",";
    }
    if (notify != DSN_NOTIFY_UNSAID)
        buf_put_char(out, '\n');
}

static void
put_recipient(struct queue_desk *d, struct buf *out, const struct envelope *e,
              const struct envelope_recipient *r)
{
    char queue[ENVELOPE_CONNECTOR_MAX + 1], tried[CLOCK_TEXT];
    put_field(out, "To:          ", r->address);
    buf_printf(out, "  State:     %s", queue_recipient_state_text(r->state));
    if (r->state == RECIPIENT_WAITING && r->due_unix_ms > d->now_unix_ms) {
        buf_put_str(out, ", next try in ");
        control_put_age(out, r->due_unix_ms - d->now_unix_ms);
    }
    buf_printf(out, ", %" PRIu32 " failed attempts", r->attempts);
    if (r->tried_unix_ms != 0) {
        clock_iso(r->tried_unix_ms, tried);
        buf_printf(out, ", the last at %s", tried);
    }
    slice_copy_text(queue, sizeof queue,
                    envelope_is_open(r) ? envelope_queue(e, r) : r->connector);
    buf_printf(out, "\n  Connector: %s\n", control_queue_name(queue));
    queue_changes_put_recipient(out, "  Moved:     ", r, "\n");
    put_notify(out, r->notify);
    put_field(out, "  Orcpt:     ", r->orcpt);
    put_field(out, "  Last said: ", r->last_error);
    put_trouble(d, out, slice_str(queue));
}

static void
put_envelope(struct queue_desk *d, struct buf *out, const struct envelope *e)
{
    char id[ID_TEXT], time[CLOCK_TEXT];
    id_text(e->id, id);
    clock_iso(e->received_unix_ms, time);
    buf_printf(out, "Id:          %s\nReceived:    %s (", id, time);
    control_put_age(out, d->now_unix_ms - e->received_unix_ms);
    buf_put_str(out, " ago)\nFrom:        ");
    queue_put_clean(out, queue_sender(e), 0);
    buf_printf(out, ", %s\n", e->is_report ? "a report of this gateway" : trust_text(e));
    if (e->client.len > 0)
        buf_printf(out, "Came:        from %.*s through %.*s, account %.*s\n",
                   SLICE_ARG(e->client), SLICE_ARG(e->receive_connector),
                   SLICE_ARG(e->account.len > 0 ? e->account : slice_str("none")));
    put_field(out, "Message-ID:  ", e->message_id);
    put_field(out, "Envid:       ", e->envid);
    buf_printf(out, "Size:        %" PRIu64 "\n", e->size);
    if (e->crashes > 0)
        buf_printf(out, "Crashes:     in flight at %u%s\n", e->crashes,
                   e->crashes >= ENVELOPE_CRASHES_POISON ? ": poison; queue resume tries it again"
                                                         : "");
    for (size_t i = 0; i < e->recipient_count; i++)
        put_recipient(d, out, e, &e->recipients[i]);
}

/* ---- The content ---- */

/* A terminal obeys control characters; a file or a pipe gets what there is. */
static void
put_content(struct queue_desk *d, struct slice octets)
{
    struct buf *out = &d->out->text;
    if (!d->wish.is_terminal) {
        buf_put(out, octets);
        return;
    }
    for (size_t i = 0; i < octets.len; i++) {
        unsigned char c = (unsigned char)octets.ptr[i];
        bool harmless = (c >= 0x20 && c != 0x7f) || c == '\n' || c == '\t';
        if (harmless || c != '\r')
            buf_put_char(out, harmless ? (char)c : '?');
    }
}

/* How far the blank line has been seen that ends the header section (RFC 5322 2.1). */
struct sections {
    size_t matched; /* octets of CRLF CRLF; 4: the body has begun */
};

/* How many octets of piece belong to the header section, the blank line included. */
static size_t
header_part(struct sections *s, struct slice piece)
{
    static const char end[] = "\r\n\r\n";
    size_t i = 0;
    while (i < piece.len && s->matched < 4) {
        char c = piece.ptr[i++];
        s->matched = c == end[s->matched] ? s->matched + 1 : c == '\r';
    }
    return i;
}

static bool
put_sections(struct queue_desk *d, const struct body *body, struct err *err)
{
    char scratch[PIECE];
    struct sections s = {.matched = 2}; /* a message may begin with the blank line */
    struct slice piece;
    for (uint64_t at = 0;; at += piece.len) {
        TRY(body_read(body, at, scratch, sizeof scratch, &piece, err));
        if (piece.len == 0)
            return true;
        size_t header = header_part(&s, piece);
        if (d->wish.headers)
            put_content(d, slice_head(piece, header));
        if (d->wish.body)
            put_content(d, slice_from(piece, header));
        if (!stream_on(d->out) || (s.matched == 4 && !d->wish.body))
            return true;
    }
}

static int
show_content(struct queue_desk *d, const struct envelope *e)
{
    struct body *body = NULL;
    struct err err;
    if (!spool_body(d->spool, e->id, &body, &err))
        return queue_desk_trouble(d, &err);
    bool ok = put_sections(d, body, &err);
    body_unref(&body);
    return ok ? 0 : queue_desk_trouble(d, &err);
}

/* ---- The verb ---- */

static int
show(struct queue_desk *d, const struct envelope *e)
{
    if (d->wish.headers || d->wish.body)
        return show_content(d, e);
    if (d->wish.json)
        control_put_json(&d->out->text, queue_message_json(e));
    else
        put_envelope(d, &d->out->text, e);
    return 0;
}

int
queue_show(struct queue_desk *d, const struct queue_selector *s)
{
    char id[ID_TEXT];
    struct err err;
    struct envelope e;
    if (s->id_count != 1) {
        buf_put_str(&d->out->text,
                    "queue show takes a queue id, as queue list --messages shows it.\n");
        return 2;
    }
    id_text(s->ids[0], id);
    if (!spool_read(d->spool, s->ids[0], &d->arena, &e, &err)) {
        buf_printf(&d->out->text, "There is no message %s in the queue.\n", id);
        return 1;
    }
    return show(d, &e);
}
