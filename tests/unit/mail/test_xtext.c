#include "gateway/mail/xtext.h"

#include "tests/kit/flush.h"
#include "tests/kit/test.h"

static const struct xtext_row {
    const char *say;
    const char *text;
    const char *raw; /* NULL: not xtext */
} rows[] = {
    {"plain", "kim@a.example", "kim@a.example"},
    {"null sender", "<>", "<>"},
    {"plus and equals", "a+2Bb+3Dc", "a+b=c"},
    {"blank and control", "+20+0D+0A", " \r\n"},
    {"8-bit", "+C3+A9", "\xc3\xa9"},
    {"nothing", "", ""},
    {"equals in clear", "a=b", NULL},
    {"blank in clear", "a b", NULL},
    {"8-bit in clear", "\xc3\xa9", NULL},
    {"control in clear", "a\tb", NULL},
    {"DEL in clear", "a\x7f", NULL},
    {"plus at the end", "a+", NULL},
    {"plus and one digit", "a+2", NULL},
    {"plus and no hexadecimal", "a+2Gb", NULL},
    {"small hexadecimal", "a+2bc", NULL},
};

static void
xtext_decodes_and_encodes_every_row(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const struct xtext_row *row = &rows[i];
        struct buf out;
        buf_init(&out, 64);
        buf_put_str(&out, "before");
        bool good = xtext_decode(&out, flush_copy(slice_str(row->text)));
        if (good != (row->raw != NULL))
            fail_row(row->say, "taken or refused the wrong way");
        if (!good && !slice_is(buf_slice(&out), "before"))
            fail_row(row->say, "changed the buffer");
        if (good && !slice_is(slice_from(buf_slice(&out), 6), row->raw))
            fail_row(row->say, "decodes to '%s'", buf_text(&out));
        if (good) {
            buf_clear(&out);
            xtext_encode(&out, slice_str(row->raw));
            if (!slice_is(buf_slice(&out), row->text))
                fail_row(row->say, "encodes to '%s'", buf_text(&out));
        }
        buf_fini(&out);
    }
}

static void
xtext_brings_every_octet_back(void **state)
{
    (void)state;
    char all[256];
    for (size_t i = 0; i < sizeof all; i++)
        all[i] = (char)i;
    struct buf text, raw;
    buf_init(&text, 3 * sizeof all);
    buf_init(&raw, sizeof all);
    xtext_encode(&text, slice(all, sizeof all));
    assert_true(buf_ok(&text));
    assert_true(xtext_decode(&raw, buf_slice(&text)));
    assert_true(slice_equal(buf_slice(&raw), slice(all, sizeof all)));
    buf_fini(&text);
    buf_fini(&raw);
}

static void
xtext_decode_is_false_when_there_is_no_room(void **state)
{
    (void)state;
    struct buf out;
    buf_init(&out, 3);
    assert_false(xtext_decode(&out, slice_str("abcd")));
    assert_false(xtext_decode(&out, slice_str("+20+20+20+20")));
    assert_int_equal(out.len, 0);
    assert_true(xtext_decode(&out, slice_str("+20+20+20")));
    buf_fini(&out);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(xtext_decodes_and_encodes_every_row),
        cmocka_unit_test(xtext_brings_every_octet_back),
        cmocka_unit_test(xtext_decode_is_false_when_there_is_no_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
