/* Levels on a hand-wound clock. */
#include "gateway/route/pressure.h"

#include <string.h>

#include "tests/kit/test.h"

enum { HOLD_MS = 10000, SECOND = 1000 };

static const struct pressure_bounds time_bounds = {1000, 5000};
static const struct pressure_bounds disk_bounds = {800, 400};

struct step {
    uint64_t now_ms;
    uint64_t reading;
    enum pressure_level level;
};

static void
walk(const char *say, enum pressure_resource resource, struct pressure_bounds bounds,
     const struct step *steps, size_t count)
{
    struct pressure p = {0};
    enum pressure_level before = PRESSURE_NORMAL;
    for (size_t i = 0; i < count; i++) {
        bool changed =
            pressure_read(&p, resource, steps[i].reading, bounds, HOLD_MS, steps[i].now_ms);
        enum pressure_level level = p.of[resource].level;
        if (level != steps[i].level || changed != (level != before))
            fail_row(say, "step %zu: %s, changed %d", i, pressure_level_text(level), changed);
        before = level;
    }
}

#define WALK(say, resource, bounds, ...)                                                         \
    do {                                                                                         \
        static const struct step steps[] = {__VA_ARGS__};                                        \
        walk(say, resource, bounds, steps, sizeof steps / sizeof steps[0]);                      \
    } while (0)

static void
pressure_rises_at_once_and_falls_by_steps_that_are_held(void **state)
{
    (void)state;
    WALK("one by one", PRESSURE_COMMIT_TIME, time_bounds, {0, 999, PRESSURE_NORMAL},
         {1000, 1000, PRESSURE_MEDIUM}, {2000, 4999, PRESSURE_MEDIUM},
         {3000, 5000, PRESSURE_HIGH}, {4000, 0, PRESSURE_HIGH}, {13999, 0, PRESSURE_HIGH},
         {14000, 0, PRESSURE_MEDIUM}, {15000, 0, PRESSURE_MEDIUM}, {24999, 0, PRESSURE_MEDIUM},
         {25000, 0, PRESSURE_NORMAL});
    WALK("from the first reading", PRESSURE_COMMIT_TIME, time_bounds,
         {0, UINT64_MAX, PRESSURE_HIGH}, {0, 0, PRESSURE_HIGH});
}

static void
pressure_does_not_flap_around_a_bound(void **state)
{
    (void)state;
    /* 875 is an eighth below 1000: not better until less than that. */
    WALK("within the margin", PRESSURE_COMMIT_TIME, time_bounds, {0, 1000, PRESSURE_MEDIUM},
         {1000, 875, PRESSURE_MEDIUM}, {30000, 875, PRESSURE_MEDIUM},
         {31000, 874, PRESSURE_MEDIUM}, {40999, 874, PRESSURE_MEDIUM},
         {41000, 874, PRESSURE_NORMAL});
    WALK("one bad reading begins the wait anew", PRESSURE_COMMIT_TIME, time_bounds,
         {0, 1000, PRESSURE_MEDIUM}, {1000, 0, PRESSURE_MEDIUM}, {9000, 900, PRESSURE_MEDIUM},
         {11000, 0, PRESSURE_MEDIUM}, {20999, 0, PRESSURE_MEDIUM}, {21000, 0, PRESSURE_NORMAL});
    WALK("so does the level itself", PRESSURE_COMMIT_TIME, time_bounds, {0, 5000, PRESSURE_HIGH},
         {1000, 0, PRESSURE_HIGH}, {2000, 6000, PRESSURE_HIGH}, {11500, 0, PRESSURE_HIGH},
         {21499, 0, PRESSURE_HIGH}, {21500, 0, PRESSURE_MEDIUM});
}

static void
pressure_falls_to_where_the_reading_is(void **state)
{
    (void)state;
    WALK("high ends, medium stays", PRESSURE_COMMIT_TIME, time_bounds, {0, 9000, PRESSURE_HIGH},
         {1000, 2000, PRESSURE_HIGH}, {11000, 2000, PRESSURE_MEDIUM},
         {60000, 2000, PRESSURE_MEDIUM}, {61000, 7000, PRESSURE_HIGH});
}

static void
pressure_of_the_disk_is_the_other_way_round(void **state)
{
    (void)state;
    WALK("less is worse", PRESSURE_DISK_FREE, disk_bounds, {0, 800, PRESSURE_NORMAL},
         {1000, 799, PRESSURE_MEDIUM}, {2000, 399, PRESSURE_HIGH}, {3000, 449, PRESSURE_HIGH},
         {20000, 449, PRESSURE_HIGH}, {21000, 450, PRESSURE_HIGH}, {31000, 450, PRESSURE_MEDIUM},
         {32000, 899, PRESSURE_MEDIUM}, {50000, 900, PRESSURE_MEDIUM},
         {60000, 900, PRESSURE_NORMAL});
}

static void
pressure_has_no_level_without_a_bound(void **state)
{
    (void)state;
    WALK("off", PRESSURE_MESSAGES, ((struct pressure_bounds){0, 0}),
         {0, UINT64_MAX, PRESSURE_NORMAL});
    WALK("no disk at all, off", PRESSURE_DISK_FREE, ((struct pressure_bounds){0, 0}),
         {0, 0, PRESSURE_NORMAL});
    WALK("medium alone", PRESSURE_MESSAGES, ((struct pressure_bounds){1, 0}),
         {0, 0, PRESSURE_NORMAL}, {1, UINT64_MAX, PRESSURE_MEDIUM}, {2, 0, PRESSURE_MEDIUM},
         {10002, 0, PRESSURE_NORMAL});
    WALK("high alone", PRESSURE_MESSAGES, ((struct pressure_bounds){0, 10}),
         {0, 9, PRESSURE_NORMAL}, {1, 10, PRESSURE_HIGH}, {2, 0, PRESSURE_HIGH},
         {10002, 0, PRESSURE_NORMAL});
}

static void
pressure_with_new_bounds_is_judged_by_them(void **state)
{
    struct pressure p = {0};
    (void)state;
    assert_true(
        pressure_read(&p, PRESSURE_MESSAGES, 50, (struct pressure_bounds){10, 20}, HOLD_MS, 0));
    assert_int_equal(p.of[PRESSURE_MESSAGES].level, PRESSURE_HIGH);
    const struct pressure_bounds wider = {100, 200};
    assert_false(pressure_read(&p, PRESSURE_MESSAGES, 50, wider, HOLD_MS, SECOND));
    assert_true(pressure_read(&p, PRESSURE_MESSAGES, 50, wider, HOLD_MS, SECOND + HOLD_MS));
    const struct pressure_bounds none = {0, 0};
    assert_false(pressure_read(&p, PRESSURE_MESSAGES, 50, none, HOLD_MS, 2 * HOLD_MS));
    assert_true(pressure_read(&p, PRESSURE_MESSAGES, 50, none, HOLD_MS, 3 * HOLD_MS));
    assert_int_equal(p.of[PRESSURE_MESSAGES].level, PRESSURE_NORMAL);
}

static void
pressure_is_that_of_the_worst_resource(void **state)
{
    struct pressure p = {0};
    enum pressure_resource which;
    (void)state;
    assert_int_equal(pressure_worst(&p, NULL), PRESSURE_NORMAL);
    (void)pressure_read(&p, PRESSURE_MESSAGES, 10, (struct pressure_bounds){10, 20}, 0, 0);
    assert_int_equal(pressure_worst(&p, &which), PRESSURE_MEDIUM);
    assert_int_equal(which, PRESSURE_MESSAGES);
    (void)pressure_read(&p, PRESSURE_DISK_FREE, 1, disk_bounds, 0, 0);
    assert_int_equal(pressure_worst(&p, &which), PRESSURE_HIGH);
    assert_int_equal(which, PRESSURE_DISK_FREE);
}

/* Delivery makes room; only what keeps its outcomes from being recorded stops it. */
static void
pressure_pauses_delivery_for_commits_alone(void **state)
{
    struct pressure p = {0};
    (void)state;
    (void)pressure_read(&p, PRESSURE_DISK_FREE, 0, disk_bounds, 0, 0);
    (void)pressure_read(&p, PRESSURE_MESSAGES, 20, (struct pressure_bounds){10, 20}, 0, 0);
    (void)pressure_read(&p, PRESSURE_COMMIT_TIME, 4999, time_bounds, 0, 0);
    assert_false(pressure_pauses_delivery(&p));
    (void)pressure_read(&p, PRESSURE_COMMIT_TIME, 5000, time_bounds, 0, 0);
    assert_true(pressure_pauses_delivery(&p));
}

static void
pressure_bounds_that_are_auto_become_numbers(void **state)
{
    struct pressure_bounds b[PRESSURE_RESOURCES];
    struct config c = {.spool_map_size = 1100,
                       .spool_reserve = 100,
                       .pressure_commit_time_medium_ms = 7,
                       .pressure_memory_high = 11};
    (void)state;
    pressure_bounds_of(&c, 2000, b);
    assert_int_equal(b[PRESSURE_SPOOL_SIZE].medium, 750);
    assert_int_equal(b[PRESSURE_SPOOL_SIZE].high, 900);
    assert_int_equal(b[PRESSURE_MEMORY].medium, 1200);
    assert_int_equal(b[PRESSURE_MEMORY].high, 11);
    assert_int_equal(b[PRESSURE_COMMIT_TIME].medium, 7);
    assert_int_equal(b[PRESSURE_COMMIT_TIME].high, 0);
    assert_int_equal(b[PRESSURE_DISK_FREE].medium, 0);
    assert_int_equal(b[PRESSURE_MESSAGES].high, 0);
    c.spool_reserve = 1200; /* all of it is kept for outcomes */
    pressure_bounds_of(&c, 0, b);
    assert_int_equal(b[PRESSURE_SPOOL_SIZE].high, 0);
    assert_int_equal(b[PRESSURE_MEMORY].medium, 0);
}

static const struct {
    enum pressure_resource resource;
    uint64_t reading, medium, high;
    const char *why;
} words[] = {
    {PRESSURE_COMMIT_TIME, 2450, 1000, 5000, "commits take 2.4 s; medium from 1 s"},
    {PRESSURE_COMMIT_TIME, 5000, 1000, 5000, "commits take 5 s; high from 5 s"},
    {PRESSURE_COMMIT_TIME, 20, 250, 5000, "commits take 20 ms; medium from 250 ms"},
    {PRESSURE_DISK_FREE, 200 << 20, 512 << 20, 256 << 20,
     "the disk of the spool has 200 MiB free; high below 256 MiB"},
    {PRESSURE_SPOOL_SIZE, 3 << 29, 1 << 30, UINT64_C(2) << 30,
     "the database of the spool uses 1.5 GiB; medium from 1 GiB"},
    {PRESSURE_MEMORY, 4096, 0, 0, "the process uses 4 KiB of memory"},
    {PRESSURE_MESSAGES, 12, 0, 20, "12 messages are in custody; high from 20"},
    {PRESSURE_MESSAGES, 12, 12, 20, "12 messages are in custody; medium from 12"},
};

static void
pressure_says_why_with_numbers(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        struct pressure p = {0};
        char room[160];
        struct buf why = {.data = room, .cap = sizeof room, .max = sizeof room - 1};
        (void)pressure_read(&p, words[i].resource, words[i].reading,
                            (struct pressure_bounds){words[i].medium, words[i].high}, 0, 0);
        pressure_put_why(&why, &p, words[i].resource);
        assert_string_equal(buf_text(&why), words[i].why);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pressure_rises_at_once_and_falls_by_steps_that_are_held),
        cmocka_unit_test(pressure_does_not_flap_around_a_bound),
        cmocka_unit_test(pressure_falls_to_where_the_reading_is),
        cmocka_unit_test(pressure_of_the_disk_is_the_other_way_round),
        cmocka_unit_test(pressure_has_no_level_without_a_bound),
        cmocka_unit_test(pressure_with_new_bounds_is_judged_by_them),
        cmocka_unit_test(pressure_is_that_of_the_worst_resource),
        cmocka_unit_test(pressure_pauses_delivery_for_commits_alone),
        cmocka_unit_test(pressure_bounds_that_are_auto_become_numbers),
        cmocka_unit_test(pressure_says_why_with_numbers),
    };
    return cmocka_run_group_tests_name("pressure", tests, NULL, NULL);
}
