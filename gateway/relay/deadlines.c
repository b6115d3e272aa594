#include "gateway/relay/deadlines.h"

#include "gateway/base/clock.h"
#include "gateway/base/mem.h"
#include "gateway/relay/giveup.h"
#include "gateway/relay/outlet.h"
#include "gateway/relay/reroute.h"

enum { LOOK_MAX = 512 };

/* May age decide about this recipient now? Not while an outlet has the message in flight or a new
 * way for it is being recorded, and never before one attempt since start (design.md 5, expire).
 */
static bool
may_decide(struct worker *w, const struct parcel *p, const struct envelope_recipient *r,
           bool expire)
{
    if (expire && reroute_has(w, p->envelope.id))
        return false;
    if (r->state == RECIPIENT_HELD || !expire || r->connector.len == 0)
        return true;
    struct outlet *o = worker_outlet(w, r->connector);
    /* Its connector left the configuration: reroute.c comes first. */
    if (o == NULL)
        return false;
    return outlet_was_tried(o) && outlet_withdraw(o, p->envelope.id);
}

/* A held report gets no notice: it is one. */
static bool
is_open(const struct envelope_recipient *r, bool expire)
{
    return r->state == RECIPIENT_WAITING || (expire && r->state == RECIPIENT_HELD);
}

/* An operator suspended the whole queue: its mail does not expire. A resume looks at all anew. */
static bool
is_held_back(const struct worker *w, const struct envelope_recipient *r)
{
    return r->state == RECIPIENT_WAITING &&
           spool_queue_is_suspended(w->shop->spool, r->connector);
}

/* One notice tells of all recipients that wait: the owner of the first of them gives it. */
static bool
gives_notice(const struct worker *w, const struct envelope *e)
{
    for (size_t i = 0; i < e->recipient_count; i++)
        if (is_open(&e->recipients[i], false))
            return worker_owns(w, e->recipients[i].connector);
    return false;
}

/* The recipients that age decides about now; *left: how many it cannot decide about yet. */
static uint32_t *
choose(struct worker *w, const struct parcel *p, bool expire, size_t *count, size_t *left)
{
    const struct envelope *e = &p->envelope;
    uint32_t *indexes = mem_new(e->recipient_count * sizeof *indexes);
    bool all = !expire && gives_notice(w, e);
    *count = *left = 0;
    for (size_t i = 0; indexes != NULL && i < e->recipient_count; i++) {
        const struct envelope_recipient *r = &e->recipients[i];
        bool ours = expire ? worker_owns(w, r->connector) : all;
        if (!ours || !is_open(r, expire) || (expire && is_held_back(w, r)))
            continue;
        if (may_decide(w, p, r, expire))
            indexes[(*count)++] = (uint32_t)i;
        else
            (*left)++;
    }
    return indexes;
}

/* True: nothing more is to be done for this message's age. */
static bool
decide(struct worker *w, uint64_t id, bool expire)
{
    struct err err;
    struct parcel *p = NULL;
    if (!parcel_load(w->shop->spool, id, &p, &err))
        return err.kind == ERR_STATE;
    /* What is about to expire needs no notice any more. */
    if (!expire && p->envelope.received_unix_ms + (int64_t)w->runtime->config->expire_ms <=
                       clock_unix_ms()) {
        parcel_unref(&p);
        return true;
    }
    size_t count, left;
    uint32_t *indexes = choose(w, p, expire, &count, &left);
    bool done = indexes != NULL && left == 0;
    if (count > 0 && expire)
        done = give_up(w, p, indexes, count, true, NULL) && done;
    else if (count > 0 && !p->envelope.delay_noticed && !p->envelope.is_report)
        done = give_notice(w, p, indexes, count) && done;
    mem_free(&indexes);
    parcel_unref(&p);
    return done;
}

/* Messages received before `before`, from *place on. The place moves past what is done; it stays
 * at the first message that could not be decided yet, which the next look begins with. */
static bool
look_from(struct worker *w, struct spool_place *place, int64_t before, bool expire)
{
    struct spool_place *page = mem_new(LOOK_MAX * sizeof *page);
    if (page == NULL)
        return false;
    size_t n = spool_received_before(w->shop->spool, *place, before, page, LOOK_MAX);
    bool all = true;
    for (size_t i = 0; i < n; i++) {
        all = decide(w, page[i].id, expire) && all;
        if (all)
            *place = page[i];
    }
    mem_free(&page);
    return all && n == LOOK_MAX;
}

bool
deadlines_look(struct worker *w)
{
    const struct config *c = w->runtime->config;
    int64_t now = clock_unix_ms();
    bool more = look_from(w, &w->expired_to, now - (int64_t)c->expire_ms, true);
    return look_from(w, &w->noticed_to, now - (int64_t)c->delay_notice_ms, false) || more;
}

void
deadlines_restart(struct worker *w)
{
    w->expired_to = (struct spool_place){INT64_MIN, 0};
    w->noticed_to = (struct spool_place){INT64_MIN, 0};
}
