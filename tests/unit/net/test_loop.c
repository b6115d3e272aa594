/* The loop: what ends it, what runs at the end of its turns. */
#include "gateway/net/loop_private.h"

#include "gateway/base/clock.h"
#include "gateway/net/waker.h"
#include "tests/kit/test.h"
#include "tests/kit/turns.h"

static void
loop_returns_when_nothing_is_left(void **state)
{
    (void)state;
    struct loop *l = turns_loop();
    loop_run(l);
    loop_run(l);
    loop_free(&l);
    assert_null(l);
    loop_free(&l);
}

static void
loop_tells_the_time_of_clock_ms(void **state)
{
    (void)state;
    struct loop *l = turns_loop();
    uint64_t before = clock_ms();
    loop_run(l);
    uint64_t now = loop_now_ms(l);
    assert_true(now + 1 >= before && now <= clock_ms() + 1);
    loop_free(&l);
}

struct steps {
    struct loop *loop;
    struct turn_task first, second;
    int first_runs, second_runs, turns;
    int second_turn; /* how many turns had ended when it last ran */
    int first_wants; /* how often it queues itself again */
};

static void
on_first(struct turn_task *task)
{
    struct steps *s = CONTAINER(task, struct steps, first);
    s->first_runs++;
    loop_at_turn_end(s->loop, &s->second);
    loop_at_turn_end(s->loop, &s->second);
    if (s->first_runs <= s->first_wants)
        loop_at_turn_end(s->loop, &s->first);
}

static void
on_second(struct turn_task *task)
{
    struct steps *s = CONTAINER(task, struct steps, second);
    s->second_runs++;
    s->second_turn = s->turns;
}

static void
on_turn(void *context)
{
    ((struct steps *)context)->turns++;
}

static void
loop_does_what_was_queued_before_it_waits(void **state)
{
    (void)state;
    struct steps s = {.loop = turns_loop(), .first.fn = on_first, .second.fn = on_second};
    loop_on_turn_end(s.loop, on_turn, &s);
    loop_at_turn_end(s.loop, &s.first);
    loop_run(s.loop); /* a queued task alone keeps it going */
    assert_int_equal(s.first_runs, 1);
    assert_int_equal(s.second_runs, 1); /* queued by the first, twice: the same turn, once */
    assert_int_equal(s.second_turn, 0);
    assert_true(s.turns >= 1);
    loop_free(&s.loop);
}

static void
loop_looks_at_the_others_while_a_task_goes_on_and_on(void **state)
{
    (void)state;
    struct steps s = {
        .loop = turns_loop(), .first.fn = on_first, .second.fn = on_second, .first_wants = 100};
    loop_on_turn_end(s.loop, on_turn, &s);
    loop_at_turn_end(s.loop, &s.first);
    loop_run(s.loop);
    assert_int_equal(s.first_runs, 101);
    assert_true(s.turns >= 20);
    loop_free(&s.loop);
}

static void
loop_forgets_a_task_that_was_taken_back(void **state)
{
    (void)state;
    struct steps s = {.loop = turns_loop(), .first.fn = on_first, .second.fn = on_second};
    loop_at_turn_end(s.loop, &s.first);
    loop_at_turn_end(s.loop, &s.second);
    loop_forget_task(s.loop, &s.first);
    loop_forget_task(s.loop, &s.first);
    loop_run(s.loop);
    assert_int_equal(s.first_runs, 0);
    assert_int_equal(s.second_runs, 1);
    loop_free(&s.loop);
}

static void
stop(void *context)
{
    struct steps *s = context;
    loop_at_turn_end(s->loop, &s->second);
    loop_stop(s->loop);
}

/* A wake-up comes while the loop looks at its descriptors: after that there is only the end of
 * the turn, and then the loop leaves. */
static void
loop_finishes_the_turn_in_which_it_is_stopped(void **state)
{
    (void)state;
    struct steps s = {.loop = turns_loop(), .second.fn = on_second};
    struct waker *waker = waker_new(s.loop, stop, &s);
    waker_wake(waker);
    loop_run(s.loop);
    assert_int_equal(s.second_runs, 1);
    waker_free(&waker);
    loop_free(&s.loop);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(loop_returns_when_nothing_is_left),
        cmocka_unit_test(loop_tells_the_time_of_clock_ms),
        cmocka_unit_test(loop_does_what_was_queued_before_it_waits),
        cmocka_unit_test(loop_looks_at_the_others_while_a_task_goes_on_and_on),
        cmocka_unit_test(loop_forgets_a_task_that_was_taken_back),
        cmocka_unit_test(loop_finishes_the_turn_in_which_it_is_stopped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
