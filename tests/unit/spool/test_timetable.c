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

/* In minutes. Tried at 600, due at 660 by the timetable of then; now is 615. */
static const struct anew_row {
    const char *say;
    uint64_t wait_ms; /* the new timetable */
    uint32_t failures;
    int64_t tried, due, want;
    int64_t slack; /* a tenth of the wait, where that is what it is */
} anew_rows[] = {
    {"a shorter wait ends sooner", MINUTES(30), 1, 600, 660, 630, 3},
    {"one that is over by now ends now", MINUTES(5), 1, 600, 660, 615, 0},
    {"a longer one ends later", HOURS(3), 1, 600, 660, 780, 18},
    {"the same is the same", HOURS(1), 1, 600, 660, 660, 6},
    {"what is due stays due", HOURS(3), 1, 600, 615, 615, 0},
    {"what was due earlier, too", HOURS(3), 1, 600, 601, 601, 0},
    {"never tried", HOURS(3), 1, 0, 660, 660, 0},
    {"no failure counted", HOURS(3), 0, 600, 660, 660, 0},
    {"tried in the future, by a clock set back", MINUTES(30), 1, 900, 960, 645, 3},
};

static void
timetable_gives_what_waits_a_new_time(void **state)
{
    const int64_t minute = 60 * 1000;
    (void)state;
    for (size_t i = 0; i < COUNT_OF(anew_rows); i++) {
        const struct anew_row *r = &anew_rows[i];
        const struct timetable t = {&r->wait_ms, 1};
        int64_t due = timetable_due_anew(t, r->failures, 4711, r->tried * minute, r->due * minute,
                                         615 * minute);
        if (due < (r->want - r->slack) * minute || due > (r->want + r->slack) * minute)
            fail_row(r->say, "due at %lld min", (long long)(due / minute));
    }
}

/* Looked at twice, it is due at the same time: the walk may meet a message more than once. */
static void
timetable_gives_a_new_time_once(void **state)
{
    const struct timetable t = {(const uint64_t[]){HOURS(2)}, 1};
    int64_t once = timetable_due_anew(t, 3, 99, 1000, 500000, 2000);
    (void)state;
    assert_int_equal(timetable_due_anew(t, 3, 99, 1000, once, 3000), once);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(timetable_gives_what_waits_a_new_time),
        cmocka_unit_test(timetable_gives_a_new_time_once),
        cmocka_unit_test(timetable_follows_exchange_2007_within_a_tenth),
        cmocka_unit_test(timetable_gives_the_same_id_the_same_wait),
        cmocka_unit_test(timetable_spreads_neighbouring_ids_over_the_whole_tenth),
        cmocka_unit_test(timetable_moves_an_id_at_each_attempt),
        cmocka_unit_test(timetable_takes_waits_too_short_to_spread),
        cmocka_unit_test(timetable_tells_the_age_of_a_message),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
