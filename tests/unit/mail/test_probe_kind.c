#include "gateway/mail/probe_kind.h"

#include "tests/kit/test.h"

static const struct row {
    const char *want;
    struct probe_deeds deeds;
} rows[] = {
    {"connect", {0}},
    {"silent", {.timed_out = true}},
    {"reset", {.was_reset = true}},
    {"commands", {.said[SMTP_QUIT] = 1}},
    {"commands", {.said[SMTP_UNKNOWN] = 1, .timed_out = true}},
    {"hello", {.said[SMTP_HELO] = 1}},
    {"hello", {.said[SMTP_EHLO] = 1, .said[SMTP_QUIT] = 1}},
    {"hello", {.said[SMTP_EHLO] = 1, .was_reset = true}},
    {"starttls", {.said[SMTP_EHLO] = 2, .said[SMTP_STARTTLS] = 1, .said[SMTP_QUIT] = 1}},
    {"auth", {.said[SMTP_EHLO] = 2, .said[SMTP_STARTTLS] = 1, .said[SMTP_AUTH] = 1}},
    {"transaction", {.said[SMTP_EHLO] = 2, .said[SMTP_AUTH] = 1, .said[SMTP_MAIL] = 1}},
    {"transaction", {.said[SMTP_HELO] = 1, .said[SMTP_RCPT] = 1}},
    {"transaction", {.said[SMTP_DATA] = 1}},
    {"proxy-local", {.no_client = true}},
    {"proxy-local", {.no_client = true, .said[SMTP_EHLO] = 1, .said[SMTP_MAIL] = 1}},
};

static void
the_furthest_step_counts(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        assert_string_equal(probe_kind_text(probe_kind_of(&rows[i].deeds)), rows[i].want);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(the_furthest_step_counts)};
    return cmocka_run_group_tests_name("probe_kind", tests, NULL, NULL);
}
