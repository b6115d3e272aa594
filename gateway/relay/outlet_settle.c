#include "gateway/relay/outlet_settle_private.h"

#include "gateway/base/clock.h"
#include "gateway/base/mem.h"
#include "gateway/relay/reroute.h"
#include "gateway/relay/track.h"

static void
settlement_free(struct settlement **ref)
{
    struct settlement *s = *ref;
    bounce_drop(&s->report);
    timer_free(&s->again);
    mem_free(&s->rows);
    mem_free(&s->keep);
    mem_free(&s->bounces);
    buf_fini(&s->texts);
    buf_fini(&s->words);
    mem_free(ref);
}

static struct settlement *
settlement_new(struct outlet *o, size_t count)
{
    struct settlement *s = mem_new(sizeof *s);
    if (s == NULL)
        return NULL;
    s->outlet = o;
    s->rows = mem_new(count * sizeof *s->rows);
    s->keep = mem_new(count * sizeof *s->keep);
    s->bounces = mem_new(count * sizeof *s->bounces);
    buf_init(&s->words, count * (REPLY_TEXT + 64));
    buf_init(&s->texts, count * (DIAGNOSIS_LINE_MAX + 1));
    if (s->rows == NULL || s->keep == NULL || s->bounces == NULL)
        settlement_free(&s);
    return s;
}

/* Nothing is left to do for this delivery now: on with what is open, or forget it. Was there a
 * new configuration meanwhile, the walk through the queue has passed it over. */
static void
finish(struct settlement **take_s)
{
    struct settlement *s = *take_s;
    struct outlet *o = s->outlet;
    const uint64_t id = s->d->id;
    bool is_of_before = s->d->generation != o->worker->runtime->config->generation;
    delivery_keep(s->d, s->keep);
    if (s->d->open_count > 0 && !o->retiring)
        outlet_put_back(o, s->d);
    else
        outlet_forget(o, &s->d);
    settlement_free(take_s);
    if (is_of_before)
        (void)reroute_message(o->worker, id, slice_str(o->name), true);
}

static void record(struct settlement *s);

static void
on_again(void *context)
{
    struct settlement *s = context;
    struct settlement **at = &s->outlet->unrecorded;
    while (*at != s)
        at = &(*at)->next;
    *at = s->next;
    record(s);
}

/* The report could not be made: who failed stays open and is bounced at another time. Who was
 * passed on is; that news is lost. */
static void
postpone_bounces(struct settlement *s)
{
    for (size_t i = 0; i < s->row_count; i++) {
        struct recipient_change *row = &s->rows[i];
        if (row->state != RECIPIENT_BOUNCED && row->state != RECIPIENT_EXPIRED)
            continue;
        row->state = RECIPIENT_WAITING;
        row->due_unix_ms =
            clock_unix_ms() + (int64_t)timetable_wait_ms(outlet_message_timetable(s->outlet),
                                                         row->attempts, s->d->id);
    }
}

/* The reserve of the spool is there so that this does not happen; if it does, the outcome must
 * not get lost: the recipients stay ours, and we try to write it down again. */
static bool
record_later(struct settlement *s)
{
    struct outlet *o = s->outlet;
    if (s->report.parcel != NULL) {
        /* Its draft is spent. */
        bounce_drop(&s->report);
        postpone_bounces(s);
    }
    if (s->again == NULL)
        s->again = timer_new(o->worker->loop, on_again, s);
    if (s->again == NULL)
        return false;
    s->next = o->unrecorded;
    o->unrecorded = s;
    timer_set(s->again, loop_now_ms(o->worker->loop) + RECORD_AGAIN_MS);
    return true;
}

void
outlet_drop_settlements(struct outlet *o)
{
    while (o->unrecorded != NULL) {
        struct settlement *s = o->unrecorded;
        o->unrecorded = s->next;
        outlet_forget(o, &s->d);
        settlement_free(&s);
    }
}

static void
on_recorded(void *context, const struct spool_answer *answer)
{
    struct settlement *s = context;
    struct outlet *o = s->outlet;
    bool try_again = answer->err.kind == ERR_FULL || answer->err.kind == ERR_NOMEM;
    if (!answer->ok && try_again && !o->retiring && record_later(s))
        return;
    if (answer->ok && s->report.parcel != NULL)
        bounce_done(o->worker, &s->report, &s->d->parcel->envelope);
    for (struct outbound *b = o->connections; b != NULL; b = outbound_after(b)) {
        if (outbound_serial(b) == s->connection) {
            outbound_recorded(b);
            break;
        }
    }
    if (answer->ok)
        for (size_t i = 0; i < s->row_count; i++)
            if (s->rows[i].state == RECIPIENT_WAITING &&
                s->rows[i].due_unix_ms < o->next_due_unix_ms)
                o->next_due_unix_ms = s->rows[i].due_unix_ms;
    finish(&s);
    outlet_pump(o);
    if (o->retiring || o->worker->draining)
        worker_outlet_ebbs(o->worker);
}

static void
record(struct settlement *s)
{
    struct worker *w = s->outlet->worker;
    uint64_t token = answers_expect(w->answers, on_recorded, s);
    if (token == 0) {
        struct spool_answer no = {.ok = false};
        err_set(&no.err, ERR_FULL, "out of memory");
        on_recorded(s, &no);
        return;
    }
    struct spool_change change = {
        .id = s->d->id,
        .rows = s->rows,
        .row_count = s->row_count,
        .report = s->report.draft,
        .report_envelope = s->report.parcel ? &s->report.parcel->envelope : NULL,
    };
    s->report.draft = NULL;
    spool_record(w->spool_client, &change, token,
                 s->report.parcel ? &s->report.parcel->body : NULL);
}

/* The sender has had too many reports: who failed waits for one, with the words it will hold. */
static void
await_report(struct settlement *s)
{
    size_t starts[2] = {0, 0};
    for (size_t i = 0, n = 0; i < s->row_count; i++) {
        struct recipient_change *row = &s->rows[i];
        bool expired = row->state == RECIPIENT_EXPIRED;
        if (row->state != RECIPIENT_BOUNCED && !expired)
            continue;
        while (s->d->open[n] != row->index)
            n++;
        starts[0] = s->words.len;
        if (expired)
            buf_put_str(&s->words, "550 4.4.7 QUEUE.Expired; the last words were: ");
        reply_put(&s->words, &s->outcomes[n].reply);
        row->state = RECIPIENT_RETURNING;
        row->due_unix_ms = clock_unix_ms() + (int64_t)s->report.wait_ms;
        row->last_error = slice(NULL, s->words.len - starts[0]);
    }
    /* The buffer does not move any more. */
    for (size_t i = 0; i < s->row_count; i++) {
        if (s->rows[i].state != RECIPIENT_RETURNING)
            continue;
        s->rows[i].last_error.ptr = s->words.data + starts[1];
        starts[1] += s->rows[i].last_error.len;
    }
}

static void
make_report(struct settlement *s)
{
    struct err err;
    if (s->bounce_count == 0)
        return;
    if (bounce_make(s->outlet->worker, s->d->parcel, s->bounces, s->bounce_count, &s->report,
                    &err)) {
        if (s->report.wait_ms > 0)
            await_report(s);
        return;
    }
    struct log_line line;
    log_begin(&line, s->outlet->worker->shop->log, EV_internal_trouble, s->d->id);
    log_str(&line, "what", "a report could not be made; who failed is tried again");
    log_str(&line, "why", err.text);
    log_end(&line);
    postpone_bounces(s);
}

/* Calendar time may be set back: then it took no time at all. */
static uint64_t
us_between(int64_t from_unix_ms, int64_t to_unix_ms)
{
    return to_unix_ms > from_unix_ms ? (uint64_t)(to_unix_ms - from_unix_ms) * 1000 : 0;
}

static void
count_delivery(struct outlet *o, const struct delivery *d, struct lane *lane)
{
    int64_t received = d->parcel->envelope.received_unix_ms;
    histogram_add(o->count.queue_seconds, us_between(received, d->tried_unix_ms));
    histogram_add(o->count.seconds, us_between(received, clock_unix_ms()));
    outlet_notice_delivered(o, lane);
}

void
outlet_settle(struct outlet *o, struct delivery **take_d, struct smtp_outcome *outcomes,
              struct outbound *by)
{
    struct delivery *d = *take_d;
    *take_d = NULL;
    struct settlement *s = settlement_new(o, d->open_count);
    if (s == NULL) {
        /* Out of memory: what the peer took will be sent once more. Rare, and never a loss. */
        outlet_put_back(o, d);
        outbound_recorded(by);
        return;
    }
    s->d = d;
    s->outcomes = outcomes;
    s->by = by;
    s->connection = outbound_serial(by);

    const struct outbound_facts facts = outbound_facts(by);
    size_t first_bad = 0;
    bool server_bad = outlet_decide(s, &facts, &first_bad);
    if (s->was_taken)
        count_delivery(o, d, outbound_lane(by));
    d->servers_tried += server_bad;
    if (server_bad)
        outbound_server_failed(by, &outcomes[first_bad]);
    track_attempt(s, &facts);
    make_report(s);
    s->outcomes = NULL;
    s->by = NULL;
    if (s->row_count > 0) {
        record(s);
        return;
    }
    outbound_recorded(by);
    finish(&s);
}
