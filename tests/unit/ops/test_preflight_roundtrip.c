#include "gateway/ops/preflight_roundtrip.h"

#include "tests/kit/test.h"

static const struct forest fabrikam = {.name = "fabrikam"};

static void
two_mailboxes_are_read(void **state)
{
    static const char *const bad[] = {"",
                                      ",",
                                      "kim@contoso.example",
                                      "kim@contoso.example,",
                                      "kim,lee@fabrikam.example",
                                      "a@b.example,c@d.example,e"};
    struct preflight_trip trip;
    struct err err;
    (void)state;
    assert_true(preflight_trip_read("kim@contoso.example,lee@fabrikam.example", &trip, &err));
    assert_true(slice_is(trip.from, "kim@contoso.example"));
    assert_true(slice_is(trip.to, "lee@fabrikam.example"));
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        if (preflight_trip_read(bad[i], &trip, &err))
            fail_row(bad[i], "was read");
}

/* What the gateway says; what it comes to. */
static const struct {
    const char *answer;
    bool is_over;
    enum doctor_state there, back;
    const char *said_there, *said_back;
} rows[] = {
    {"{\"there\":\"under-way\",\"there_words\":\"451 4.4.1 refused\",\"back\":\"not-seen\"}",
     false, DOCTOR_WARNING, DOCTOR_NOT_TRIED, "it waits: 451 4.4.1 refused",
     "the message has not been delivered"},
    {"{\"there\":\"under-way\",\"there_words\":null,\"back\":\"not-seen\"}", false,
     DOCTOR_WARNING, DOCTOR_NOT_TRIED, "it waits: nothing was said yet",
     "the message has not been delivered"},
    {"{\"there\":\"deferred\",\"there_words\":\"452 4.3.1\",\"back\":\"not-seen\"}", false,
     DOCTOR_WARNING, DOCTOR_NOT_TRIED, "it waits: 452 4.3.1",
     "the message has not been delivered"},
    {"{\"there\":\"ended\",\"there_words\":\"550 5.1.1 User unknown\",\"back\":\"not-seen\"}",
     true, DOCTOR_FAILED, DOCTOR_NOT_TRIED, "550 5.1.1 User unknown",
     "the message has not been delivered"},
    {"{\"there\":\"delivered\",\"there_words\":\"250 2.6.0\",\"back\":\"not-seen\"}", false,
     DOCTOR_OK, DOCTOR_WARNING, "250 2.6.0", "no report has come back so far"},
    {"{\"there\":\"delivered\",\"there_words\":\"250 2.6.0\",\"back\":\"own-report\"}", true,
     DOCTOR_OK, DOCTOR_WARNING, "250 2.6.0",
     "the servers of fabrikam offer no DSN, so they send none; the gateway has reported itself"},
    {"{\"there\":\"delivered\",\"there_words\":\"250 "
     "2.6.0\",\"back\":\"came\",\"back_words\":\"250 "
     "taken\"}",
     true, DOCTOR_OK, DOCTOR_OK, "250 2.6.0",
     "a report came from fabrikam and was taken: 250 taken; the mailbox shows what it says"},
};

static void
each_answer_has_its_checks(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct preflight p;
        struct preflight_trip trip;
        struct preflight_trip_state said = {.is_known = false};
        struct err err;
        preflight_init(&p);
        assert_true(preflight_trip_read("kim@contoso.example,lee@fabrikam.example", &trip, &err));
        preflight_trip_parse(slice_str(rows[i].answer), &said);
        if (!said.is_known || preflight_trip_is_over(&said) != rows[i].is_over)
            fail_row(rows[i].answer, "is %s over", rows[i].is_over ? "not" : "called");
        struct preflight_section *s = preflight_add_section(&p, &fabrikam);
        preflight_judge_trip(&p, s, &fabrikam, &trip, &said);
        const struct preflight_check *there = s->checks, *back = there->next;
        assert_int_equal(there->kind, PREFLIGHT_ROUND_TRIP_THERE);
        assert_int_equal(back->kind, PREFLIGHT_ROUND_TRIP_BACK);
        if (there->state != rows[i].there || back->state != rows[i].back)
            fail_row(rows[i].answer, "is judged %d %d", there->state, back->state);
        assert_string_equal(there->lines->found, rows[i].said_there);
        assert_string_equal(back->lines->found, rows[i].said_back);
        preflight_fini(&p);
    }
}

static void
what_was_never_sent_is_not_called_well(void **state)
{
    struct preflight p;
    struct preflight_trip trip;
    struct preflight_trip_state said = {.why_not = "the gateway does not run"};
    struct err err;
    (void)state;
    preflight_init(&p);
    assert_true(preflight_trip_read("kim@contoso.example,lee@fabrikam.example", &trip, &err));
    struct preflight_section *s = preflight_add_section(&p, &fabrikam);
    preflight_judge_trip(&p, s, &fabrikam, &trip, &said);
    preflight_conclude(&p);
    assert_int_equal(s->checks->state, DOCTOR_NOT_TRIED);
    assert_string_equal(s->checks->lines->found, "the gateway does not run");
    assert_null(s->checks->next);
    assert_int_equal(s->verdict, PREFLIGHT_UNPROVEN);
    preflight_fini(&p);
}

static void
no_answer_that_can_be_read_is_no_state(void **state)
{
    static const char *const answers[] = {"", "{", "[]", "{}", "{\"there\":3}"};
    (void)state;
    for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++) {
        struct preflight_trip_state said = {.is_known = true};
        preflight_trip_parse(slice_str(answers[i]), &said);
        if (said.is_known)
            fail_row(answers[i], "is known");
        assert_string_equal(said.there, "");
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_mailboxes_are_read),
        cmocka_unit_test(each_answer_has_its_checks),
        cmocka_unit_test(what_was_never_sent_is_not_called_well),
        cmocka_unit_test(no_answer_that_can_be_read_is_no_state),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
