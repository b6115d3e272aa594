#include "gateway/route/evidence.h"

#include "tests/kit/test.h"

enum { NOW = 1000000, FRESH = 30000 };

static void
the_newest_fresh_thing_that_happened_is_believed(void **state)
{
    static const struct {
        const char *say;
        struct evidence e;
        enum belief belief;
    } rows[] = {
        {"nothing ever happened", {0}, BELIEF_UNKNOWN},
        {"a message was taken now", {.delivered_ms = NOW}, BELIEF_UP},
        {"just within the time", {.delivered_ms = NOW - FRESH + 1}, BELIEF_UP},
        {"just too old", {.delivered_ms = NOW - FRESH}, BELIEF_UNKNOWN},
        {"ready counts as well", {.ready_ms = NOW - 5}, BELIEF_UP},
        {"the newer success counts", {.delivered_ms = 5, .ready_ms = NOW - 5}, BELIEF_UP},
        {"a failure", {.failed_ms = NOW - 5}, BELIEF_DOWN},
        {"a failure is forgotten, too", {.failed_ms = NOW - FRESH}, BELIEF_UNKNOWN},
        {"a failure behind a success", {.ready_ms = NOW - 9, .failed_ms = NOW - 5}, BELIEF_DOWN},
        {"a success behind a failure", {.ready_ms = NOW - 5, .failed_ms = NOW - 9}, BELIEF_UP},
        {"both at once: be careful", {.ready_ms = NOW - 5, .failed_ms = NOW - 5}, BELIEF_DOWN},
        {"an old failure hides a success before it",
         {.ready_ms = NOW - FRESH - 9, .failed_ms = NOW - FRESH - 5},
         BELIEF_UNKNOWN},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        if (evidence_belief(&rows[i].e, NOW, FRESH) != rows[i].belief)
            fail_row(rows[i].say, "it is %s",
                     belief_text(evidence_belief(&rows[i].e, NOW, FRESH)));
}

static const struct evidence up = {.ready_ms = NOW - 5};
static const struct evidence down = {.failed_ms = NOW - 5};
static const struct evidence unknown = {0};

static enum belief
belief_of(struct evidence a, struct evidence b, struct connector_evidence c)
{
    const struct evidence servers[] = {a, b};
    c.servers = servers;
    c.server_count = 2;
    return evidence_of_connector(&c, NOW, FRESH);
}

static void
one_usable_server_makes_a_connector_usable(void **state)
{
    const struct connector_evidence none = {0};
    (void)state;
    assert_int_equal(belief_of(up, up, none), BELIEF_UP);
    assert_int_equal(belief_of(down, up, none), BELIEF_UP);
    assert_int_equal(belief_of(up, unknown, none), BELIEF_UP);
    assert_int_equal(belief_of(down, unknown, none), BELIEF_UNKNOWN);
    assert_int_equal(belief_of(unknown, down, none), BELIEF_UNKNOWN);
    assert_int_equal(belief_of(down, down, none), BELIEF_DOWN);
}

static void
a_connector_that_may_not_send_is_down_whatever_its_servers_say(void **state)
{
    (void)state;
    assert_int_equal(belief_of(up, up, (struct connector_evidence){.is_suspended = true}),
                     BELIEF_DOWN);
    assert_int_equal(belief_of(up, up, (struct connector_evidence){.logon_refused = true}),
                     BELIEF_DOWN);
}

static void
without_an_address_the_names_decide(void **state)
{
    struct connector_evidence c = {0};
    (void)state;
    assert_int_equal(evidence_of_connector(&c, NOW, FRESH), BELIEF_UNKNOWN);
    c.names_failed_ms = NOW - 5;
    assert_int_equal(evidence_of_connector(&c, NOW, FRESH), BELIEF_DOWN);
    c.names_failed_ms = NOW - FRESH;
    assert_int_equal(evidence_of_connector(&c, NOW, FRESH), BELIEF_UNKNOWN);
}

static void
evidence_reads_as_a_person_would_say_it(void **state)
{
    static const struct {
        struct evidence e;
        const char *text;
    } rows[] = {
        {{0}, "nothing known"},
        {{.delivered_ms = NOW - 12999}, "delivered 12 s ago"},
        {{.delivered_ms = NOW - 12000, .ready_ms = NOW - 20000}, "delivered 12 s ago"},
        {{.delivered_ms = NOW - 20000, .ready_ms = NOW - 3000}, "EHLO ok 3 s ago"},
        {{.ready_ms = NOW - 3000, .failed_ms = NOW - 1000}, "failed 1 s ago"},
        {{.failed_ms = NOW - 300000}, "failed 5 min ago"},
        {{.ready_ms = NOW + 5}, "EHLO ok 0 s ago"}, /* another loop's clock is a turn ahead */
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct buf text;
        buf_init(&text, 100);
        evidence_put(&text, &rows[i].e, NOW);
        assert_string_equal(buf_text(&text), rows[i].text);
        buf_fini(&text);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_newest_fresh_thing_that_happened_is_believed),
        cmocka_unit_test(one_usable_server_makes_a_connector_usable),
        cmocka_unit_test(a_connector_that_may_not_send_is_down_whatever_its_servers_say),
        cmocka_unit_test(without_an_address_the_names_decide),
        cmocka_unit_test(evidence_reads_as_a_person_would_say_it),
    };
    return cmocka_run_group_tests_name("evidence", tests, NULL, NULL);
}
