/* The run against a server in clear, and the report of it; the black box sees the rest. */
#include "gateway/ops/doctor.h"

#include <jansson.h>
#include <stdio.h>
#include <sys/socket.h>

#include "gateway/base/mem.h"
#include "gateway/ops/doctor_report.h"
#include "tests/kit/mx.h"
#include "tests/kit/test.h"

/* Answers every line with its reply, as a server without TLS. */
static const char *
reply_to(const char *line)
{
    static const struct {
        const char *verb, *reply;
    } replies[] = {
        {"EHLO", "250-mx Hello\r\n250-SIZE 1000\r\n250-8BITMIME\r\n250 OK\r\n"},
        {"MAIL", "250 2.1.0 Sender OK\r\n"},
        {"RCPT TO:<probe@", "550 5.7.1 Unable to relay\r\n"},
        {"RCPT", "250 2.1.5 Recipient OK\r\n"},
        {"RSET", "250 2.0.0 Resetting\r\n"},
        {"QUIT", "221 2.0.0 bye\r\n"},
    };
    for (size_t i = 0; i < COUNT_OF(replies); i++)
        if (strncmp(line, replies[i].verb, strlen(replies[i].verb)) == 0)
            return replies[i].reply;
    return "500 5.3.3 Unrecognized command\r\n";
}

static void
serve(int fd, void *context)
{
    (void)context;
    char line[600] = "";
    const char *say = "220 mx Microsoft ESMTP MAIL Service ready at\r\n";
    while (send(fd, say, strlen(say), MSG_NOSIGNAL) > 0 && mx_hear_line(fd, line, sizeof line)) {
        say = reply_to(line);
        line[0] = '\0';
    }
}

static struct doctor_settings
settings_for(const struct mx *s)
{
    static struct probe_mail mails[DOCTOR_MAILS] = {
        [DOCTOR_MAIL_NULL] = {.from = ""},
        [DOCTOR_MAIL_SENDER] = {.from = "kim@a.example", .to_count = 1},
    };
    mails[DOCTOR_MAIL_SENDER].to[0].address = slice_str("lee@b.example");
    return (struct doctor_settings){
        .wish = {.server = "127.0.0.1",
                 .name = "127.0.0.1",
                 .connector = "hubs",
                 .has_envelope = true,
                 .warning_days = 30},
        .target = {"127.0.0.1", s->port},
        .look = {.hello = "gw.a.example", .timeout_ms = 20000},
        .mails = mails,
        .mail_count = DOCTOR_MAILS,
    };
}

static const struct doctor_check *
find(const struct doctor *d, const char *id)
{
    for (size_t i = 0; i < d->checks.count; i++)
        if (strcmp(d->checks.list[i].id, id) == 0)
            return &d->checks.list[i];
    fail_msg("no check %s", id);
    return NULL;
}

static void
a_server_without_tls_is_seen_as_far_as_the_connector_would_go(void **state)
{
    (void)state;
    struct mx server;
    struct doctor *d = NULL;
    struct err err;
    mx_open(&server, serve, NULL);
    const struct doctor_settings s = settings_for(&server);
    assert_true(doctor_run(&s, &d, &err));
    assert_int_equal(d->connections, 3);
    assert_int_equal(d->logons, 0);
    assert_int_equal(find(d, "starttls")->state, DOCTOR_WARNING);
    assert_int_equal(find(d, "null-sender")->state, DOCTOR_OK);
    assert_int_equal(find(d, "recipient")->state, DOCTOR_OK);
    assert_int_equal(find(d, "open-relay")->state, DOCTOR_OK);
    assert_non_null(strstr(find(d, "open-relay")->found, DOCTOR_NOBODY ": 550 5.7.1"));
    doctor_free(&d);
    mx_close(&server);
}

static void
where_tls_is_wanted_nothing_is_said_in_clear(void **state)
{
    (void)state;
    struct mx server;
    struct doctor *d = NULL;
    struct err err;
    mx_open(&server, serve, NULL);
    struct doctor_settings s = settings_for(&server);
    s.wish.tls_required = true;
    assert_true(doctor_run(&s, &d, &err));
    assert_int_equal(d->connections, 1);
    assert_int_equal(find(d, "starttls")->state, DOCTOR_FAILED);
    assert_int_equal(find(d, "sender")->state, DOCTOR_NOT_TRIED);
    doctor_free(&d);
    mx_close(&server);
}

static void
the_report_has_lines_for_people_and_keys_for_machines(void **state)
{
    (void)state;
    struct mx server;
    struct doctor *d = NULL;
    struct err err;
    struct buf text, json;
    mx_open(&server, serve, NULL);
    const struct doctor_settings s = settings_for(&server);
    assert_true(doctor_run(&s, &d, &err));
    const struct doctor_report r = {.connector = "hubs", .doctor = d};
    buf_init(&text, 64 * 1024);
    buf_init(&json, 64 * 1024);
    doctor_report_text(&text, &r);
    const char *line = buf_text(&text);
    assert_memory_equal(line, "DOCTOR WARNING - connector hubs: 127.0.0.1:", 43);
    line = strchr(line, '\n') + 1;
    for (const char *end; (end = strchr(line, '\n')) != NULL; line = end + 1)
        assert_in_range(end - line, 0, 100);
    doctor_report_json(&json, &r);
    json_t *told = json_loads(buf_text(&json), 0, NULL);
    static const char *const keys[] = {
        "state",   "exit",    "message",     "connector", "server",      "port",  "address",
        "product", "profile", "connections", "logons",    "certificate", "checks"};
    assert_int_equal(json_object_size(told), COUNT_OF(keys));
    for (size_t i = 0; i < COUNT_OF(keys); i++)
        assert_non_null(json_object_get(told, keys[i]));
    assert_true(json_is_null(json_object_get(told, "profile")));
    json_decref(told);
    buf_fini(&text);
    buf_fini(&json);
    doctor_free(&d);
    mx_close(&server);
}

static void
what_could_not_be_asked_is_unknown(void **state)
{
    (void)state;
    const struct doctor_report r = {.unknown = "which | server?"};
    struct buf text;
    buf_init(&text, 1024);
    doctor_report_text(&text, &r);
    assert_string_equal(buf_text(&text), "DOCTOR UNKNOWN - which / server?\n");
    buf_clear(&text);
    doctor_report_json(&text, &r);
    assert_non_null(strstr(buf_text(&text), "\"state\":\"UNKNOWN\",\"exit\":3,"));
    assert_non_null(strstr(buf_text(&text), "\"checks\":[]"));
    buf_fini(&text);
}

static void
the_failure_of_each_allocation_is_told(void **state)
{
    (void)state;
    struct mx server;
    struct err err;
    mx_open(&server, serve, NULL);
    const struct doctor_settings s = settings_for(&server);
    bool well = false;
    for (long calls = 0; !well && calls < 2000; calls++) {
        struct doctor *d = NULL;
        mem_fail_after(calls);
        bool ran = doctor_run(&s, &d, &err);
        mem_fail_after(-1);
        assert_true(ran || err.kind == ERR_NOMEM);
        well = ran && doctor_checks_count(&d->checks, DOCTOR_FAILED) == 0 && d->connections == 3;
        doctor_free(&d);
    }
    assert_true(well);
    mx_close(&server);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_server_without_tls_is_seen_as_far_as_the_connector_would_go),
        cmocka_unit_test(where_tls_is_wanted_nothing_is_said_in_clear),
        cmocka_unit_test(the_report_has_lines_for_people_and_keys_for_machines),
        cmocka_unit_test(what_could_not_be_asked_is_unknown),
        cmocka_unit_test(the_failure_of_each_allocation_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
