#include "gateway/ops/probe_result.h"

#include <stdio.h>
#include <string.h>

#include "tests/kit/test.h"

static struct smtp_outcome
said(enum smtp_stage stage, int code, const char *enhanced, const char *text, bool local)
{
    struct smtp_outcome o = {.reply = reply_make(code, enhanced, "%s", text), .stage = stage};
    o.reply.local = local;
    return o;
}

static void
a_step_is_as_bad_as_its_reply(void **state)
{
    (void)state;
    static const struct {
        enum probe_kind kind;
        enum smtp_stage stage;
        int code;
        const char *enhanced;
        bool local;
        enum probe_state wanted;
    } rows[] = {
        {PROBE_BANNER, SMTP_STAGE_BANNER, 220, NULL, false, PROBE_OK},
        {PROBE_BANNER, SMTP_STAGE_BANNER, 421, "4.3.2", false, PROBE_WARNING},
        {PROBE_BANNER, SMTP_STAGE_BANNER, 554, NULL, false, PROBE_CRITICAL},
        {PROBE_EHLO, SMTP_STAGE_EHLO, 500, NULL, false, PROBE_CRITICAL},
        {PROBE_STARTTLS, SMTP_STAGE_STARTTLS, 454, "4.7.0", false, PROBE_CRITICAL},
        {PROBE_STARTTLS, SMTP_STAGE_STARTTLS, 451, "4.7.4", true, PROBE_CRITICAL},
        {PROBE_TLS, SMTP_STAGE_TLS, 451, "4.7.5", true, PROBE_CRITICAL},
        {PROBE_TLS, SMTP_STAGE_TLS, 451, "4.3.0", true, PROBE_UNKNOWN},
        {PROBE_AUTH, SMTP_STAGE_AUTH, 454, "4.7.0", false, PROBE_WARNING},
        {PROBE_AUTH, SMTP_STAGE_AUTH, 535, "5.7.3", false, PROBE_CRITICAL},
        {PROBE_MAIL, SMTP_STAGE_MAIL, 452, "4.3.1", false, PROBE_WARNING},
        {PROBE_RCPT, SMTP_STAGE_RCPT, 550, "5.1.1", false, PROBE_CRITICAL},
        {PROBE_RCPT, SMTP_STAGE_RCPT, 451, "4.4.1", true, PROBE_CRITICAL},
        {PROBE_QUIT, SMTP_STAGE_IDLE, 221, NULL, false, PROBE_OK},
        {PROBE_QUIT, SMTP_STAGE_IDLE, 500, NULL, false, PROBE_WARNING},
        {PROBE_QUIT, SMTP_STAGE_IDLE, 451, "4.4.1", true, PROBE_WARNING},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct probe_result r = {.port = 25};
        struct smtp_outcome o =
            said(rows[i].stage, rows[i].code, rows[i].enhanced, "words", rows[i].local);
        probe_note(&r, rows[i].kind, 7, &o, "");
        if (probe_state_of(&r) != rows[i].wanted)
            fail_row(probe_kind_label(rows[i].kind), "%d is %s", rows[i].code,
                     probe_state_text(probe_state_of(&r)));
        assert_int_equal(r.steps[0].code, rows[i].local ? 0 : rows[i].code);
        assert_int_equal(r.steps[0].us, 7);
    }
}

static void
of_several_states_the_worst_counts(void **state)
{
    (void)state;
    static const enum probe_state order[] = {PROBE_OK, PROBE_WARNING, PROBE_UNKNOWN,
                                             PROBE_CRITICAL};
    for (size_t i = 0; i < COUNT_OF(order); i++)
        for (size_t k = 0; k < COUNT_OF(order); k++)
            assert_int_equal(probe_worse(order[i], order[k]), order[i > k ? i : k]);
}

static void
the_first_of_the_worst_is_named(void **state)
{
    (void)state;
    struct probe_result r = {.port = 25};
    struct smtp_outcome good = said(SMTP_STAGE_MAIL, 250, NULL, "fine", false);
    struct smtp_outcome full = said(SMTP_STAGE_RCPT, 452, "4.2.2", "full", false);
    struct smtp_outcome no = said(SMTP_STAGE_RCPT, 550, "5.1.1", "who?", false);
    probe_note(&r, PROBE_MAIL, 1, &good, "<>");
    assert_null(probe_worst_step(&r));
    probe_note(&r, PROBE_RCPT, 2, &full, "kim@a.example");
    assert_string_equal(probe_worst_step(&r)->text, "kim@a.example: 452 4.2.2 full");
    probe_note(&r, PROBE_RCPT, 3, &no, "lee@a.example");
    probe_note(&r, PROBE_RCPT, 4, &no, "max@a.example");
    assert_string_equal(probe_worst_step(&r)->text, "lee@a.example: 550 5.1.1 who?");
    assert_string_not_equal(probe_worst_step(&r)->advice, "");
    uint64_t us;
    assert_true(probe_time_of(&r, PROBE_RCPT, &us));
    assert_int_equal(us, 9);
    assert_false(probe_time_of(&r, PROBE_AUTH, &us));
}

static void
a_step_that_is_said_twice_counts_as_it_ended(void **state)
{
    (void)state;
    struct probe_result r = {.port = 25};
    struct smtp_outcome no = said(SMTP_STAGE_EHLO, 500, NULL, "EHLO?", false);
    struct smtp_outcome yes = said(SMTP_STAGE_EHLO, 250, NULL, "HELO", false);
    probe_note(&r, PROBE_EHLO, 10, &no, "");
    probe_note(&r, PROBE_EHLO, 20, &yes, "");
    assert_int_equal(r.step_count, 1);
    assert_int_equal(r.steps[0].us, 30);
    assert_int_equal(probe_state_of(&r), PROBE_OK);
    assert_string_equal(r.steps[0].advice, "");
}

static void
all_steps_with_all_recipients_have_room(void **state)
{
    (void)state;
    struct probe_result r = {.port = 25};
    for (unsigned kind = 0; kind < PROBE_KINDS; kind++)
        if (kind != PROBE_RCPT)
            (void)probe_begin_step(&r, (enum probe_kind)kind, 1);
    for (r.mail = 0; r.mail < PROBE_MAILS_MAX; r.mail++) {
        (void)probe_begin_step(&r, PROBE_MAIL, 1);
        for (int i = 0; i < PROBE_TO_MAX; i++)
            (void)probe_begin_step(&r, PROBE_RCPT, 1);
        (void)probe_begin_step(&r, PROBE_RSET, 1);
    }
    r.mail--;
    (void)probe_begin_step(&r, PROBE_RCPT, 1); /* the connection is lost */
    assert_int_equal(r.step_count, PROBE_KINDS - 3 + PROBE_MAILS_MAX * (PROBE_TO_MAX + 2) + 1);
    assert_in_range(r.step_count, 0, PROBE_STEPS_MAX);
}

static void
each_transaction_has_its_own_steps(void **state)
{
    (void)state;
    struct probe_result r = {.port = 25};
    struct smtp_outcome no = said(SMTP_STAGE_MAIL, 550, "5.7.1", "no", false);
    struct smtp_outcome yes = said(SMTP_STAGE_MAIL, 250, NULL, "yes", false);
    probe_note(&r, PROBE_MAIL, 1, &no, "a");
    r.mail = 1;
    probe_note(&r, PROBE_MAIL, 1, &yes, "b");
    probe_note(&r, PROBE_QUIT, 1, &yes, "");
    assert_int_equal(r.step_count, 3);
    assert_int_equal(probe_find_step(&r, PROBE_MAIL, 0)->state, PROBE_CRITICAL);
    assert_int_equal(probe_find_step(&r, PROBE_MAIL, 1)->state, PROBE_OK);
    assert_non_null(probe_find_step(&r, PROBE_QUIT, 0));
    assert_null(probe_find_step(&r, PROBE_RCPT, 0));
    assert_null(probe_find_step(&r, PROBE_MAIL, 2));
}

static void
an_ehlo_list_is_kept_by_lines_and_cut_where_its_room_ends(void **state)
{
    (void)state;
    struct probe_result r = {.port = 25};
    probe_note_hello(&r, false, slice_str("hub1 Hello"));
    probe_note_hello(&r, false, slice_str("AUTH\x01NTLM"));
    probe_note_hello(&r, true, slice_str(""));
    probe_note_hello(&r, true, slice_str("OK"));
    assert_string_equal(r.hello[0], "hub1 Hello\nAUTH?NTLM");
    assert_string_equal(r.hello[1], "OK");
    char line[700];
    memset(line, 'a', sizeof line);
    for (int i = 0; i < 10; i++)
        probe_note_hello(&r, true, slice(line, sizeof line));
    assert_int_equal(strlen(r.hello[1]), PROBE_HELLO_MAX - 1);
}

static void
a_text_is_cut_and_never_runs_over(void **state)
{
    (void)state;
    struct probe_result r = {.port = 25};
    char about[700];
    memset(about, 'a', sizeof about - 1);
    about[sizeof about - 1] = '\0';
    char words[REPLY_TEXT];
    memset(words, 'w', sizeof words - 1);
    words[sizeof words - 1] = '\0';
    struct smtp_outcome o = said(SMTP_STAGE_RCPT, 550, "5.1.1", words, false);
    probe_note(&r, PROBE_RCPT, 1, &o, about);
    assert_true(strlen(r.steps[0].text) > REPLY_TEXT);
    assert_non_null(strstr(r.steps[0].text, "550 5.1.1 wwww"));
}

enum { DAY = 24 * 3600 };

static void
days_are_whole_and_compared_with_their_limits(void **state)
{
    (void)state;
    const struct probe_limits usual = {.warning_days = 30, .critical_days = 14};
    const struct probe_limits pinned = {.warning_days = 30, .critical_days = PROBE_NEVER};
    static const struct {
        int64_t left_s;
        int64_t days;
        enum probe_state usual, pinned;
        const char *text;
    } rows[] = {
        {30 * DAY, 30, PROBE_OK, PROBE_OK, "expires on "},
        {30 * DAY - 1, 29, PROBE_WARNING, PROBE_WARNING, "in 29 days"},
        {14 * DAY, 14, PROBE_WARNING, PROBE_WARNING, "in 14 days"},
        {14 * DAY - 1, 13, PROBE_CRITICAL, PROBE_WARNING, "in 13 days"},
        {1, 0, PROBE_CRITICAL, PROBE_WARNING, "in 0 days"},
        {-1, -1, PROBE_CRITICAL, PROBE_WARNING, "expired on "},
        {-DAY, -1, PROBE_CRITICAL, PROBE_WARNING, "expired on "},
        {-DAY - 1, -2, PROBE_CRITICAL, PROBE_WARNING, "expired on "},
    };
    const int64_t now = 1800000000;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct tls_identity who = {.not_after_unix_s = now + rows[i].left_s};
        struct probe_result r = {.port = 25}, p = {.port = 25};
        probe_judge_certificate(&r, &who, now, &usual);
        probe_judge_certificate(&p, &who, now, &pinned);
        assert_int_equal(r.days, rows[i].days);
        assert_int_equal(probe_state_of(&r), rows[i].usual);
        assert_int_equal(probe_state_of(&p), rows[i].pinned);
        assert_non_null(strstr(r.steps[0].text, rows[i].text));
    }
}

static void
time_is_compared_with_its_limits(void **state)
{
    (void)state;
    static const struct {
        uint64_t us, warning_ms, critical_ms;
        enum probe_state wanted;
    } rows[] = {
        {9000000, 0, 0, PROBE_OK},
        {5000000, 5000, 10000, PROBE_OK},
        {5000001, 5000, 10000, PROBE_WARNING},
        {10000001, 5000, 10000, PROBE_CRITICAL},
        {10000001, 0, 10000, PROBE_CRITICAL},
        {10000001, 5000, 0, PROBE_WARNING},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const struct probe_limits limits = {.warning_ms = rows[i].warning_ms,
                                            .critical_ms = rows[i].critical_ms};
        struct probe_result r = {.us = rows[i].us};
        probe_judge_time(&r, &limits);
        assert_int_equal(probe_state_of(&r), rows[i].wanted);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_step_is_as_bad_as_its_reply),
        cmocka_unit_test(of_several_states_the_worst_counts),
        cmocka_unit_test(the_first_of_the_worst_is_named),
        cmocka_unit_test(a_step_that_is_said_twice_counts_as_it_ended),
        cmocka_unit_test(all_steps_with_all_recipients_have_room),
        cmocka_unit_test(each_transaction_has_its_own_steps),
        cmocka_unit_test(an_ehlo_list_is_kept_by_lines_and_cut_where_its_room_ends),
        cmocka_unit_test(a_text_is_cut_and_never_runs_over),
        cmocka_unit_test(days_are_whole_and_compared_with_their_limits),
        cmocka_unit_test(time_is_compared_with_its_limits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
