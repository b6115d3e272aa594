#include "tests/kit/turns.h"

#include <signal.h>

#include "gateway/net/timer.h"
#include "tests/kit/test.h"

enum { PATIENCE_MS = 60 * 1000 };

struct wait {
    struct loop *loop;
    bool (*is_done)(void *context);
    void *context;
    bool done;
};

static void
on_turn(void *context)
{
    struct wait *w = context;
    if (w->done || w->is_done == NULL || !w->is_done(w->context))
        return;
    w->done = true;
    loop_stop(w->loop);
}

static void
on_patience_over(void *context)
{
    (void)context;
    fail_msg("what the test waits for does not happen");
}

struct loop *
turns_loop(void)
{
    struct loop *l = NULL;
    struct err err;
    signal(SIGPIPE, SIG_IGN);
    if (!loop_new(&l, &err))
        fail_msg("%s", err.text);
    return l;
}

void
turns_until(struct loop *l, bool (*is_done)(void *context), void *context)
{
    struct wait w = {.loop = l, .is_done = is_done, .context = context};
    struct timer *patience = timer_new(l, on_patience_over, NULL);
    assert_non_null(patience);
    timer_set(patience, loop_now_ms(l) + PATIENCE_MS);
    loop_on_turn_end(l, on_turn, &w);
    loop_run(l);
    loop_on_turn_end(l, NULL, NULL);
    timer_free(&patience);
    assert_true(w.done);
}

static bool
is_true(void *context)
{
    return *(bool *)context;
}

void
turns_until_true(struct loop *l, bool *flag)
{
    turns_until(l, is_true, flag);
}

struct count {
    int *now;
    int wanted;
};

static bool
is_reached(void *context)
{
    struct count *c = context;
    return *c->now >= c->wanted;
}

void
turns_until_count(struct loop *l, int *count, int wanted)
{
    turns_until(l, is_reached, &(struct count){count, wanted});
}

void
turns_until_empty(struct loop *l)
{
    loop_run(l);
}
