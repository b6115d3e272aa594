#include "gateway/base/log.h"

#include <stdio.h>
#include <unistd.h>

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

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(log_writes_keys_in_order_and_escapes_values),
        cmocka_unit_test(log_gathers_lines_until_the_flush_and_leaves_out_what_is_too_low),
    };
    return cmocka_run_group_tests_name("log", tests, NULL, NULL);
}
