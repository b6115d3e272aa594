/* The list for people and for machines. */
#include "gateway/ops/preflight_report.h"

#include <jansson.h>

#include "tests/kit/test.h"

static struct forest contoso = {.name = "contoso"}, fabrikam = {.name = "fabrikam"};

static struct preflight_check *
add(struct preflight *p, struct preflight_section *s, enum preflight_kind kind,
    enum doctor_state state, const char *found)
{
    struct preflight_check *c =
        preflight_add_check(p, s, kind, NULL, "%s is as it should be", preflight_kind_word(kind));
    c->state = state;
    struct preflight_line *line =
        preflight_add_line(p, c, state, state >= DOCTOR_WARNING ? WHO_EXCHANGE | WHO_NETWORK : 0,
                           "hub1:25", "%s", found);
    if (state >= DOCTOR_WARNING) {
        preflight_advise(line, "%s", "do this, and then that");
        line->command = "forestgate doctor -c gw.yaml --connector hubs hub1:25";
    }
    return c;
}

/* contoso is as ready as said, fabrikam is ready. */
static void
make(struct preflight *p, enum doctor_state state)
{
    preflight_init(p);
    struct preflight_section *s = preflight_add_section(p, &contoso);
    add(p, s, PREFLIGHT_REACH, state, "it answers, or it does not");
    add(p, s, PREFLIGHT_LOGON, DOCTOR_OK, "235");
    add(p, preflight_add_section(p, &fabrikam), PREFLIGHT_REACH, DOCTOR_OK, "it answers");
    add(p, preflight_add_section(p, NULL), PREFLIGHT_DAEMON, DOCTOR_OK, "it runs");
    preflight_conclude(p);
}

static void
the_first_line_says_how_many_are_ready(void **state)
{
    (void)state;
    static const struct {
        enum doctor_state state;
        const char *sentence;
        int status;
    } rows[] = {
        {DOCTOR_OK, "All 2 forests are ready.", 0},
        {DOCTOR_WARNING, "All 2 forests are ready, 1 of them with warnings.", 1},
        {DOCTOR_NOT_TRIED, "1 of 2 forests is ready.", 1},
        {DOCTOR_FAILED, "1 of 2 forests is ready.", 1},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct preflight p;
        struct buf text;
        buf_init(&text, 1000);
        make(&p, rows[i].state);
        preflight_report_sentence(&text, &p);
        assert_string_equal(buf_text(&text), rows[i].sentence);
        assert_int_equal(preflight_status(&p), rows[i].status);
        buf_fini(&text);
        preflight_fini(&p);
    }
}

static void
of_one_forest_it_says_what_it_is(void **state)
{
    (void)state;
    static const struct {
        enum doctor_state state;
        const char *sentence;
    } rows[] = {
        {DOCTOR_OK, "The forest is ready."},
        {DOCTOR_WARNING, "The forest is ready, with warnings."},
        {DOCTOR_NOT_TRIED, "Whether the forest is ready is not known."},
        {DOCTOR_FAILED, "The forest is NOT ready."},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct preflight p;
        struct buf text;
        preflight_init(&p);
        add(&p, preflight_add_section(&p, &contoso), PREFLIGHT_REACH, rows[i].state, "so");
        preflight_conclude(&p);
        buf_init(&text, 1000);
        preflight_report_sentence(&text, &p);
        assert_string_equal(buf_text(&text), rows[i].sentence);
        buf_fini(&text);
        preflight_fini(&p);
    }
}

static void
the_gateway_that_is_not_well_is_in_the_first_line(void **state)
{
    (void)state;
    struct preflight p;
    struct buf text;
    preflight_init(&p);
    add(&p, preflight_add_section(&p, &contoso), PREFLIGHT_REACH, DOCTOR_FAILED, "no");
    add(&p, preflight_add_section(&p, NULL), PREFLIGHT_DAEMON, DOCTOR_WARNING, "it drains");
    preflight_conclude(&p);
    buf_init(&text, 1000);
    preflight_report_sentence(&text, &p);
    assert_string_equal(buf_text(&text), "The forest is NOT ready. The gateway: it drains.");
    buf_fini(&text);
    preflight_fini(&p);
}

static void
a_problem_has_cause_remedy_who_and_where_to_look(void **state)
{
    (void)state;
    struct preflight p;
    struct buf text;
    make(&p, DOCTOR_FAILED);
    buf_init(&text, 64 * 1024);
    preflight_report_text(&text, &p, "gw.yaml");
    static const char wanted[] =
        "\ncontoso -> NOT ready\n"
        "  FAILED     reach is as it should be\n"
        "             hub1:25: it answers, or it does not\n"
        "             > do this, and then that\n"
        "             who:  the Exchange side of contoso, the network between\n"
        "             more: forestgate doctor -c gw.yaml --connector hubs hub1:25\n"
        "  ok         logon is as it should be\n"
        "\nfabrikam -> ready\n"
        "  ok         reach is as it should be\n"
        "\nThe gateway itself\n"
        "  ok         daemon is as it should be\n"
        "\nWhat cannot be checked from here\n";
    assert_non_null(strstr(buf_text(&text), wanted));
    buf_fini(&text);
    preflight_fini(&p);
}

static void
of_what_was_not_tried_one_reason_is_enough(void **state)
{
    (void)state;
    struct preflight p;
    struct buf text;
    preflight_init(&p);
    struct preflight_section *s = preflight_add_section(&p, &contoso);
    struct preflight_check *c = add(&p, s, PREFLIGHT_DOMAIN, DOCTOR_NOT_TRIED, "no logon");
    (void)preflight_add_line(&p, c, DOCTOR_NOT_TRIED, 0, "hub2:25", "no logon either");
    buf_init(&text, 64 * 1024);
    preflight_report_text(&text, &p, "gw.yaml");
    assert_non_null(strstr(buf_text(&text), "  not tried  domain is as it should be\n"
                                            "             no logon\n\n"));
    buf_fini(&text);
    preflight_fini(&p);
}

static void
what_is_worth_reading_is_shown_though_all_is_well(void **state)
{
    (void)state;
    struct preflight p;
    struct buf text;
    preflight_init(&p);
    struct preflight_section *s = preflight_add_section(&p, &contoso);
    struct preflight_check *c = add(&p, s, PREFLIGHT_REACH, DOCTOR_OK, "unseen");
    struct preflight_line *line =
        preflight_add_line(&p, c, DOCTOR_OK, 0, "hub2:25", "%s", "noted");
    line->is_note = true;
    buf_init(&text, 64 * 1024);
    preflight_report_text(&text, &p, "gw.yaml");
    assert_non_null(strstr(buf_text(&text), "             hub2:25: noted\n"));
    assert_null(strstr(buf_text(&text), "unseen"));
    buf_fini(&text);
    preflight_fini(&p);
}

static void
has_keys(const json_t *json, const char *const *keys, size_t count)
{
    assert_int_equal(json_object_size(json), count);
    for (size_t i = 0; i < count; i++)
        if (json_object_get(json, keys[i]) == NULL)
            fail_msg("no key %s", keys[i]);
}

static void
the_keys_are_those_that_are_promised(void **state)
{
    (void)state;
    static const char *const whole[] = {"exit",    "message",     "file",   "ready",
                                        "asked",   "connections", "logons", "forests",
                                        "gateway", "not_checked"};
    static const char *const forest[] = {"forest", "verdict", "checks"};
    static const char *const check[] = {"check", "subject", "state", "text", "lines"};
    static const char *const line[] = {"subject", "state", "note",   "found",
                                       "advice",  "who",   "command"};
    struct preflight p;
    struct buf text;
    make(&p, DOCTOR_FAILED);
    buf_init(&text, 64 * 1024);
    preflight_report_json(&text, &p, "gw.yaml");
    json_t *told = json_loads(buf_text(&text), 0, NULL);
    has_keys(told, whole, COUNT_OF(whole));
    const json_t *first = json_array_get(json_object_get(told, "forests"), 0);
    has_keys(first, forest, COUNT_OF(forest));
    const json_t *c = json_array_get(json_object_get(first, "checks"), 0);
    has_keys(c, check, COUNT_OF(check));
    const json_t *l = json_array_get(json_object_get(c, "lines"), 0);
    has_keys(l, line, COUNT_OF(line));
    assert_int_equal(json_array_size(json_object_get(l, "who")), 2);
    assert_int_equal(json_object_size(json_object_get(told, "gateway")), 2);
    json_decref(told);
    buf_fini(&text);
    preflight_fini(&p);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_line_says_how_many_are_ready),
        cmocka_unit_test(of_one_forest_it_says_what_it_is),
        cmocka_unit_test(the_gateway_that_is_not_well_is_in_the_first_line),
        cmocka_unit_test(a_problem_has_cause_remedy_who_and_where_to_look),
        cmocka_unit_test(of_what_was_not_tried_one_reason_is_enough),
        cmocka_unit_test(what_is_worth_reading_is_shown_though_all_is_well),
        cmocka_unit_test(the_keys_are_those_that_are_promised),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
