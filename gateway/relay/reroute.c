#include "gateway/relay/reroute.h"

#include "gateway/base/clock.h"
#include "gateway/base/mem.h"
#include "gateway/route/recipient.h"

enum { LOOK_MAX = 256, QUEUES_MAX = 256 };

struct rerouting {
    struct worker *worker;
    struct recipient_change *rows;
    struct arena arena; /* owns the connector names in rows */
};

static void
rerouting_free(struct rerouting **ref)
{
    arena_fini(&(*ref)->arena);
    mem_free(&(*ref)->rows);
    mem_free(ref);
}

static void
on_recorded(void *context, const struct spool_answer *answer)
{
    struct rerouting *r = context;
    struct worker *w = r->worker;
    struct parcel *p = NULL;
    struct err err;
    rerouting_free(&r);
    /* As it is now: its new owners, here or elsewhere, get to know of it. */
    if (!answer->ok || !parcel_load(w->shop->spool, answer->id, &p, &err))
        return;
    worker_offer(w, p);
    parcel_unref(&p);
}

static void
log_unreachable(struct worker *w, const struct envelope *e, const struct envelope_recipient *r,
                const char *why)
{
    struct log_line line;
    log_begin(&line, w->shop->log, EV_unreachable, e->id);
    log_slice(&line, "from", e->from.len > 0 ? e->from : slice_str("<>"));
    log_slice(&line, "to", r->address);
    log_str(&line, "why", why);
    log_end(&line);
}

/* The new connector of a recipient; "" = still none. */
static struct slice
route_anew(struct worker *w, const struct envelope *e, const struct envelope_recipient *r)
{
    struct address to;
    struct route route;
    /* The session's connector may be gone too: queued mail was allowed when it came, so it is
     * routed like our own reports, without the own-forest rule. */
    if (!address_parse(r->address, &to))
        return slice(NULL, 0);
    route_recipient(w->runtime->config, NULL, to, false, &route);
    if (route.connector != NULL)
        return slice_str(route.connector->name);
    log_unreachable(w, e, r, route.d.why);
    return slice(NULL, 0);
}

/* Rows for the recipients that get a connector now. */
static size_t
fill_rows(struct rerouting *r, const struct envelope *e)
{
    size_t count = 0;
    for (size_t i = 0; i < e->recipient_count; i++) {
        const struct envelope_recipient *rcpt = &e->recipients[i];
        if ((rcpt->state != RECIPIENT_WAITING && rcpt->state != RECIPIENT_HELD) ||
            config_send(r->worker->runtime->config, rcpt->connector) != NULL)
            continue;
        struct slice connector = arena_copy(&r->arena, route_anew(r->worker, e, rcpt));
        bool moved = connector.len > 0 || rcpt->connector.len > 0;
        if (connector.ptr == NULL || !moved)
            continue;
        r->rows[count++] = (struct recipient_change){
            .index = (uint32_t)i,
            .state = rcpt->state == RECIPIENT_HELD && connector.len == 0 ? RECIPIENT_HELD
                                                                         : RECIPIENT_WAITING,
            .connector = connector,
            .attempts = rcpt->attempts,
            .due_unix_ms = clock_unix_ms(),
            .last_error = arena_copy(&r->arena, rcpt->last_error),
        };
    }
    return count;
}

static void
reroute_message(struct worker *w, uint64_t id)
{
    struct err err;
    struct parcel *p = NULL;
    if (!parcel_load(w->shop->spool, id, &p, &err))
        return;
    struct rerouting *r = mem_new(sizeof *r);
    uint64_t token = 0;
    size_t count = 0;
    if (r != NULL) {
        r->worker = w;
        arena_init(&r->arena, 8 * 1024 * 1024);
        r->rows = mem_new(p->envelope.recipient_count * sizeof *r->rows);
        count = r->rows != NULL ? fill_rows(r, &p->envelope) : 0;
        if (count > 0)
            token = answers_expect(w->answers, on_recorded, r);
        if (token == 0)
            rerouting_free(&r);
    }
    if (token != 0) {
        struct spool_change change = {.id = id, .rows = r->rows, .row_count = count};
        spool_record(w->spool_client, &change, token, NULL);
    }
    parcel_unref(&p);
}

static void
look_at(struct worker *w, const char *connector)
{
    struct spool_place page[LOOK_MAX];
    int64_t next;
    size_t n = spool_due(w->shop->spool, slice_str(connector), (struct spool_place){INT64_MIN, 0},
                         INT64_MAX, page, LOOK_MAX, &next);
    for (size_t i = 0; i < n; i++)
        reroute_message(w, page[i].id);
}

void
reroute_look(struct worker *w)
{
    struct spool_queue_stats *queues = mem_new(QUEUES_MAX * sizeof *queues);
    if (queues == NULL || w->draining) {
        mem_free(&queues);
        return;
    }
    size_t n = spool_stats(w->shop->spool, queues, QUEUES_MAX);
    for (size_t i = 0; i < n; i++)
        if (queues[i].messages > 0 && (queues[i].connector[0] == '\0' ||
                                       worker_outlet(w, slice_str(queues[i].connector)) == NULL))
            look_at(w, queues[i].connector);
    mem_free(&queues);
}
