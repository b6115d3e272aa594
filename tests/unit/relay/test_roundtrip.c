#include "gateway/relay/roundtrip.h"

#include <stdio.h>

#include "tests/kit/config_text.h"
#include "tests/kit/test.h"

static const char text[] = CONFIG_TEXT_HEAD
    "forests:\n"
    "  contoso: { domains: { contoso.example: authoritative }, deliver: [to-contoso] }\n"
    "  fabrikam: { domains: { fabrikam.example: authoritative }, deliver: [to-fabrikam] }\n"
    "receive:\n"
    "  from-contoso: { listen: [main], networks: [10.1.0.0/16], speaks_for: [contoso], auth: "
    "none "
    "}\n"
    "  from-fabrikam: { listen: [main], networks: [10.2.0.0/16], speaks_for: [fabrikam], auth: "
    "none }\n"
    "send:\n"
    "  to-contoso: { servers: [mx.contoso.example], tls: { verify: name }, auth: none }\n"
    "  to-fabrikam: { servers: [mx.fabrikam.example], tls: { verify: name }, auth: none }\n";

enum { NOW = 1000000, MARKED = 77 };

static struct config *config;
static struct roundtrips *table;
static char token[ROUNDTRIP_TOKEN];

static int
begin(void **state)
{
    struct err err;
    (void)state;
    table = roundtrips_new();
    bool ok = roundtrip_enter(table, "kim@contoso.example", "lee@fabrikam.example", "fabrikam",
                              NOW, token, &err);
    roundtrip_taken(table, token, MARKED, "");
    return ok ? 0 : -1;
}

static int
end(void **state)
{
    (void)state;
    roundtrips_free(&table);
    return 0;
}

static int
load(void **state)
{
    (void)state;
    config = config_of_text(text);
    return 0;
}

static int
unload(void **state)
{
    (void)state;
    config_unref(&config);
    return 0;
}

static void
note(uint64_t id, const char *from, const char *to, const char *receive, const char *outcome,
     const char *words)
{
    const struct envelope e = {.id = id,
                               .from = slice_str(from),
                               .receive_connector = slice_str(receive),
                               .is_report = receive[0] == '\0'};
    const struct envelope_recipient r = {.address = slice_str(to)};
    const struct roundtrip_event event = {&e, &r, outcome, slice_str(words), true};
    roundtrip_note(table, config, &event);
}

static void
deliver(void)
{
    note(MARKED, "kim@contoso.example", "lee@fabrikam.example", "", "delivered", "250");
}

static struct roundtrip
look(void)
{
    struct roundtrip r;
    assert_true(roundtrip_look(table, slice_str(token), NOW + 1, &r));
    return r;
}

static void
nothing_is_known_of_it_at_first(void **state)
{
    struct roundtrip r = look();
    (void)state;
    assert_int_equal(r.id, MARKED);
    assert_int_equal(r.there, ROUNDTRIP_UNDER_WAY);
    assert_int_equal(r.back, ROUNDTRIP_NOT_SEEN);
}

static void
its_own_delivery_is_the_way_there(void **state)
{
    static const struct {
        const char *outcome;
        enum roundtrip_there there;
    } rows[] = {
        {"split", ROUNDTRIP_UNDER_WAY},     {"deferred", ROUNDTRIP_DEFERRED},
        {"delivered", ROUNDTRIP_DELIVERED}, {"bounced", ROUNDTRIP_ENDED},
        {"expired", ROUNDTRIP_ENDED},
    };
    (void)state;
    note(MARKED + 1, "kim@contoso.example", "lee@fabrikam.example", "x", "delivered", "other");
    assert_int_equal(look().there, ROUNDTRIP_UNDER_WAY);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        note(MARKED, "kim@contoso.example", "lee@fabrikam.example", "", rows[i].outcome,
             rows[i].outcome);
        assert_int_equal(look().there, rows[i].there);
        assert_string_equal(look().there_words, rows[i].outcome);
    }
}

/* Who it is from, whom it is for, and who brought it: all three. */
static void
a_report_that_the_far_forest_brings_is_the_way_back(void **state)
{
    static const struct {
        const char *from, *to, *receive, *outcome;
    } others[] = {
        {"lee@fabrikam.example", "kim@contoso.example", "from-fabrikam", "delivered"},
        {"", "kim@contoso.example", "from-contoso", "delivered"},
        {"", "kim@contoso.example", "from-nowhere", "delivered"},
        {"", "kim@contoso.example", "", "delivered"}, /* our own report, about other mail */
        {"", "max@contoso.example", "from-fabrikam", "delivered"},
        {"", "kim@contoso.example", "from-fabrikam", "deferred"},
    };
    (void)state;
    note(199, "", "kim@contoso.example", "from-fabrikam", "delivered", "before the message");
    assert_int_equal(look().back, ROUNDTRIP_NOT_SEEN);
    deliver();
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        note(200 + i, others[i].from, others[i].to, others[i].receive, others[i].outcome, "no");
        if (look().back != ROUNDTRIP_NOT_SEEN)
            fail_row(others[i].receive, "was taken for it");
    }
    note(300, "", "KIM@contoso.example", "from-fabrikam", "delivered", "250 2.6.0 Queued");
    assert_int_equal(look().back, ROUNDTRIP_CAME);
    assert_string_equal(look().back_words, "250 2.6.0 Queued");
}

static void
a_server_without_dsn_sends_no_report(void **state)
{
    const struct envelope e = {.id = MARKED, .from = slice_str("kim@contoso.example")};
    const struct envelope_recipient r = {.address = slice_str("lee@fabrikam.example")};
    const struct roundtrip_event event = {&e, &r, "delivered", slice_str("250"), false};
    (void)state;
    roundtrip_note(table, config, &event);
    assert_int_equal(look().there, ROUNDTRIP_DELIVERED);
    assert_int_equal(look().back, ROUNDTRIP_OWN_REPORT);
}

static void
what_the_spool_does_not_take_is_over(void **state)
{
    (void)state;
    roundtrip_taken(table, token, 0, "the disk is full");
    assert_int_equal(look().there, ROUNDTRIP_ENDED);
    assert_string_equal(look().there_words, "the disk is full");
}

static bool
enter(const char *from, uint64_t now_ms, struct err *err)
{
    char room[ROUNDTRIP_TOKEN];
    return roundtrip_enter(table, from, "lee@fabrikam.example", "fabrikam", now_ms, room, err);
}

static void
those_that_could_not_be_told_apart_wait_and_then_replace(void **state)
{
    struct roundtrip r;
    struct err err;
    (void)state;
    assert_false(enter("KIM@contoso.example", NOW + ROUNDTRIP_AGAIN_MS - 1, &err));
    assert_string_equal(err.text, "one from this mailbox to that forest has just begun: wait 2 "
                                  "minutes");
    assert_true(enter("KIM@contoso.example", NOW + ROUNDTRIP_AGAIN_MS, &err));
    assert_false(roundtrip_look(table, slice_str(token), NOW, &r));
}

static void
one_that_is_over_hinders_none(void **state)
{
    struct err err;
    (void)state;
    deliver();
    note(300, "", "kim@contoso.example", "from-fabrikam", "delivered", "250");
    assert_true(enter("kim@contoso.example", NOW + 1, &err));
}

static void
there_is_room_for_some_and_those_that_are_over_give_way(void **state)
{
    struct err err;
    char from[32];
    (void)state;
    for (int i = 1; i < ROUNDTRIPS_MAX; i++) {
        snprintf(from, sizeof from, "kim%d@contoso.example", i);
        assert_true(enter(from, NOW + 1, &err));
    }
    assert_false(enter("one.more@contoso.example", NOW + 1, &err));
    assert_string_equal(err.text, "8 are under way: each is forgotten after 15 minutes");
    note(MARKED, "kim@contoso.example", "lee@fabrikam.example", "", "bounced", "550");
    assert_true(enter("one.more@contoso.example", NOW + 1, &err));
    struct roundtrip r;
    assert_false(roundtrip_look(table, slice_str(token), NOW + 1, &r));
}

static void
each_is_forgotten_in_time(void **state)
{
    struct roundtrip r;
    (void)state;
    assert_true(roundtrip_look(table, slice_str(token), NOW + ROUNDTRIP_KEPT_MS - 1, &r));
    assert_false(roundtrip_look(table, slice_str(token), NOW + ROUNDTRIP_KEPT_MS, &r));
    assert_false(roundtrip_look(table, slice_str(""), NOW, &r));
    note(MARKED, "kim@contoso.example", "lee@fabrikam.example", "", "delivered", "250");
    roundtrip_note(NULL, config, NULL); /* nobody asks for any */
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(nothing_is_known_of_it_at_first, begin, end),
        cmocka_unit_test_setup_teardown(its_own_delivery_is_the_way_there, begin, end),
        cmocka_unit_test_setup_teardown(a_report_that_the_far_forest_brings_is_the_way_back,
                                        begin, end),
        cmocka_unit_test_setup_teardown(a_server_without_dsn_sends_no_report, begin, end),
        cmocka_unit_test_setup_teardown(what_the_spool_does_not_take_is_over, begin, end),
        cmocka_unit_test_setup_teardown(those_that_could_not_be_told_apart_wait_and_then_replace,
                                        begin, end),
        cmocka_unit_test_setup_teardown(one_that_is_over_hinders_none, begin, end),
        cmocka_unit_test_setup_teardown(there_is_room_for_some_and_those_that_are_over_give_way,
                                        begin, end),
        cmocka_unit_test_setup_teardown(each_is_forgotten_in_time, begin, end),
    };
    return cmocka_run_group_tests(tests, load, unload);
}
