#include "gateway/relay/track.h"

#include <stdio.h>

#include "gateway/base/clock.h"
#include "gateway/base/id.h"
#include "gateway/relay/giveup.h"

enum { LINE_MAX = 1024 * 1024, LIST_MAX = 256 * 1024 };

static void
put(const struct worker *w, const struct tracking_event *e)
{
    struct buf line;
    buf_init(&line, LINE_MAX);
    tracking_put(&line, e);
    if (buf_ok(&line))
        journal_put(w->shop->tracking, buf_slice(&line));
    buf_fini(&line);
}

static struct tracking_event
event_of(const struct envelope *e, const char *source, const char *event)
{
    return (struct tracking_event){
        .unix_ms = clock_unix_ms(),
        .source = source,
        .event = event,
        .id = e->id,
        .message_id = e->message_id,
        .bytes = e->size,
        .sender = e->from,
    };
}

/* Recipients with what is said of each; a list that grows too long ends early. */
struct lists {
    struct buf recipients, status;
    size_t count;
};

static void
lists_init(struct lists *l)
{
    l->count = 0;
    buf_init(&l->recipients, LIST_MAX);
    buf_init(&l->status, LIST_MAX);
}

static void
lists_fini(struct lists *l)
{
    buf_fini(&l->recipients);
    buf_fini(&l->status);
}

static void
lists_add(struct lists *l, struct slice address, const struct reply *said)
{
    if (l->count++ > 0) {
        buf_put_char(&l->recipients, ';');
        buf_put_char(&l->status, ';');
    }
    buf_put(&l->recipients, address);
    if (said != NULL)
        reply_put(&l->status, said);
}

static void
put_lists(const struct worker *w, struct tracking_event *event, struct lists *l)
{
    event->recipients = buf_slice(&l->recipients);
    event->status = buf_slice(&l->status);
    event->recipient_count = l->count;
    if (l->count > 0)
        put(w, event);
    lists_fini(l);
}

void
track_received(const struct worker *w, const struct envelope *e, uint64_t session)
{
    char id[ID_TEXT];
    struct lists l;
    if (w->shop->tracking == NULL)
        return;
    struct tracking_event event = event_of(e, "SMTP", "RECEIVE");
    id_text(session, id);
    event.client_ip = e->client;
    event.server_hostname = slice_str(w->runtime->config->hostname);
    event.context = slice_str(id);
    event.connector = e->receive_connector;
    lists_init(&l);
    for (size_t i = 0; i < e->recipient_count; i++)
        lists_add(&l, e->recipients[i].address, NULL);
    put_lists(w, &event, &l);
}

/* "hub1.fabrikam.example[10.2.0.1]:25" */
static void
set_server(struct tracking_event *event, const char *server)
{
    struct slice text = slice_str(server);
    event->server_hostname = slice_head(text, slice_find(text, '['));
    text = slice_from(text, event->server_hostname.len + 1);
    event->server_ip = slice_head(text, slice_find(text, ']'));
}

/* The outcome that the row is about: rows and outcomes are both in the order of recipients. */
static const struct smtp_outcome *
outcome_of(const struct settlement *s, const struct recipient_change *row)
{
    for (size_t n = 0; n < s->d->open_count; n++)
        if (s->d->open[n] == row->index)
            return &s->outcomes[n];
    never("a row is about a recipient that was tried");
}

static void
track_ends(const struct settlement *s, const struct outbound_facts *facts, const char *name,
           enum recipient_state state, enum recipient_state or_state)
{
    const struct worker *w = s->outlet->worker;
    const struct envelope *e = &s->d->parcel->envelope;
    struct tracking_event event = event_of(e, "SMTP", name);
    struct lists l;
    event.client_hostname = slice_str(w->runtime->config->hostname);
    event.connector = slice_str(s->outlet->name);
    set_server(&event, facts->server);
    lists_init(&l);
    for (size_t i = 0; i < s->row_count; i++) {
        const struct recipient_change *row = &s->rows[i];
        if (row->state == state || row->state == or_state)
            lists_add(&l, e->recipients[row->index].address, &outcome_of(s, row)->reply);
    }
    put_lists(w, &event, &l);
}

void
track_attempt(const struct settlement *s, const struct outbound_facts *facts)
{
    if (s->outlet->worker->shop->tracking == NULL)
        return;
    track_ends(s, facts, "SEND", RECIPIENT_DELIVERED, RECIPIENT_DELIVERED);
    track_ends(s, facts, "DEFER", RECIPIENT_WAITING, RECIPIENT_WAITING);
    track_ends(s, facts, "FAIL", RECIPIENT_BOUNCED, RECIPIENT_EXPIRED);
}

void
track_given_up(const struct worker *w, const struct envelope *e,
               const struct recipient_change *rows, size_t count, const struct reply *why)
{
    struct lists l;
    if (w->shop->tracking == NULL)
        return;
    struct tracking_event event = event_of(e, "ROUTING", "FAIL");
    const struct reply expired = reply_make(550, "4.4.7", "QUEUE.Expired; message expired");
    const struct reply removed = reply_make(550, "5.3.0", "Removed by the postmaster");
    lists_init(&l);
    for (size_t i = 0; i < count; i++) {
        const struct envelope_recipient *r = &e->recipients[rows[i].index];
        bool by_operator = r->state == RECIPIENT_RETURNING;
        event.source = by_operator ? "ADMIN" : "ROUTING";
        if (give_up_is_news(r))
            lists_add(&l, r->address, by_operator ? &removed : why != NULL ? why : &expired);
    }
    put_lists(w, &event, &l);
}

void
track_put_removed(struct buf *line, const struct envelope *e, const char *queue)
{
    struct lists l;
    struct tracking_event event = event_of(e, "ADMIN", "FAIL");
    const struct reply removed = reply_make(550, "5.3.0", "Removed by the postmaster");
    lists_init(&l);
    for (size_t i = 0; i < e->recipient_count; i++) {
        const struct envelope_recipient *r = &e->recipients[i];
        if (envelope_is_open(r) && (queue == NULL || slice_is(envelope_queue(e, r), queue)))
            lists_add(&l, r->address, &removed);
    }
    event.recipients = buf_slice(&l.recipients);
    event.status = buf_slice(&l.status);
    event.recipient_count = l.count;
    if (l.count > 0)
        tracking_put(line, &event);
    lists_fini(&l);
}

void
track_report(const struct worker *w, const struct envelope *report, const struct envelope *about)
{
    char id[ID_TEXT], message_id[ID_TEXT + 300];
    struct lists l;
    if (w->shop->tracking == NULL)
        return;
    struct tracking_event event = event_of(report, "DSN", "DSN");
    id_text(report->id, id);
    snprintf(message_id, sizeof message_id, "<%s.report@%s>", id, w->runtime->config->hostname);
    event.message_id = slice_str(message_id);
    event.reference = about->message_id;
    lists_init(&l);
    lists_add(&l, report->recipients[0].address, NULL);
    put_lists(w, &event, &l);
}
