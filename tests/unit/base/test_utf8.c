/* Rows: octets, and whether they are text in UTF-8. */
#include "gateway/base/utf8.h"

#include "gateway/base/must.h"
#include "tests/kit/test.h"

#define TEXT(literal)                                                                            \
    {                                                                                            \
        (literal), sizeof(literal) - 1                                                           \
    }

static const struct row {
    const char *say;
    struct slice text;
    bool is_text;
} rows[] = {
    {"nothing", TEXT(""), true},
    {"ASCII", TEXT("kim"), true},
    {"two octets", TEXT("\xc3\xa9"), true},
    {"three octets", TEXT("\xe2\x82\xac"), true},
    {"four octets", TEXT("\xf0\x9f\x93\xae"), true},
    {"the first of two octets that is no control", TEXT("\xc2\xa0"), true},
    {"the last of two octets", TEXT("\xdf\xbf"), true},
    {"the first of three octets", TEXT("\xe0\xa0\x80"), true},
    {"the last of three octets", TEXT("\xef\xbf\xbf"), true},
    {"the last before the surrogates", TEXT("\xed\x9f\xbf"), true},
    {"the first behind the surrogates", TEXT("\xee\x80\x80"), true},
    {"the first of four octets", TEXT("\xf0\x90\x80\x80"), true},
    {"the last of all", TEXT("\xf4\x8f\xbf\xbf"), true},
    {"Latin 1", TEXT("caf\xe9"), false},
    {"Latin 1 in the middle", TEXT("caf\xe9s"), false},
    {"a continuation alone", TEXT("a\x80"), false},
    {"the last control", TEXT("\xc2\x9f"), false},
    {"the first control", TEXT("\xc2\x80"), false},
    {"overlong slash in two", TEXT("\xc0\xaf"), false},
    {"overlong in two", TEXT("\xc1\xbf"), false},
    {"overlong in three", TEXT("\xe0\x9f\xbf"), false},
    {"overlong in four", TEXT("\xf0\x8f\xbf\xbf"), false},
    {"the first surrogate", TEXT("\xed\xa0\x80"), false},
    {"the last surrogate", TEXT("\xed\xbf\xbf"), false},
    {"beyond the last of all", TEXT("\xf4\x90\x80\x80"), false},
    {"five octets", TEXT("\xf8\x88\x80\x80\x80"), false},
    {"no octet of UTF-8", TEXT("\xff"), false},
    {"cut off", TEXT("a\xe2\x82"), false},
    {"cut off before an ASCII letter", TEXT("\xe2\x82z"), false},
};

static void
utf8_knows_text_from_what_is_none(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        if (utf8_is_text(rows[i].text) != rows[i].is_text)
            fail_row(rows[i].say, "is %stext", rows[i].is_text ? "no " : "");
}

static void
utf8_knows_ascii(void **state)
{
    (void)state;
    assert_true(utf8_is_ascii(slice_str("")));
    assert_true(utf8_is_ascii(slice_str("kim\x7f")));
    assert_false(utf8_is_ascii(slice_str("kim\x80")));
    assert_false(utf8_is_ascii(slice_str("\xff")));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(utf8_knows_text_from_what_is_none),
        cmocka_unit_test(utf8_knows_ascii),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
