#include "gateway/exchange/quote.h"

#include "tests/kit/test.h"

static struct exchange_document *d;

static int
make(void **state)
{
    (void)state;
    d = exchange_document_new(EXCHANGE_2007, "contoso", "gw.contoso.example");
    return d == NULL;
}

static int
unmake(void **state)
{
    (void)state;
    exchange_document_free(&d);
    return 0;
}

static const struct {
    const char *value, *shell, *command, *registry;
} rows[] = {
    {"", "''", "\"\"", ""},
    {"plain", "'plain'", "\"plain\"", "plain"},
    {"it's", "'it''s'", "\"it's\"", "it's"},
    {"$home `n \"x\"", "'$home `n \"x\"'", "\"$home `n \\\"x\\\"\"", "$home `n \\\"x\\\""},
    {"D\\svc", "'D\\svc'", "\"D\\svc\"", "D\\\\svc"},
    {"end\\", "'end\\'", "\"end\\\\\"", "end\\\\"},
    {"a\\\\\"b", "'a\\\\\"b'", "\"a\\\\\\\\\\\"b\"", "a\\\\\\\\\\\"b"},
    {"J\xc3\xbcrgen", "'J\xc3\xbcrgen'", "\"J\xc3\xbcrgen\"", "J\xc3\xbcrgen"},
    /* U+2018 to U+201B end a string in PowerShell as an apostrophe does; U+2013 does not. */
    {"\xe2\x80\x98\xe2\x80\x99", "'\xe2\x80\x98\xe2\x80\x98\xe2\x80\x99\xe2\x80\x99'",
     "\"\xe2\x80\x98\xe2\x80\x99\"", "\xe2\x80\x98\xe2\x80\x99"},
    {"\xe2\x80\x9a\xe2\x80\x9b", "'\xe2\x80\x9a\xe2\x80\x9a\xe2\x80\x9b\xe2\x80\x9b'",
     "\"\xe2\x80\x9a\xe2\x80\x9b\"", "\xe2\x80\x9a\xe2\x80\x9b"},
    {"a\xe2\x80\x93z", "'a\xe2\x80\x93z'", "\"a\xe2\x80\x93z\"", "a\xe2\x80\x93z"},
    {"cut\xe2\x80", "'cut\xe2\x80'", "\"cut\xe2\x80\"", "cut\xe2\x80"},
    {"two\nlines\t.\x7f", "'two?lines?.?'", "\"two?lines?.?\"", "two?lines?.?"},
};

static void
values_become_literals(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_string_equal(exchange_quote_shell(d, rows[i].value), rows[i].shell);
        assert_string_equal(exchange_quote_command(d, rows[i].value), rows[i].command);
        assert_string_equal(exchange_quote_registry(d, rows[i].value), rows[i].registry);
    }
    assert_true(exchange_document_ok(d));
}

static void
html_has_entities_and_keeps_line_ends(void **state)
{
    struct buf b;
    (void)state;
    buf_init(&b, 1024);
    exchange_quote_html(&b, "<a href='x'>\"R&D\"</a>\n\x01\xc3\xbc");
    assert_string_equal(buf_text(&b), "&lt;a href=&#39;x&#39;&gt;&quot;R&amp;D&quot;&lt;/a&gt;\n?"
                                      "\xc3\xbc");
    buf_fini(&b);
}

static void
a_value_that_is_too_long_is_remembered(void **state)
{
    static char value[20000];
    (void)state;
    memset(value, 'x', sizeof value - 1);
    exchange_quote_shell(d, value);
    assert_false(exchange_document_ok(d));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_become_literals),
        cmocka_unit_test(html_has_entities_and_keeps_line_ends),
        cmocka_unit_test(a_value_that_is_too_long_is_remembered),
    };
    return cmocka_run_group_tests(tests, make, unmake);
}
