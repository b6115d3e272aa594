#include "gateway/ops/probe_report.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/kit/test.h"

static const struct probe_limits limits = {
    .warning_ms = 5000, .critical_ms = 10500, .warning_days = 30, .critical_days = 14};

static const struct probe_limits no_limits = {.warning_days = PROBE_NEVER,
                                              .critical_days = PROBE_NEVER};

static void
note(struct probe_result *r, enum probe_kind kind, enum smtp_stage stage, int code,
     const char *text)
{
    struct smtp_outcome o = {.reply = reply_make(code, NULL, "%s", text), .stage = stage};
    probe_note(r, kind, 1500, &o, "");
}

/* A server that is well: 2 ms, and a certificate of 40 days. */
static struct probe_result
good_server(const char *name)
{
    struct probe_result r = {.port = 25,
                             .us = 2000,
                             .tls_version = "TLSv1.3",
                             .tls_cipher = "C",
                             .tls_verified = "name"};
    struct tls_identity who = {.subject = "CN=hub1", .names = "hub1.example, 10.2.0.5"};
    slice_copy_text(r.server, sizeof r.server, slice_str(name));
    slice_copy_text(r.address, sizeof r.address, slice_str("10.2.0.5"));
    note(&r, PROBE_BANNER, SMTP_STAGE_BANNER, 220, "hub1 ready");
    who.not_after_unix_s = 1800000000 + 40 * 24 * 3600;
    probe_judge_certificate(&r, &who, 1800000000, &limits);
    return r;
}

static char text[64 * 1024];

static const char *
report_of(const struct probe_report *r)
{
    struct buf out;
    buf_init(&out, sizeof text - 1);
    probe_report_text(&out, r);
    assert_true(buf_ok(&out));
    slice_copy_text(text, sizeof text, buf_slice(&out));
    buf_fini(&out);
    return text;
}

static const char *
first_line(const struct probe_report *r)
{
    report_of(r);
    text[strcspn(text, "\n")] = '\0';
    return text;
}

static void
the_first_line_is_state_sentence_and_perfdata(void **state)
{
    (void)state;
    struct probe_result s = good_server("hub1.example");
    const struct probe_result *list[] = {&s};
    struct probe_report r = {.servers = list, .server_count = 1, .limits = limits};
    assert_string_equal(first_line(&r),
                        "SMTP OK - hub1.example[10.2.0.5]:25 answers in 0.002 s, TLSv1.3, "
                        "certificate verified by name, 40 days left | time=0.002000s;5;10.500;0 "
                        "cert_days=40;30:;14: banner=0.001500s;;;0");
    r.limits = no_limits;
    assert_non_null(strstr(first_line(&r), "| time=0.002000s;;;0 cert_days=40;; banner"));
    note(&s, PROBE_MAIL, SMTP_STAGE_MAIL, 452, "no room");
    assert_non_null(strstr(first_line(&r), "SMTP WARNING - hub1.example[10.2.0.5]:25: MAIL: "
                                           "452 no room | time="));
    assert_int_equal(probe_report_state(&r), PROBE_WARNING);
}

static void
a_server_is_written_as_one_would_dial_it(void **state)
{
    (void)state;
    static const struct {
        const char *server, *address, *wanted;
    } rows[] = {
        {"hub1.example", "10.2.0.5", "- hub1.example[10.2.0.5]:25 "},
        {"hub1.example", "2001:db8::1", "- hub1.example[2001:db8::1]:25 "},
        {"10.2.0.5", "10.2.0.5", "- 10.2.0.5:25 "},
        {"2001:db8::1", "2001:db8::1", "- [2001:db8::1]:25 "},
        {"hub1.example", "", "- hub1.example:25 "},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct probe_result s = good_server(rows[i].server);
        const struct probe_result *list[] = {&s};
        const struct probe_report r = {.servers = list, .server_count = 1};
        slice_copy_text(s.address, sizeof s.address, slice_str(rows[i].address));
        if (strstr(first_line(&r), rows[i].wanted) == NULL)
            fail_row(rows[i].wanted, "%s", text);
    }
}

static void
of_a_connector_the_worst_server_is_named_and_all_are_measured(void **state)
{
    (void)state;
    struct probe_result a = good_server("hub1.example"), b = good_server("hub2.example");
    const struct probe_result *list[] = {&a, &b};
    const struct probe_report r = {
        .connector = "hubs", .servers = list, .server_count = 2, .limits = limits};
    b.us = 3000;
    b.days = 33;
    assert_non_null(strstr(
        first_line(&r), "SMTP OK - connector hubs: all 2 servers answer, the slowest in 0.003 "
                        "s, certificates have at least 33 days left | time=0.003000s;5;10.500;0 "
                        "cert_days=33;30:;14: 'hub1.example[10.2.0.5]:25 time'=0.002000s;"));
    assert_non_null(strstr(text, " 'hub2.example[10.2.0.5]:25 cert_days'=33;30:;14: "));
    assert_non_null(strstr(text, " 'hub2.example[10.2.0.5]:25 banner'=0.001500s;;;0"));
    note(&b, PROBE_AUTH, SMTP_STAGE_AUTH, 535, "no");
    assert_non_null(strstr(first_line(&r), "SMTP CRITICAL - connector hubs: 1 of 2 servers not "
                                           "well: hub2.example[10.2.0.5]:25: AUTH: 535 no |"));
}

static void
without_a_server_the_state_is_unknown(void **state)
{
    (void)state;
    const struct probe_report r = {.unknown = "which | server?"};
    assert_string_equal(report_of(&r), "SMTP UNKNOWN - which / server?\n");
    assert_int_equal(probe_report_state(&r), 3);
}

/* Whatever a server says: lines as many as ours, one '|', and labels without quote or '='. */
static void
no_words_of_a_server_end_the_sentence_or_forge_a_value(void **state)
{
    (void)state;
    unsigned seed = 1;
    for (int round = 0; round < 2000; round++) {
        char words[64];
        for (size_t i = 0; i < sizeof words - 1; i++) {
            seed = seed * 1103515245 + 12345;
            words[i] = (seed >> 16) % 3 == 0 ? "|'=;\n\"\\ "[seed >> 20 & 7]
                                             : (char)(1 + (seed >> 16) % 255);
        }
        words[sizeof words - 1] = '\0';
        struct probe_result s = good_server(words);
        const struct probe_result *list[] = {&s};
        const struct probe_report r = {
            .connector = words, .servers = list, .server_count = 1, .limits = limits};
        note(&s, PROBE_RCPT, SMTP_STAGE_RCPT, 250, words);
        slice_copy_text(s.certificate.subject, sizeof s.certificate.subject, slice_str(words));
        slice_copy_text(s.certificate.names, sizeof s.certificate.names, slice_str(words));
        report_of(&r);
        size_t bars = 0, lines = 0, quotes = 0;
        for (const char *c = text; *c != '\0'; c++) {
            bars += *c == '|';
            lines += *c == '\n';
            quotes += *c == '\'' && lines == 0 && bars > 0;
            assert_true((*c >= ' ' && *c <= '~') || *c == '\n');
        }
        assert_int_equal(bars, 1);
        assert_int_equal(quotes, 2 * 4); /* time, cert_days, banner and rcpt of the server */
        assert_int_equal(lines, 1 + 1 + 3 + 1 + 6 + 0);
    }
}

static void
every_key_of_the_json_is_always_there(void **state)
{
    (void)state;
    static const char *const top[] = {"state", "exit", "message", "connector", "servers"};
    static const char *const of_server[] = {"server", "port",  "address", "state",      "message",
                                            "time",   "steps", "tls",     "certificate"};
    static const char *const of_step[] = {"step", "state", "time", "code", "text", "advice"};
    struct probe_result good = good_server("hub1.example"), dead = {.server = "x", .port = 25};
    const struct probe_result *list[] = {&good, &dead};
    const struct probe_report r = {.servers = list, .server_count = 2, .limits = limits};
    struct buf out;
    note(&dead, PROBE_CONNECT, SMTP_STAGE_CONNECT, 451, "caf\xe9 refused");
    buf_init(&out, 1 << 16);
    probe_report_json(&out, &r);
    json_t *json = json_loadb(out.data, out.len, 0, NULL);
    assert_non_null(json);
    for (size_t i = 0; i < COUNT_OF(top); i++)
        assert_non_null(json_object_get(json, top[i]));
    assert_int_equal(json_object_size(json), COUNT_OF(top));
    for (size_t k = 0; k < 2; k++) {
        const json_t *server = json_array_get(json_object_get(json, "servers"), k);
        for (size_t i = 0; i < COUNT_OF(of_server); i++)
            assert_non_null(json_object_get(server, of_server[i]));
        assert_int_equal(json_object_size(server), COUNT_OF(of_server));
        const json_t *step = json_array_get(json_object_get(server, "steps"), 0);
        for (size_t i = 0; i < COUNT_OF(of_step); i++)
            assert_non_null(json_object_get(step, of_step[i]));
        assert_int_equal(json_object_size(step), COUNT_OF(of_step));
    }
    assert_non_null(strstr(buf_text(&out), "\"time\":0.0015,"));
    assert_non_null(strstr(buf_text(&out), "\"names\":[\"hub1.example\",\"10.2.0.5\"]"));
    json_decref(json);
    buf_fini(&out);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_line_is_state_sentence_and_perfdata),
        cmocka_unit_test(a_server_is_written_as_one_would_dial_it),
        cmocka_unit_test(of_a_connector_the_worst_server_is_named_and_all_are_measured),
        cmocka_unit_test(without_a_server_the_state_is_unknown),
        cmocka_unit_test(no_words_of_a_server_end_the_sentence_or_forge_a_value),
        cmocka_unit_test(every_key_of_the_json_is_always_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
