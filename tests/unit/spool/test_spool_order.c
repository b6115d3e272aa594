/* What is due when and where, pages, numbers by connector, retry. */
#include "gateway/spool/spool.h"

#include "tests/kit/custody.h"
#include "tests/kit/test.h"

static int
open_custody(void **state)
{
    static struct custody c;
    custody_init(&c);
    custody_open(&c);
    *state = &c;
    return 0;
}

static int
close_custody(void **state)
{
    custody_fini(*state);
    return 0;
}

static const struct spool_place from_the_start = {0, 0};

static uint64_t
accept_at(struct custody *c, const char *connector, int64_t received, int64_t due)
{
    struct envelope_recipient r;
    struct envelope e = custody_envelope(&r, connector, received, due);
    struct err err;
    return custody_accept(c, &e, 100, 0, &err);
}

static size_t
due(struct custody *c, const char *connector, struct spool_place after, int64_t now,
    struct spool_place *out, size_t max, int64_t *next_due)
{
    return spool_due(c->spool, slice_str(connector), after, now, out, max, next_due);
}

static void
spool_gives_what_is_due_in_order_of_time(void **state)
{
    struct custody *c = *state;
    static const int64_t times[] = {300, 100, 200, 100, 0, 5000};
    uint64_t ids[COUNT_OF(times)];
    for (size_t i = 0; i < COUNT_OF(times); i++)
        ids[i] = accept_at(c, "hub", 1, times[i]);
    (void)accept_at(c, "hub2", 1, 50);
    (void)accept_at(c, "hu", 1, 50);

    static const size_t order[] = {4, 1, 3, 2, 0};
    struct spool_place out[8];
    int64_t next_due;
    assert_int_equal(due(c, "hub", from_the_start, 300, out, 8, &next_due), 5);
    for (size_t i = 0; i < 5; i++) {
        assert_int_equal(out[i].id, ids[order[i]]);
        assert_int_equal(out[i].due_unix_ms, times[order[i]]);
    }
    assert_int_equal(next_due, 5000);
    assert_int_equal(due(c, "hub", from_the_start, 299, out, 8, &next_due), 4);
    assert_int_equal(next_due, 300);
    assert_int_equal(due(c, "hub", from_the_start, 5000, out, 8, &next_due), 6);
    assert_true(next_due == INT64_MAX);
    assert_int_equal(due(c, "nobody", from_the_start, 5000, out, 8, &next_due), 0);
    assert_true(next_due == INT64_MAX);
}

static void
spool_gives_what_is_due_in_pages(void **state)
{
    struct custody *c = *state;
    for (int i = 0; i < 25; i++)
        (void)accept_at(c, "hub", 1, i / 3);
    for (size_t page = 1; page <= 26; page++) {
        struct spool_place after = from_the_start, out[26];
        int64_t next_due;
        size_t total = 0, n;
        while ((n = due(c, "hub", after, 100, out, page, &next_due)) > 0) {
            for (size_t i = 0; i < n; i++) {
                assert_true(out[i].due_unix_ms > after.due_unix_ms ||
                            (out[i].due_unix_ms == after.due_unix_ms && out[i].id > after.id));
                after = out[i];
            }
            total += n;
        }
        assert_int_equal(total, 25);
        assert_true(next_due == INT64_MAX);
    }
}

static void
spool_lists_in_pages(void **state)
{
    struct custody *c = *state;
    uint64_t ids[20];
    for (size_t i = 0; i < 20; i++)
        ids[i] = accept_at(c, "hub", 1, 1);
    for (size_t page = 1; page <= 21; page++) {
        uint64_t after = 0, out[21];
        size_t total = 0, n;
        while ((n = spool_list(c->spool, after, out, page)) > 0) {
            assert_memory_equal(out, ids + total, n * sizeof *out);
            after = out[n - 1];
            total += n;
        }
        assert_int_equal(total, 20);
    }
    uint64_t out;
    assert_int_equal(spool_list(c->spool, UINT64_MAX, &out, 1), 0);
}

static void
spool_finds_what_is_old(void **state)
{
    struct custody *c = *state;
    uint64_t young = accept_at(c, "hub", 3000, 0);
    uint64_t old = accept_at(c, "hub", 1000, 0);
    uint64_t middle = accept_at(c, "bridgeheads", 2000, 0);
    struct spool_place out[4];
    assert_int_equal(spool_received_before(c->spool, from_the_start, 2000, out, 4), 2);
    assert_int_equal(out[0].id, old);
    assert_int_equal(out[1].id, middle);
    assert_int_equal(spool_received_before(c->spool, out[0], 5000, out, 4), 2);
    assert_int_equal(out[1].id, young);
    assert_int_equal(spool_received_before(c->spool, from_the_start, 999, out, 4), 0);
}

static void
spool_moves_a_message_with_its_recipients(void **state)
{
    struct custody *c = *state;
    struct envelope_recipient r[3];
    struct envelope e = custody_envelope(&r[0], "hub", 1, 500);
    (void)custody_envelope(&r[1], "hub", 1, 300);
    (void)custody_envelope(&r[2], "edge", 1, 400);
    e.recipient_count = 3;
    struct err err;
    uint64_t id = custody_accept(c, &e, 10, 0, &err);

    struct spool_place out[4];
    int64_t next_due;
    assert_int_equal(due(c, "hub", from_the_start, 1000, out, 4, &next_due), 1);
    assert_int_equal(out[0].due_unix_ms, 300); /* once, at the first of its times */
    assert_int_equal(due(c, "edge", from_the_start, 1000, out, 4, &next_due), 1);

    assert_true(custody_record_one(c, id, 1, RECIPIENT_DELIVERED, "hub", 0).ok);
    assert_int_equal(due(c, "hub", from_the_start, 1000, out, 4, &next_due), 1);
    assert_int_equal(out[0].due_unix_ms, 500);
    assert_true(custody_record_one(c, id, 0, RECIPIENT_WAITING, "edge", 50).ok);
    assert_int_equal(due(c, "hub", from_the_start, 1000, out, 4, &next_due), 0);
    assert_int_equal(due(c, "edge", from_the_start, 1000, out, 4, &next_due), 1);
    assert_int_equal(out[0].due_unix_ms, 50);
    assert_true(custody_record_one(c, id, 2, RECIPIENT_HELD, "edge", 60).ok);
    assert_int_equal(due(c, QUEUE_HELD, from_the_start, 1000, out, 4, &next_due), 1);
    assert_int_equal(out[0].due_unix_ms, 60);
}

/* ---- Numbers by connector ----------------------------------------------------------------- */

static struct spool_queue_stats
stats_of(struct custody *c, const char *connector)
{
    struct spool_queue_stats rows[8];
    size_t count = spool_stats(c->spool, rows, 8);
    for (size_t i = 0; i < count; i++)
        if (slice_is(slice_str(rows[i].connector), connector))
            return rows[i];
    return (struct spool_queue_stats){.oldest_unix_ms = -1};
}

static void
check_stats(struct custody *c, const char *connector, uint64_t messages, uint64_t octets,
            int64_t oldest)
{
    struct spool_queue_stats row = stats_of(c, connector);
    assert_int_equal(row.messages, messages);
    assert_int_equal(row.octets, octets);
    assert_int_equal(row.oldest_unix_ms, oldest);
}

static void
spool_counts_what_waits_for_each_connector(void **state)
{
    struct custody *c = *state;
    check_stats(c, "hub", 0, 0, -1);
    uint64_t first = accept_at(c, "hub", 1000, 0);
    uint64_t other = accept_at(c, "edge", 1500, 0);
    uint64_t second = accept_at(c, "hub", 2000, 0);
    check_stats(c, "hub", 2, 200, 1000);
    check_stats(c, "edge", 1, 100, 1500);

    assert_true(custody_record_one(c, first, 0, RECIPIENT_WAITING, "hub", 9000).ok);
    check_stats(c, "hub", 2, 200, 1000);
    assert_true(custody_record_one(c, first, 0, RECIPIENT_DELIVERED, "hub", 0).ok);
    check_stats(c, "hub", 1, 100, 2000);
    assert_true(custody_record_one(c, other, 0, RECIPIENT_WAITING, "hub", 9).ok);
    check_stats(c, "hub", 2, 200, 1500);
    check_stats(c, "edge", 0, 0, -1);
    custody_reopen(c);
    check_stats(c, "hub", 2, 200, 1500);
    assert_true(custody_record_one(c, other, 0, RECIPIENT_EXPIRED, "hub", 0).ok);
    assert_true(custody_record_one(c, second, 0, RECIPIENT_HELD, "", 0).ok);
    check_stats(c, "hub", 0, 0, -1);
    check_stats(c, QUEUE_HELD, 1, 100, 2000);
}

static void
spool_counts_commits_and_custody(void **state)
{
    struct custody *c = *state;
    uint64_t id = accept_at(c, "hub", 1, 0);
    (void)accept_at(c, "hub", 1, 0);
    struct spool_counters counters;
    spool_counters(c->spool, &counters);
    assert_int_equal(counters.messages, 2);
    assert_int_equal(counters.commits, 2);
    assert_int_equal(counters.changes, 2);
    assert_true(custody_record_one(c, id, 0, RECIPIENT_DELIVERED, "hub", 0).ok);
    spool_counters(c->spool, &counters);
    assert_int_equal(counters.messages, 1);
    assert_int_equal(counters.changes, 3);
    custody_reopen(c);
    spool_counters(c->spool, &counters);
    assert_int_equal(counters.messages, 1);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_custody, close_custody)
    const struct CMUnitTest tests[] = {
        TEST(spool_gives_what_is_due_in_order_of_time),
        TEST(spool_gives_what_is_due_in_pages),
        TEST(spool_lists_in_pages),
        TEST(spool_finds_what_is_old),
        TEST(spool_moves_a_message_with_its_recipients),
        TEST(spool_counts_what_waits_for_each_connector),
        TEST(spool_counts_commits_and_custody),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
