#include "gateway/relay/giveup.h"

#include "gateway/base/clock.h"
#include "gateway/base/mem.h"
#include "gateway/relay/bounce.h"
#include "gateway/relay/deadlines.h"
#include "gateway/relay/outlet.h"
#include "gateway/relay/track.h"

struct giving_up {
    struct giving_up *next; /* of the worker, once it is handed to the spool */
    bool listed;
    struct worker *worker;
    struct parcel *parcel;
    struct bounce report;
    bool notice; /* of a delay: nobody ends */
    struct recipient_change *rows;
    struct bounce_row *bounces;
    size_t count;
    struct buf words; /* why, as text */
};

static void
unlist(struct giving_up *g)
{
    struct giving_up **at = &g->worker->giving_up;
    while (*at != g)
        at = &(*at)->next;
    *at = g->next;
    g->listed = false;
}

bool
give_up_has(const struct worker *w, uint64_t id)
{
    for (const struct giving_up *g = w->giving_up; g != NULL; g = g->next)
        if (!g->notice && g->parcel->envelope.id == id)
            return true;
    return false;
}

static void
giving_up_free(struct giving_up **ref)
{
    struct giving_up *g = *ref;
    if (g->listed)
        unlist(g);
    bounce_drop(&g->report);
    parcel_unref(&g->parcel);
    mem_free(&g->rows);
    mem_free(&g->bounces);
    buf_fini(&g->words);
    mem_free(ref);
}

static void
log_row(const struct giving_up *g, size_t n, const struct reply *why)
{
    const struct envelope *e = &g->parcel->envelope;
    const struct envelope_recipient *r = &e->recipients[g->rows[n].index];
    bool expired = g->rows[n].state == RECIPIENT_EXPIRED;
    char room[REPLY_TEXT + 32];
    struct buf reply = {.data = room, .cap = sizeof room, .max = sizeof room - 1};
    if (why != NULL)
        reply_put(&reply, why);
    struct log_line line;
    log_begin(&line, g->worker->shop->log, EV_delivery, e->id);
    log_str(&line, "outcome", expired ? "expired" : "bounced");
    log_slice(&line, "from", e->from.len > 0 ? e->from : slice_str("<>"));
    log_slice(&line, "to", r->address);
    if (r->connector.len > 0)
        log_slice(&line, "connector", r->connector);
    log_slice(&line, "reply", why ? buf_slice(&reply) : r->last_error);
    log_num(&line, "delay_ms", (uint64_t)(clock_unix_ms() - e->received_unix_ms));
    log_num(&line, "attempt", r->attempts);
    log_end(&line);
    char connector[64];
    slice_copy_text(connector, sizeof connector, r->connector);
    counter_add(metrics_series(g->worker->shop->metrics, METRIC_recipients_total, connector,
                               expired ? "expired" : "bounced"),
                1);
}

/* Not recorded: the recipients are still open on disk. They are found once more. */
static void
begin_again(struct worker *w)
{
    deadlines_restart(w);
    for (struct outlet *o = w->outlets; o != NULL; o = outlet_after(o))
        outlet_look(o);
}

static void
on_recorded(void *context, const struct spool_answer *answer)
{
    struct giving_up *g = context;
    if (answer->ok && g->report.parcel != NULL)
        bounce_done(g->worker, &g->report, &g->parcel->envelope);
    struct worker *w = g->worker;
    giving_up_free(&g);
    if (!answer->ok && answer->err.kind != ERR_STATE)
        begin_again(w);
}

static struct giving_up *
giving_up_new(struct worker *w, struct parcel *parcel, size_t count, bool notice)
{
    struct giving_up *g = mem_new(sizeof *g);
    if (g == NULL)
        return NULL;
    g->worker = w;
    g->parcel = parcel_ref(parcel);
    g->notice = notice;
    buf_init(&g->words, REPLY_TEXT + 64);
    g->count = count;
    g->rows = mem_new(count * sizeof *g->rows);
    g->bounces = mem_new(count * sizeof *g->bounces);
    if (g->rows == NULL || g->bounces == NULL)
        giving_up_free(&g);
    return g;
}

/* The sender has had too many reports: who is over waits for one, with the words it will hold. */
static void
await_report(struct giving_up *g)
{
    const struct envelope *e = &g->parcel->envelope;
    for (size_t i = 0; i < g->count; i++) {
        struct recipient_change *row = &g->rows[i];
        bool expired = row->state == RECIPIENT_EXPIRED;
        row->state = RECIPIENT_RETURNING;
        row->due_unix_ms = clock_unix_ms() + (int64_t)g->report.wait_ms;
        row->last_error = expired ? slice_str("550 4.4.7 QUEUE.Expired; message expired")
                          : g->words.len > 0 ? buf_slice(&g->words)
                                             : e->recipients[row->index].last_error;
    }
}

static bool
record(struct giving_up *g)
{
    struct worker *w = g->worker;
    struct err err;
    uint64_t token;
    bool made = bounce_make(w, g->parcel, g->bounces, g->count, &g->report, &err);
    if (made && g->report.wait_ms > 0)
        await_report(g);
    if (!made || (token = answers_expect(w->answers, on_recorded, g)) == 0) {
        giving_up_free(&g);
        return false;
    }
    struct spool_change change = {
        .id = g->parcel->envelope.id,
        .rows = g->notice ? NULL : g->rows,
        .row_count = g->notice ? 0 : g->count,
        .delay_noticed = g->notice,
        .wants_all_open = true, /* an attempt that was under way may have been faster */
        .report = g->report.draft,
        .report_envelope = g->report.parcel ? &g->report.parcel->envelope : NULL,
    };
    g->report.draft = NULL;
    g->next = w->giving_up;
    w->giving_up = g;
    g->listed = true;
    spool_record(w->spool_client, &change, token,
                 g->report.parcel ? &g->report.parcel->body : NULL);
    return true;
}

bool
give_up_is_news(const struct envelope_recipient *r)
{
    return r->state != RECIPIENT_RETURNING || slice_is(r->last_error, SPOOL_RETURN_WORDS);
}

bool
give_up(struct worker *w, struct parcel *parcel, const uint32_t *indexes, size_t count,
        bool expired, const struct reply *why)
{
    struct giving_up *g = giving_up_new(w, parcel, count, false);
    if (g == NULL)
        return false;
    for (size_t i = 0; i < count; i++) {
        const struct envelope_recipient *r = &parcel->envelope.recipients[indexes[i]];
        g->rows[i] = (struct recipient_change){
            .index = indexes[i],
            .state = expired ? RECIPIENT_EXPIRED : RECIPIENT_BOUNCED,
            .connector = r->connector,
            .attempts = r->attempts,
        };
        g->bounces[i] = (struct bounce_row){
            .index = indexes[i], .action = DSN_FAILED, .expired = expired, .reply = why};
        if (give_up_is_news(r))
            log_row(g, i, why);
    }
    if (why != NULL)
        reply_put(&g->words, why);
    track_given_up(w, &parcel->envelope, g->rows, count, why);
    return record(g);
}

bool
give_notice(struct worker *w, struct parcel *parcel, const uint32_t *indexes, size_t count)
{
    struct giving_up *g = giving_up_new(w, parcel, count, true);
    if (g == NULL)
        return false;
    for (size_t i = 0; i < count; i++)
        g->bounces[i] = (struct bounce_row){.index = indexes[i], .action = DSN_DELAYED};
    return record(g);
}
