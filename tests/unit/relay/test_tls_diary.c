#include "gateway/relay/tls_diary.h"

#include <stdio.h>
#include <unistd.h>

#include "gateway/base/mem.h"
#include "gateway/relay/tls_census.h"
#include "tests/kit/config_text.h"
#include "tests/kit/test.h"

/* The same name on both sides, and a receive connector that is as it should be. */
#define CONFIG_WITH(receive_profile, send_profile)                                               \
    CONFIG_TEXT_HEAD                                                                             \
    "forests:\n"                                                                                 \
    "  contoso:\n"                                                                               \
    "    domains: { contoso.example: authoritative }\n"                                          \
    "    deliver: [hub]\n"                                                                       \
    "receive:\n"                                                                                 \
    "  hub:\n"                                                                                   \
    "    listen: [main]\n"                                                                       \
    "    networks: [10.1.20.0/24]\n"                                                             \
    "    speaks_for: [contoso]\n"                                                                \
    "    tls: { profile: " receive_profile " }\n"                                                \
    "    auth: none\n"                                                                           \
    "  modern:\n"                                                                                \
    "    listen: [main, second]\n"                                                               \
    "    networks: [10.1.21.0/24]\n"                                                             \
    "    speaks_for: [contoso]\n"                                                                \
    "    auth: none\n"                                                                           \
    "send:\n"                                                                                    \
    "  hub:\n"                                                                                   \
    "    servers: [hub.contoso.example]\n"                                                       \
    "    tls: { profile: " send_profile " }\n"                                                   \
    "    auth: none\n"

/* A Monday, 2026-11-23, at noon. */
#define NOON_MS 1795435200000
enum { MINUTE_MS = 60 * 1000, HOUR_MS = 60 * MINUTE_MS };

struct desk {
    int ends[2];
    struct log *log;
    struct metrics *metrics;
    struct tls_diary *diary;
    char text[8192];
};

static void
desk_init(struct desk *d)
{
    *d = (struct desk){0};
    assert_int_equal(pipe(d->ends), 0);
    d->log = log_new(d->ends[1], LOG_INFO);
    d->metrics = metrics_new();
    d->diary = tls_diary_new(d->log, d->metrics, NOON_MS);
    assert_non_null(d->diary);
}

/* What the log has written by now; a line for the test itself keeps the read from waiting. */
static const char *
written(struct desk *d)
{
    struct log_line line;
    log_begin(&line, d->log, EV_stopped, 0);
    log_end(&line);
    log_flush(d->log);
    ssize_t n = read(d->ends[0], d->text, sizeof d->text - 1);
    assert_true(n > 0);
    d->text[n] = '\0';
    return d->text;
}

static size_t
count_lines(const char *text)
{
    size_t n = 0;
    for (const char *at = text; (at = strstr(at, "event=tls-exception")) != NULL; at++)
        n++;
    return n;
}

static void
has(const char *text, const char *line)
{
    if (!strstr(text, line))
        fail_msg("not in the log: %s\n%s", line, text);
}

static void
desk_fini(struct desk *d)
{
    tls_diary_free(&d->diary);
    log_free(&d->log);
    metrics_free(&d->metrics);
    close(d->ends[0]);
    close(d->ends[1]);
}

static void
see(struct desk *d, enum tls_direction direction, enum tls_need need, uint64_t n)
{
    counter_add(tls_census_exceptions(d->metrics, direction, "hub", need), n);
}

static void
tls_diary_tells_once_a_day_who_needed_the_exception(void **state)
{
    (void)state;
    struct desk d;
    struct config *c = config_of_text(CONFIG_WITH("exchange2003", "exchange2003"));
    desk_init(&d);
    tls_diary_look(d.diary, c, NOON_MS);
    see(&d, TLS_RECEIVE, TLS_NEED_VERSION, 3);
    see(&d, TLS_RECEIVE, TLS_NEED_NONE, 2);
    see(&d, TLS_SEND, TLS_NEED_CERTIFICATE, 1);
    see(&d, TLS_SEND, TLS_NEED_RENEGOTIATION, 4);
    tls_diary_look(d.diary, c, NOON_MS + 12 * HOUR_MS - 1);
    assert_int_equal(count_lines(written(&d)), 0); /* the last millisecond of the day */

    tls_diary_look(d.diary, c, NOON_MS + 12 * HOUR_MS);
    const char *text = written(&d);
    assert_int_equal(count_lines(text), 2);
    has(text, "level=info event=tls-exception direction=receive connector=hub needed=3 version=3 "
              "unneeded=2 since=2026-11-23T12:00:00.000Z\n");
    has(text, "direction=send connector=hub needed=5 renegotiation=4 certificate=1 unneeded=0 "
              "since=2026-11-23T12:00:00.000Z\n");

    /* The next day: what is new, and that it is nothing; a gap of days is one line. */
    see(&d, TLS_RECEIVE, TLS_NEED_NONE, 7);
    tls_diary_look(d.diary, c, NOON_MS + 13 * HOUR_MS);
    assert_int_equal(count_lines(written(&d)), 0);
    tls_diary_look(d.diary, c, NOON_MS + 80 * HOUR_MS);
    text = written(&d);
    assert_int_equal(count_lines(text), 2);
    has(text, "direction=receive connector=hub needed=0 unneeded=7 "
              "since=2026-11-24T00:00:00.000Z\n");
    has(text, "direction=send connector=hub needed=0 unneeded=0 ");
    desk_fini(&d);
    config_unref(&c);
}

static void
tls_diary_follows_the_configuration_and_forgets_nothing(void **state)
{
    (void)state;
    struct desk d;
    struct config *modern = config_of_text(CONFIG_WITH("modern", "modern"));
    struct config *lowered = config_of_text(CONFIG_WITH("exchange2003", "modern"));
    desk_init(&d);
    tls_diary_look(d.diary, modern, NOON_MS);
    tls_diary_look(d.diary, modern, NOON_MS + 24 * HOUR_MS);
    assert_int_equal(count_lines(written(&d)), 0);

    tls_diary_look(d.diary, lowered, NOON_MS + 25 * HOUR_MS);
    see(&d, TLS_RECEIVE, TLS_NEED_VERSION, 1);
    /* Gone in the afternoon: what happened in the morning is told, and then no more. */
    tls_diary_look(d.diary, modern, NOON_MS + 26 * HOUR_MS);
    tls_diary_look(d.diary, modern, NOON_MS + 48 * HOUR_MS);
    has(written(&d), "direction=receive connector=hub needed=1 version=1 unneeded=0 ");
    tls_diary_look(d.diary, modern, NOON_MS + 72 * HOUR_MS);
    assert_int_equal(count_lines(written(&d)), 0);

    /* The end of the process is the end of a day. */
    tls_diary_look(d.diary, lowered, NOON_MS + 73 * HOUR_MS);
    see(&d, TLS_RECEIVE, TLS_NEED_NONE, 9);
    tls_diary_free(&d.diary);
    has(written(&d), "direction=receive connector=hub needed=0 unneeded=9 ");
    desk_fini(&d);
    config_unref(&modern);
    config_unref(&lowered);
}

/* A calendar that is set back makes no line, and none is lost. */
static void
tls_diary_survives_a_clock_that_is_set_back_and_a_lack_of_memory(void **state)
{
    (void)state;
    struct desk d;
    struct config *c = config_of_text(CONFIG_WITH("exchange2003", "modern"));
    desk_init(&d);
    mem_fail_after(0);
    tls_diary_look(d.diary, c, NOON_MS);
    mem_fail_after(1);
    tls_diary_look(d.diary, c, NOON_MS);
    mem_fail_after(-1);
    see(&d, TLS_RECEIVE, TLS_NEED_VERSION, 2);
    tls_diary_look(d.diary, c, NOON_MS - 48 * HOUR_MS);
    assert_int_equal(count_lines(written(&d)), 0);
    tls_diary_look(d.diary, c, NOON_MS + 24 * HOUR_MS);
    has(written(&d), "needed=2 version=2 unneeded=0 ");
    desk_fini(&d);
    config_unref(&c);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tls_diary_tells_once_a_day_who_needed_the_exception),
        cmocka_unit_test(tls_diary_follows_the_configuration_and_forgets_nothing),
        cmocka_unit_test(tls_diary_survives_a_clock_that_is_set_back_and_a_lack_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
