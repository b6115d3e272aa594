#include "gateway/relay/outlet.h"

#include "gateway/base/clock.h"
#include "gateway/relay/outlet_private.h"
#include "tests/kit/house.h"
#include "tests/kit/test.h"
#include "tests/kit/turns.h"

/* The house has no monitor, so no evidence is fresh: whoever asks gets a look. */

static struct board_connector
notice(struct house *h)
{
    struct board_connector c;
    assert_true(board_read(h->shop.board, slice_str("hub"), &c));
    return c;
}

static bool
has_looked(void *context)
{
    struct board_connector c = notice(context);
    bool done = !c.is_looking && c.connections == 0;
    board_connector_fini(&c);
    return done && outlet_is_idle(house_hub(context));
}

/* Ask, and wait for the end of the look: its connection too. */
static void
look(struct house *h)
{
    outlet_check(house_hub(h));
    turns_until(h->loop, has_looked, h);
}

static uint64_t
failures_of(struct house *h, size_t server)
{
    struct board_connector c = notice(h);
    uint64_t n = server < c.server_count ? c.servers[server].failures : UINT64_MAX;
    board_connector_fini(&c);
    return n;
}

static uint64_t
blocked_until(struct house *h, size_t server)
{
    struct board_connector c = notice(h);
    uint64_t at = c.servers[server].blocked_until_ms;
    board_connector_fini(&c);
    return at;
}

static const char *
busy(struct fake_server *f, const char *line)
{
    (void)f;
    return *line == '\0' ? "421 4.3.2 Too many connections\r\n" : NULL;
}

static const char *
broken(struct fake_server *f, const char *line)
{
    (void)f;
    return *line == '\0' ? "554 5.3.2 broken\r\n" : NULL;
}

static void
a_look_brings_no_mail_and_is_evidence(void **state)
{
    struct house h;
    (void)state;
    house_init(&h);
    look(&h);
    assert_int_equal(h.first.connections, 1);
    assert_int_equal(h.first.transactions, 0);
    assert_int_equal(h.second.connections, 0);
    struct board_connector c = notice(&h);
    assert_int_equal(board_belief(&c, clock_ms(), 60000), BELIEF_UP);
    board_connector_fini(&c);
    house_fini(&h);
}

static const char *
broken_while_more_ask(struct fake_server *f, const char *line)
{
    struct house *h = f->context;
    if (h->first.connections + h->second.connections < 10)
        outlet_check(house_hub(h));
    return broken(f, line);
}

static void
any_number_of_askers_share_one_look(void **state)
{
    struct house h;
    (void)state;
    house_init(&h);
    h.first.answer = h.second.answer = broken_while_more_ask;
    h.first.context = h.second.context = &h;
    for (int i = 0; i < 20; i++)
        outlet_check(house_hub(&h));
    look(&h);
    assert_int_equal(h.first.connections, 1);
    assert_int_equal(h.second.connections, 1);
    house_fini(&h);
}

static void
the_next_server_is_looked_at_when_one_fails(void **state)
{
    struct house h;
    (void)state;
    house_init(&h);
    h.first.answer = broken;
    look(&h);
    assert_int_equal(h.first.connections, 1);
    assert_int_equal(h.second.connections, 1);
    struct board_connector c = notice(&h);
    assert_int_equal(board_belief(&c, clock_ms(), 60000), BELIEF_UP);
    board_connector_fini(&c);
    /* The next look begins with the one that works. */
    look(&h);
    assert_int_equal(h.first.connections, 1);
    assert_int_equal(h.second.connections, 2);
    house_fini(&h);
}

static void
looks_that_fail_count_once_and_never_lengthen_the_wait(void **state)
{
    struct house h;
    (void)state;
    house_init(&h);
    h.first.answer = h.second.answer = broken;
    look(&h);
    uint64_t until = blocked_until(&h, 0);
    assert_true(until > clock_ms());
    for (int i = 0; i < 5; i++)
        look(&h);
    assert_int_equal(h.first.connections, 6);
    assert_int_equal(failures_of(&h, 0), 1);
    assert_int_equal(failures_of(&h, 1), 1);
    assert_int_equal(blocked_until(&h, 0), until);
    assert_false(outlet_state(house_hub(&h)).suspended);
    /* Nor when the wait is over: the next try is mail's. */
    house_retry(&h);
    look(&h);
    assert_int_equal(failures_of(&h, 0), 1);
    assert_int_equal(blocked_until(&h, 0), 0);
    house_fini(&h);
}

/* That there are too many connections already is no reason to stop mail. */
static void
a_server_that_is_busy_is_not_blocked_by_a_look(void **state)
{
    struct house h;
    (void)state;
    house_init(&h);
    h.first.answer = h.second.answer = busy;
    look(&h);
    assert_int_equal(failures_of(&h, 0), 0);
    assert_int_equal(blocked_until(&h, 0), 0);
    struct board_connector c = notice(&h);
    assert_int_equal(board_belief(&c, clock_ms(), 60000), BELIEF_DOWN);
    board_connector_fini(&c);
    house_fini(&h);
}

static void
a_look_that_finds_a_server_restored_sends_what_waits_for_it(void **state)
{
    struct house h;
    (void)state;
    house_init(&h);
    h.first.answer = h.second.answer = broken;
    house_send(&h, "bob@fabrikam.example");
    turns_until(h.loop, has_looked, &h); /* tried in vain; the next try is in an hour */
    h.first.answer = NULL;
    outlet_check(house_hub(&h));
    house_until_left(&h, 0);
    assert_int_equal(fake_server_took(&h.first, "bob@fabrikam.example"), 1);
    house_fini(&h);
}

static void
mail_does_not_wait_for_a_look(void **state)
{
    struct house h;
    (void)state;
    house_init(&h);
    outlet_check(house_hub(&h));
    house_send(&h, "bob@fabrikam.example");
    house_until_left(&h, 0);
    assert_int_equal(fake_server_took(&h.first, "bob@fabrikam.example"), 1);
    house_fini(&h);
}

static const char *
silent(struct fake_server *f, const char *line)
{
    (void)f, (void)line;
    return fake_silence;
}

static void
an_outlet_that_ends_in_the_middle_of_a_look_is_idle_at_once(void **state)
{
    struct house h;
    (void)state;
    house_init(&h);
    h.first.answer = silent;
    outlet_check(house_hub(&h));
    turns_until_count(h.loop, &h.first.connections, 1);
    outlet_retire(house_hub(&h), false);
    assert_true(outlet_is_idle(house_hub(&h)));
    outlet_check(house_hub(&h)); /* nobody looks any more */
    assert_true(outlet_is_idle(house_hub(&h)));
    house_fini(&h);
}

/* Mail would wait for its banner for minutes (RFC 5321 4.5.3.2.1). */
static void
a_server_that_is_slow_is_not_blocked_by_a_look(void **state)
{
    struct house h;
    (void)state;
    house_init(&h);
    h.first.answer = h.second.answer = silent;
    house_hub(&h)->check.patience_ms = 20;
    look(&h);
    assert_int_equal(h.first.connections, 1);
    assert_int_equal(h.second.connections, 1);
    assert_int_equal(failures_of(&h, 0), 0);
    assert_int_equal(blocked_until(&h, 0), 0);
    struct board_connector c = notice(&h);
    assert_int_equal(board_belief(&c, clock_ms(), 60000), BELIEF_DOWN);
    board_connector_fini(&c);
    house_fini(&h);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_look_brings_no_mail_and_is_evidence),
        cmocka_unit_test(any_number_of_askers_share_one_look),
        cmocka_unit_test(the_next_server_is_looked_at_when_one_fails),
        cmocka_unit_test(looks_that_fail_count_once_and_never_lengthen_the_wait),
        cmocka_unit_test(a_server_that_is_busy_is_not_blocked_by_a_look),
        cmocka_unit_test(a_look_that_finds_a_server_restored_sends_what_waits_for_it),
        cmocka_unit_test(mail_does_not_wait_for_a_look),
        cmocka_unit_test(a_server_that_is_slow_is_not_blocked_by_a_look),
        cmocka_unit_test(an_outlet_that_ends_in_the_middle_of_a_look_is_idle_at_once),
    };
    return cmocka_run_group_tests_name("outlet_check", tests, NULL, NULL);
}
