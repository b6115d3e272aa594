#include "gateway/relay/worker.h"

#include "gateway/base/clock.h"
#include "gateway/base/mem.h"
#include "gateway/relay/deadlines.h"
#include "gateway/relay/inbound.h"
#include "gateway/relay/outlet.h"
#include "gateway/relay/queue_walk.h"
#include "gateway/relay/returning.h"
#include "gateway/relay/route_memory.h"
#include "gateway/relay/tls_diary.h"

enum {
    TICK_MS = 60 * 1000,
    TICK_SOON_MS = 1000,  /* there is more of the same */
    PASSWORD_JOBS = 2,    /* at once: two cores do about 80 yescrypt checks a second; one for
                             each when there are several workers, which share the pool */
    PASSWORD_QUEUE = 256, /* waiting; beyond: 454 */
    MAILBOX_MAX = 4096,   /* parcels from other workers; beyond: found in the spool */
};

bool
worker_owns(const struct worker *w, struct slice connector)
{
    return ownership_of(w->shop->ownership, connector) == w->index;
}

struct outlet *
worker_outlet(const struct worker *w, struct slice connector)
{
    struct outlet *o = w->outlets;
    while (o != NULL && !slice_is(connector, outlet_name(o)))
        o = outlet_after(o);
    return o;
}

/* ---- Parcels ---- */

/* It came by the configuration from before: no outlet will take it, but it can be routed anew. */
static bool
is_stranded(const struct worker *w, const struct parcel *p)
{
    for (size_t i = 0; i < p->envelope.recipient_count; i++) {
        struct slice connector = p->envelope.recipients[i].connector;
        if (connector.len > 0 && config_send(w->runtime->config, connector) == NULL &&
            worker_owns(w, connector))
            return true;
    }
    return false;
}

/* Offer the parcel to each outlet of ours that one of its recipients goes through. */
static void
take_parcel(struct worker *w, struct parcel *p)
{
    for (struct outlet *o = w->outlets, *next; o != NULL; o = next) {
        next = outlet_after(o);
        for (size_t i = 0; i < p->envelope.recipient_count; i++) {
            if (slice_is(p->envelope.recipients[i].connector, outlet_name(o))) {
                outlet_offer(o, p);
                break;
            }
        }
    }
    if (is_stranded(w, p))
        timer_set(w->tick, loop_now_ms(w->loop));
}

/* A parcel was refused while we were busy: its message is in the spool and due. */
static void
look_for_missed(struct worker *w)
{
    if (!atomic_exchange(&w->mailbox_missed, false))
        return;
    for (struct outlet *o = w->outlets; o != NULL; o = outlet_after(o))
        outlet_look(o);
}

static void
on_mail(void *context, const struct mailbox_item *item)
{
    struct worker *w = context;
    struct parcel *p = item->ref;
    take_parcel(w, p);
    parcel_unref(&p);
    look_for_missed(w);
}

static void
on_mail_dropped(void *context, const struct mailbox_item *item)
{
    struct parcel *p = item->ref;
    (void)context;
    parcel_unref(&p);
}

static void
post_parcel(struct worker *to, struct parcel *parcel)
{
    const struct mailbox_item item = {.id = parcel->envelope.id, .ref = parcel_ref(parcel)};
    if (mailbox_post(to->mailbox, &item))
        return;
    /* Noted before the second try: if that is refused too, there is an item behind which the
     * owner sees the note. */
    atomic_store(&to->mailbox_missed, true);
    if (mailbox_post(to->mailbox, &item))
        return;
    struct parcel *back = item.ref;
    parcel_unref(&back);
}

void
worker_offer(struct worker *w, struct parcel *parcel)
{
    uint64_t told = 0; /* a bit for each worker */
    for (size_t i = 0; i < parcel->envelope.recipient_count; i++) {
        struct slice connector = parcel->envelope.recipients[i].connector;
        size_t owner = ownership_of(w->shop->ownership, connector);
        if (connector.len == 0 || (told & UINT64_C(1) << owner))
            continue;
        told |= UINT64_C(1) << owner;
        if (owner == w->index) {
            take_parcel(w, parcel);
            continue;
        }
        post_parcel(w->shop->workers[owner], parcel);
    }
}

/* ---- Configuration ---- */

static bool
make_outlets(struct worker *w)
{
    const struct config *c = w->runtime->config;
    for (size_t i = 0; i < c->send_count; i++) {
        const struct send_connector *connector = &c->send[i];
        if (!worker_owns(w, slice_str(connector->name)))
            continue;
        struct outlet *o = worker_outlet(w, slice_str(connector->name));
        if (o != NULL)
            outlet_use(o, w->runtime, connector);
        else if (outlet_new(w, connector) == NULL)
            return false;
    }
    return true;
}

static void
retire_outlets(struct worker *w)
{
    for (struct outlet *o = w->outlets, *next; o != NULL; o = next) {
        next = outlet_after(o);
        if (config_send(w->runtime->config, slice_str(outlet_name(o))) == NULL)
            outlet_retire(o, false);
    }
}

/* Outlets that retired go when nothing is in flight there any more. */
static void
sweep_outlets(struct worker *w)
{
    for (struct outlet *o = w->outlets, *next; o != NULL; o = next) {
        next = outlet_after(o);
        if (config_send(w->runtime->config, slice_str(outlet_name(o))) == NULL &&
            outlet_is_idle(o))
            outlet_free(&o);
    }
}

/* Without the account that all workers share (in tests) nobody knows what differs. */
static struct changes_task
changed_queue(struct worker *w)
{
    if (w->shop->changes != NULL)
        return changes_begin(w->shop->changes, w->runtime->config, w->shop->worker_count);
    return (struct changes_task){.walk = ++w->configurations, .retime = true};
}

bool
worker_use(struct worker *w, struct runtime *runtime, struct err *err)
{
    struct resolver *resolver = NULL;
    TRY(resolver_new(w->loop, runtime->config, &resolver, err));

    struct runtime *before = w->runtime;
    struct resolver *resolver_before = w->resolver;
    w->runtime = runtime_ref(runtime);
    w->resolver = resolver;
    route_memory_forget(w->routes);
    /* The outlets let go of their queries at the old resolver before it goes. */
    bool ok = make_outlets(w);
    retire_outlets(w);
    resolver_free(&resolver_before);
    runtime_unref(&before);
    deadlines_restart(w);
    sweep_outlets(w);
    queue_walk_begin(w->walk, changed_queue(w));
    timer_set(w->tick, loop_now_ms(w->loop));
    return ok || err_set(err, ERR_NOMEM, "out of memory");
}

/* ---- Once a minute ---- */

static void
on_tick(void *context)
{
    struct worker *w = context;
    if (w->draining)
        return;
    inbound_note_ended_blocks(w);
    sweep_outlets(w);
    for (struct outlet *o = w->outlets; o != NULL; o = outlet_after(o))
        outlet_tick(o);
    if (w->index == 0 && w->shop->diary != NULL)
        tls_diary_look(w->shop->diary, w->runtime->config, clock_unix_ms());
    queue_walk_unowned(w->walk);
    bool more = deadlines_look(w);
    more = returning_look(w) || more;
    timer_set(w->tick, loop_now_ms(w->loop) + (more ? TICK_SOON_MS : TICK_MS));
}

/* ---- Beginning and end ---- */

static void
on_answers(void *context)
{
    struct worker *w = context;
    answers_collect(w->answers, w->spool_client);
    worker_look_idle(w);
}

static bool
make_means(struct worker *w)
{
    static const struct mailbox_events mail = {.on_item = on_mail, .drop = on_mail_dropped};
    w->answers_waker = waker_new(w->loop, on_answers, w);
    w->answers = answers_new();
    w->tick = timer_new(w->loop, on_tick, w);
    w->password_gate =
        job_gate_new(w->loop, w->shop->worker_count > 1 ? 1 : PASSWORD_JOBS, PASSWORD_QUEUE);
    w->routes = route_memory_new();
    w->walk = queue_walk_new(w);
    w->mailbox = mailbox_new(w->loop, MAILBOX_MAX, &mail, w);
    if (w->answers_waker != NULL)
        w->spool_client = spool_client_new(w->shop->spool, waker_wake, w->answers_waker);
    return w->answers != NULL && w->tick != NULL && w->routes != NULL && w->walk != NULL &&
           w->password_gate != NULL && w->mailbox != NULL && w->spool_client != NULL;
}

bool
worker_new(struct workshop *shop, size_t index, struct loop *loop, struct runtime *runtime,
           struct worker **out, struct err *err)
{
    must(index < shop->worker_count && shop->worker_count <= WORKERS_MAX);
    struct worker *w = mem_new(sizeof *w);
    if (w == NULL)
        return err_set(err, ERR_NOMEM, "out of memory");
    w->shop = shop;
    w->loop = loop;
    w->index = index;
    shop->workers[index] = w;
    if (!make_means(w)) {
        worker_free(&w);
        return err_set(err, ERR_NOMEM, "out of memory");
    }
    if (!worker_use(w, runtime, err)) {
        worker_free(&w);
        return false;
    }
    *out = w;
    return true;
}

void
worker_free(struct worker **ref)
{
    struct worker *w = *ref;
    *ref = NULL;
    if (w == NULL)
        return;
    w->on_idle = NULL; /* nobody waits for the end of a drain any more */
    while (w->sessions != NULL)
        inbound_cut(w->sessions);
    w->draining = true;
    for (struct outlet *o = w->outlets; o != NULL; o = outlet_after(o))
        outlet_retire(o, true);
    spool_client_free(&w->spool_client);
    answers_free(&w->answers); /* ends what still waits for an answer */
    while (w->outlets != NULL) {
        struct outlet *o = w->outlets;
        outlet_free(&o);
    }
    resolver_free(&w->resolver);
    if (w->mailbox != NULL)
        mailbox_close(w->mailbox);
    mailbox_free(&w->mailbox);
    inbound_abandon_auth(w);
    job_gate_free(&w->password_gate);
    waker_free(&w->answers_waker);
    timer_free(&w->tick);
    queue_walk_free(&w->walk);
    route_memory_free(&w->routes);
    runtime_unref(&w->runtime);
    w->shop->workers[w->index] = NULL;
    mem_free(&w);
}

/* ---- Draining ---- */

static bool
is_idle(const struct worker *w)
{
    if (w->session_count > 0 || answers_owed(w->answers) > 0)
        return false;
    for (const struct outlet *o = w->outlets; o != NULL; o = outlet_after(o))
        if (!outlet_is_idle(o))
            return false;
    return true;
}

void
worker_look_idle(struct worker *w)
{
    if (!w->draining || w->on_idle == NULL || !is_idle(w))
        return;
    void (*on_idle)(void *) = w->on_idle;
    w->on_idle = NULL;
    on_idle(w->on_idle_context);
}

void
worker_outlet_ebbs(struct worker *w)
{
    if (w->draining)
        worker_look_idle(w);
    else
        timer_set(w->tick, loop_now_ms(w->loop));
}

void
worker_drain(struct worker *w, void (*on_idle)(void *context), void *context)
{
    w->draining = true;
    w->on_idle = on_idle;
    w->on_idle_context = context;
    for (struct inbound *s = w->sessions, *next; s != NULL; s = next) {
        next = inbound_after(s);
        inbound_drain(s);
    }
    for (struct outlet *o = w->outlets; o != NULL; o = outlet_after(o))
        outlet_retire(o, false);
    worker_look_idle(w);
}

void
worker_check(struct worker *w, struct slice connector)
{
    struct outlet *o = worker_outlet(w, connector);
    if (o != NULL)
        outlet_check(o);
}

size_t
worker_heed_edit(struct worker *w, const uint64_t *ids, size_t count)
{
    size_t under_way = 0;
    for (struct outlet *o = w->outlets; o != NULL; o = outlet_after(o))
        under_way += outlet_heed_edit(o, ids, count);
    if (count > 0)
        return under_way;
    deadlines_restart(w); /* what was passed over while it was suspended */
    queue_walk_heed_edit(w->walk);
    timer_set(w->tick, loop_now_ms(w->loop));
    return 0;
}

size_t
worker_retry(struct worker *w, struct slice connector)
{
    size_t count = 0;
    for (struct outlet *o = w->outlets; o != NULL; o = outlet_after(o)) {
        if (connector.len > 0 && !slice_is(connector, outlet_name(o)))
            continue;
        outlet_retry(o);
        count++;
    }
    return count;
}
