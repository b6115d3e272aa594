#include "gateway/spool/timetable.h"

#include "tests/kit/test.h"

#define SECONDS(n) ((uint64_t)(n)*1000)
#define MINUTES(n) (SECONDS(n) * 60)
#define HOURS(n) (MINUTES(n) * 60)

/* Exchange 2007's own: 4 x 1 min, 6 x 5 min, then every 10 min. */
static const uint64_t exchange_waits[] = {
    MINUTES(1), MINUTES(1), MINUTES(1), MINUTES(1), MINUTES(5),  MINUTES(5),
    MINUTES(5), MINUTES(5), MINUTES(5), MINUTES(5), MINUTES(10),
};
static const struct timetable exchange = {exchange_waits, COUNT_OF(exchange_waits)};

static const struct wait_row {
    const char *say;
    uint32_t first, last; /* failures */
    uint64_t wait_ms;
} wait_rows[] = {
    {"four times a minute", 1, 4, MINUTES(1)},
    {"six times five minutes", 5, 10, MINUTES(5)},
    {"then ten minutes", 11, 11, MINUTES(10)},
    {"and ten minutes for ever", 12, 400, MINUTES(10)},
    {"also at the end of the counter", UINT32_MAX, UINT32_MAX, MINUTES(10)},
};

static void
timetable_follows_exchange_2007_within_a_tenth(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(wait_rows); i++) {
        const struct wait_row *r = &wait_rows[i];
        for (uint64_t failures = r->first; failures <= r->last; failures++)
            for (uint64_t salt = 0; salt < 50; salt++) {
                uint64_t wait = timetable_wait_ms(exchange, (uint32_t)failures, salt);
                if (wait < r->wait_ms - r->wait_ms / 10 || wait > r->wait_ms + r->wait_ms / 10)
                    fail_row(r->say, "failure %llu waits %llu ms", (unsigned long long)failures,
                             (unsigned long long)wait);
            }
    }
}

static void
timetable_gives_the_same_id_the_same_wait(void **state)
{
    (void)state;
    assert_int_equal(timetable_wait_ms(exchange, 7, 4711), timetable_wait_ms(exchange, 7, 4711));
}

/* Ids made in one millisecond differ by one, and must not come back in one millisecond. */
static void
timetable_spreads_neighbouring_ids_over_the_whole_tenth(void **state)
{
    size_t per_part[10] = {0};

    (void)state;
    for (uint64_t id = 1000000; id < 1001000; id++) {
        uint64_t late = timetable_wait_ms(exchange, 1, id) - (MINUTES(1) - MINUTES(1) / 10);
        per_part[late * 10 / (2 * (MINUTES(1) / 10) + 1)]++;
    }
    for (size_t i = 0; i < COUNT_OF(per_part); i++)
        assert_in_range(per_part[i], 60, 140);
}

static void
timetable_moves_an_id_at_each_attempt(void **state)
{
    (void)state;
    assert_int_not_equal(timetable_wait_ms(exchange, 1, 99), timetable_wait_ms(exchange, 2, 99));
}

static void
timetable_takes_waits_too_short_to_spread(void **state)
{
    static const uint64_t waits[] = {0, 9};
    struct timetable tiny = {waits, COUNT_OF(waits)};

    (void)state;
    assert_int_equal(timetable_wait_ms(tiny, 1, 5), 0);
    assert_int_equal(timetable_wait_ms(tiny, 2, 5), 9);
}

static const struct age_row {
    const char *say;
    int64_t now_unix_ms; /* received at one hour */
    bool noticed, tried;
    enum timetable_age want;
} age_rows[] = {
    {"just received", HOURS(1), false, false, AGE_YOUNG},
    {"the clock was set back", 0, false, true, AGE_YOUNG},
    {"a moment before the notice", HOURS(5) - 1, false, true, AGE_YOUNG},
    {"time for the notice", HOURS(5), false, true, AGE_NOTICE},
    {"the notice is due without an attempt too", HOURS(5), false, false, AGE_NOTICE},
    {"told once is enough", HOURS(5), true, true, AGE_YOUNG},
    {"a moment before the end", HOURS(49) - 1, true, true, AGE_YOUNG},
    {"the end", HOURS(49), true, true, AGE_EXPIRED},
    {"the end comes before a notice nobody made", HOURS(49), false, true, AGE_EXPIRED},
    {"not before one attempt since start", HOURS(490), true, false, AGE_YOUNG},
    {"but the notice may come before it", HOURS(490), false, false, AGE_NOTICE},
};

static void
timetable_tells_the_age_of_a_message(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(age_rows); i++) {
        const struct age_row *r = &age_rows[i];
        enum timetable_age got =
            timetable_age(HOURS(1), r->now_unix_ms, HOURS(4), HOURS(48), r->noticed, r->tried);
        if (got != r->want)
            fail_row(r->say, "%d, wanted %d", got, r->want);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(timetable_follows_exchange_2007_within_a_tenth),
        cmocka_unit_test(timetable_gives_the_same_id_the_same_wait),
        cmocka_unit_test(timetable_spreads_neighbouring_ids_over_the_whole_tenth),
        cmocka_unit_test(timetable_moves_an_id_at_each_attempt),
        cmocka_unit_test(timetable_takes_waits_too_short_to_spread),
        cmocka_unit_test(timetable_tells_the_age_of_a_message),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
