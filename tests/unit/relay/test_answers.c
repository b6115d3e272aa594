#include "gateway/relay/answers.h"

#include "tests/kit/custody.h"
#include "tests/kit/test.h"

struct heard {
    int calls;
    struct spool_answer last;
};

static void
on_answer(void *context, const struct spool_answer *answer)
{
    struct heard *h = context;
    h->calls++;
    h->last = *answer;
}

/* A commit of the custody's own client never gets here: these answers are made by hand. */
static void
commit(struct custody *c, struct spool_client *client, uint64_t token)
{
    struct envelope_recipient r;
    struct envelope e = custody_envelope(&r, "hub", 1000, 1000);
    struct spool_draft *draft = custody_draft(c, 100, 1);
    spool_commit(client, &draft, &e, token, NULL);
}

static void
collect_until(struct answers *a, struct spool_client *client, size_t owed)
{
    while (answers_owed(a) > owed)
        answers_collect(a, client);
}

static void
no_wake(void *context)
{
    (void)context;
}

static void
answers_find_their_continuation_by_token(void **state)
{
    struct custody *c = *state;
    struct spool_client *client = spool_client_new(c->spool, no_wake, NULL);
    struct answers *a = answers_new();
    struct heard one = {0}, two = {0};
    uint64_t first = answers_expect(a, on_answer, &one);
    uint64_t second = answers_expect(a, on_answer, &two);

    assert_int_not_equal(first, second);
    commit(c, client, second);
    collect_until(a, client, 1);
    assert_int_equal(one.calls, 0);
    assert_int_equal(two.calls, 1);
    assert_true(two.last.ok);

    commit(c, client, first);
    collect_until(a, client, 0);
    assert_int_equal(one.calls, 1);
    spool_client_free(&client);
    answers_free(&a);
}

static void
answers_ignore_a_token_that_was_used_up(void **state)
{
    struct custody *c = *state;
    struct spool_client *client = spool_client_new(c->spool, no_wake, NULL);
    struct answers *a = answers_new();
    struct heard old = {0}, fresh = {0};
    uint64_t first = answers_expect(a, on_answer, &old);
    answers_forget(a, first);
    assert_int_equal(answers_owed(a), 0);

    uint64_t second = answers_expect(a, on_answer, &fresh); /* the same slot, another token */
    commit(c, client, first);
    commit(c, client, second);
    collect_until(a, client, 0);
    assert_int_equal(old.calls, 0);
    assert_int_equal(fresh.calls, 1);
    spool_client_free(&client);
    answers_free(&a);
}

static void
answers_end_what_is_still_owed_as_closed(void **state)
{
    (void)state;
    struct answers *a = answers_new();
    struct heard h[100] = {{0}};
    for (size_t i = 0; i < COUNT_OF(h); i++)
        assert_int_not_equal(answers_expect(a, on_answer, &h[i]), 0);
    answers_free(&a);
    for (size_t i = 0; i < COUNT_OF(h); i++) {
        assert_int_equal(h[i].calls, 1);
        assert_false(h[i].last.ok);
        assert_int_equal(h[i].last.err.kind, ERR_CLOSED);
    }
}

static int
set_up(void **state)
{
    static struct custody c;
    custody_init(&c);
    custody_open(&c);
    *state = &c;
    return 0;
}

static int
tear_down(void **state)
{
    custody_fini(*state);
    return 0;
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(answers_find_their_continuation_by_token, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(answers_ignore_a_token_that_was_used_up, set_up,
                                        tear_down),
        cmocka_unit_test(answers_end_what_is_still_owed_as_closed),
    };
    return cmocka_run_group_tests_name("answers", tests, NULL, NULL);
}
