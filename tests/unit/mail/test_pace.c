#include "gateway/mail/pace.h"

#include "tests/kit/test.h"

enum { SECOND = 1000, LEAST = 100 };

static struct pace p;

static int
begin(void **state)
{
    (void)state;
    pace_begin(&p);
    return 0;
}

/* So many seconds, in each of which so many octets come. */
static unsigned
seconds_until_slow(unsigned seconds, uint64_t octets)
{
    for (unsigned i = 0; i < seconds; i++) {
        pace_took(&p, octets);
        if (pace_is_slow(&p, SECOND, LEAST))
            return i + 1;
    }
    return 0;
}

static void
nobody_is_slow_before_a_window_has_passed(void **state)
{
    (void)state;
    assert_int_equal(seconds_until_slow(300, 0), 120);
    assert_int_equal(p.rate, 0);
}

static void
the_least_is_enough_and_one_octet_less_is_not(void **state)
{
    (void)state;
    assert_int_equal(seconds_until_slow(3600, LEAST), 0);
    assert_int_equal(p.rate, LEAST);
    pace_begin(&p);
    assert_int_equal(seconds_until_slow(3600, LEAST - 1), 120);
    assert_int_equal(p.rate, LEAST - 1);
}

static void
a_burst_carries_a_sender_for_one_window_only(void **state)
{
    (void)state;
    pace_took(&p, 1000 * 1000);
    assert_int_equal(seconds_until_slow(120, 0), 0);
    assert_int_equal(seconds_until_slow(120, 0), 10);
}

static void
a_pause_shorter_than_the_window_is_forgiven(void **state)
{
    (void)state;
    for (int i = 0; i < 10; i++) {
        assert_int_equal(seconds_until_slow(10, 100 * LEAST), 0);
        assert_int_equal(seconds_until_slow(100, 0), 0);
    }
}

static void
one_long_wait_is_as_slow_as_many_short_ones(void **state)
{
    (void)state;
    pace_took(&p, 1000 * 1000);
    assert_true(pace_is_slow(&p, UINT32_MAX, LEAST));
    pace_begin(&p);
    assert_false(pace_is_slow(&p, PACE_WINDOW_MS - 1, LEAST));
    assert_int_equal(pace_left_ms(&p), 1);
    assert_true(pace_is_slow(&p, 1, LEAST));
}

static void
time_that_is_left_leads_to_the_end_of_a_slot(void **state)
{
    (void)state;
    assert_int_equal(pace_left_ms(&p), PACE_SLOT_MS);
    assert_false(pace_is_slow(&p, PACE_SLOT_MS - 1, LEAST));
    assert_int_equal(pace_left_ms(&p), 1);
    assert_false(pace_is_slow(&p, 1, LEAST));
    assert_int_equal(pace_left_ms(&p), PACE_SLOT_MS);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(nobody_is_slow_before_a_window_has_passed, begin),
        cmocka_unit_test_setup(the_least_is_enough_and_one_octet_less_is_not, begin),
        cmocka_unit_test_setup(a_burst_carries_a_sender_for_one_window_only, begin),
        cmocka_unit_test_setup(a_pause_shorter_than_the_window_is_forgiven, begin),
        cmocka_unit_test_setup(one_long_wait_is_as_slow_as_many_short_ones, begin),
        cmocka_unit_test_setup(time_that_is_left_leads_to_the_end_of_a_slot, begin),
    };
    return cmocka_run_group_tests_name("pace", tests, NULL, NULL);
}
