#include "gateway/relay/reroute.h"

#include "gateway/base/clock.h"
#include "gateway/base/mem.h"
#include "gateway/relay/changes.h"
#include "gateway/relay/giveup.h"
#include "gateway/relay/outlet.h"
#include "gateway/relay/route_memory.h"
#include "gateway/spool/timetable.h"

enum {
    AGAIN_MS = 60 * 1000,
    ENVELOPE_MAX = 4 * ENVELOPE_RECORD_MAX, /* in memory, with all its texts */
};

struct rerouting {
    struct rerouting *next; /* of the worker, until the spool has recorded it */
    uint64_t id;
    struct worker *worker;
    struct runtime *runtime; /* owns the new connectors' names */
    char queue[ENVELOPE_CONNECTOR_MAX + 1];
    struct recipient_change *rows;
    size_t count;
    size_t moved;    /* of the rows; the others have a new due time */
    bool was_missed; /* somebody had it ready, or passed it over: he is to look again */
};

static void
rerouting_free(struct rerouting **ref)
{
    runtime_unref(&(*ref)->runtime);
    mem_free(&(*ref)->rows);
    mem_free(ref);
}

bool
reroute_has(const struct worker *w, uint64_t id)
{
    struct rerouting *r = w->rerouting;
    while (r != NULL && r->id != id)
        r = r->next;
    if (r != NULL)
        r->was_missed = true;
    return r != NULL;
}

static void
enlist(struct rerouting *r)
{
    r->next = r->worker->rerouting;
    r->worker->rerouting = r;
    r->worker->rerouting_count++;
}

static void
unlist(struct rerouting *r)
{
    struct rerouting **at = &r->worker->rerouting;
    while (*at != r)
        at = &(*at)->next;
    *at = r->next;
    r->worker->rerouting_count--;
}

/* ---- It is on disk ------------------------------------------------------------------------ */

/* To whoever shows what the configuration changed: one message, by the first of its recipients
 * that moved. */
static void
count_change(const struct rerouting *r)
{
    struct changes *c = r->worker->shop->changes;
    size_t i = 0;
    while (i < r->count && slice_is(r->rows[i].connector, r->queue))
        i++;
    if (c != NULL && i < r->count)
        changes_moved(c, slice_str(r->queue), r->rows[i].connector);
    else if (c != NULL)
        changes_retimed(c);
}

static void
expect_again(const struct rerouting *r, int64_t due_unix_ms)
{
    struct outlet *o = worker_outlet(r->worker, slice_str(r->queue));
    if (o != NULL)
        outlet_expect(o, due_unix_ms);
}

/* As it is now: its new owners, here or elsewhere, get to know of it; and so does the old one,
 * which may have other recipients of it. */
static void
offer(const struct rerouting *r)
{
    struct parcel *p = NULL;
    struct err err;
    if (parcel_load(r->worker->shop->spool, r->id, &p, &err)) {
        worker_offer(r->worker, p);
        parcel_unref(&p);
        return;
    }
    /* What passed it over meanwhile finds it again. */
    for (struct outlet *o = r->worker->outlets; o != NULL; o = outlet_after(o))
        outlet_look(o);
}

static void
on_recorded(void *context, const struct spool_answer *answer)
{
    struct rerouting *r = context;
    int64_t due = INT64_MAX;
    unlist(r);
    for (size_t i = 0; i < r->count; i++)
        due = r->rows[i].due_unix_ms < due ? r->rows[i].due_unix_ms : due;
    if (answer->ok)
        count_change(r);
    if (answer->ok && r->moved > 0)
        offer(r);
    else if (answer->ok)
        expect_again(r, r->was_missed ? clock_unix_ms() : due);
    else if (answer->err.kind != ERR_STATE && answer->err.kind != ERR_CLOSED)
        expect_again(r, clock_unix_ms() + AGAIN_MS);
    rerouting_free(&r);
}

/* ---- What changes ------------------------------------------------------------------------- */

static struct timetable
timetable_of(const struct runtime *runtime)
{
    const struct retry_steps *steps = &runtime->config->retry_message;
    return (struct timetable){steps->wait_ms, steps->count};
}

static struct slice
way_of(struct worker *w, const struct envelope *e, const struct envelope_recipient *r)
{
    const struct send_connector *to = route_memory_ask(w->routes, w->runtime->config, e, r);
    return slice_str(to != NULL ? to->name : "");
}

bool
reroute_stays(struct worker *w, const struct envelope *e, const struct envelope_recipient *r)
{
    return slice_equal(way_of(w, e, r), r->connector);
}

static void
log_move(struct worker *w, const struct envelope *e, const struct envelope_recipient *r,
         struct slice to, const char *why)
{
    struct log_line line;
    log_begin(&line, w->shop->log, to.len > 0 ? EV_rerouted : EV_unreachable, e->id);
    log_slice(&line, "from", e->from.len > 0 ? e->from : slice_str("<>"));
    log_slice(&line, "to", r->address);
    if (to.len > 0) {
        log_slice(&line, "was", r->connector);
        log_slice(&line, "connector", to);
    } else {
        log_str(&line, "why", why);
    }
    log_end(&line);
}

/* What is said of a recipient that moves: why it is unreachable; and not that it was, once it is
 * not. */
static struct slice
words_for(struct worker *w, struct arena *arena, const struct envelope *e,
          const struct envelope_recipient *r, struct slice to)
{
    char why[200] = "";
    if (to.len == 0)
        (void)route_queued(w->runtime->config, e->receive_connector, r->address, why, sizeof why);
    log_move(w, e, r, to, why);
    if (to.len == 0)
        return arena_copy(arena, slice_str(why));
    return r->connector.len > 0 ? r->last_error : slice(NULL, 0);
}

/* A held report without a route stays held. */
static struct recipient_change
move(struct worker *w, struct arena *arena, const struct envelope *e,
     const struct envelope_recipient *r, struct slice to)
{
    return (struct recipient_change){
        .state = RECIPIENT_WAITING,
        .connector = to,
        .attempts = r->attempts,
        .due_unix_ms = clock_unix_ms(),
        .last_error = words_for(w, arena, e, r, to),
        .moved_from = r->connector,
    };
}

/* False: it is due when it was. */
static bool
retime(const struct worker *w, const struct envelope *e, const struct envelope_recipient *r,
       struct slice way, struct recipient_change *out)
{
    int64_t due = timetable_due_anew(timetable_of(w->runtime), r->attempts, e->id,
                                     r->tried_unix_ms, r->due_unix_ms, clock_unix_ms());
    *out = (struct recipient_change){
        .state = RECIPIENT_WAITING,
        .connector = way,
        .attempts = r->attempts,
        .due_unix_ms = due,
        .last_error = r->last_error,
    };
    return due != r->due_unix_ms;
}

/* Of the recipients in this queue those that the configuration may decide about. */
static bool
is_ours(const struct worker *w, const struct envelope *e, const struct envelope_recipient *r,
        struct slice queue)
{
    if (!envelope_is_open(r) || r->state == RECIPIENT_RETURNING ||
        !slice_equal(envelope_queue(e, r), queue))
        return false;
    return r->state != RECIPIENT_SUSPENDED ||
           config_send(w->runtime->config, r->connector) == NULL;
}

static void
fill_rows(struct rerouting *to, struct arena *arena, const struct envelope *e, bool is_retiming)
{
    struct worker *w = to->worker;
    for (size_t i = 0; i < e->recipient_count; i++) {
        const struct envelope_recipient *r = &e->recipients[i];
        struct recipient_change *row = &to->rows[to->count];
        if (!is_ours(w, e, r, slice_str(to->queue)))
            continue;
        struct slice way = way_of(w, e, r);
        bool moves = !slice_equal(way, r->connector);
        if (moves)
            *row = move(w, arena, e, r, way);
        else if (!is_retiming || way.len == 0 || !retime(w, e, r, way, row))
            continue;
        row->index = (uint32_t)i;
        to->moved += moves;
        to->count++;
    }
}

/* ---- The whole ---------------------------------------------------------------------------- */

static struct rerouting *
rerouting_new(struct worker *w, uint64_t id, struct slice queue, size_t recipients)
{
    struct rerouting *r = mem_new(sizeof *r);
    if (r == NULL)
        return NULL;
    r->id = id;
    r->worker = w;
    r->runtime = runtime_ref(w->runtime);
    slice_copy_text(r->queue, sizeof r->queue, queue);
    r->rows = mem_new(recipients * sizeof *r->rows);
    if (r->rows == NULL)
        rerouting_free(&r);
    return r;
}

static bool
record(struct rerouting *r)
{
    struct worker *w = r->worker;
    struct outlet *o = worker_outlet(w, slice_str(r->queue));
    uint64_t token = r->count > 0 ? answers_expect(w->answers, on_recorded, r) : 0;
    if (token == 0)
        return false;
    /* What is ready there is of before the change; it may be for other recipients, too. */
    r->was_missed = o != NULL && outlet_has(o, r->id);
    must(o == NULL || outlet_withdraw(o, r->id));
    enlist(r);
    struct spool_change change = {.id = r->id, .rows = r->rows, .row_count = r->count};
    spool_record(w->spool_client, &change, token, NULL);
    return true;
}

/* What an attempt has in hand its outcome decides about. */
static bool
is_in_hand(const struct worker *w, uint64_t id, struct slice queue)
{
    const struct outlet *o = worker_outlet(w, queue);
    return give_up_has(w, id) || reroute_has(w, id) || (o != NULL && outlet_has_in_flight(o, id));
}

static bool
reroute(struct worker *w, struct slice queue, const struct envelope *e, struct arena *arena,
        bool retime)
{
    struct rerouting *r = rerouting_new(w, e->id, queue, e->recipient_count);
    if (r == NULL)
        return false;
    fill_rows(r, arena, e, retime);
    bool is_recorded = record(r);
    if (!is_recorded)
        rerouting_free(&r);
    return is_recorded;
}

bool
reroute_message(struct worker *w, uint64_t id, struct slice queue, bool retime)
{
    struct arena arena;
    struct envelope e;
    struct err err;
    if (is_in_hand(w, id, queue))
        return false;
    arena_init(&arena, ENVELOPE_MAX);
    bool is_changed =
        spool_read(w->shop->spool, id, &arena, &e, &err) && reroute(w, queue, &e, &arena, retime);
    arena_fini(&arena);
    return is_changed;
}
