#include "gateway/exchange/print_script.h"

#include <string.h>

#include "tests/kit/test.h"

static struct exchange_document *document;

static int
begin(void **state)
{
    (void)state;
    document = exchange_document_new(EXCHANGE_2007, "contoso", "gw.contoso.example");
    return document != NULL ? 0 : -1;
}

static int
end(void **state)
{
    (void)state;
    exchange_document_free(&document);
    return 0;
}

static const char *
print(struct buf *b)
{
    buf_init(b, 1 << 20);
    exchange_print_script(document, b);
    assert_true(buf_ok(b));
    return buf_text(b);
}

static void
must_hold(const char *script, const char *text)
{
    if (strstr(script, text) == NULL)
        fail_row(text, "not in:\n%s", script);
}

static void
two_steps(void)
{
    exchange_step(document, "First", "So that.");
    exchange_put(document, EXCHANGE_DO, EXCHANGE_SHELL, NULL, "Do-First\n");
    exchange_put(document, EXCHANGE_UNDO, EXCHANGE_SHELL, NULL, "Undo-First\n");
    exchange_step(document, "Second", "Because.");
    exchange_put(document, EXCHANGE_DO, EXCHANGE_SHELL, NULL, "Do-Second\n");
    exchange_put(document, EXCHANGE_CHECK, EXCHANGE_SHELL, NULL, "Get-Second\n");
    exchange_put(document, EXCHANGE_UNDO, EXCHANGE_SHELL, NULL, "Undo-Second\n");
}

static void
the_file_is_one_that_powershell_1_reads(void **state)
{
    struct buf b;
    (void)state;
    two_steps();
    const char *script = print(&b);
    assert_memory_equal(script, "\xef\xbb\xbf#", 4);
    for (const char *at = script; (at = strchr(at, '\n')) != NULL; at++)
        assert_int_equal(at[-1], '\r');
    buf_fini(&b);
}

static void
only_what_is_done_is_no_comment(void **state)
{
    struct buf b;
    (void)state;
    two_steps();
    const char *script = print(&b);
    must_hold(script, "\r\nDo-First\r\n");
    must_hold(script, "\r\nDo-Second\r\n");
    must_hold(script, "\r\n#       Get-Second\r\n");
    must_hold(script, "\r\n#       Undo-Second\r\n");
    assert_null(strstr(script, "\r\nUndo-"));
    assert_true(strstr(script, "\r\nDo-First") < strstr(script, "\r\nDo-Second"));
    buf_fini(&b);
}

static void
the_way_back_begins_with_the_last_step(void **state)
{
    struct buf b;
    (void)state;
    two_steps();
    const char *back = strstr(print(&b), "# Back out of everything");
    assert_non_null(back);
    assert_true(strstr(back, "Undo-Second") < strstr(back, "Undo-First"));
    buf_fini(&b);
}

static void
what_must_be_given_is_asked_for_before_the_first_step(void **state)
{
    struct buf b;
    (void)state;
    exchange_parameter(document, "Given", "string", NULL, "whose it's");
    exchange_parameter(document, "Known", "string[]", "@('a')", "has a proposal");
    exchange_parameter(document, "Also", "switch", NULL, "a choice");
    document->prelude = "function Read-Nothing {\n}\n";
    two_steps();
    const char *script = print(&b);
    must_hold(script, "    # whose it's\r\n    [string]$Given,\r\n");
    must_hold(script, "    [string[]]$Known = @('a'),\r\n");
    must_hold(script, "    [switch]$Also,\r\n");
    must_hold(script, "    [switch]$WhatIf\r\n)\r\n");
    must_hold(script, "if (-not $Given) {\r\n    throw 'Give -Given: ' + 'whose it''s'\r\n}");
    assert_null(strstr(script, "-not $Known"));
    assert_null(strstr(script, "-not $Also"));
    assert_true(strstr(script, "-not $Given") < strstr(script, "Do-First"));
    assert_true(strstr(script, "function Read-Nothing") < strstr(script, "-not $Given"));
    buf_fini(&b);
}

/* PowerShell 1.0 takes any -Word: one that is not ours must not become a run that changes things.
 */
static void
a_misspelt_parameter_stops_it_before_anything_else(void **state)
{
    struct buf b;
    (void)state;
    document->prelude = "function Read-Nothing {\n}\n";
    two_steps();
    const char *script = print(&b);
    const char *refusal = strstr(script, "if ($args.Count -gt 0) {\r\n    throw (");
    assert_non_null(refusal);
    assert_true(strstr(script, "\ntrap {") < refusal);
    assert_true(refusal < strstr(script, "function Read-Nothing"));
    assert_true(refusal < strstr(script, "Do-First"));
    buf_fini(&b);
}

/* A comment ends with its line: a line break in a value would begin a command. */
static void
no_text_leaves_its_comment(void **state)
{
    struct buf b;
    (void)state;
    static const char hostile[] = "x\nRemove-Item C:\\ #\r\n'\"`$(x)";
    document->forest = document->gateway = document->summary = hostile;
    exchange_step(document, hostile, hostile);
    exchange_unconfirmed(document, hostile);
    for (int part = 0; part < EXCHANGE_PARTS; part++) {
        exchange_put(document, (enum exchange_part)part, EXCHANGE_TEXT, NULL, "%s", hostile);
        exchange_put(document, (enum exchange_part)part, EXCHANGE_FIELD, hostile, "%s", hostile);
    }
    const char *script = print(&b);
    assert_null(strstr(script, "\nRemove-Item"));
    must_hold(script, "x?Remove-Item");
    buf_fini(&b);
}

static void
sentences_are_wrapped_and_words_are_not_broken(void **state)
{
    struct buf b;
    char word[201];
    (void)state;
    memset(word, 'w', sizeof word - 1);
    word[sizeof word - 1] = '\0';
    exchange_step(document, "Long",
                  exchange_text(document,
                                "one two three four five six seven eight nine ten "
                                "eleven twelve thirteen fourteen fifteen %s end",
                                word));
    const char *script = print(&b);
    must_hold(script, "# Why: one two three");
    must_hold(script, word);
    must_hold(script, "\r\n#      end\r\n");
    for (const char *at = script + 3, *next; (next = strstr(at, "\r\n")) != NULL; at = next + 2)
        if (next - at > 100 && memchr(at, 'w', (size_t)(next - at)) == NULL)
            fail_msg("a line of %td: %.*s", next - at, (int)(next - at), at);
    buf_fini(&b);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_file_is_one_that_powershell_1_reads, begin, end),
        cmocka_unit_test_setup_teardown(only_what_is_done_is_no_comment, begin, end),
        cmocka_unit_test_setup_teardown(the_way_back_begins_with_the_last_step, begin, end),
        cmocka_unit_test_setup_teardown(what_must_be_given_is_asked_for_before_the_first_step,
                                        begin, end),
        cmocka_unit_test_setup_teardown(a_misspelt_parameter_stops_it_before_anything_else, begin,
                                        end),
        cmocka_unit_test_setup_teardown(no_text_leaves_its_comment, begin, end),
        cmocka_unit_test_setup_teardown(sentences_are_wrapped_and_words_are_not_broken, begin,
                                        end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
