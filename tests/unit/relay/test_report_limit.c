/* How many reports one sender gets in an hour. */
#include "gateway/relay/report_limit.h"

#include <stdio.h>

#include "tests/kit/test.h"

enum { HOUR = 3600 * 1000 };

static size_t
take_many(struct report_limit *l, const char *sender, uint32_t per_hour, uint64_t now, size_t max)
{
    uint64_t wait;
    size_t taken = 0;
    while (taken < max && report_limit_take(l, slice_str(sender), per_hour, now, &wait))
        taken++;
    return taken;
}

static void
an_hour_s_worth_may_come_at_once(void **state)
{
    struct report_limit *l = report_limit_new();
    uint64_t wait;
    (void)state;
    assert_int_equal(take_many(l, "kim@contoso.example", 100, HOUR, 1000), 100);
    assert_false(report_limit_take(l, slice_str("KIM@contoso.example"), 100, HOUR, &wait));
    assert_int_equal(wait, HOUR / 100);
    assert_true(report_limit_take(l, slice_str("lee@contoso.example"), 100, HOUR, &wait));
    report_limit_free(&l);
}

static void
they_come_back_with_time(void **state)
{
    struct report_limit *l = report_limit_new();
    (void)state;
    assert_int_equal(take_many(l, "kim", 60, HOUR, 1000), 60);
    assert_int_equal(take_many(l, "kim", 60, HOUR + 59999, 1000), 0);
    assert_int_equal(take_many(l, "kim", 60, HOUR + 60000, 1000), 1);
    assert_int_equal(take_many(l, "kim", 60, HOUR + 11 * 60000, 1000), 10);
    assert_int_equal(take_many(l, "kim", 60, 9 * (uint64_t)HOUR, 1000), 60);
    report_limit_free(&l);
}

static void
no_limit_is_none(void **state)
{
    struct report_limit *l = report_limit_new();
    (void)state;
    assert_int_equal(take_many(l, "kim", 0, 1, 5000), 5000);
    assert_int_equal(take_many(NULL, "kim", 1, 1, 50), 50);
    report_limit_free(&l);
}

/* More senders than are remembered: one that is flooded stays known, idle ones are forgotten. */
static void
the_idlest_is_forgotten(void **state)
{
    struct report_limit *l = report_limit_new();
    uint64_t wait;
    (void)state;
    assert_int_equal(take_many(l, "flooded", 10, HOUR, 1000), 10);
    for (int i = 0; i < 5 * REPORT_SENDERS_MAX; i++) {
        char sender[32];
        snprintf(sender, sizeof sender, "s%d", i);
        assert_true(report_limit_take(l, slice_str(sender), 10, HOUR, &wait));
    }
    assert_false(report_limit_take(l, slice_str("flooded"), 10, HOUR, &wait));
    report_limit_free(&l);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_hour_s_worth_may_come_at_once),
        cmocka_unit_test(they_come_back_with_time),
        cmocka_unit_test(no_limit_is_none),
        cmocka_unit_test(the_idlest_is_forgotten),
    };
    return cmocka_run_group_tests_name("report_limit", tests, NULL, NULL);
}
