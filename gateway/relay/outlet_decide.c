#include "gateway/relay/outlet_settle_private.h"

#include "gateway/base/ascii.h"
#include "gateway/base/clock.h"
#include "gateway/relay/roundtrip.h"

enum {
    TRIES = 2,           /* at other servers, or as many as there are */
    TEXTS_MAX = 1 << 20, /* last errors of one message: its record must stay readable */
    TEXT_MIN = 40,
};

struct timetable
outlet_message_timetable(const struct outlet *o)
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
        .tried_unix_ms = s->d->tried_unix_ms,
    };
    s->keep[n] = false;
    return row;
}

static void
add_bounce(struct settlement *s, size_t n, enum dsn_action action,
           const struct outbound_facts *facts)
{
    s->bounces[s->bounce_count++] = (struct bounce_row){
        .index = s->d->open[n],
        .action = action,
        .server = facts->server,
        .reply = &s->outcomes[n].reply,
        .stage = s->outcomes[n].stage,
    };
}

/* Who asked for news of success gets it from a server with DSN, else from us (RFC 3461 5.2.2 b).
 */
static void
add_relayed(struct settlement *s, size_t n, const struct outbound_facts *facts)
{
    const struct envelope *e = &s->d->parcel->envelope;
    unsigned notify = delivery_recipient(s->d, n)->notify;
    if (e->from.len > 0 && !facts->offers_dsn && dsn_is_wanted(notify, DSN_RELAYED))
        add_bounce(s, n, DSN_RELAYED, facts);
}

/* Later: by the message timetable, unless its time is over. Gives the outcome's name. */
static const char *
defer(struct settlement *s, size_t n, const struct diagnosis *why,
      const struct outbound_facts *facts, uint64_t *next_ms)
{
    struct outlet *o = s->outlet;
    int64_t now = clock_unix_ms();
    if (is_expired(o, s->d, now)) {
        add_row(s, n, RECIPIENT_EXPIRED);
        add_bounce(s, n, DSN_FAILED, facts);
        s->bounces[s->bounce_count - 1].expired = true;
        return "expired";
    }
    struct recipient_change *row = add_row(s, n, RECIPIENT_WAITING);
    *next_ms = timetable_wait_ms(outlet_message_timetable(o), row->attempts, s->d->id);
    row->due_unix_ms = now + (int64_t)*next_ms;
    size_t at = s->texts.len;
    diagnosis_put_line(&s->texts, &s->outcomes[n].reply, why);
    size_t share = TEXTS_MAX / s->d->parcel->envelope.recipient_count;
    share = share > TEXT_MIN ? share : TEXT_MIN;
    if (s->texts.len > at + share) {
        buf_truncate(&s->texts, at + share - 3);
        buf_put_str(&s->texts, "...");
    }
    /* The buffer may still move: remember the place, set the pointer when all is written. */
    row->last_error = slice(NULL, s->texts.len - at);
    return "deferred";
}

/* Several different senders refused in a row: then it is not the senders. */
static void
count_refused_sender(struct outlet *o, const struct delivery *d, const struct verdict *v,
                     const struct smtp_outcome *outcome, const struct diagnosis *why)
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
    outlet_suspend(o, why->text, loop_now_ms(o->worker->loop) + SUSPENDED_MS, true);
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
    const struct roundtrip_event event = {e, r, outcome, buf_slice(&reply), facts->offers_dsn};
    roundtrip_note(s->outlet->worker->shop->roundtrips, s->outlet->runtime->config, &event);
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
    struct diagnosis why = outlet_diagnosis(o, outbound_lane(s->by), s->by, &s->outcomes[n]);
    if (v.scope >= SCOPE_SERVER)
        *server_bad = true;
    v.consequence = consequence_of(s, &v);
    const char *outcome = "deferred";
    counter *count = o->count.deferred;
    uint64_t next_ms = 0;

    count_refused_sender(o, s->d, &v, &s->outcomes[n], &why);
    switch (v.consequence) {
    case CONSEQUENCE_DELIVERED:
        add_row(s, n, RECIPIENT_DELIVERED);
        add_relayed(s, n, facts);
        outcome = "delivered";
        count = o->count.delivered;
        s->was_taken = true;
        break;
    case CONSEQUENCE_BOUNCE:
        outcome = "bounced";
        count = o->count.bounced;
        log_delivery(s, n, outcome, facts, why.text, 0);
        counter_add(count, 1);
        add_row(s, n, RECIPIENT_BOUNCED);
        add_bounce(s, n, DSN_FAILED, facts);
        return;
    case CONSEQUENCE_DEFER:
        log_delivery(s, n, outcome, facts, why.text, 0);
        outcome = defer(s, n, &why, facts, &next_ms);
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
    log_delivery(s, n, outcome, facts, why.text, next_ms);
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

bool
outlet_decide(struct settlement *s, const struct outbound_facts *facts, size_t *bad)
{
    bool server_bad = false;
    s->all_split = nobody_was_taken(s);
    for (size_t n = 0; n < s->d->open_count; n++) {
        bool before = server_bad;
        decide_one(s, n, facts, &server_bad);
        if (server_bad && !before)
            *bad = n;
    }
    point_to_texts(s);
    return server_bad;
}
