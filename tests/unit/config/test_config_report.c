#include "config/config_report.h"

#include <stdio.h>
#include <stdlib.h>

#include "tests/kit/config_folder.h"
#include "tests/kit/test.h"

static const struct shown_row {
    const char *say;
    const char *source;
    unsigned line, column;
    const char *shown;
} rows[] = {
    {"the line and a caret", "a: 1\nb: 2\n", 2, 4, "gw.yaml:2:4: error: no\n  b: 2\n     ^\n"},
    {"the last line has no end", "a: 1\nb: 2", 2, 4, "gw.yaml:2:4: error: no\n  b: 2\n     ^\n"},
    {"no place", "a: 1\n", 0, 0, "gw.yaml: error: no\n"},
    {"a line behind the end", "a: 1\n", 3, 1, "gw.yaml:3:1: error: no\n  \n  ^\n"},
    {"a column behind the end", "a:\n", 1, 9, "gw.yaml:1:9: error: no\n  a:\n    ^\n"},
    {"Windows", "a: 1\r\nb: 2\r\n", 1, 4, "gw.yaml:1:4: error: no\n  a: 1\n     ^\n"},
    {"a tab stands above a tab", "\ta: 1\n", 1, 2, "gw.yaml:1:2: error: no\n  \ta: 1\n  \t^\n"},
    {"a character of two octets is one column", "\xc3\xa4: 1\n", 1, 4,
     "gw.yaml:1:4: error: no\n  ?: 1\n     ^\n"},
    {"nothing that a terminal obeys", "a: \x1b[31m\x07 1\n", 1, 1,
     "gw.yaml:1:1: error: no\n  a: ?[31m? 1\n  ^\n"},
    {"octets that are no text", "a: \xff\xfe\x9b 1\n", 1, 1,
     "gw.yaml:1:1: error: no\n  a: ?? 1\n  ^\n"},
    {"a password is cut off", "password: hunter2\n", 1, 1,
     "gw.yaml:1:1: error: no\n  password:\n  ^\n"},
    {"also in the middle of a line", "a: { user: u, password : hunter2, x: y }\n", 1, 6,
     "gw.yaml:1:6: error: no\n  a: { user: u, password :\n       ^\n"},
    {"also when the complaint is about what is behind it", "{ passwd: hunter2, x: y }\n", 1, 20,
     "gw.yaml:1:20: error: no\n  { passwd:\n           ^\n"},
    {"also a quoted key", "{ \"Password\": hunter2 }\n", 1, 3,
     "gw.yaml:1:3: error: no\n  { \"Password\":\n    ^\n"},
    {"also its hash", "password_hash: $y$x\n", 1, 1,
     "gw.yaml:1:1: error: no\n  password_hash:\n  ^\n"},
    {"a file of passwords is shown", "password_file: secrets/x\n", 1, 1,
     "gw.yaml:1:1: error: no\n  password_file: secrets/x\n  ^\n"},
    {"several files as well", "password_hash_files: [x]\n", 1, 1,
     "gw.yaml:1:1: error: no\n  password_hash_files: [x]\n  ^\n"},
    {"and what may be done", "send_password_unverified: yes\n", 1, 27,
     "gw.yaml:1:27: error: no\n  send_password_unverified: yes\n                            ^\n"},
    {"and a comment", "a: 1 # the password is elsewhere\n", 1, 1,
     "gw.yaml:1:1: error: no\n  a: 1 # the password is elsewhere\n  ^\n"},
};

static void
config_report_shows_the_line_and_a_caret(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct report report;
        struct complaints complaints;
        complaints_init(&complaints);
        report_init(&report, "gw.yaml", slice_str(rows[i].source));
        report_error(&report, (struct where){"gw.yaml", rows[i].line, rows[i].column}, "no");
        report_write(&report, &complaints);
        if (strcmp(buf_text(&complaints.text), rows[i].shown) != 0)
            fail_row(rows[i].say, "shows\n%s", buf_text(&complaints.text));
        report_fini(&report);
        complaints_fini(&complaints);
    }
}

/* Wherever in a long line it is, the caret is below it and the line is not longer than a screen.
 */
static void
config_report_shows_the_part_of_a_long_line_that_matters(void **state)
{
    char line[1001];
    (void)state;
    for (size_t i = 0; i < sizeof line - 1; i++)
        line[i] = (char)('a' + i % 26);
    line[sizeof line - 1] = '\0';
    for (unsigned column = 1; column < sizeof line; column++) {
        struct report report;
        struct complaints complaints;
        complaints_init(&complaints);
        report_init(&report, "gw.yaml", slice_str(line));
        report_error(&report, (struct where){"gw.yaml", 1, column}, "no");
        report_write(&report, &complaints);
        struct slice text = buf_slice(&complaints.text);
        text = slice_from(text, slice_find(text, '\n') + 1);
        struct slice shown = slice_head(text, slice_find(text, '\n'));
        struct slice caret = slice_from(text, shown.len + 1);
        size_t at = slice_find(caret, '^');
        assert_true(shown.len <= 162);
        assert_true(at < shown.len);
        assert_int_equal(shown.ptr[at], line[column - 1]);
        report_fini(&report);
        complaints_fini(&complaints);
    }
}

/* Octets that only go on with a character, and no end of them. */
static void
config_report_survives_a_long_line_that_is_no_text(void **state)
{
    char line[1000];
    (void)state;
    memset(line, 0xa9, sizeof line);
    for (unsigned column = 1; column < 3; column++) {
        struct report report;
        struct complaints complaints;
        complaints_init(&complaints);
        report_init(&report, "gw.yaml", slice(line, sizeof line));
        report_error(&report, (struct where){"gw.yaml", 1, column}, "no");
        report_write(&report, &complaints);
        assert_non_null(strstr(buf_text(&complaints.text), "error: no\n  \n  ^\n"));
        report_fini(&report);
        complaints_fini(&complaints);
    }
}

static void
config_report_tells_everything_in_the_order_of_the_file(void **state)
{
    struct report report;
    struct complaints complaints;
    (void)state;
    complaints_init(&complaints);
    report_init(&report, "gw.yaml", slice_str(""));
    report_error(&report, (struct where){"gw.yaml", 7, 5}, "fourth");
    report_warning(&report, (struct where){"gw.yaml", 7, 2}, "second");
    report_error(&report, (struct where){"gw.yaml", 7, 2}, "third");
    report_error(&report, (struct where){"gw.yaml", 0, 0}, "first");
    report_write(&report, &complaints);
    assert_string_equal(buf_text(&complaints.text), "gw.yaml: error: first\n"
                                                    "gw.yaml:7:2: warning: second\n"
                                                    "gw.yaml:7:2: error: third\n"
                                                    "gw.yaml:7:5: error: fourth\n");
    assert_int_equal(complaints.errors, 3);
    assert_int_equal(complaints.warnings, 1);
    report_fini(&report);
    complaints_fini(&complaints);
}

static void
config_report_counts_what_it_does_not_tell(void **state)
{
    struct report report;
    struct complaints complaints;
    (void)state;
    complaints_init(&complaints);
    report_init(&report, "gw.yaml", slice_str(""));
    for (unsigned i = 1; i <= REPORT_MAX + 7; i++)
        report_error(&report, (struct where){"gw.yaml", i, 1}, "no");
    report_write(&report, &complaints);
    assert_int_equal(complaints.errors, REPORT_MAX + 7);
    assert_non_null(strstr(buf_text(&complaints.text), "gw.yaml:200:1: error: no\n"));
    assert_null(strstr(buf_text(&complaints.text), "gw.yaml:201:1"));
    assert_non_null(strstr(buf_text(&complaints.text), "gw.yaml: and 7 more\n"));
    assert_true(buf_ok(&complaints.text));
    report_fini(&report);
    complaints_fini(&complaints);
}

/* The whole way: no complaint about a file with a password in it tells the password. */
static void
config_report_never_tells_a_password(void **state)
{
    struct config_folder folder;
    struct complaints complaints;
    struct config *config = NULL;
    char text[4096];
    (void)state;
    const char *at = strstr(config_folder_small, "password_file: secrets/contoso }");
    snprintf(text, sizeof text, "%.*spassword: hunter2, uzer: x }\n",
             (int)(at - config_folder_small), config_folder_small);
    config_folder_new(&folder);
    assert_false(config_folder_load(&folder, text, &config, &complaints));
    assert_true(complaints.errors >= 2);
    assert_null(strstr(buf_text(&complaints.text), "hunter2"));
    complaints_fini(&complaints);
    config_folder_remove(&folder);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(config_report_shows_the_line_and_a_caret),
        cmocka_unit_test(config_report_shows_the_part_of_a_long_line_that_matters),
        cmocka_unit_test(config_report_survives_a_long_line_that_is_no_text),
        cmocka_unit_test(config_report_tells_everything_in_the_order_of_the_file),
        cmocka_unit_test(config_report_counts_what_it_does_not_tell),
        cmocka_unit_test(config_report_never_tells_a_password),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
