#include "gateway/mail/dsn.h"

#include <stdio.h>

#include "gateway/mail/header.h"
#include "tests/kit/test.h"

static struct dsn
usual(const struct dsn_recipient *r, size_t count)
{
    return (struct dsn){
        .hostname = slice_str("gw.contoso.example"),
        .postmaster = slice_str("postmaster@contoso.example"),
        .id = slice_str("0B5QX2K7V9M3A"),
        .now_unix_ms = INT64_C(1795379580000),
        .sender = slice_str("nan@fabrikam.example"),
        .message_id = slice_str("<1@fabrikam.example>"),
        .arrived_unix_ms = INT64_C(1795379000000),
        .recipients = r,
        .recipient_count = count,
        .original_header = slice_str("From: nan\r\nSubject: x\r\n"),
    };
}

static const char *
report(struct buf *out, const struct dsn *dsn)
{
    buf_init(out, 64 * 1024);
    dsn_put(out, dsn);
    assert_true(buf_ok(out));
    return buf_text(out);
}

static const struct status_row {
    const char *say;
    enum dsn_kind kind;
    bool expired;
    const char *reply;      /* "550 5.1.1 x"; NULL = none */
    const char *last_error; /* "" = none */
    const char *status;
    const char *diagnostic; /* NULL = none */
} rows[] = {
    {"a refusal", DSN_FAILURE, false, "550 5.1.1 User unknown", "", "5.1.1",
     "smtp; 550 5.1.1 User unknown"},
    {"a refusal without enhanced code", DSN_FAILURE, false, "554 No", "", "5.0.0",
     "smtp; 554 No"},
    {"a refusal of mixed classes", DSN_FAILURE, false, "550 4.7.1 No", "", "5.7.1",
     "smtp; 550 4.7.1 No"},
    {"expired behind a reply", DSN_FAILURE, true, "452 4.3.1 Full", "", "4.4.7",
     "smtp; 452 4.3.1 Full"},
    {"expired, earlier words", DSN_FAILURE, true, NULL, "452 4.3.1 Full", "4.4.7",
     "smtp; 452 4.3.1 Full"},
    {"expired, words of ours", DSN_FAILURE, true, NULL, "hub1: connection refused", "4.4.7",
     "x-forestgate; hub1: connection refused"},
    {"expired, nothing known", DSN_FAILURE, true, NULL, "", "4.4.7", NULL},
    {"failed, nothing known", DSN_FAILURE, false, NULL, "", "5.0.0", NULL},
    {"delayed by a reply", DSN_DELAY, false, "451 4.7.0 Wait", "", "4.7.0",
     "smtp; 451 4.7.0 Wait"},
    {"delayed by a permanent reply", DSN_DELAY, false, "535 5.7.3 No", "", "4.7.3",
     "smtp; 535 5.7.3 No"},
    {"delayed, nothing known", DSN_DELAY, false, NULL, "", "4.4.7", NULL},
    {"delayed, words of ours", DSN_DELAY, false, NULL, "no route", "4.0.0",
     "x-forestgate; no route"},
    {"hostile words", DSN_FAILURE, false, NULL, "a\r\nAction: delivered", "5.0.0",
     "x-forestgate; a??Action: delivered"},
};

static void
dsn_derives_status_and_diagnostic(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const struct status_row *row = &rows[i];
        struct reply_reader reader;
        reply_reader_init(&reader);
        struct slice text = slice_str(row->reply), end = slice_str("\n");
        if (row->reply != NULL) {
            assert_int_equal(reply_read(&reader, &text), REPLY_MORE);
            assert_int_equal(reply_read(&reader, &end), REPLY_DONE);
        }
        struct dsn_recipient r = {.address = slice_str("kim@contoso.example"),
                                  .expired = row->expired,
                                  .reply = row->reply ? &reader.reply : NULL,
                                  .last_error = slice_str(row->last_error)};
        struct dsn dsn = usual(&r, 1);
        dsn.kind = row->kind;
        struct buf out;
        const char *all = report(&out, &dsn);
        char line[200];
        snprintf(line, sizeof line, "\r\nStatus: %s\r\n", row->status);
        if (strstr(all, line) == NULL)
            fail_row(row->say, "wrong status in %s", all);
        snprintf(line, sizeof line, "\r\nDiagnostic-Code: %s\r\n",
                 row->diagnostic ? row->diagnostic : "");
        if (row->diagnostic ? strstr(all, line) == NULL : strstr(all, "Diagnostic") != NULL)
            fail_row(row->say, "wrong diagnostic in %s", all);
        if (strstr(all, row->kind == DSN_DELAY ? "Action: delayed\r\n" : "Action: failed\r\n") ==
            NULL)
            fail_row(row->say, "wrong action");
        assert_null(strstr(all, "\nAction: delivered"));
        buf_fini(&out);
        reply_reader_fini(&reader);
    }
}

/* What every report must be: lines of CRLF and under 998, a header section that ends where it
 * should, a boundary that opens three parts and closes once. */
static void
check_shape(const struct dsn *dsn, unsigned parts)
{
    struct buf out;
    const char *all = report(&out, dsn);
    struct slice rest = buf_slice(&out);
    while (rest.len > 0) {
        size_t lf = slice_find(rest, '\n');
        assert_true(lf > 0 && lf < rest.len && lf < 999 && rest.ptr[lf - 1] == '\r');
        slice_skip(&rest, lf + 1);
    }

    struct header_scanner scanner;
    struct header_field field;
    enum header_event event;
    header_scanner_init(&scanner);
    rest = buf_slice(&out);
    while ((event = header_scan(&scanner, &rest, &field)) == HEADER_FIELD)
        ;
    assert_int_equal(event, HEADER_END);
    header_scanner_fini(&scanner);

    char boundary[100] = "\r\n--";
    const char *at = strstr(all, "boundary=\"");
    assert_non_null(at);
    size_t n = strcspn(at + 10, "\"");
    assert_true(n > 0 && n <= 70);
    memcpy(boundary + 4, at + 10, n);
    unsigned count = 0;
    for (at = all; (at = strstr(at, boundary)) != NULL; at++)
        count++;
    assert_int_equal(count, parts + 1);
    memcpy(boundary + 4 + n, "--\r\n", 5);
    assert_string_equal(all + out.len - strlen(boundary), boundary);
    buf_fini(&out);
}

static void
dsn_has_the_shape_of_a_report(void **state)
{
    (void)state;
    static char longest[571];
    memset(longest, 'a', sizeof longest);
    struct reply words = reply_make(550, "5.7.1", "%0470d", 1);
    const struct dsn_recipient r[] = {
        {.address = slice_str("kim@contoso.example"), .reply = &words},
        {.address = slice(longest, sizeof longest),
         .reply = &words,
         .remote_host = slice_str("hub1.fabrikam.example[10.2.0.1]:25")},
        {.address = slice_str("a\r\n--=_0_0B5QX2K7V9M3A--\r\n")},
    };
    struct dsn dsn = usual(r, COUNT_OF(r));
    check_shape(&dsn, 3);
    dsn.kind = DSN_DELAY;
    dsn.sender = slice(longest, sizeof longest);
    dsn.original_header = slice_str("");
    check_shape(&dsn, 2);
    dsn.original_header = slice_str("X: a\r\n--=_0_0B5QX2K7V9M3A\r\n=_1_0B5QX2K7V9M3A\r\n");
    check_shape(&dsn, 3);
    dsn.original_header = slice_str("X: cut in the mid");
    check_shape(&dsn, 3);
}

static void
dsn_names_the_remote_host_only_when_there_was_one(void **state)
{
    (void)state;
    static const struct {
        const char *host, *field;
    } hosts[] = {
        {"hub1.fabrikam.example[10.2.0.1]:25", "\r\nRemote-MTA: dns; hub1.fabrikam.example\r\n"},
        {"[10.2.0.1]:25", "\r\nRemote-MTA: dns; [10.2.0.1]\r\n"},
        {"", NULL},
        {"a b\r\n", NULL},
    };
    for (size_t i = 0; i < COUNT_OF(hosts); i++) {
        struct dsn_recipient r = {.address = slice_str("kim@contoso.example"),
                                  .remote_host = slice_str(hosts[i].host)};
        struct dsn dsn = usual(&r, 1);
        struct buf out;
        const char *all = report(&out, &dsn);
        assert_true(hosts[i].field ? strstr(all, hosts[i].field) != NULL
                                   : strstr(all, "Remote-MTA") == NULL);
        buf_fini(&out);
    }
}

static void
dsn_says_8bit_when_the_original_does(void **state)
{
    (void)state;
    struct dsn_recipient r = {.address = slice_str("k\xc3\xadm@contoso.example")};
    struct dsn dsn = usual(&r, 1);
    struct buf out;
    const char *all = report(&out, &dsn);
    assert_null(strstr(all, "8bit"));
    assert_false(dsn_is_8bit(buf_slice(&out)));
    buf_fini(&out);

    dsn.original_header = slice_str("Subject: \xc3\xa9\r\n");
    all = report(&out, &dsn);
    const char *first = strstr(all, "Content-Transfer-Encoding: 8bit\r\n");
    assert_non_null(first);
    assert_non_null(strstr(first + 1, "Content-Transfer-Encoding: 8bit\r\n"));
    assert_non_null(strstr(all, "Subject: \xc3\xa9\r\n"));
    assert_true(dsn_is_8bit(buf_slice(&out)));
    buf_fini(&out);
}

static void
dsn_refers_to_the_original_when_it_had_an_id(void **state)
{
    (void)state;
    static const struct {
        const char *id, *field;
    } ids[] = {
        {"<1@a.example>", "\r\nReferences: <1@a.example>\r\n"},
        {"1@a.example", "\r\nReferences: <1@a.example>\r\n"},
        {"", NULL},
        {"<1\r\nBcc: all@a.example>", NULL},
    };
    for (size_t i = 0; i < COUNT_OF(ids); i++) {
        struct dsn_recipient r = {.address = slice_str("kim@contoso.example")};
        struct dsn dsn = usual(&r, 1);
        dsn.message_id = slice_str(ids[i].id);
        struct buf out;
        const char *all = report(&out, &dsn);
        assert_true(ids[i].field ? strstr(all, ids[i].field) != NULL
                                 : strstr(all, "References") == NULL);
        assert_null(strstr(all, "\nBcc"));
        assert_non_null(strstr(all, "\r\nAuto-Submitted: auto-replied\r\n"));
        buf_fini(&out);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(dsn_derives_status_and_diagnostic),
        cmocka_unit_test(dsn_has_the_shape_of_a_report),
        cmocka_unit_test(dsn_names_the_remote_host_only_when_there_was_one),
        cmocka_unit_test(dsn_says_8bit_when_the_original_does),
        cmocka_unit_test(dsn_refers_to_the_original_when_it_had_an_id),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
