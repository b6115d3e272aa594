#include "gateway/mail/quoted_printable.h"

#include "tests/kit/test.h"

static const struct row {
    const char *text, *encoded;
} rows[] = {
    {"", ""},
    {"Subject: plain\r\n", "Subject: plain\r\n"},
    {"Subject: K\xc3\xa4se = gut\r\n", "Subject: K=C3=A4se =3D gut\r\n"},
    {"blank \r\ntab\t\r\nend ", "blank=20\r\ntab=09\r\nend=20"},
    {"two  inside\r\n\tfolded\r\n", "two  inside\r\n\tfolded\r\n"},
    {"bare\rand\nbare", "bare=0Dand=0Abare"},
    {"\r\n\r\n", "\r\n\r\n"},
    /* 75 octets and the sign that the line goes on */
    {"0123456789012345678901234567890123456789012345678901234567890123456789012345",
     "012345678901234567890123456789012345678901234567890123456789012345678901234=\r\n5"},
    {"0123456789012345678901234567890123456789012345678901234567890123456789012\xff",
     "0123456789012345678901234567890123456789012345678901234567890123456789012=\r\n=FF"},
};

static void
quoted_printable_is_ascii_in_short_lines(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct buf out;
        buf_init(&out, 1000);
        quoted_printable_put(&out, slice_str(rows[i].text));
        assert_string_equal(buf_text(&out), rows[i].encoded);
        buf_fini(&out);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(quoted_printable_is_ascii_in_short_lines),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
