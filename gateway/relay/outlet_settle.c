#include "gateway/relay/outlet_private.h"

#include "gateway/base/ascii.h"
#include "gateway/base/clock.h"
#include "gateway/base/mem.h"
#include "gateway/relay/bounce.h"
#include "gateway/relay/outbound.h"

enum {
    TRIES = 2,           /* at other servers, or as many as there are */
    TEXTS_MAX = 1 << 20, /* last errors of one message: its record must stay readable */
    TEXT_MIN = 40,
};

/* What is known of a delivery's outcomes until the spool has recorded them. */
struct settlement {
    struct settlement *next; /* in outlet->unrecorded */
    struct outlet *outlet;
    struct delivery *d;
    uint64_t connection; /* serial of the outbound, which may be gone by then */
    struct timer *again; /* only after a refused record */
    size_t row_count;
    struct recipient_change *rows;
    bool *keep;
    struct bounce_row *bounces;
    size_t bounce_count;
    struct smtp_outcome *outcomes; /* borrowed, only while deciding */
    bool all_split;
    bool was_taken; /* the server took the message for someone */
    struct bounce report;
    struct buf texts; /* owns rows[].last_error */
};

/* ---- Deciding ---- */

static struct timetable
message_timetable(const struct outlet *o)
{
    const struct retry_steps *steps = &o->runtime->config->retry_message;
    return (struct timetable){steps->wait_ms, steps->count};
}

static bool
is_expired(const struct outlet *o, const struct delivery *d, int64_t now_unix_ms)
{
    const struct config *c = o->runtime->config;
    return timetable_age(d->parcel->envelope.received_unix_ms, now_unix_ms, c->delay_notice_ms,
                         c->expire_ms, true, true) == AGE_EXPIRED;
}

static struct recipient_change *
add_row(struct settlement *s, size_t n, enum recipient_state state)
{
    const struct envelope_recipient *r = delivery_recipient(s->d, n);
    struct recipient_change *row = &s->rows[s->row_count++];
    *row = (struct recipient_change){
        .index = s->d->open[n],
        .state = state,
        .connector = r->connector,
        .attempts = r->attempts + 1,
    };
    s->keep[n] = false;
    return row;
}

static void
add_bounce(struct settlement *s, size_t n, bool expired, const char *server)
{
    s->bounces[s->bounce_count++] = (struct bounce_row){
        .index = s->d->open[n],
        .expired = expired,
        .server = server,
        .reply = &s->outcomes[n].reply,
    };
}

/* Later: by the message timetable, unless its time is over. Gives the outcome's name. */
static const char *
defer(struct settlement *s, size_t n, const char *server, uint64_t *next_ms)
{
    struct outlet *o = s->outlet;
    int64_t now = clock_unix_ms();
    if (is_expired(o, s->d, now)) {
        add_row(s, n, RECIPIENT_EXPIRED);
        add_bounce(s, n, true, server);
        return "expired";
    }
    struct recipient_change *row = add_row(s, n, RECIPIENT_WAITING);
    *next_ms = timetable_wait_ms(message_timetable(o), row->attempts, s->d->id);
    row->due_unix_ms = now + (int64_t)*next_ms;
    size_t at = s->texts.len;
    reply_put(&s->texts, &s->outcomes[n].reply);
    size_t share = TEXTS_MAX / s->d->parcel->envelope.recipient_count;
    share = share > TEXT_MIN ? share : TEXT_MIN;
    if (s->texts.len > at + share)
        buf_truncate(&s->texts, at + share);
    /* The buffer may still move: remember the place, set the pointer when all is written. */
    row->last_error = slice(NULL, s->texts.len - at);
    return "deferred";
}

/* Several different senders refused in a row: then it is not the senders. */
static void
count_refused_sender(struct outlet *o, const struct delivery *d, const struct verdict *v,
                     const struct smtp_outcome *outcome)
{
    if (v->consequence == CONSEQUENCE_DELIVERED) {
        o->senders_refused = 0;
        return;
    }
    if (outcome->stage != SMTP_STAGE_MAIL || v->scope != SCOPE_MESSAGE || !v->alarm)
        return;
    uint64_t sender = 1469598103934665603U;
    for (size_t i = 0; i < d->parcel->envelope.from.len; i++)
        sender = (sender ^ (unsigned char)ascii_lower(d->parcel->envelope.from.ptr[i])) *
                 1099511628211U;
    for (unsigned i = 0; i < o->senders_refused; i++)
        if (o->refused_senders[i] == sender)
            return;
    o->refused_senders[o->senders_refused] = sender;
    if (++o->senders_refused < VERDICT_SENDERS_IN_A_ROW)
        return;
    o->senders_refused = 0;
    outlet_suspend(o, v->diagnosis);
}

static void
log_delivery(const struct settlement *s, size_t n, const char *outcome,
             const struct outbound_facts *facts, const char *why, uint64_t next_ms)
{
    const struct envelope *e = &s->d->parcel->envelope;
    const struct envelope_recipient *r = delivery_recipient(s->d, n);
    char room[REPLY_TEXT + 32];
    struct buf reply = {.data = room, .cap = sizeof room, .max = sizeof room - 1};
    reply_put(&reply, &s->outcomes[n].reply);

    struct log_line line;
    log_begin(&line, s->outlet->worker->shop->log, EV_delivery, e->id);
    log_str(&line, "outcome", outcome);
    log_slice(&line, "from", e->from.len > 0 ? e->from : slice_str("<>"));
    log_slice(&line, "to", r->address);
    log_str(&line, "connector", s->outlet->name);
    log_str(&line, "server", facts->server);
    log_str(&line, "tls", facts->tls);
    log_str(&line, "cipher", facts->cipher);
    log_str(&line, "verified", facts->verified);
    log_slice(&line, "reply", buf_slice(&reply));
    log_str(&line, "why", why);
    log_num(&line, "delay_ms", (uint64_t)(clock_unix_ms() - e->received_unix_ms));
    log_num(&line, "attempt", r->attempts + 1);
    if (next_ms > 0)
        log_num(&line, "next_s", next_ms / 1000);
    log_end(&line);
}

/* 452 4.5.3 for all of them is no splitting: the server takes nobody now. */
static bool
nobody_was_taken(const struct settlement *s)
{
    for (size_t n = 0; n < s->d->open_count; n++)
        if (verdict_of(&s->outcomes[n]).consequence != CONSEQUENCE_SPLIT)
            return false;
    return true;
}

/* What a verdict comes to for this delivery. A message on which each server fails in turn must
 * not stand before the others for ever: it waits by its own timetable. */
static enum verdict_consequence
consequence_of(const struct settlement *s, const struct verdict *v)
{
    size_t lanes = outlet_lanes_known(s->outlet);
    if (v->consequence == CONSEQUENCE_SPLIT && s->all_split)
        return CONSEQUENCE_DEFER;
    if (v->consequence == CONSEQUENCE_NEXT_SERVER &&
        s->d->servers_tried + 1 >= (lanes > TRIES ? lanes : TRIES))
        return CONSEQUENCE_DEFER;
    return v->consequence;
}

static void
decide_one(struct settlement *s, size_t n, const struct outbound_facts *facts, bool *server_bad)
{
    struct outlet *o = s->outlet;
    struct verdict v = verdict_of(&s->outcomes[n]);
    if (v.scope >= SCOPE_SERVER)
        *server_bad = true;
    v.consequence = consequence_of(s, &v);
    const char *outcome = "deferred";
    counter *count = o->count.deferred;
    uint64_t next_ms = 0;

    count_refused_sender(o, s->d, &v, &s->outcomes[n]);
    switch (v.consequence) {
    case CONSEQUENCE_DELIVERED:
        add_row(s, n, RECIPIENT_DELIVERED);
        outcome = "delivered";
        count = o->count.delivered;
        s->was_taken = true;
        break;
    case CONSEQUENCE_BOUNCE:
        outcome = "bounced";
        count = o->count.bounced;
        log_delivery(s, n, outcome, facts, v.diagnosis, 0);
        counter_add(count, 1);
        add_row(s, n, RECIPIENT_BOUNCED);
        add_bounce(s, n, false, facts->server);
        return;
    case CONSEQUENCE_DEFER:
        log_delivery(s, n, outcome, facts, v.diagnosis, 0);
        outcome = defer(s, n, facts->server, &next_ms);
        counter_add(outcome[0] == 'e' ? o->count.expired : count, 1);
        return;
    case CONSEQUENCE_SUSPEND:
    case CONSEQUENCE_NEXT_SERVER:
        s->keep[n] = true;
        break;
    case CONSEQUENCE_SPLIT:
        s->keep[n] = true;
        outcome = "split";
        break;
    }
    counter_add(count, 1);
    log_delivery(s, n, outcome, facts, v.diagnosis, next_ms);
}

/* ---- Recording ---- */

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
    buf_init(&s->texts, count * (REPLY_TEXT + 32));
    if (s->rows == NULL || s->keep == NULL || s->bounces == NULL)
        settlement_free(&s);
    return s;
}

/* Nothing is left to do for this delivery now: on with what is open, or forget it. */
static void
finish(struct settlement **take_s)
{
    struct settlement *s = *take_s;
    struct outlet *o = s->outlet;
    delivery_keep(s->d, s->keep);
    if (s->d->open_count > 0 && !o->retiring)
        outlet_put_back(o, s->d);
    else
        outlet_forget(o, &s->d);
    settlement_free(take_s);
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

/* The report could not be made: its recipients stay open and are bounced at another time. */
static void
postpone_bounces(struct settlement *s)
{
    for (size_t i = 0; i < s->row_count; i++) {
        struct recipient_change *row = &s->rows[i];
        if (row->state != RECIPIENT_BOUNCED && row->state != RECIPIENT_EXPIRED)
            continue;
        row->state = RECIPIENT_WAITING;
        row->due_unix_ms =
            clock_unix_ms() +
            (int64_t)timetable_wait_ms(message_timetable(s->outlet), row->attempts, s->d->id);
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
        bounce_done(o->worker, &s->report, s->d->id, BOUNCE_FAILURE);
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

static void
make_report(struct settlement *s)
{
    struct err err;
    if (s->bounce_count == 0 || bounce_make(s->outlet->worker, s->d->parcel, BOUNCE_FAILURE,
                                            s->bounces, s->bounce_count, &s->report, &err))
        return;
    struct log_line line;
    log_begin(&line, s->outlet->worker->shop->log, EV_internal_trouble, s->d->id);
    log_str(&line, "what", "a report could not be made; its recipients are tried again");
    log_str(&line, "why", err.text);
    log_end(&line);
    postpone_bounces(s);
}

/* last_error of each deferred row points into texts, in order, now that it does not move. */
static void
point_to_texts(struct settlement *s)
{
    size_t at = 0;
    for (size_t i = 0; i < s->row_count; i++) {
        if (s->rows[i].last_error.len == 0 || !buf_ok(&s->texts))
            s->rows[i].last_error.len = 0;
        s->rows[i].last_error.ptr = s->texts.data + at;
        at += s->rows[i].last_error.len;
    }
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
    s->connection = outbound_serial(by);

    const struct outbound_facts facts = outbound_facts(by);
    bool server_bad = false;
    size_t first_bad = 0;
    s->all_split = nobody_was_taken(s);
    for (size_t n = 0; n < d->open_count; n++) {
        bool before = server_bad;
        decide_one(s, n, &facts, &server_bad);
        if (server_bad && !before)
            first_bad = n;
    }
    if (s->was_taken)
        count_delivery(o, d, outbound_lane(by));
    d->servers_tried += server_bad;
    if (server_bad)
        outbound_server_failed(by, &outcomes[first_bad]);
    point_to_texts(s);
    make_report(s);
    s->outcomes = NULL;
    if (s->row_count > 0) {
        record(s);
        return;
    }
    outbound_recorded(by);
    finish(&s);
}
