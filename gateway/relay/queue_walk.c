#include "gateway/relay/queue_walk.h"

#include "gateway/base/clock.h"
#include "gateway/base/mem.h"
#include "gateway/relay/outlet.h"
#include "gateway/relay/pressure_watch.h"
#include "gateway/relay/reroute.h"

enum {
    QUEUES_MAX = 1024,
    PAGE = 64,
    RECORDING_MAX = 256,
    WORK_MS = 3, /* at a time */
    REST_MS = 6, /* then for others */
    AGAIN_MS = 60 * 1000,
    YOUNG_MS = 10 * 1000, /* a loop has no connector for a moment, until its end is recorded */
};

/* Through the queues of send connectors, or through those that nobody owns: each at its own pace,
 * so that what has lost its connector does not wait for the end of a long queue. */
struct leg {
    struct queue_walk *of;
    struct timer *timer;
    bool is_under_way;
    bool again; /* from the beginning, when it is at its end */
    struct spool_queue_stats *queues;
    size_t count;
    size_t at; /* of the queues, the one that it is in */
    bool is_in;
    struct spool_place place; /* in that one */
};

struct queue_walk {
    struct worker *worker;
    struct leg owned;
    struct leg unowned;
    uint64_t begun; /* the last walk for a configuration */
    bool is_owed;   /* its end is still to be told */
    bool retime;
    bool passed_over; /* something that was suspended, then or before this process */
    struct spool_place unreachable_to; /* what had no way has none until the configuration */
    struct spool_place held_to;        /* changes: it is looked at once */
};

static const struct spool_place from_start = {INT64_MIN, 0};

/* ---- Which queues ------------------------------------------------------------------------- */

static bool
is_wanted(const struct leg *l, const char *queue)
{
    struct worker *w = l->of->worker;
    struct slice name = slice_str(queue);
    bool is_unowned = l == &l->of->unowned;
    if (queue[0] == '\0' || strcmp(queue, QUEUE_HELD) == 0)
        return is_unowned && w->index == 0;
    if (queue[0] == '(' || !worker_owns(w, name))
        return false;
    if (spool_queue_is_suspended(w->shop->spool, name))
        return false;
    if (config_send(w->runtime->config, name) != NULL)
        return !is_unowned;
    /* Its connector is gone: once nothing is in flight there. */
    return is_unowned && worker_outlet(w, name) == NULL;
}

/* Where the place is kept between walks; NULL: each begins at the beginning. */
static struct spool_place *
kept_place(struct queue_walk *k, const char *queue)
{
    if (queue[0] == '\0')
        return &k->unreachable_to;
    return strcmp(queue, QUEUE_HELD) == 0 ? &k->held_to : NULL;
}

static int64_t
look_until(const char *queue)
{
    return queue[0] == '\0' ? clock_unix_ms() - YOUNG_MS : INT64_MAX;
}

/* ---- A leg -------------------------------------------------------------------------------- */

/* Has this turn done enough? A sick disk has, at once: nothing could be recorded. */
static bool
is_tired(const struct leg *l, uint64_t began_ms)
{
    const struct worker *w = l->of->worker;
    return w->rerouting_count >= RECORDING_MAX || clock_ms() - began_ms >= WORK_MS ||
           pressure_watch_pauses_delivery(w->shop->pressure);
}

/* On through the queue that it is in. True: to its end. */
static bool
walk_queue(struct leg *l, const char *queue, uint64_t began_ms)
{
    struct worker *w = l->of->worker;
    struct spool_place page[PAGE];
    int64_t next;
    size_t n;
    do {
        n = spool_due(w->shop->spool, slice_str(queue), l->place, look_until(queue), page, PAGE,
                      &next);
        for (size_t i = 0; i < n; i++) {
            if (is_tired(l, began_ms))
                return false;
            (void)reroute_message(w, page[i].id, slice_str(queue), l->of->retime);
            l->place = page[i];
        }
    } while (n == PAGE);
    return true;
}

/* Is something in this queue suspended, or all of it? */
static bool
has_suspended(const struct leg *l, const struct spool_queue_stats *queue)
{
    return queue->suspended > 0 ||
           spool_queue_is_suspended(l->of->worker->shop->spool, slice_str(queue->connector));
}

static void
enter(struct leg *l, const char *queue)
{
    const struct spool_place *kept = kept_place(l->of, queue);
    l->place = kept != NULL ? *kept : from_start;
    l->is_in = true;
}

static void
leave(struct leg *l, const char *queue)
{
    struct spool_place *kept = kept_place(l->of, queue);
    if (kept != NULL)
        *kept = l->place;
    l->is_in = false;
}

static void
start(struct leg *l)
{
    mem_free(&l->queues);
    l->at = l->count = 0;
    l->is_in = l->again = false;
    l->is_under_way = true;
    timer_set(l->timer, loop_now_ms(l->of->worker->loop));
}

static void
end(struct leg *l)
{
    struct queue_walk *k = l->of;
    mem_free(&l->queues);
    l->is_under_way = false;
    if (l->again)
        start(l);
    if (!k->is_owed || queue_walk_is_under_way(k))
        return;
    k->is_owed = k->retime = false;
    if (k->worker->shop->changes != NULL)
        changes_walked(k->worker->shop->changes, k->begun);
}

static bool
list_queues(struct leg *l)
{
    if (l->queues != NULL)
        return true;
    l->queues = mem_new(QUEUES_MAX * sizeof *l->queues);
    if (l->queues == NULL)
        return false;
    l->count = spool_stats(l->of->worker->shop->spool, l->queues, QUEUES_MAX);
    for (size_t i = 0; i < l->count; i++)
        l->of->passed_over = l->of->passed_over || has_suspended(l, &l->queues[i]);
    return true;
}

static void
on_turn(void *context)
{
    struct leg *l = context;
    uint64_t began = clock_ms(), now = loop_now_ms(l->of->worker->loop);
    if (l->of->worker->draining)
        return;
    if (!list_queues(l)) {
        timer_set(l->timer, now + AGAIN_MS);
        return;
    }
    for (; l->at < l->count; l->at++) {
        const char *queue = l->queues[l->at].connector;
        if (!is_wanted(l, queue)) {
            l->is_in = false;
            continue;
        }
        if (!l->is_in)
            enter(l, queue);
        if (!walk_queue(l, queue, began)) {
            timer_set(l->timer, now + REST_MS);
            return;
        }
        leave(l, queue);
    }
    /* It is over when what it changed is on disk. */
    if (l->of->worker->rerouting_count > 0)
        timer_set(l->timer, now + REST_MS);
    else
        end(l);
}

/* ---- The walk ----------------------------------------------------------------------------- */

static bool
leg_init(struct leg *l, struct queue_walk *k)
{
    l->of = k;
    l->timer = timer_new(k->worker->loop, on_turn, l);
    return l->timer != NULL;
}

static void
leg_fini(struct leg *l)
{
    timer_free(&l->timer);
    mem_free(&l->queues);
}

struct queue_walk *
queue_walk_new(struct worker *w)
{
    struct queue_walk *k = mem_new(sizeof *k);
    if (k == NULL)
        return NULL;
    k->worker = w;
    k->passed_over = true;
    k->unreachable_to = k->held_to = from_start;
    bool ok = leg_init(&k->owned, k);
    ok = leg_init(&k->unowned, k) && ok;
    if (!ok)
        queue_walk_free(&k);
    return k;
}

void
queue_walk_free(struct queue_walk **ref)
{
    struct queue_walk *k = *ref;
    if (k == NULL)
        return;
    leg_fini(&k->owned);
    leg_fini(&k->unowned);
    mem_free(ref);
}

void
queue_walk_begin(struct queue_walk *k, struct changes_task task)
{
    if (task.walk == 0 || task.walk == k->begun)
        return;
    k->begun = task.walk;
    k->is_owed = true;
    k->retime = task.retime;
    k->passed_over = false;
    k->unreachable_to = k->held_to = from_start;
    start(&k->owned);
    start(&k->unowned);
}

static void
start_again(struct leg *l)
{
    if (l->is_under_way)
        l->again = true;
    else
        start(l);
}

void
queue_walk_unowned(struct queue_walk *k)
{
    start_again(&k->unowned);
}

void
queue_walk_heed_edit(struct queue_walk *k)
{
    k->unreachable_to = k->held_to = from_start;
    start_again(&k->unowned);
    if (!k->passed_over)
        return;
    k->passed_over = false;
    start_again(&k->owned);
}

bool
queue_walk_is_under_way(const struct queue_walk *k)
{
    return k->owned.is_under_way || k->unowned.is_under_way;
}
