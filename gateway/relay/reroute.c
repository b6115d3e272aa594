#include "gateway/relay/reroute.h"

#include "gateway/base/clock.h"
#include "gateway/base/mem.h"
#include "gateway/relay/giveup.h"
#include "gateway/relay/outlet.h"
#include "gateway/route/recipient.h"

enum {
    LOOK_MAX = 256,
    QUEUES_MAX = 256,
    YOUNG_MS = 10 * 1000, /* a loop has no connector for a moment, until its end is recorded */
};

struct rerouting {
    struct rerouting *next; /* of the worker, until the spool has recorded it */
    uint64_t id;
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

bool
reroute_has(const struct worker *w, uint64_t id)
{
    const struct rerouting *r = w->rerouting;
    while (r != NULL && r->id != id)
        r = r->next;
    return r != NULL;
}

static void
unlist(struct rerouting *r)
{
    struct rerouting **at = &r->worker->rerouting;
    while (*at != r)
        at = &(*at)->next;
    *at = r->next;
}

static void
on_recorded(void *context, const struct spool_answer *answer)
{
    struct rerouting *r = context;
    struct worker *w = r->worker;
    struct parcel *p = NULL;
    struct err err;
    unlist(r);
    rerouting_free(&r);
    /* As it is now: its new owners, here or elsewhere, get to know of it. */
    if (answer->ok && parcel_load(w->shop->spool, answer->id, &p, &err)) {
        worker_offer(w, p);
        parcel_unref(&p);
        return;
    }
    /* What passed it over meanwhile finds it again. */
    for (struct outlet *o = w->outlets; o != NULL; o = outlet_after(o))
        outlet_look(o);
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
    if (!address_parse_utf8(r->address, &to))
        return slice(NULL, 0);
    route_recipient(w->runtime->config, NULL, to, false, &route);
    if (route.connector != NULL)
        return slice_str(route.connector->name);
    if (r->connector.len > 0) /* once, not at each look */
        log_unreachable(w, e, r, route.d.why);
    return slice(NULL, 0);
}

/* A recipient whose connector has left the configuration, and nothing of it is in flight there
 * any more: else it would be sent on the old way and on the new one. */
static bool
is_stranded(const struct worker *w, const struct envelope_recipient *r)
{
    return envelope_is_open(r) && r->state != RECIPIENT_RETURNING &&
           config_send(w->runtime->config, r->connector) == NULL &&
           worker_owns(w, r->connector) && worker_outlet(w, r->connector) == NULL;
}

/* Rows for the recipients that get a connector now. */
static size_t
fill_rows(struct rerouting *r, const struct envelope *e)
{
    size_t count = 0;
    for (size_t i = 0; i < e->recipient_count; i++) {
        const struct envelope_recipient *rcpt = &e->recipients[i];
        if (!is_stranded(r->worker, rcpt))
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
    if (give_up_has(w, id) || !parcel_load(w->shop->spool, id, &p, &err))
        return;
    struct rerouting *r = mem_new(sizeof *r);
    uint64_t token = 0;
    size_t count = 0;
    if (r != NULL) {
        r->worker = w;
        r->id = id;
        arena_init(&r->arena, 8 * 1024 * 1024);
        r->rows = mem_new(p->envelope.recipient_count * sizeof *r->rows);
        count = r->rows != NULL ? fill_rows(r, &p->envelope) : 0;
        if (count > 0)
            token = answers_expect(w->answers, on_recorded, r);
        if (token == 0)
            rerouting_free(&r);
    }
    if (token != 0) {
        r->next = w->rerouting;
        w->rerouting = r;
        struct spool_change change = {.id = id, .rows = r->rows, .row_count = count};
        spool_record(w->spool_client, &change, token, NULL);
    }
    parcel_unref(&p);
}

/* A page of a queue behind *place, which moves. True: there may be more. */
static bool
look_at(struct worker *w, const char *connector, struct spool_place *place, int64_t until)
{
    struct spool_place page[LOOK_MAX];
    int64_t next;
    size_t n =
        spool_due(w->shop->spool, slice_str(connector), *place, until, page, LOOK_MAX, &next);
    for (size_t i = 0; i < n; i++)
        reroute_message(w, page[i].id);
    if (n > 0)
        *place = page[n - 1];
    return n == LOOK_MAX;
}

static bool
look_at_queue(struct worker *w, const char *connector)
{
    /* What had no route has none until the configuration changes: it is looked at once. */
    if (connector[0] == '\0' && w->index == 0)
        return look_at(w, "", &w->rerouted_to, clock_unix_ms() - YOUNG_MS);
    if (strcmp(connector, QUEUE_HELD) == 0 && w->index == 0)
        return look_at(w, QUEUE_HELD, &w->held_to, clock_unix_ms());
    if (connector[0] == '(')
        return false;
    /* Whatever is looked at here leaves this queue. */
    struct slice name = slice_str(connector);
    struct spool_place from_start = {INT64_MIN, 0};
    if (!worker_owns(w, name) || config_send(w->runtime->config, name) != NULL ||
        worker_outlet(w, name) != NULL)
        return false;
    return look_at(w, connector, &from_start, INT64_MAX) && w->rerouting != NULL;
}

bool
reroute_look(struct worker *w)
{
    bool more = false;
    if (w->rerouting != NULL)
        return true;
    struct spool_queue_stats *queues = mem_new(QUEUES_MAX * sizeof *queues);
    size_t n = queues != NULL ? spool_stats(w->shop->spool, queues, QUEUES_MAX) : 0;
    for (size_t i = 0; i < n; i++)
        if (queues[i].messages > 0)
            more = look_at_queue(w, queues[i].connector) || more;
    mem_free(&queues);
    return more;
}

void
reroute_restart(struct worker *w)
{
    w->rerouted_to = (struct spool_place){INT64_MIN, 0};
    w->held_to = (struct spool_place){INT64_MIN, 0};
}
