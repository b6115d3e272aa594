#include "gateway/spool/spool.h"

#include "gateway/base/mem.h"
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

/* ---- A message comes and goes ------------------------------------------------------------- */

static void
spool_keeps_bodies_of_every_size(void **state)
{
    struct custody *c = *state;
    static const size_t sizes[] = {0,    1,    699,   700,   4096,   8151,  8152,
                                   8153, 9999, 10000, 10001, 100000, 300001};
    uint64_t ids[COUNT_OF(sizes)];
    for (size_t i = 0; i < COUNT_OF(sizes); i++) {
        ids[i] = custody_accept_plain(c, "hub", sizes[i], (unsigned)i);
        assert_true(ids[i] != 0);
        assert_true(custody_body_is(c, ids[i], sizes[i], (unsigned)i));
    }
    assert_int_equal(custody_large_files(c), 4);
    custody_reopen(c);
    assert_int_equal(c->found.recovered, COUNT_OF(sizes));
    assert_int_equal(c->found.discarded, 0);
    for (size_t i = 0; i < COUNT_OF(sizes); i++)
        assert_true(custody_body_is(c, ids[i], sizes[i], (unsigned)i));
}

static void
spool_takes_octets_in_pieces_of_any_size(void **state)
{
    struct custody *c = *state;
    static char octets[40000];
    for (size_t i = 0; i < sizeof octets; i++)
        octets[i] = (char)(i * 7 >> 3);
    for (size_t piece = 1; piece < sizeof octets; piece = piece * 3 + 1) {
        struct spool_draft *d;
        struct err err;
        assert_true(spool_begin(c->spool, &d, &err));
        for (size_t at = 0; at < sizeof octets; at += piece)
            assert_true(
                spool_append(d, slice_head(slice(octets + at, sizeof octets - at), piece), &err));
        struct envelope_recipient r;
        struct envelope e = custody_envelope(&r, "hub", 1, 0);
        struct body *body;
        spool_commit(c->waiter.client, &d, &e, 1, &body);
        assert_null(d);
        assert_true(waiter_next(&c->waiter).ok);

        char scratch[sizeof octets];
        struct slice all;
        assert_true(body_read(body, 0, scratch, sizeof scratch, &all, &err));
        assert_int_equal(all.len, sizeof octets);
        assert_memory_equal(all.ptr, octets, sizeof octets);
        body_unref(&body);
    }
}

static void
spool_answers_with_the_token_and_the_id(void **state)
{
    struct custody *c = *state;
    struct spool_draft *d = custody_draft(c, 10, 0);
    uint64_t id = spool_draft_id(d);
    struct envelope_recipient r;
    struct envelope e = custody_envelope(&r, "hub", 5, 6);
    spool_commit(c->waiter.client, &d, &e, 4711, NULL);
    struct spool_answer answer = waiter_next(&c->waiter);
    assert_true(answer.ok);
    assert_int_equal(answer.token, 4711);
    assert_int_equal(answer.id, id);
    assert_int_equal(answer.report_id, 0);

    struct envelope read;
    assert_true(custody_read(c, id, &read));
    assert_int_equal(read.id, id);
    assert_int_equal(read.size, 10);
    assert_int_equal(read.received_unix_ms, 5);
    assert_true(slice_is(read.from, "kim@contoso.example"));
    assert_true(slice_is(read.recipients[0].address, "lee@fabrikam.example"));
    assert_int_equal(read.recipients[0].due_unix_ms, 6);
}

static void
spool_leaves_nothing_of_a_dropped_draft(void **state)
{
    struct custody *c = *state;
    struct spool_draft *small = custody_draft(c, 100, 0);
    struct spool_draft *large = custody_draft(c, 50000, 0);
    assert_int_equal(custody_large_files(c), 1);
    spool_drop(&small);
    spool_drop(&large);
    spool_drop(&large);
    assert_int_equal(custody_large_files(c), 0);
    uint64_t ids[4];
    assert_int_equal(spool_list(c->spool, 0, ids, 4), 0);
}

static void
spool_removes_a_message_when_nothing_is_open(void **state)
{
    struct custody *c = *state;
    uint64_t small = custody_accept_plain(c, "hub", 100, 0);
    uint64_t large = custody_accept_plain(c, "hub", 50000, 0);
    assert_true(custody_record_one(c, small, 0, RECIPIENT_DELIVERED, "hub", 0).ok);
    assert_true(custody_record_one(c, large, 0, RECIPIENT_BOUNCED, "hub", 0).ok);

    struct envelope e;
    struct body *body;
    struct err err;
    assert_false(custody_read(c, small, &e));
    assert_false(spool_body(c->spool, small, &body, &err));
    assert_int_equal(err.kind, ERR_STATE);
    struct spool_place place;
    int64_t next_due;
    assert_int_equal(spool_due(c->spool, slice_str("hub"), (struct spool_place){0, 0}, INT64_MAX,
                               &place, 1, &next_due),
                     0);
    assert_int_equal(
        spool_received_before(c->spool, (struct spool_place){0, 0}, INT64_MAX, &place, 1), 0);
    custody_reopen(c);
    assert_int_equal(c->found.recovered, 0);
    assert_int_equal(c->found.discarded, 0);
    assert_int_equal(custody_large_files(c), 0);
}

static void
spool_says_when_a_message_is_gone(void **state)
{
    struct custody *c = *state;
    uint64_t id = custody_accept_plain(c, "hub", 100, 0);
    assert_true(custody_record_one(c, id, 0, RECIPIENT_DELIVERED, "hub", 0).ok);
    struct spool_answer again = custody_record_one(c, id, 0, RECIPIENT_DELIVERED, "hub", 0);
    assert_false(again.ok);
    assert_int_equal(again.err.kind, ERR_STATE);
    assert_int_equal(c->failures, 0);
    assert_true(custody_accept_plain(c, "hub", 1, 0) != 0);
}

/* ---- Outcomes ----------------------------------------------------------------------------- */

static uint64_t
accept_two_recipients(struct custody *c, const char *first, const char *second)
{
    struct envelope_recipient r[2];
    struct envelope e = custody_envelope(&r[0], first, 1000, 0);
    (void)custody_envelope(&r[1], second, 1000, 0);
    e.recipient_count = 2;
    struct err err;
    return custody_accept(c, &e, 100, 0, &err);
}

static void
spool_merges_what_two_connectors_report(void **state)
{
    struct custody *c = *state;
    uint64_t id = accept_two_recipients(c, "bridgeheads", "hub");
    assert_true(custody_record_one(c, id, 1, RECIPIENT_WAITING, "hub", 5000).ok);
    assert_true(custody_record_one(c, id, 0, RECIPIENT_DELIVERED, "bridgeheads", 0).ok);

    struct envelope e;
    assert_true(custody_read(c, id, &e));
    assert_int_equal(e.recipients[0].state, RECIPIENT_DELIVERED);
    assert_int_equal(e.recipients[1].state, RECIPIENT_WAITING);
    assert_int_equal(e.recipients[1].due_unix_ms, 5000);
    assert_int_equal(e.recipients[1].attempts, 1);
    assert_true(slice_is(e.recipients[1].last_error, "451 4.3.2 not now"));
    assert_true(custody_record_one(c, id, 1, RECIPIENT_DELIVERED, "hub", 0).ok);
    assert_false(custody_read(c, id, &e));
}

static void
spool_never_opens_a_closed_recipient_again(void **state)
{
    struct custody *c = *state;
    uint64_t id = accept_two_recipients(c, "hub", "hub");
    assert_true(custody_record_one(c, id, 0, RECIPIENT_DELIVERED, "hub", 0).ok);
    assert_true(custody_record_one(c, id, 0, RECIPIENT_WAITING, "hub", 9).ok);
    struct envelope e;
    assert_true(custody_read(c, id, &e));
    assert_int_equal(e.recipients[0].state, RECIPIENT_DELIVERED);
}

static void
spool_refuses_a_recipient_that_is_not_there(void **state)
{
    struct custody *c = *state;
    uint64_t id = custody_accept_plain(c, "hub", 100, 0);
    struct spool_answer answer = custody_record_one(c, id, 1, RECIPIENT_DELIVERED, "hub", 0);
    assert_false(answer.ok);
    assert_int_equal(answer.err.kind, ERR_STATE);
    struct envelope e;
    assert_true(custody_read(c, id, &e));
}

static struct spool_answer
bounce_with_report(struct custody *c, uint64_t id, size_t report_size, uint64_t *report_id)
{
    struct recipient_change row = {.state = RECIPIENT_BOUNCED, .connector = slice_str("hub")};
    struct envelope_recipient r;
    struct envelope report = custody_envelope(&r, "bridgeheads", 2000, 0);
    report.from = slice(NULL, 0);
    report.is_report = true;
    struct spool_change change = {
        .id = id,
        .rows = &row,
        .row_count = 1,
        .report = custody_draft(c, report_size, 9),
        .report_envelope = &report,
    };
    *report_id = spool_draft_id(change.report);
    struct body *body;
    spool_record(c->waiter.client, &change, 8, &body);
    assert_null(change.report);
    assert_int_equal(body_size(body), report_size);
    body_unref(&body);
    return waiter_next(&c->waiter);
}

static void
spool_records_an_outcome_and_its_report_together(void **state)
{
    struct custody *c = *state;
    static const size_t sizes[] = {500, 50000};
    for (size_t i = 0; i < COUNT_OF(sizes); i++) {
        uint64_t id = custody_accept_plain(c, "hub", 100, 0);
        uint64_t report_id;
        struct spool_answer answer = bounce_with_report(c, id, sizes[i], &report_id);
        assert_true(answer.ok);
        assert_int_equal(answer.id, id);
        assert_int_equal(answer.report_id, report_id);
        struct envelope e;
        assert_false(custody_read(c, id, &e));
        assert_true(custody_read(c, report_id, &e));
        assert_true(e.is_report);
        assert_int_equal(e.from.len, 0);
        assert_true(custody_body_is(c, report_id, sizes[i], 9));
    }
}

static void
spool_makes_no_report_about_a_message_that_is_gone(void **state)
{
    struct custody *c = *state;
    uint64_t id = custody_accept_plain(c, "hub", 100, 0);
    uint64_t large_id = custody_accept_plain(c, "hub", 100, 0);
    uint64_t report_id;
    assert_true(custody_record_one(c, id, 0, RECIPIENT_DELIVERED, "hub", 0).ok);
    assert_true(custody_record_one(c, large_id, 0, RECIPIENT_DELIVERED, "hub", 0).ok);
    assert_int_equal(bounce_with_report(c, id, 500, &report_id).err.kind, ERR_STATE);
    struct envelope e;
    assert_false(custody_read(c, report_id, &e));
    assert_int_equal(bounce_with_report(c, large_id, 50000, &report_id).err.kind, ERR_STATE);
    assert_false(custody_read(c, report_id, &e));
    custody_reopen(c);
    assert_int_equal(custody_large_files(c), 0);
}

static void
spool_notes_that_the_sender_was_told(void **state)
{
    struct custody *c = *state;
    uint64_t id = custody_accept_plain(c, "hub", 100, 0);
    struct spool_change change = {.id = id, .delay_noticed = true};
    assert_true(custody_record(c, &change).ok);
    struct envelope e;
    assert_true(custody_read(c, id, &e));
    assert_true(e.delay_noticed);
    assert_int_equal(e.recipients[0].state, RECIPIENT_WAITING);
}

/* ---- Clients ------------------------------------------------------------------------------ */

static void
spool_gives_each_client_its_own_answers(void **state)
{
    struct custody *c = *state;
    struct waiter two[2];
    for (size_t i = 0; i < 2; i++)
        waiter_open(&two[i], c->spool);
    for (unsigned n = 0; n < 100; n++) {
        struct spool_draft *d = custody_draft(c, 20, n);
        struct envelope_recipient r;
        struct envelope e = custody_envelope(&r, "hub", n, 0);
        spool_commit(two[n % 2].client, &d, &e, n, NULL);
    }
    for (unsigned n = 0; n < 100; n++) {
        struct spool_answer answer = waiter_next(&two[n % 2]);
        assert_true(answer.ok);
        assert_int_equal(answer.token, n);
    }
    for (size_t i = 0; i < 2; i++)
        waiter_close(&two[i]);
}

static void
spool_drops_the_answers_of_a_client_that_is_gone(void **state)
{
    struct custody *c = *state;
    struct waiter gone;
    waiter_open(&gone, c->spool);
    for (unsigned n = 0; n < 300; n++) {
        struct spool_draft *d = custody_draft(c, n % 10 == 0 ? 20000 : 20, n);
        struct envelope_recipient r;
        struct envelope e = custody_envelope(&r, "hub", n, 0);
        spool_commit(gone.client, &d, &e, n, NULL);
    }
    waiter_close(&gone);
    /* The messages are no less in custody: their sender was not told, and may send them again. */
    custody_reopen(c);
    assert_int_equal(c->found.recovered, 300);
}

static void
spool_finishes_what_was_handed_in_before_it_closes(void **state)
{
    struct custody *c = *state;
    for (unsigned n = 0; n < 50; n++) {
        struct spool_draft *d = custody_draft(c, n % 5 == 0 ? 30000 : 300, n);
        struct envelope_recipient r;
        struct envelope e = custody_envelope(&r, "hub", n, 0);
        spool_commit(c->waiter.client, &d, &e, n, NULL);
    }
    spool_close(&c->spool);
    struct spool_answer answers[60];
    assert_int_equal(spool_collect(c->waiter.client, answers, 60), 50);
    custody_close(c);
    custody_open(c);
    assert_int_equal(c->found.recovered, 50);
}

/* ---- Memory ------------------------------------------------------------------------------- */

/* One try to accept, while the n-th allocation from now on fails, and all behind it. */
static bool
accept_with_little_memory(struct custody *c, long n)
{
    struct spool_draft *d;
    struct err err;
    mem_fail_after(n);
    bool ok = spool_begin(c->spool, &d, &err);
    if (ok && !spool_append(d, slice_str("hello"), &err)) {
        spool_drop(&d);
        ok = false;
    }
    if (ok) {
        struct envelope_recipient r;
        struct envelope e = custody_envelope(&r, "hub", 1, 0);
        spool_commit(c->waiter.client, &d, &e, 1, NULL);
        struct spool_answer answer = waiter_next(&c->waiter);
        ok = answer.ok;
        err = answer.err;
    }
    mem_fail_after(-1);
    if (!ok)
        assert_int_equal(err.kind, ERR_NOMEM);
    return ok;
}

static void
spool_refuses_mail_when_memory_ends_anywhere(void **state)
{
    struct custody *c = *state;
    long n = 0;
    while (!accept_with_little_memory(c, n))
        n++;
    assert_true(n >= 4); /* draft, request, body and envelope at least */
    assert_int_equal(c->failures, 0);
    custody_reopen(c);
    assert_int_equal(c->found.recovered, 1);
}

static void
spool_stops_when_it_cannot_even_note_an_outcome(void **state)
{
    struct custody *c = *state;
    uint64_t id = custody_accept_plain(c, "hub", 100, 0);
    struct spool_change change = {.id = id};
    mem_fail_after(0);
    spool_record(c->waiter.client, &change, 1, NULL);
    mem_fail_after(-1);
    /* There was no memory for an answer: the next one says it. */
    struct spool_answer answer = custody_record_one(c, id, 0, RECIPIENT_DELIVERED, "hub", 0);
    assert_int_equal(answer.err.kind, ERR_IO);
    assert_int_equal(c->failures, 1);
    assert_false(spool_has_room(c->spool));
    custody_reopen(c);
    assert_int_equal(c->found.recovered, 1);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_custody, close_custody)
    const struct CMUnitTest tests[] = {
        TEST(spool_keeps_bodies_of_every_size),
        TEST(spool_takes_octets_in_pieces_of_any_size),
        TEST(spool_answers_with_the_token_and_the_id),
        TEST(spool_leaves_nothing_of_a_dropped_draft),
        TEST(spool_removes_a_message_when_nothing_is_open),
        TEST(spool_says_when_a_message_is_gone),
        TEST(spool_merges_what_two_connectors_report),
        TEST(spool_never_opens_a_closed_recipient_again),
        TEST(spool_refuses_a_recipient_that_is_not_there),
        TEST(spool_records_an_outcome_and_its_report_together),
        TEST(spool_makes_no_report_about_a_message_that_is_gone),
        TEST(spool_notes_that_the_sender_was_told),
        TEST(spool_gives_each_client_its_own_answers),
        TEST(spool_drops_the_answers_of_a_client_that_is_gone),
        TEST(spool_finishes_what_was_handed_in_before_it_closes),
        TEST(spool_refuses_mail_when_memory_ends_anywhere),
        TEST(spool_stops_when_it_cannot_even_note_an_outcome),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
