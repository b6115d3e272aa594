/* One deadline, moved at will. */
#include "gateway/net/timer.h"

#include "gateway/base/mem.h"
#include "tests/kit/test.h"
#include "tests/kit/turns.h"

struct bell {
    struct loop *loop;
    struct timer *timer;
    int rings;
    uint64_t rang_ms;
};

static void
ring(void *context)
{
    struct bell *b = context;
    b->rings++;
    b->rang_ms = loop_now_ms(b->loop);
}

static struct bell
bell_new(struct loop *l)
{
    return (struct bell){.loop = l};
}

static void
timer_fires_once_at_its_deadline(void **state)
{
    (void)state;
    struct loop *l = turns_loop();
    struct bell b = bell_new(l);
    uint64_t at = loop_now_ms(l) + 3;
    b.timer = timer_new(l, ring, &b);
    timer_set(b.timer, at);
    loop_run(l);
    assert_int_equal(b.rings, 1);
    assert_true(b.rang_ms >= at);
    timer_free(&b.timer);
    timer_free(&b.timer);
    loop_free(&l);
}

static void
timer_in_the_past_fires_from_the_loop(void **state)
{
    (void)state;
    struct loop *l = turns_loop();
    struct bell b = bell_new(l);
    b.timer = timer_new(l, ring, &b);
    timer_set(b.timer, 0);
    assert_int_equal(b.rings, 0);
    loop_run(l);
    assert_int_equal(b.rings, 1);
    timer_free(&b.timer);
    loop_free(&l);
}

static void
timer_moved_later_does_not_fire_before(void **state)
{
    (void)state;
    struct loop *l = turns_loop();
    struct bell moved = bell_new(l), other = bell_new(l);
    uint64_t now = loop_now_ms(l);
    moved.timer = timer_new(l, ring, &moved);
    other.timer = timer_new(l, ring, &other);
    timer_set(moved.timer, now + 1);
    timer_set(moved.timer, now + 3600 * 1000);
    timer_set(other.timer, now + 2);
    turns_until_count(l, &other.rings, 1);
    assert_int_equal(moved.rings, 0);
    /* It was armed again for the later deadline, and can still be moved. */
    timer_set(moved.timer, now + 3);
    turns_until_count(l, &moved.rings, 1);
    timer_free(&moved.timer);
    timer_free(&other.timer);
    loop_free(&l);
}

static void
timer_moved_later_fires_at_the_later_deadline(void **state)
{
    (void)state;
    struct loop *l = turns_loop();
    struct bell b = bell_new(l);
    uint64_t now = loop_now_ms(l);
    b.timer = timer_new(l, ring, &b);
    timer_set(b.timer, now + 1);
    timer_set(b.timer, now + 5);
    loop_run(l);
    assert_int_equal(b.rings, 1);
    assert_true(b.rang_ms >= now + 5);
    timer_free(&b.timer);
    loop_free(&l);
}

static void
timer_moved_earlier_fires_at_the_earlier_deadline(void **state)
{
    (void)state;
    struct loop *l = turns_loop();
    struct bell b = bell_new(l);
    uint64_t now = loop_now_ms(l);
    b.timer = timer_new(l, ring, &b);
    timer_set(b.timer, now + 3600 * 1000);
    timer_set(b.timer, now + 1);
    turns_until_count(l, &b.rings, 1);
    assert_int_equal(b.rings, 1);
    timer_free(&b.timer);
    loop_free(&l);
}

static void
timer_set_to_never_keeps_no_loop_waiting(void **state)
{
    (void)state;
    struct loop *l = turns_loop();
    struct bell b = bell_new(l);
    b.timer = timer_new(l, ring, &b);
    timer_set(b.timer, loop_now_ms(l) + 3600 * 1000);
    timer_set(b.timer, UINT64_MAX);
    loop_run(l);
    assert_int_equal(b.rings, 0);
    /* and can be set again afterwards */
    timer_set(b.timer, loop_now_ms(l) + 1);
    loop_run(l);
    assert_int_equal(b.rings, 1);
    timer_free(&b.timer);
    loop_free(&l);
}

static void
ring_and_free(void *context)
{
    struct bell *b = context;
    ring(b);
    timer_free(&b->timer);
}

static void
ring_again(void *context)
{
    struct bell *b = context;
    ring(b);
    if (b->rings < 3)
        timer_set(b->timer, loop_now_ms(b->loop));
}

static void
timer_may_be_freed_or_set_from_its_own_call(void **state)
{
    (void)state;
    struct loop *l = turns_loop();
    struct bell freed = bell_new(l), again = bell_new(l);
    freed.timer = timer_new(l, ring_and_free, &freed);
    again.timer = timer_new(l, ring_again, &again);
    timer_set(freed.timer, loop_now_ms(l));
    timer_set(again.timer, loop_now_ms(l));
    loop_run(l);
    assert_int_equal(freed.rings, 1);
    assert_null(freed.timer);
    assert_int_equal(again.rings, 3);
    timer_free(&again.timer);
    loop_free(&l);
}

static void
timer_new_without_memory_is_null(void **state)
{
    (void)state;
    struct loop *l = turns_loop();
    mem_fail_after(0);
    struct timer *t = timer_new(l, ring, NULL);
    mem_fail_after(-1);
    assert_null(t);
    loop_free(&l);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(timer_fires_once_at_its_deadline),
        cmocka_unit_test(timer_in_the_past_fires_from_the_loop),
        cmocka_unit_test(timer_moved_later_does_not_fire_before),
        cmocka_unit_test(timer_moved_later_fires_at_the_later_deadline),
        cmocka_unit_test(timer_moved_earlier_fires_at_the_earlier_deadline),
        cmocka_unit_test(timer_set_to_never_keeps_no_loop_waiting),
        cmocka_unit_test(timer_may_be_freed_or_set_from_its_own_call),
        cmocka_unit_test(timer_new_without_memory_is_null),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
