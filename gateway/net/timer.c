#include "gateway/net/timer.h"

#include "gateway/base/mem.h"
#include "gateway/net/loop_private.h"

struct timer {
    uv_timer_t handle;
    struct loop *loop;
    void (*fn)(void *context);
    void *context;
    uint64_t deadline_ms; /* UINT64_MAX: none */
    uint64_t armed_ms;    /* when libuv calls us, no later than deadline_ms; UINT64_MAX: never */
};

static void arm(struct timer *t, uint64_t at_ms);

/* Reached, or only the earlier deadline that a later one has replaced. */
static void
on_timer(uv_timer_t *handle)
{
    struct timer *t = CONTAINER(handle, struct timer, handle);

    t->armed_ms = UINT64_MAX;
    if (t->deadline_ms > loop_now_ms(t->loop)) {
        arm(t, t->deadline_ms);
        return;
    }
    t->deadline_ms = UINT64_MAX;
    t->fn(t->context);
}

static void
arm(struct timer *t, uint64_t at_ms)
{
    uint64_t now_ms = loop_now_ms(t->loop);
    uv_timer_start(&t->handle, on_timer, at_ms > now_ms ? at_ms - now_ms : 0, 0);
    t->armed_ms = at_ms;
}

struct timer *
timer_new(struct loop *l, void (*fn)(void *context), void *context)
{
    struct timer *t = mem_new(sizeof *t);
    if (t == NULL)
        return NULL;
    *t = (struct timer){.loop = l,
                        .fn = fn,
                        .context = context,
                        .deadline_ms = UINT64_MAX,
                        .armed_ms = UINT64_MAX};
    must(uv_timer_init(&l->uv, &t->handle) == 0);
    loop_count_in(l);
    return t;
}

void
timer_set(struct timer *t, uint64_t at_ms)
{
    t->deadline_ms = at_ms;
    if (at_ms == UINT64_MAX) {
        uv_timer_stop(&t->handle);
        t->armed_ms = UINT64_MAX;
    } else if (at_ms < t->armed_ms) {
        arm(t, at_ms);
    }
}

static void
on_closed(uv_handle_t *handle)
{
    struct timer *t = CONTAINER(handle, struct timer, handle);
    mem_free(&t);
}

void
timer_free(struct timer **t)
{
    if (*t == NULL)
        return;
    loop_count_out((*t)->loop);
    uv_close((uv_handle_t *)&(*t)->handle, on_closed);
    *t = NULL;
}
