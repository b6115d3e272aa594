#include "gateway/base/log.h"

#include <stdio.h>
#include <unistd.h>

#include "gateway/base/metrics.h"
#include "tests/kit/test.h"

/* What a log wrote, read back from a pipe. */
static void
read_lines(int fd, char *text, size_t size)
{
    ssize_t n = read(fd, text, size - 1);
    text[n > 0 ? n : 0] = '\0';
}

static void
log_writes_keys_in_order_and_escapes_values(void **state)
{
    int ends[2];
    char text[4096];
    struct log_line line;
    (void)state;
    assert_int_equal(pipe(ends), 0);
    struct log *log = log_new(ends[1], LOG_INFO);
    log_begin(&line, log, EV_auth_failed, 1);
    log_str(&line, "client", "10.1.20.4");
    log_str(&line, "connector", NULL); /* left out */
    log_slice(&line, "name", slice_str("CONTOSO\\kim\r\nevent=auth-ok \"x\""));
    log_str(&line, "why", "");
    log_end(&line); /* a warning: written at once */
    read_lines(ends[0], text, sizeof text);
    const char *rest = strstr(text, " level=warn");
    assert_non_null(rest);
    assert_string_equal(rest,
                        " level=warn event=auth-failed id=0000000000001 client=10.1.20.4 "
                        "name=\"CONTOSO\\\\kim\\x0d\\x0aevent=auth-ok \\\"x\\\"\" why=\"\"\n");
    log_free(&log);
    close(ends[0]);
    close(ends[1]);
}

static void
log_gathers_lines_until_the_flush_and_leaves_out_what_is_too_low(void **state)
{
    int ends[2];
    char text[4096] = "";
    struct log_line line;
    (void)state;
    assert_int_equal(pipe(ends), 0);
    struct log *log = log_new(ends[1], LOG_INFO);
    log_begin(&line, log, EV_session_opened, 1); /* debug */
    log_str(&line, "listener", "main");
    log_end(&line);
    log_begin(&line, log, EV_stopped, 0);
    log_str(&line, "reason", "test");
    log_end(&line);
    log_flush(log);
    read_lines(ends[0], text, sizeof text);
    assert_null(strstr(text, "session-opened"));
    assert_non_null(strstr(text, "event=stopped reason=test\n"));
    log_free(&log);
    close(ends[0]);
    close(ends[1]);
}

static void
metrics_write_families_with_their_series_and_escape_labels(void **state)
{
    struct metrics *m = metrics_new();
    struct buf page;
    (void)state;
    counter *a = metrics_series(m, METRIC_recipients_total, "hub \"1\"\\", "delivered");
    counter_add(a, 41);
    counter_add(metrics_series(m, METRIC_recipients_total, "hub \"1\"\\", "delivered"), 1);
    counter_set(metrics_series(m, METRIC_spool_messages, NULL, NULL), 7);
    buf_init(&page, 4096);
    metrics_put(m, &page);
    const char *text = buf_text(&page);
    assert_non_null(strstr(text, "# TYPE forestgate_recipients_total counter\n"));
    assert_non_null(strstr(text, "forestgate_recipients_total{connector=\"hub \\\"1\\\"\\\\\","
                                 "outcome=\"delivered\"} 42\n"));
    assert_non_null(strstr(text, "# TYPE forestgate_spool_messages gauge\n"));
    assert_non_null(strstr(text, "\nforestgate_spool_messages 7\n"));
    buf_fini(&page);
    metrics_free(&m);
}

static void
metrics_never_give_null(void **state)
{
    struct metrics *m = metrics_new();
    char name[16];
    (void)state;
    for (int i = 0; i < 5000; i++) {
        snprintf(name, sizeof name, "c%d", i);
        assert_non_null(metrics_series(m, METRIC_connector_up, name, NULL));
    }
    metrics_free(&m);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(log_writes_keys_in_order_and_escapes_values),
        cmocka_unit_test(log_gathers_lines_until_the_flush_and_leaves_out_what_is_too_low),
        cmocka_unit_test(metrics_write_families_with_their_series_and_escape_labels),
        cmocka_unit_test(metrics_never_give_null),
    };
    return cmocka_run_group_tests_name("log", tests, NULL, NULL);
}
