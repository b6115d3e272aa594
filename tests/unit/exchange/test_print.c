#include "gateway/exchange/print_html.h"
#include "gateway/exchange/print_registry.h"
#include "gateway/exchange/print_steps.h"

#include <string.h>

#include "tests/kit/test.h"

/* What a file may say, and what must come out as nothing but text. */
static const char hostile[] =
    "<script>alert(\"1\")</script> & 100% 'M\xc3\xbcller' \x1b[2J\nStep 9.";

static struct exchange_document *d;
static struct buf out;
static char long_name[201];

static int
set_up(void **state)
{
    (void)state;
    memset(long_name, 'x', sizeof long_name - 1);
    buf_init(&out, 1024 * 1024);
    d = exchange_document_new(EXCHANGE_2003, hostile, "gw.contoso.example");
    assert_non_null(d);
    d->summary = hostile;
    exchange_parameter(d, "BridgeheadServer", "string", NULL, hostile);
    exchange_parameter(d, "TestRecipient", "string", "'kim@contoso.example'", "Who reads it.");
    exchange_step(d, hostile, hostile);
    exchange_unconfirmed(d, "where the box is");
    exchange_unconfirmed(d, hostile);
    exchange_put(d, EXCHANGE_DO, EXCHANGE_TEXT, NULL, "%s", hostile);
    exchange_put(d, EXCHANGE_DO, EXCHANGE_FIELD, hostile, "%s", hostile);
    exchange_put(d, EXCHANGE_DO, EXCHANGE_FIELD, "Name", "%s", long_name);
    exchange_put(d, EXCHANGE_CHECK, EXCHANGE_COMMAND, "nslookup", "nslookup <gw> & exit\n");
    exchange_put(d, EXCHANGE_UNDO, EXCHANGE_TEXT, NULL, "Remove it.");
    exchange_step(d, "A value", "It is risky.");
    exchange_step_is_optional(d);
    exchange_put(d, EXCHANGE_DO, EXCHANGE_REGISTRY, "a.reg",
                 "Windows Registry Editor Version 5.00\n\n[HKEY_X]\n\"A\"=dword:00000001\n");
    exchange_put(d, EXCHANGE_UNDO, EXCHANGE_REGISTRY, "a-undo.reg",
                 "Windows Registry Editor Version 5.00\n\n[HKEY_X]\n\"A\"=-\n");
    exchange_step(d, "Another value", "It must be.");
    exchange_put(d, EXCHANGE_DO, EXCHANGE_REGISTRY, "b.reg",
                 "Windows Registry Editor Version 5.00\n\n[HKEY_Y]\n\"B\"=dword:00000002\n");
    assert_true(exchange_document_ok(d));
    return 0;
}

static int
tear_down(void **state)
{
    (void)state;
    exchange_document_free(&d);
    buf_fini(&out);
    return 0;
}

static void
assert_has(const char *text)
{
    if (strstr(buf_text(&out), text) == NULL)
        fail_msg("not there: %s\nin: %s", text, buf_text(&out));
}

static void
assert_has_not(const char *text)
{
    if (strstr(buf_text(&out), text) != NULL)
        fail_msg("must not be there: %s\nin: %s", text, buf_text(&out));
}

/* In this order, each after the one before. */
static void
assert_order(const char *const *texts, size_t count)
{
    const char *at = buf_text(&out);
    for (size_t i = 0; i < count; i++) {
        const char *found = strstr(at, texts[i]);
        if (found == NULL)
            fail_row(texts[i], "not there, or before the one above it");
        at = found + strlen(texts[i]);
    }
}

/* ---- Plain text ---- */

static void
steps_have_their_parts_in_order(void **state)
{
    static const char *const parts[] = {"Exchange Server 2003 of forest <script>",
                                        "====",
                                        "Values that only you know",
                                        "BridgeheadServer (must be given)",
                                        "TestRecipient (proposed: 'kim@contoso.example')",
                                        "Steps, in this order",
                                        "  2. (optional) A value",
                                        "Step 1. ",
                                        "  Why:",
                                        "  Do:",
                                        "  Check:",
                                        "Command line nslookup:",
                                        "nslookup <gw> & exit",
                                        "  Undo:",
                                        "Check on your system",
                                        "Not confirmed: where the box is; <script>",
                                        "Step 2 (optional). A value",
                                        "Registry file a.reg:",
                                        "\"A\"=dword:00000001",
                                        "Registry file a-undo.reg:",
                                        "\"A\"=-"};
    (void)state;
    exchange_print_steps(d, &out);
    assert_true(buf_ok(&out));
    assert_order(parts, sizeof parts / sizeof parts[0]);
    assert_has("100% 'M\xc3\xbcller'");
}

/* A value cannot write a step of its own, nor move the cursor. */
static void
steps_take_no_orders_from_values(void **state)
{
    (void)state;
    exchange_print_steps(d, &out);
    assert_has("?[2J?Step");
    assert_has_not("\x1b");
    assert_has_not("\nStep 9.");
}

static void
a_long_value_stays_whole_and_sentences_are_wrapped(void **state)
{
    (void)state;
    exchange_step(d, "Long", exchange_text(d, "%0300d word word %090d word", 0, 0));
    exchange_print_steps(d, &out);
    assert_has(long_name);
    for (const char *at = buf_text(&out); *at != '\0';) {
        size_t len = strcspn(at, "\n"), columns = 0;
        for (size_t i = 0; i < len; i++)
            columns += ((unsigned char)at[i] & 0xc0) != 0x80;
        size_t indent = strspn(at, " ");
        bool is_one_word = memchr(at + indent, ' ', len - indent) == NULL;
        if (columns > 100 && !is_one_word)
            fail_msg("%zu columns: %.*s", columns, (int)len, at);
        at += len + 1;
    }
}

static void
the_shell_gets_its_values_first(void **state)
{
    static const char *const parts[] = {"Step 1.",
                                        "to be run in the shell first",
                                        "    $BridgeheadServer = '' # must be given\n",
                                        "    $TestRecipient = 'kim@contoso.example'\n",
                                        "    $Again = $false\n",
                                        "    $WhatIf = $false",
                                        "    function Say { }\n"};
    (void)state;
    exchange_print_steps(d, &out);
    assert_has_not("in the shell first");
    exchange_parameter(d, "Again", "switch", NULL, "Once more.");
    buf_clear(&out);
    d->version = EXCHANGE_2007;
    d->prelude = "function Say { }\n";
    exchange_print_steps(d, &out);
    assert_order(parts, sizeof parts / sizeof parts[0]);
    buf_clear(&out);
    exchange_print_html(d, &out);
    assert_has("$Again = $false\n$WhatIf = $false");
    assert_has("function Say { }\n</code>");
}

static void
commands_that_follow_each_other_are_one_piece(void **state)
{
    (void)state;
    exchange_step(d, "Shell", "Why.");
    exchange_put(d, EXCHANGE_DO, EXCHANGE_SHELL, NULL, "$one = 1\n");
    exchange_put(d, EXCHANGE_DO, EXCHANGE_SHELL, NULL, "$two = 2\n");
    exchange_put(d, EXCHANGE_DO, EXCHANGE_SHELL, "apart", "$three = 3\n");
    exchange_print_steps(d, &out);
    assert_has("PowerShell:\n\n    $one = 1\n    $two = 2\n\n      PowerShell apart:\n");
    buf_clear(&out);
    exchange_print_html(d, &out);
    assert_has("<pre><code>$one = 1\n$two = 2\n</code></pre>");
}

/* ---- HTML ---- */

static void
a_page_is_whole_and_alone(void **state)
{
    static const char *const parts[] = {"<!DOCTYPE html>\n<html lang=\"en\">",
                                        "<meta charset=\"utf-8\">",
                                        "<title>Exchange",
                                        "default-src 'none'",
                                        "</head>",
                                        "<h1>",
                                        "id=\"values\"",
                                        "<nav",
                                        "<a href=\"#step-1\">",
                                        "<section id=\"step-1\">",
                                        "<h3>Why</h3>",
                                        "<h3>Do</h3>",
                                        "type=\"checkbox\"",
                                        "class=\"fields\"",
                                        "<h3>Check</h3>",
                                        "nslookup &lt;gw&gt; &amp; exit",
                                        "<h3>Undo</h3>",
                                        "Check on your system",
                                        "<section id=\"step-2\">",
                                        "optional</span>",
                                        "</html>\n"};
    (void)state;
    exchange_print_html(d, &out);
    assert_true(buf_ok(&out));
    assert_order(parts, sizeof parts / sizeof parts[0]);
    static const char *const foreign[] = {"http://", "https://", "<script", "<link",
                                          "<img",    "@import",  "url("};
    for (size_t i = 0; i < sizeof foreign / sizeof foreign[0]; i++)
        assert_has_not(foreign[i]);
}

static void
a_page_escapes_all_values(void **state)
{
    (void)state;
    exchange_print_html(d, &out);
    assert_has("&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt; &amp; 100% &#39;M\xc3\xbcller");
    assert_has_not("alert(\"");
    assert_has_not("\x1b");
}

static void
fields_are_one_table(void **state)
{
    (void)state;
    exchange_print_html(d, &out);
    const char *table = strstr(buf_text(&out), "<table");
    assert_non_null(table);
    assert_null(strstr(table + 1, "<table"));
    assert_has(long_name);
}

/* ---- The registry ---- */

static void
a_registry_file_sets_what_is_not_optional_alone(void **state)
{
    static const char *const lines[] = {"; ---- (not set) A value\r\n",
                                        "; It is risky.\r\n",
                                        "; Undo:\r\n",
                                        ";   [HKEY_X]\r\n",
                                        ";   \"A\"=-\r\n",
                                        "; Do:\r\n",
                                        ";   \"A\"=dword:00000001\r\n",
                                        "; ---- Another value\r\n",
                                        "\r\n[HKEY_Y]\r\n\"B\"=dword:00000002\r\n"};
    (void)state;
    exchange_print_registry(d, &out);
    const char *text = buf_text(&out);
    static const char magic[] = "Windows Registry Editor Version 5.00\r\n\r\n";
    assert_memory_equal(text, magic, sizeof magic - 1);
    assert_null(strstr(text + 1, "Windows Registry Editor"));
    assert_order(lines, sizeof lines / sizeof lines[0]);
    assert_has_not("\r\n\"A\"");
    assert_has_not("\r\n[HKEY_X]");
}

/* regedit obeys every line that is no comment. */
static void
a_registry_file_obeys_no_value(void **state)
{
    (void)state;
    exchange_step(d, "x\n[HKEY_Z]", "y\r\n[HKEY_Z]\r\n\"C\"=dword:1");
    exchange_unconfirmed(d, "M\xc3\xbcller\n[HKEY_Z]");
    exchange_put(d, EXCHANGE_CHECK, EXCHANGE_TEXT, NULL, "%s", "z\n[HKEY_Z]");
    exchange_put(d, EXCHANGE_CHECK, EXCHANGE_FIELD, "a\n[HKEY_Z]", "%s", "b\n[HKEY_Z]");
    exchange_put(d, EXCHANGE_DO, EXCHANGE_REGISTRY, "c.reg", "[HKEY_Y]\n");
    exchange_print_registry(d, &out);
    const char *text = buf_text(&out);
    for (const char *at = strstr(text, "[HKEY_Z]"); at != NULL; at = strstr(at + 1, "[HKEY_Z]")) {
        const char *line = at;
        while (line > text && line[-1] != '\n')
            line--;
        assert_int_equal(*line, ';');
    }
    for (size_t i = 0; text[i] != '\0'; i++) {
        assert_true((unsigned char)text[i] < 0x80);
        assert_true(text[i] != '\n' || text[i - 1] == '\r');
    }
    assert_has("M?ller");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(steps_have_their_parts_in_order, set_up, tear_down),
        cmocka_unit_test_setup_teardown(steps_take_no_orders_from_values, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_long_value_stays_whole_and_sentences_are_wrapped,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_shell_gets_its_values_first, set_up, tear_down),
        cmocka_unit_test_setup_teardown(commands_that_follow_each_other_are_one_piece, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_page_is_whole_and_alone, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_page_escapes_all_values, set_up, tear_down),
        cmocka_unit_test_setup_teardown(fields_are_one_table, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_registry_file_sets_what_is_not_optional_alone, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_registry_file_obeys_no_value, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
