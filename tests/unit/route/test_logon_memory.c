#include "gateway/route/logon_memory.h"

#include <stdio.h>

#include "config/config.h"
#include "gateway/base/mem.h"
#include "tests/kit/test.h"

enum { LIFETIME_MS = 300000 };

static const char *hashes[] = {"$y$one", "$y$two"};
static const char *new_hashes[] = {"$y$one", "$y$three"};
static const struct account account = {.name = "svc", .hashes = hashes, .hash_count = 2};

static struct slice
password(void)
{
    return slice_str("secret");
}

static void
logon_memory_knows_what_it_learned(void **state)
{
    struct logon_memory *m = logon_memory_new(64, LIFETIME_MS);

    (void)state;
    assert_false(logon_memory_knows(m, &account, password(), 0));
    logon_memory_learn(m, &account, password(), 0);
    assert_true(logon_memory_knows(m, &account, password(), 0));
    logon_memory_free(&m);
    assert_null(m);
}

static void
logon_memory_knows_it_also_for_a_clock_that_is_behind(void **state)
{
    struct logon_memory *m = logon_memory_new(64, LIFETIME_MS);

    (void)state;
    logon_memory_learn(m, &account, password(), 1000);
    assert_true(logon_memory_knows(m, &account, password(), 999));
    logon_memory_free(&m);
}

static const struct other_row {
    const char *say;
    struct account account;
    const char *password;
} other_rows[] = {
    {"another password", {.name = "svc", .hashes = hashes, .hash_count = 2}, "secret "},
    {"no password", {.name = "svc", .hashes = hashes, .hash_count = 2}, ""},
    {"another account", {.name = "svc2", .hashes = hashes, .hash_count = 2}, "secret"},
    {"octets moved over the border",
     {.name = "svcs", .hashes = hashes, .hash_count = 2},
     "ecret"},
    {"a changed hash", {.name = "svc", .hashes = new_hashes, .hash_count = 2}, "secret"},
    {"a hash taken away", {.name = "svc", .hashes = hashes, .hash_count = 1}, "secret"},
    {"all hashes taken away", {.name = "svc", .hashes = hashes, .hash_count = 0}, "secret"},
};

static void
logon_memory_knows_nothing_else(void **state)
{
    struct logon_memory *m = logon_memory_new(64, LIFETIME_MS);

    (void)state;
    logon_memory_learn(m, &account, password(), 0);
    for (size_t i = 0; i < COUNT_OF(other_rows); i++)
        if (logon_memory_knows(m, &other_rows[i].account, slice_str(other_rows[i].password), 0))
            fail_row(other_rows[i].say, "is known");
    logon_memory_free(&m);
}

static void
logon_memory_forgets_when_the_lifetime_is_over_however_often_it_is_asked(void **state)
{
    struct logon_memory *m = logon_memory_new(64, LIFETIME_MS);

    (void)state;
    logon_memory_learn(m, &account, password(), 1000);
    for (uint64_t now = 1000; now < 1000 + LIFETIME_MS; now += 1000)
        assert_true(logon_memory_knows(m, &account, password(), now));
    assert_false(logon_memory_knows(m, &account, password(), 1000 + LIFETIME_MS));
    logon_memory_learn(m, &account, password(), 1000 + LIFETIME_MS);
    assert_true(logon_memory_knows(m, &account, password(), 1000 + LIFETIME_MS));
    logon_memory_free(&m);
}

static size_t
known_of(struct logon_memory *m, size_t count, uint64_t now_ms)
{
    size_t known = 0;

    for (size_t i = 0; i < count; i++) {
        char text[32];
        snprintf(text, sizeof text, "password %zu", i);
        known += logon_memory_knows(m, &account, slice_str(text), now_ms);
    }
    return known;
}

static void
learn_many(struct logon_memory *m, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        char text[32];
        snprintf(text, sizeof text, "password %zu", i);
        logon_memory_learn(m, &account, slice_str(text), i);
    }
}

static void
logon_memory_stays_as_large_as_it_was_made(void **state)
{
    struct logon_memory *m = logon_memory_new(64, LIFETIME_MS);

    (void)state;
    learn_many(m, 10000);
    assert_in_range(known_of(m, 10000, 10000), 1, 64);
    logon_memory_free(&m);
}

static void
logon_memory_gives_up_the_oldest_first(void **state)
{
    struct logon_memory *m = logon_memory_new(1, LIFETIME_MS);

    (void)state;
    learn_many(m, 5);
    assert_int_equal(known_of(m, 5, 5), 4);
    assert_false(logon_memory_knows(m, &account, slice_str("password 0"), 5));
    logon_memory_free(&m);
}

static void
logon_memory_learns_the_same_logon_in_one_place(void **state)
{
    struct logon_memory *m = logon_memory_new(1, LIFETIME_MS);

    (void)state;
    learn_many(m, 4);
    for (uint64_t now = 10; now < 20; now++)
        logon_memory_learn(m, &account, slice_str("password 3"), now);
    assert_int_equal(known_of(m, 4, 20), 4);
    logon_memory_free(&m);
}

static void
logon_memory_of_another_process_knows_nothing(void **state)
{
    struct logon_memory *one = logon_memory_new(64, LIFETIME_MS);
    struct logon_memory *two = logon_memory_new(64, LIFETIME_MS);

    (void)state;
    logon_memory_learn(one, &account, password(), 0);
    assert_false(logon_memory_knows(two, &account, password(), 0));
    logon_memory_free(&one);
    logon_memory_free(&two);
    logon_memory_free(&two);
}

static void
logon_memory_is_not_made_without_memory(void **state)
{
    (void)state;
    mem_fail_after(0);
    struct logon_memory *m = logon_memory_new(64, LIFETIME_MS);
    mem_fail_after(-1);
    assert_null(m);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(logon_memory_knows_what_it_learned),
        cmocka_unit_test(logon_memory_knows_it_also_for_a_clock_that_is_behind),
        cmocka_unit_test(logon_memory_knows_nothing_else),
        cmocka_unit_test(
            logon_memory_forgets_when_the_lifetime_is_over_however_often_it_is_asked),
        cmocka_unit_test(logon_memory_stays_as_large_as_it_was_made),
        cmocka_unit_test(logon_memory_gives_up_the_oldest_first),
        cmocka_unit_test(logon_memory_learns_the_same_logon_in_one_place),
        cmocka_unit_test(logon_memory_of_another_process_knows_nothing),
        cmocka_unit_test(logon_memory_is_not_made_without_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
