#include "gateway/route/limits.h"

#include "tests/kit/test.h"

enum { MINUTE = 60 * 1000 };

static const uint64_t waits[] = {MINUTE, 5 * MINUTE};
static const struct timetable connection = {waits, COUNT_OF(waits)};

/* Open as many connections as are allowed now; how many there are. */
static uint32_t
open_all(struct server_limits *l, uint64_t now_ms)
{
    while (server_limits_may_open(l, now_ms))
        server_limits_opened(l);
    return l->open;
}

static void
close_all(struct server_limits *l)
{
    while (l->open > 0)
        server_limits_closed(l);
}

/* At full size: as many successes as it takes. */
static struct server_limits
warm(uint32_t max)
{
    struct server_limits l;

    server_limits_init(&l, max);
    while (l.allowed < max)
        server_limits_succeeded(&l);
    return l;
}

static void
limits_start_slowly_and_double_with_each_success(void **state)
{
    static const uint32_t want[] = {1, 2, 4, 8, 10, 10};
    struct server_limits l;

    (void)state;
    server_limits_init(&l, 10);
    for (size_t i = 0; i < COUNT_OF(want); i++) {
        assert_int_equal(open_all(&l, 0), want[i]);
        assert_false(server_limits_succeeded(&l));
    }
}

static void
limits_never_pass_the_largest_configured_number(void **state)
{
    struct server_limits l = warm(UINT32_MAX);

    (void)state;
    server_limits_succeeded(&l);
    assert_int_equal(l.allowed, UINT32_MAX);
    l = warm(1);
    server_limits_succeeded(&l);
    assert_int_equal(open_all(&l, 0), 1);
}

static void
limits_give_a_closed_connection_back(void **state)
{
    struct server_limits l = warm(3);

    (void)state;
    assert_int_equal(open_all(&l, 0), 3);
    server_limits_closed(&l);
    assert_true(server_limits_may_open(&l, 0));
}

/* Nine to eleven tenths of a minute: the timetable spreads. */
static void
limits_probe_a_failed_server_by_one_connection_when_its_time_came(void **state)
{
    struct server_limits l = warm(10);

    (void)state;
    server_limits_failed(&l, connection, 1, 0);
    assert_false(server_limits_may_open(&l, MINUTE * 9 / 10 - 1));
    assert_true(server_limits_may_open(&l, MINUTE * 11 / 10));
    assert_int_equal(open_all(&l, MINUTE * 11 / 10), 1);
}

static void
limits_wait_longer_after_each_failure(void **state)
{
    struct server_limits l = warm(10);
    uint64_t now = 0;

    (void)state;
    server_limits_failed(&l, connection, 1, now);
    now = l.blocked_until_ms;
    open_all(&l, now);
    server_limits_failed(&l, connection, 1, now);
    close_all(&l);
    assert_int_equal(l.failures, 2);
    assert_in_range(l.blocked_until_ms - now, 5 * MINUTE * 9 / 10, 5 * MINUTE * 11 / 10);
}

static void
limits_count_connections_that_die_together_as_one_failure(void **state)
{
    struct server_limits l = warm(10);

    (void)state;
    open_all(&l, 0);
    for (int i = 0; i < 10; i++) {
        server_limits_failed(&l, connection, 1, 0);
        server_limits_closed(&l);
    }
    assert_int_equal(l.failures, 1);
}

static void
limits_restore_a_server_at_its_first_success(void **state)
{
    struct server_limits l = warm(10);

    (void)state;
    server_limits_failed(&l, connection, 1, 0);
    server_limits_opened(&l);
    assert_true(server_limits_succeeded(&l));
    assert_false(server_limits_succeeded(&l));
    assert_int_equal(l.failures, 0);
    assert_true(server_limits_may_open(&l, 0));
}

static void
limits_start_slowly_again_after_a_failure(void **state)
{
    struct server_limits l = warm(10);

    (void)state;
    server_limits_failed(&l, connection, 1, 0);
    server_limits_succeeded(&l);
    assert_int_equal(open_all(&l, 0), 2);
}

static void
limits_open_no_second_connection_beside_the_survivors_of_a_failure(void **state)
{
    struct server_limits l = warm(10);

    (void)state;
    open_all(&l, 0);
    server_limits_failed(&l, connection, 1, 0);
    server_limits_closed(&l);
    assert_false(server_limits_may_open(&l, 2 * MINUTE));
}

static void
limits_halve_what_was_open_when_there_are_too_many(void **state)
{
    struct server_limits l = warm(10);

    (void)state;
    open_all(&l, 0);
    server_limits_too_many(&l, 0);
    close_all(&l);
    assert_false(server_limits_may_open(&l, LIMITS_PAUSE_MS - 1));
    assert_int_equal(open_all(&l, LIMITS_PAUSE_MS), 5);
}

static void
limits_do_not_count_too_many_as_a_failure(void **state)
{
    struct server_limits l = warm(10);

    (void)state;
    open_all(&l, 0);
    server_limits_too_many(&l, 0);
    assert_int_equal(l.failures, 0);
    assert_false(server_limits_succeeded(&l));
    assert_false(server_limits_may_open(&l, LIMITS_PAUSE_MS - 1));
}

/* Five of ten are refused in one burst: each refusal halves what is open, not the half of it. */
static void
limits_keep_a_useful_number_through_a_burst_of_refusals(void **state)
{
    struct server_limits l = warm(10);

    (void)state;
    open_all(&l, 0);
    for (int i = 0; i < 5; i++) {
        server_limits_too_many(&l, 0);
        server_limits_closed(&l);
    }
    assert_int_equal(l.lowered, 3);
}

static void
limits_are_whole_again_when_the_lowered_time_is_over(void **state)
{
    struct server_limits l = warm(10);

    (void)state;
    open_all(&l, 0);
    server_limits_too_many(&l, 0);
    close_all(&l);
    assert_int_equal(open_all(&l, LIMITS_LOWERED_MS - 1), 5);
    assert_int_equal(open_all(&l, LIMITS_LOWERED_MS), 10);
}

static void
limits_leave_one_connection_when_the_only_one_was_too_many(void **state)
{
    struct server_limits l = warm(10);

    (void)state;
    server_limits_opened(&l);
    server_limits_too_many(&l, 0);
    server_limits_closed(&l);
    assert_int_equal(open_all(&l, LIMITS_PAUSE_MS), 1);
}

static void
limits_forget_the_wait_when_an_operator_says_so(void **state)
{
    struct server_limits l = warm(10);

    (void)state;
    server_limits_failed(&l, connection, 1, 0);
    server_limits_unblock(&l);
    assert_true(server_limits_may_open(&l, 0));
    assert_int_equal(open_all(&l, 0), 1);

    server_limits_failed(&l, connection, 1, 0);
    assert_int_equal(l.failures, 2);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(limits_start_slowly_and_double_with_each_success),
        cmocka_unit_test(limits_never_pass_the_largest_configured_number),
        cmocka_unit_test(limits_give_a_closed_connection_back),
        cmocka_unit_test(limits_probe_a_failed_server_by_one_connection_when_its_time_came),
        cmocka_unit_test(limits_wait_longer_after_each_failure),
        cmocka_unit_test(limits_count_connections_that_die_together_as_one_failure),
        cmocka_unit_test(limits_restore_a_server_at_its_first_success),
        cmocka_unit_test(limits_start_slowly_again_after_a_failure),
        cmocka_unit_test(limits_open_no_second_connection_beside_the_survivors_of_a_failure),
        cmocka_unit_test(limits_halve_what_was_open_when_there_are_too_many),
        cmocka_unit_test(limits_do_not_count_too_many_as_a_failure),
        cmocka_unit_test(limits_keep_a_useful_number_through_a_burst_of_refusals),
        cmocka_unit_test(limits_are_whole_again_when_the_lowered_time_is_over),
        cmocka_unit_test(limits_leave_one_connection_when_the_only_one_was_too_many),
        cmocka_unit_test(limits_forget_the_wait_when_an_operator_says_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
