/* What operators do to queued mail: suspend, resume, retry, return, remove; whole queues. */
#include "gateway/spool/spool.h"

#include "tests/kit/custody.h"
#include "tests/kit/test.h"

enum { ROOM_OF_LIST = 600 };
static const int64_t far_ahead = (int64_t)1 << 50;

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

static struct spool_answer
edit_queue(struct custody *c, enum spool_verb verb, uint64_t id, const char *queue)
{
    struct spool_edit edit = {.verb = verb, .ids = &id, .count = 1, .queue = queue};
    spool_edit(c->waiter.client, &edit, 5);
    return waiter_next(&c->waiter);
}

/* How many messages the verb changed. */
static size_t
edit(struct custody *c, enum spool_verb verb, uint64_t id)
{
    struct spool_answer answer = edit_queue(c, verb, id, NULL);
    assert_true(answer.ok);
    assert_int_equal(answer.token, 5);
    return answer.count;
}

static size_t
count_due(struct custody *c, const char *queue)
{
    struct spool_place out[ROOM_OF_LIST];
    struct spool_place start = {INT64_MIN, 0};
    int64_t next_due;
    return spool_due(c->spool, slice_str(queue), start, far_ahead, out, COUNT_OF(out), &next_due);
}

static struct spool_queue_stats
stats_of(struct custody *c, const char *queue)
{
    struct spool_queue_stats rows[8];
    size_t n = spool_stats(c->spool, rows, COUNT_OF(rows));
    for (size_t i = 0; i < n; i++)
        if (strcmp(rows[i].connector, queue) == 0)
            return rows[i];
    return (struct spool_queue_stats){.messages = 0};
}

static enum recipient_state
state_of(struct custody *c, uint64_t id, uint32_t index)
{
    struct envelope e;
    assert_true(custody_read(c, id, &e));
    return e.recipients[index].state;
}

/* One message for hub and for edge. */
static uint64_t
accept_for_two(struct custody *c)
{
    struct envelope_recipient r[2];
    struct envelope e = custody_envelope(&r[0], "hub", 1, 10);
    struct err err;
    (void)custody_envelope(&r[1], "edge", 1, 20);
    e.recipient_count = 2;
    uint64_t id = custody_accept(c, &e, 10, 0, &err);
    assert_true(id != 0);
    return id;
}

static void
a_suspended_message_is_never_due_until_resumed(void **state)
{
    struct custody *c = *state;
    uint64_t id = custody_accept_plain(c, "hub", 10, 0);
    assert_int_equal(edit(c, SPOOL_SUSPEND, id), 1);
    assert_int_equal(edit(c, SPOOL_SUSPEND, id), 0); /* it is already */
    assert_int_equal(count_due(c, "hub"), 0);
    assert_int_equal(stats_of(c, "hub").messages, 1);
    assert_int_equal(stats_of(c, "hub").suspended, 1);

    custody_reopen(c);
    assert_int_equal(stats_of(c, "hub").suspended, 1);
    assert_int_equal(edit(c, SPOOL_RETRY, id), 0);
    assert_int_equal(edit(c, SPOOL_RESUME, id), 1);
    assert_int_equal(count_due(c, "hub"), 1);
    assert_int_equal(stats_of(c, "hub").suspended, 0);
}

static void
a_verb_may_mean_one_queue_of_a_message(void **state)
{
    struct custody *c = *state;
    uint64_t id = accept_for_two(c);
    assert_int_equal(edit_queue(c, SPOOL_SUSPEND, id, "edge").count, 1);
    assert_int_equal(state_of(c, id, 0), RECIPIENT_WAITING);
    assert_int_equal(state_of(c, id, 1), RECIPIENT_SUSPENDED);
    assert_int_equal(edit_queue(c, SPOOL_REMOVE, id, "hub").count, 1);
    assert_int_equal(state_of(c, id, 0), RECIPIENT_REMOVED);
    assert_int_equal(stats_of(c, "hub").messages, 0);
    assert_int_equal(edit_queue(c, SPOOL_REMOVE, id, "nowhere").count, 0);
    assert_int_equal(edit_queue(c, SPOOL_REMOVE, id, "edge").count, 1);
    struct envelope e;
    assert_false(custody_read(c, id, &e));
}

static void
removing_takes_the_file_of_a_large_body_too(void **state)
{
    struct custody *c = *state;
    uint64_t id = custody_accept_plain(c, "hub", 20000, 0);
    assert_int_equal(custody_large_files(c), 1);
    assert_int_equal(edit(c, SPOOL_REMOVE, id), 1);
    assert_int_equal(edit(c, SPOOL_REMOVE, id), 0); /* gone: passed over */
    custody_close(c);                               /* the syncer has removed it then */
    assert_int_equal(custody_large_files(c), 0);
    custody_open(c);
    assert_int_equal(c->found.recovered, 0);
}

static void
returning_waits_for_its_report(void **state)
{
    struct custody *c = *state;
    uint64_t id = accept_for_two(c);
    assert_int_equal(edit(c, SPOOL_RETURN, id), 1);
    assert_int_equal(stats_of(c, QUEUE_RETURNING).messages, 1);
    assert_int_equal(stats_of(c, "hub").messages + stats_of(c, "edge").messages, 0);
    assert_int_equal(count_due(c, QUEUE_RETURNING), 1);
    /* An attempt that fails for the moment does not bring it back. */
    assert_true(custody_record_one(c, id, 0, RECIPIENT_WAITING, "hub", 99).ok);
    assert_int_equal(state_of(c, id, 0), RECIPIENT_RETURNING);
    /* One that succeeds was faster. */
    assert_true(custody_record_one(c, id, 0, RECIPIENT_DELIVERED, "hub", 0).ok);
    assert_int_equal(state_of(c, id, 0), RECIPIENT_DELIVERED);
    assert_true(custody_record_one(c, id, 1, RECIPIENT_BOUNCED, "edge", 0).ok);
    assert_int_equal(stats_of(c, QUEUE_RETURNING).messages, 0);
}

static void
an_outcome_of_a_suspended_recipient_is_merged(void **state)
{
    struct custody *c = *state;
    uint64_t id = accept_for_two(c);
    assert_int_equal(edit(c, SPOOL_SUSPEND, id), 1);
    struct recipient_change row = {.index = 0,
                                   .state = RECIPIENT_WAITING,
                                   .connector = slice_str("hub"),
                                   .attempts = 3,
                                   .due_unix_ms = 77,
                                   .last_error = slice_str("451 later"),
                                   .tried_unix_ms = 66,
                                   .moved_from = slice_str("edge")};
    struct spool_change change = {.id = id, .rows = &row, .row_count = 1};
    assert_true(custody_record(c, &change).ok);
    struct envelope e;
    assert_true(custody_read(c, id, &e));
    assert_int_equal(e.recipients[0].state, RECIPIENT_SUSPENDED);
    assert_int_equal(e.recipients[0].attempts, 3);
    assert_true(e.recipients[0].due_unix_ms == 10 && e.recipients[0].tried_unix_ms == 66);
    assert_true(slice_is(e.recipients[0].last_error, "451 later"));
    assert_true(slice_is(e.recipients[0].moved_from, "edge"));
    assert_int_equal(stats_of(c, "hub").suspended, 1);
}

static void
retry_makes_due_what_waits(void **state)
{
    struct custody *c = *state;
    struct envelope_recipient r[2];
    struct envelope e = custody_envelope(&r[0], "hub", 1, far_ahead + 1);
    (void)custody_envelope(&r[1], "", 1, far_ahead + 1);
    r[1].state = RECIPIENT_HELD;
    e.recipient_count = 2;
    struct err err;
    uint64_t id = custody_accept(c, &e, 10, 0, &err);
    assert_int_equal(count_due(c, "hub"), 0);
    assert_int_equal(edit(c, SPOOL_RETRY, id), 1);
    assert_int_equal(count_due(c, "hub"), 1);
    assert_int_equal(edit(c, SPOOL_RETRY, id), 0);
    assert_true(custody_read(c, id, &e));
    assert_true(e.recipients[1].due_unix_ms == far_ahead + 1);
}

static void
two_crashes_make_poison(void **state)
{
    struct custody *c = *state;
    uint64_t id = custody_accept_plain(c, "hub", 10, 0);
    assert_int_equal(edit(c, SPOOL_CRASHED, id), 1);
    assert_int_equal(count_due(c, "hub"), 1);
    custody_reopen(c);
    assert_int_equal(edit(c, SPOOL_CRASHED, id), 1);
    assert_int_equal(stats_of(c, "hub").messages, 0);
    assert_int_equal(stats_of(c, QUEUE_POISON).messages, 1);
    assert_int_equal(count_due(c, QUEUE_POISON), 0);

    assert_int_equal(edit(c, SPOOL_RESUME, id), 1);
    assert_int_equal(count_due(c, "hub"), 1);
    struct envelope e;
    assert_true(custody_read(c, id, &e));
    assert_int_equal(e.crashes, 0);
}

static void
an_edit_takes_many_messages_at_once(void **state)
{
    struct custody *c = *state;
    uint64_t ids[SPOOL_EDIT_MAX];
    for (size_t i = 0; i < SPOOL_EDIT_MAX; i++)
        ids[i] = custody_accept_plain(c, "hub", 10, 0);
    ids[7] = 1; /* never was */
    struct spool_edit edit = {.verb = SPOOL_REMOVE, .ids = ids, .count = SPOOL_EDIT_MAX};
    spool_edit(c->waiter.client, &edit, 1);
    assert_int_equal(waiter_next(&c->waiter).count, SPOOL_EDIT_MAX - 1);
    assert_int_equal(stats_of(c, "hub").messages, 1);
}

static bool
suspend(struct custody *c, const char *queue, bool suspended)
{
    spool_suspend_queue(c->waiter.client, slice_str(queue), suspended, 9);
    return waiter_next(&c->waiter).ok;
}

static void
a_suspended_queue_is_remembered(void **state)
{
    struct custody *c = *state;
    assert_false(spool_queue_is_suspended(c->spool, slice_str("hub")));
    assert_true(suspend(c, "hub", true));
    assert_true(suspend(c, "edge", true));
    assert_true(suspend(c, "hub", true));
    assert_true(suspend(c, "edge", false));
    assert_true(suspend(c, "edge", false));
    custody_reopen(c);
    assert_true(spool_queue_is_suspended(c->spool, slice_str("hub")));
    assert_false(spool_queue_is_suspended(c->spool, slice_str("edge")));
    assert_false(spool_queue_is_suspended(c->spool, slice_str("hu")));
    assert_true(suspend(c, "hub", false));
    custody_reopen(c);
    assert_false(spool_queue_is_suspended(c->spool, slice_str("hub")));
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_custody, close_custody)
    const struct CMUnitTest tests[] = {
        TEST(a_suspended_message_is_never_due_until_resumed),
        TEST(a_verb_may_mean_one_queue_of_a_message),
        TEST(removing_takes_the_file_of_a_large_body_too),
        TEST(returning_waits_for_its_report),
        TEST(an_outcome_of_a_suspended_recipient_is_merged),
        TEST(retry_makes_due_what_waits),
        TEST(two_crashes_make_poison),
        TEST(an_edit_takes_many_messages_at_once),
        TEST(a_suspended_queue_is_remembered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
