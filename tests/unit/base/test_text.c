#include "gateway/base/ascii.h"
#include "gateway/base/base64.h"
#include "gateway/base/clock.h"
#include "gateway/base/err.h"

#include <errno.h>

#include "tests/kit/test.h"

/* RFC 4648 10, and what is not base64. */
static const struct {
    const char *text;
    const char *raw; /* NULL: refused */
} base64_rows[] = {
    {"", ""},
    {"Zg==", "f"},
    {"Zm8=", "fo"},
    {"Zm9v", "foo"},
    {"Zm9vYg==", "foob"},
    {"Zm9vYmE=", "fooba"},
    {"Zm9vYmFy", "foobar"},
    {"Zg", NULL},
    {"Zg=", NULL},
    {"Zg===", NULL},
    {"=Zg=", NULL},
    {"Z g=", NULL},
    {"Zh==", NULL}, /* bits behind the end */
    {"Zm9=", NULL},
    {"Zg==Zg==", NULL},
    {"Zm9v\n", NULL},
    {"Zm9-", NULL},
};

static void
base64_reads_and_writes_every_row(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(base64_rows); i++) {
        struct buf raw, text;
        buf_init(&raw, 64);
        buf_init(&text, 64);
        bool taken = base64_decode(&raw, slice_str(base64_rows[i].text));
        if (taken != (base64_rows[i].raw != NULL))
            fail_row(base64_rows[i].text, "%s", taken ? "was taken" : "was refused");
        if (!taken) {
            assert_int_equal(raw.len, 0);
        } else {
            assert_true(slice_is(buf_slice(&raw), base64_rows[i].raw));
            base64_encode(&text, buf_slice(&raw));
            assert_true(slice_is(buf_slice(&text), base64_rows[i].text));
        }
        buf_fini(&raw);
        buf_fini(&text);
    }
}

static void
base64_refuses_what_has_no_room(void **state)
{
    struct buf raw;
    (void)state;
    buf_init(&raw, 2);
    assert_false(base64_decode(&raw, slice_str("Zm9v")));
    assert_int_equal(raw.len, 0);
    assert_true(base64_decode(&raw, slice_str("Zm8=")));
    buf_fini(&raw);
}

static void
ascii_numbers_are_exact_to_their_maximum(void **state)
{
    uint64_t n = 0;
    (void)state;
    assert_true(ascii_number(slice_str("18446744073709551615"), UINT64_MAX, &n));
    assert_int_equal(n, UINT64_MAX);
    assert_false(ascii_number(slice_str("18446744073709551616"), UINT64_MAX, &n));
    assert_true(ascii_number(slice_str("0100"), 100, &n));
    assert_int_equal(n, 100);
    assert_false(ascii_number(slice_str("101"), 100, &n));
    assert_false(ascii_number(slice_str("9"), 5, &n));
    assert_false(ascii_number(slice_str(""), 5, &n));
    assert_false(ascii_number(slice_str("-1"), 5, &n));
    assert_false(ascii_number(slice_str("1 "), 5, &n));
}

static void
ascii_compares_without_case_and_only_letters(void **state)
{
    (void)state;
    assert_true(ascii_is(slice_str("Contoso.Example"), "cONTOSO.eXAMPLE"));
    assert_false(ascii_is(slice_str("a@"), "a`"));
    assert_false(ascii_is(slice_str("\xc4"), "\xe4"));
    assert_true(ascii_starts(slice_str("RCPT TO:"), "rcpt"));
    assert_false(ascii_starts(slice_str("RC"), "rcpt"));
    assert_true(ascii_compare(slice_str("abc"), slice_str("ABD")) < 0);
    assert_true(ascii_compare(slice_str("abc"), slice_str("AB")) > 0);
    assert_true(slice_is(ascii_trim(slice_str(" \t a b\t ")), "a b"));
}

static void
clock_writes_the_dates_of_mail_and_log(void **state)
{
    char text[CLOCK_TEXT];
    (void)state;
    clock_iso(INT64_C(1795380780123), text);
    assert_string_equal(text, "2026-11-22T20:53:00.123Z");
    clock_rfc5322(INT64_C(1795380780123), text);
    assert_string_equal(text, "Sun, 22 Nov 2026 20:53:00 +0000");
    clock_rfc5322(0, text);
    assert_string_equal(text, "Thu, 01 Jan 1970 00:00:00 +0000");
}

static void
err_texts_are_one_printable_line(void **state)
{
    struct err err;
    (void)state;
    assert_false(err_set(&err, ERR_SYNTAX, "said \"%s\"", "x\r\n\x01\xff"));
    assert_string_equal(err.text, "said \"x????\"");
    assert_false(err_within(&err, "server %s", "hub"));
    assert_string_equal(err.text, "server hub: said \"x????\"");
    assert_int_equal(err.kind, ERR_SYNTAX);
    errno = ENOENT;
    assert_false(err_sys(&err, ERR_IO, "open"));
    assert_string_equal(err.text, "open: No such file or directory");
    assert_int_equal(err.sys, ENOENT);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(base64_reads_and_writes_every_row),
        cmocka_unit_test(base64_refuses_what_has_no_room),
        cmocka_unit_test(ascii_numbers_are_exact_to_their_maximum),
        cmocka_unit_test(ascii_compares_without_case_and_only_letters),
        cmocka_unit_test(clock_writes_the_dates_of_mail_and_log),
        cmocka_unit_test(err_texts_are_one_printable_line),
    };
    return cmocka_run_group_tests_name("text", tests, NULL, NULL);
}
