#include "gateway/relay/outlet_private.h"

#include "gateway/base/clock.h"
#include "gateway/base/mem.h"
#include "gateway/relay/giveup.h"
#include "gateway/relay/outbound.h"
#include "gateway/relay/pressure_watch.h"
#include "gateway/relay/reroute.h"

enum { DUE_PAGE = 512, PAUSED_LOOK_MS = 1000 };

/* ---- The table of ids ---- */

static struct delivery **
bucket_of(struct outlet *o, uint64_t id)
{
    /* Ids count up in steps of 1024 within a millisecond: mix before taking the low bits. */
    return &o->by_id[(id * UINT64_C(0x9E3779B97F4A7C15)) >> 52];
}

static struct delivery *
find(const struct outlet *o, uint64_t id)
{
    struct delivery *d = o->by_id[(id * UINT64_C(0x9E3779B97F4A7C15)) >> 52];
    while (d != NULL && d->id != id)
        d = d->same_hash;
    return d;
}

static void
enter_id(struct outlet *o, struct delivery *d)
{
    struct delivery **at = bucket_of(o, d->id);
    d->same_hash = *at;
    *at = d;
}

static void
leave_id(struct outlet *o, struct delivery *d)
{
    struct delivery **at = bucket_of(o, d->id);
    while (*at != d)
        at = &(*at)->same_hash;
    *at = d->same_hash;
    d->same_hash = NULL;
}

/* ---- The ready list ---- */

static void
ready_insert(struct outlet *o, struct delivery *d, bool front)
{
    must(!d->queued);
    d->queued = true;
    d->next = front ? o->ready_first : NULL;
    d->prev = front ? NULL : o->ready_last;
    *(d->prev ? &d->prev->next : &o->ready_first) = d;
    *(d->next ? &d->next->prev : &o->ready_last) = d;
    o->ready_count++;
    o->ready_octets += delivery_octets(d);
}

static void
ready_remove(struct outlet *o, struct delivery *d)
{
    must(d->queued);
    d->queued = false;
    *(d->prev ? &d->prev->next : &o->ready_first) = d->next;
    *(d->next ? &d->next->prev : &o->ready_last) = d->prev;
    d->next = d->prev = NULL;
    o->ready_count--;
    o->ready_octets -= delivery_octets(d);
}

/* A new delivery at the end of the ready list. False: no room; the spool has it and knows when.
 */
static bool
ready_add(struct outlet *o, uint64_t id, struct parcel *parcel)
{
    if (o->ready_count >= READY_MAX)
        return false;
    bool keep = parcel != NULL && o->ready_octets < READY_OCTETS;
    struct delivery *d = delivery_new(id, keep ? parcel : NULL);
    if (d == NULL)
        return false;
    enter_id(o, d);
    ready_insert(o, d, false);
    return true;
}

/* Something is due then: the timer looks into the spool. */
static void
expect_due(struct outlet *o, int64_t due_unix_ms)
{
    if (due_unix_ms < o->next_due_unix_ms)
        o->next_due_unix_ms = due_unix_ms;
}

/* An attempt begins: should it crash us, the next process knows which it was. */
static void
take_off(struct outlet *o, struct delivery *d)
{
    d->in_flight = in_flight_enter(spool_in_flight(o->worker->shop->spool), d->id);
}

static void
land(struct outlet *o, struct delivery *d)
{
    in_flight_leave(spool_in_flight(o->worker->shop->spool), d->in_flight);
    d->in_flight = 0;
}

void
outlet_put_back(struct outlet *o, struct delivery *d)
{
    if (o->retiring) {
        outlet_forget(o, &d);
        return;
    }
    o->in_flight--;
    land(o, d);
    ready_insert(o, d, true);
}

void
outlet_forget(struct outlet *o, struct delivery **d)
{
    if ((*d)->open != NULL)
        expect_due(o, delivery_later_due(*d, slice_str(o->name)));
    o->in_flight--;
    land(o, *d);
    leave_id(o, *d);
    delivery_free(d);
}

/* ---- What is due ---- */

/* Fill the ready list from the spool. What is in memory already comes along and is passed over:
 * it is at most READY_MAX and what is in flight, so the walk is bounded. */
static void
look_into_spool(struct outlet *o)
{
    int64_t now = clock_unix_ms();
    struct spool_place page[DUE_PAGE];
    struct spool_place after = {INT64_MIN, 0};
    size_t n;
    o->behind = false;
    do {
        n = spool_due(o->worker->shop->spool, slice_str(o->name), after, now, page, DUE_PAGE,
                      &o->next_due_unix_ms);
        for (size_t i = 0; i < n; i++) {
            if (find(o, page[i].id) == NULL && !ready_add(o, page[i].id, NULL)) {
                o->behind = true;
                return;
            }
            if (page[i].id > o->found_to)
                o->found_to = page[i].id;
        }
        if (n > 0)
            after = page[n - 1];
    } while (n == DUE_PAGE);
}

static bool
is_suspended(const struct outlet *o)
{
    return o->is_queue_suspended || o->suspended_until_ms > loop_now_ms(o->worker->loop);
}

/* The disk is sick: an attempt whose outcome cannot be recorded would be repeated after a crash.
 * Connections stay, what is in flight goes on. */
static bool
is_paused(const struct outlet *o)
{
    return pressure_watch_pauses_delivery(o->worker->shop->pressure);
}

/* The configuration may have changed since its recipients came here. */
static bool
goes_here(const struct outlet *o, const struct delivery *d)
{
    for (size_t n = 0; n < d->open_count; n++)
        if (!reroute_stays(o->worker, &d->parcel->envelope, delivery_recipient(d, n)))
            return false;
    return true;
}

/* Some of its recipients go another way now. The others come back when that is recorded. */
static void
send_elsewhere(struct outlet *o, struct delivery **d)
{
    uint64_t id = (*d)->id;
    outlet_forget(o, d);
    if (!reroute_message(o->worker, id, slice_str(o->name), false))
        expect_due(o, clock_unix_ms() + LOOK_AGAIN_MS); /* no memory */
}

struct delivery *
outlet_next(struct outlet *o)
{
    struct err err;
    if (o->retiring || is_suspended(o) || is_paused(o))
        return NULL;
    if (o->ready_count < READY_LOW && o->behind)
        look_into_spool(o);
    while (o->ready_first != NULL) {
        struct delivery *d = o->ready_first;
        ready_remove(o, d);
        o->in_flight++;
        if (delivery_open(d, o->worker->shop->spool, slice_str(o->name), clock_unix_ms(), &err)) {
            bool is_free = d->open_count > 0 && !give_up_has(o->worker, d->id) &&
                           !reroute_has(o->worker, d->id);
            if (is_free && goes_here(o, d)) {
                d->generation = o->runtime->config->generation;
                take_off(o, d);
                return d;
            }
            if (is_free) {
                send_elsewhere(o, &d);
                continue;
            }
        } else if (err.kind != ERR_STATE) {
            /* No memory, or the disk: it stays in the spool and is found again in a minute. */
            expect_due(o, clock_unix_ms() + LOOK_AGAIN_MS);
            struct log_line line;
            log_begin(&line, o->worker->shop->log, EV_internal_trouble, d->id);
            log_str(&line, "what", "a queued message could not be read");
            log_str(&line, "why", err.text);
            log_end(&line);
        }
        outlet_forget(o, &d);
    }
    return NULL;
}

/* ---- The pump ---- */

/* Which of two idle connections goes first: with failover the one to the earlier server, with
 * round-robin the one whose server has waited longest. */
static bool
goes_before(const struct outlet *o, const struct lane *a, const struct lane *b)
{
    if (o->connector->balance == BALANCE_FAILOVER)
        return a->server < b->server;
    return a->last_turn < b->last_turn;
}

static struct outbound *
ready_connection(const struct outlet *o)
{
    struct outbound *best = NULL;
    for (struct outbound *b = o->connections; b != NULL; b = outbound_after(b))
        if (outbound_is_ready(b) &&
            (best == NULL || goes_before(o, outbound_lane(b), outbound_lane(best))))
            best = b;
    return best;
}

static void
feed_connections(struct outlet *o)
{
    struct outbound *b;
    while (o->ready_first != NULL && (b = ready_connection(o)) != NULL) {
        struct delivery *d = outlet_next(o);
        if (d == NULL)
            return;
        outbound_send(b, &d);
    }
}

/* Open connections for what waits, but never more than there are messages for them. False: out of
 * memory. */
static bool
open_connections(struct outlet *o)
{
    uint64_t now = loop_now_ms(o->worker->loop);
    size_t making_max = o->on_probation ? 1 : MAKING_MAX;
    /* A lane that cannot be dialled is blocked at once, and the next one is chosen. */
    for (size_t i = 0; i < LANES_MAX && o->ready_count > o->making_count &&
                       o->making_count < making_max && !is_suspended(o);
         i++) {
        struct lane *lane = outlet_choose_lane(o, now);
        if (lane == NULL)
            return true;
        if (!outbound_open(o, lane))
            return false;
    }
    return true;
}

static void
arm_timer(struct outlet *o, bool soon)
{
    uint64_t now = loop_now_ms(o->worker->loop);
    uint64_t wake = UINT64_MAX;
    if (soon || (o->behind && o->ready_count == 0)) {
        wake = now + LOOK_AGAIN_MS; /* memory was short: look again, calmly */
    } else if (!o->behind && o->next_due_unix_ms != INT64_MAX) {
        int64_t wait = o->next_due_unix_ms - clock_unix_ms();
        wake = now + (wait > 0 ? (uint64_t)wait : 0) + 1;
    }
    if (is_suspended(o))
        wake = o->is_queue_suspended ? UINT64_MAX : o->suspended_until_ms;
    else if (o->ready_count > 0 && is_paused(o))
        wake = now + PAUSED_LOOK_MS;
    else if (o->ready_count > 0) {
        uint64_t lane = outlet_lane_wake_ms(o);
        wake = lane < wake ? lane : wake;
        /* Names that could not be resolved are tried again like a server that does not answer. */
        if (outlet_lanes_known(o) == 0 && o->look_ups == 0 && now + ADDRESSES_FRESH_MS < wake)
            wake = now + ADDRESSES_FRESH_MS;
    }
    timer_set(o->timer, wake);
}

/* Round-robin means all servers, also when one kept connection could carry everything. */
static void
open_unvisited(struct outlet *o)
{
    if (o->ready_count == 0 || o->connections == NULL || o->making_count > 0)
        return;
    struct lane *lane = outlet_unvisited_lane(o, loop_now_ms(o->worker->loop));
    if (lane != NULL)
        (void)outbound_open(o, lane); /* without memory the others carry on */
}

void
outlet_pump(struct outlet *o)
{
    bool has_memory = true;
    if (o->retiring)
        return;
    if (o->ready_count > o->making_count)
        outlet_heed_credential(o);
    if (!is_suspended(o) && !is_paused(o)) {
        open_unvisited(o);
        feed_connections(o);
        if (o->ready_count > o->making_count) {
            outlet_find_servers(o);
            has_memory = open_connections(o);
        }
    }
    outlet_notice_counts(o);
    arm_timer(o, !has_memory);
}

void
outlet_on_timer(void *context)
{
    struct outlet *o = context;
    if (o->retiring)
        return;
    /* Also when there is no room for it now: outlet_next() looks as soon as there is. */
    if (o->next_due_unix_ms <= clock_unix_ms())
        o->behind = true;
    if (o->behind && o->ready_count < READY_LOW)
        look_into_spool(o);
    outlet_pump(o);
}

/* ---- For the worker and the tools ---- */

void
outlet_drop_ready(struct outlet *o)
{
    while (o->ready_first != NULL) {
        struct delivery *d = o->ready_first;
        ready_remove(o, d);
        leave_id(o, d);
        delivery_free(&d);
    }
}

/* A parcel from another worker takes a moment, in which its message may have been found in the
 * spool, delivered and recorded. Ids count up: one beyond all that were ever found cannot have
 * been; of any other only the id is taken, and the record is read when its turn comes. */
static bool
may_be_stale(const struct outlet *o, const struct parcel *p)
{
    return p->was_read || p->envelope.id <= o->found_to;
}

void
outlet_offer(struct outlet *o, struct parcel *parcel)
{
    uint64_t id = parcel->envelope.id;
    if (o->retiring)
        return;
    if (find(o, id) == NULL && !ready_add(o, id, may_be_stale(o, parcel) ? NULL : parcel))
        o->behind = true;
    outlet_pump(o);
}

void
outlet_look(struct outlet *o)
{
    if (o->retiring)
        return;
    o->behind = true;
    timer_set(o->timer, loop_now_ms(o->worker->loop));
}

void
outlet_expect(struct outlet *o, int64_t due_unix_ms)
{
    if (o->retiring || due_unix_ms >= o->next_due_unix_ms)
        return;
    o->next_due_unix_ms = due_unix_ms;
    arm_timer(o, false);
}

void
outlet_tick(struct outlet *o)
{
    if (!o->waits_for_credential || o->retiring)
        return;
    outlet_heed_credential(o);
    outlet_pump(o);
}

bool
outlet_has(const struct outlet *o, uint64_t id)
{
    return find(o, id) != NULL;
}

bool
outlet_has_in_flight(const struct outlet *o, uint64_t id)
{
    const struct delivery *d = find(o, id);
    return d != NULL && !d->queued;
}

bool
outlet_withdraw(struct outlet *o, uint64_t id)
{
    struct delivery *d = find(o, id);
    if (d == NULL)
        return true;
    if (!d->queued)
        return false;
    ready_remove(o, d);
    leave_id(o, d);
    delivery_free(&d);
    return true;
}

size_t
outlet_heed_edit(struct outlet *o, const uint64_t *ids, size_t count)
{
    size_t under_way = 0;
    for (size_t i = 0; i < count; i++) {
        under_way += !outlet_withdraw(o, ids[i]);
        if (ids[i] > o->found_to)
            o->found_to = ids[i]; /* a parcel that is on its way may be stale now */
    }
    o->is_queue_suspended = spool_queue_is_suspended(o->worker->shop->spool, slice_str(o->name));
    outlet_notice(o);
    outlet_look(o);
    return under_way;
}

bool
outlet_was_tried(const struct outlet *o)
{
    return o->was_tried;
}

bool
outlet_is_idle(const struct outlet *o)
{
    return o->connections == NULL && o->in_flight == 0;
}

const char *
outlet_name(const struct outlet *o)
{
    return o->name;
}

struct outlet *
outlet_after(const struct outlet *o)
{
    return o->next;
}

struct outlet_state
outlet_state(const struct outlet *o)
{
    uint64_t now = loop_now_ms(o->worker->loop);
    uint64_t wake = is_suspended(o) ? o->suspended_until_ms : outlet_lane_wake_ms(o);
    return (struct outlet_state){
        .suspended = is_suspended(o),
        .wait_ms = wake != UINT64_MAX && wake > now ? wake - now : 0,
        .connections = o->connection_count,
        .ready = o->ready_count,
        .in_flight = o->in_flight,
        .last_error = o->last_error,
    };
}
