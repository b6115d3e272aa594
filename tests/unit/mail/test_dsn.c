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
        .boundary = slice_str("0123456789abcdef"),
        .now_unix_ms = INT64_C(1795379580000),
        .sender = slice_str("nan@fabrikam.example"),
        .message_id = slice_str("<1@fabrikam.example>"),
        .arrived_unix_ms = INT64_C(1795379000000),
        .recipients = r,
        .recipient_count = count,
        .original = DSN_ORIGINAL_HEADER,
    };
}

static const char original_header[] = "From: nan\r\nSubject: x\r\n";

static const char *
report(struct buf *out, const struct dsn *dsn)
{
    buf_init(out, 64 * 1024);
    dsn_put_head(out, dsn);
    if (dsn->original != DSN_ORIGINAL_NONE)
        buf_put_str(out, original_header);
    if (dsn->original == DSN_ORIGINAL_WHOLE)
        buf_put_str(out, "\r\nHello\r\n");
    dsn_put_end(out, dsn);
    assert_true(buf_ok(out));
    return buf_text(out);
}

static const struct status_row {
    const char *say;
    enum dsn_action action;
    bool expired;
    const char *reply;      /* "550 5.1.1 x"; NULL = none */
    const char *last_error; /* "" = none */
    const char *status;
    const char *diagnostic; /* NULL = none */
} rows[] = {
    {"a refusal", DSN_FAILED, false, "550 5.1.1 User unknown", "", "5.1.1",
     "smtp; 550 5.1.1 User unknown"},
    {"a refusal without enhanced code", DSN_FAILED, false, "554 No", "", "5.0.0", "smtp; 554 No"},
    {"a refusal of mixed classes", DSN_FAILED, false, "550 4.7.1 No", "", "5.7.1",
     "smtp; 550 4.7.1 No"},
    {"expired behind a reply", DSN_FAILED, true, "452 4.3.1 Full", "", "4.4.7",
     "smtp; 452 4.3.1 Full"},
    {"expired, earlier words", DSN_FAILED, true, NULL, "452 4.3.1 Full", "4.4.7",
     "smtp; 452 4.3.1 Full"},
    {"expired, words of ours", DSN_FAILED, true, NULL, "hub1: connection refused", "4.4.7",
     "x-forestgate; hub1: connection refused"},
    {"expired, nothing known", DSN_FAILED, true, NULL, "", "4.4.7", NULL},
    {"failed, nothing known", DSN_FAILED, false, NULL, "", "5.0.0", NULL},
    {"delayed by a reply", DSN_DELAYED, false, "451 4.7.0 Wait", "", "4.7.0",
     "smtp; 451 4.7.0 Wait"},
    {"delayed by a permanent reply", DSN_DELAYED, false, "535 5.7.3 No", "", "4.7.3",
     "smtp; 535 5.7.3 No"},
    {"delayed, nothing known", DSN_DELAYED, false, NULL, "", "4.4.7", NULL},
    {"delayed, words of ours", DSN_DELAYED, false, NULL, "no route", "4.0.0",
     "x-forestgate; no route"},
    {"relayed", DSN_RELAYED, false, "250 2.6.0 Queued mail for delivery", "", "2.1.9",
     "smtp; 250 2.6.0 Queued mail for delivery"},
    {"hostile words", DSN_FAILED, false, NULL, "a\r\nAction: delivered", "5.0.0",
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
                                  .action = row->action,
                                  .expired = row->expired,
                                  .reply = row->reply ? &reader.reply : NULL,
                                  .last_error = slice_str(row->last_error)};
        struct dsn dsn = usual(&r, 1);
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
        static const char *const actions[] = {"failed", "delayed", "relayed"};
        snprintf(line, sizeof line, "\r\nAction: %s\r\n", actions[row->action]);
        if (strstr(all, line) == NULL)
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
    longest[6] = ';';
    struct reply words = reply_make(550, "5.7.1", "%0470d", 1);
    const struct dsn_recipient r[] = {
        {.address = slice_str("kim@contoso.example"), .reply = &words},
        {.address = slice(longest, sizeof longest),
         .reply = &words,
         .remote_host = slice_str("hub1.fabrikam.example[10.2.0.1]:25")},
        {.address = slice_str("a\r\n--=_0123456789abcdef--\r\n"),
         .action = DSN_RELAYED,
         .orcpt = slice(longest, DSN_ORCPT_MAX)},
    };
    struct dsn dsn = usual(r, COUNT_OF(r));
    check_shape(&dsn, 3);
    dsn.envid = slice(longest, DSN_ENVID_MAX);
    static char utf8[570];
    for (size_t i = 0; i < sizeof utf8; i += 2)
        memcpy(utf8 + i, "\xc3\xa9", 2);
    const struct dsn_recipient e = {.address = slice(utf8, sizeof utf8)};
    dsn.recipients = &e;
    dsn.recipient_count = 1;
    dsn.sender = slice(longest, sizeof longest);
    dsn.original = DSN_ORIGINAL_WHOLE;
    check_shape(&dsn, 3);
    dsn.original = DSN_ORIGINAL_NONE;
    check_shape(&dsn, 2);
}

static void
dsn_names_the_remote_host_only_when_there_was_one(void **state)
{
    (void)state;
    static const struct {
        const char *host, *field;
    } hosts[] = {
        {"hub1.fabrikam.example[10.2.0.1]:25", "\r\nRemote-MTA: dns; hub1.fabrikam.example\r\n"},
        {"10.2.0.1[10.2.0.1]:25", "\r\nRemote-MTA: dns; [10.2.0.1]\r\n"},
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

/* A header can be encoded, and is; message/rfc822 must not be. */
static void
dsn_says_how_the_original_is_encoded(void **state)
{
    (void)state;
    static const struct {
        enum dsn_original what;
        const char *part;
        bool report_is_8bit;
    } parts[] = {{DSN_ORIGINAL_HEADER,
                  "\r\nContent-Type: text/rfc822-headers\r\n"
                  "Content-Transfer-Encoding: quoted-printable\r\n\r\nFrom: nan\r\n",
                  false},
                 {DSN_ORIGINAL_WHOLE,
                  "\r\nContent-Type: message/rfc822\r\n"
                  "Content-Transfer-Encoding: 8bit\r\n\r\nFrom: nan\r\n",
                  true}};
    for (size_t i = 0; i < COUNT_OF(parts); i++) {
        struct dsn_recipient r = {.address = slice_str("k\xc3\xadm@contoso.example")};
        struct dsn dsn = usual(&r, 1);
        struct buf out;
        dsn.original = parts[i].what;
        const char *all = report(&out, &dsn);
        assert_null(strstr(all, "Encoding"));
        buf_fini(&out);

        dsn.original_is_8bit = true;
        all = report(&out, &dsn);
        assert_int_equal(dsn_is_8bit(&dsn), parts[i].report_is_8bit);
        const char *part = strstr(all, parts[i].part);
        assert_non_null(part);
        const char *first = strstr(all, "Content-Transfer-Encoding: 8bit\r\n");
        assert_int_equal(first != NULL && first < part, parts[i].report_is_8bit);
        buf_fini(&out);
    }
}

/* RFC 3461 6.3: ENVID and ORCPT lose their xtext, and cannot end a line. */
static const struct option_row {
    const char *envid, *orcpt;
    const char *envelope_id, *original_recipient; /* NULL = no such field */
} option_rows[] = {
    {"", "", NULL, NULL},
    {"QQ314159", "rfc822;Lee@fabrikam.example", "QQ314159", "rfc822; Lee@fabrikam.example"},
    {"a+2Bb+3Dc", "rfc822;lee+2Bx@f.example", "a+b=c", "rfc822; lee+x@f.example"},
    {"two+20words", "X400;/c=us+3Dx/", "two words", "X400; /c=us+3Dx/"},
    {"a+0D+0ABcc:+20all", "rfc822;a+0D+0AAction:+20delivered", "a??Bcc: all",
     "rfc822; a??Action: delivered"},
    {"a+00b+C3+A9", "rfc822;a+00b", "a?b??", "rfc822; a?b"},
    {"", ";lee@f", NULL, NULL},
    {"", "a\r\nb;lee@f", NULL, NULL},
    {"", "rfc822", NULL, NULL},
};

static void
check_field(const char *all, const char *name, const char *value)
{
    char line[200];
    snprintf(line, sizeof line, "\r\n%s: %s\r\n", name, value ? value : "");
    if (value ? strstr(all, line) == NULL : strstr(all, name) != NULL)
        fail_msg("%s is not %s in %s", name, value ? value : "absent", all);
}

static void
dsn_gives_back_what_the_sender_said_of_message_and_recipient(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(option_rows); i++) {
        struct dsn_recipient r = {.address = slice_str("kim@contoso.example"),
                                  .orcpt = slice_str(option_rows[i].orcpt)};
        struct dsn dsn = usual(&r, 1);
        struct buf out;
        dsn.envid = slice_str(option_rows[i].envid);
        const char *all = report(&out, &dsn);
        check_field(all, "Original-Envelope-Id", option_rows[i].envelope_id);
        check_field(all, "Original-Recipient", option_rows[i].original_recipient);
        check_field(all, "Final-Recipient", "rfc822; kim@contoso.example");
        buf_fini(&out);
    }
}

/* RFC 6533: an address beyond ASCII, in a report for somebody who has such an address too, and in
 * one for somebody who has not. */
static const struct utf8_row {
    const char *address, *orcpt;
    const char *final, *original; /* in ASCII */
    const char *final_utf8, *original_utf8;
} utf8_rows[] = {
    {"k\xc3\xadm@\xe4\xbe\x8b.example", "", "utf-8; k\\x{ED}m@\\x{4F8B}.example", NULL,
     "utf-8; k\xc3\xadm@\xe4\xbe\x8b.example", NULL},
    {"a+b=c\\@\xf0\x9f\x90\x99.example", "", "utf-8; a\\x{2B}b\\x{3D}c\\x{5C}@\\x{1F419}.example",
     NULL, "utf-8; a+b=c\\@\xf0\x9f\x90\x99.example", NULL},
    {"kim@contoso.example", "utf-8;k\\x{ED}m@contoso.example", "rfc822; kim@contoso.example",
     "utf-8;\r\n k\\x{ED}m@contoso.example", "rfc822; kim@contoso.example",
     "utf-8;\r\n k\\x{ED}m@contoso.example"},
    {"kim@contoso.example", "UTF-8;k\xc3\xadm@contoso.example", "rfc822; kim@contoso.example",
     "utf-8;\r\n k\\x{ED}m@contoso.example", "rfc822; kim@contoso.example",
     "utf-8;\r\n k\xc3\xadm@contoso.example"},
    {"half\xc3@contoso.example", "utf-8;half\xc3", "utf-8; half?@contoso.example",
     "utf-8;\r\n half?", "utf-8; half?@contoso.example", "utf-8;\r\n half?"},
};

static bool
is_ascii(const struct buf *out)
{
    for (size_t i = 0; i < out->len; i++)
        if ((unsigned char)out->data[i] > 127)
            return false;
    return true;
}

static void
dsn_puts_utf8_as_the_way_of_the_report_allows(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(utf8_rows); i++) {
        const struct utf8_row *row = &utf8_rows[i];
        struct dsn_recipient r = {.address = slice_str(row->address),
                                  .orcpt = slice_str(row->orcpt)};
        struct dsn dsn = usual(&r, 1);
        struct buf out;
        dsn.original_is_utf8 = true;
        const char *all = report(&out, &dsn);
        assert_true(is_ascii(&out));
        assert_false(dsn_is_8bit(&dsn));
        check_field(all, "Final-Recipient", row->final);
        check_field(all, "Original-Recipient", row->original);
        assert_non_null(strstr(all, "\r\nContent-Type: message/delivery-status\r\n\r\n"));
        assert_non_null(strstr(all, "\r\nContent-Type: message/global-headers\r\n"));
        buf_fini(&out);

        dsn.utf8 = true;
        dsn.sender = slice_str("n\xc3\xa1n@fabrikam.example");
        dsn.original = DSN_ORIGINAL_WHOLE;
        all = report(&out, &dsn);
        assert_true(dsn_is_8bit(&dsn));
        check_field(all, "Final-Recipient", row->final_utf8);
        check_field(all, "Original-Recipient", row->original_utf8);
        assert_non_null(strstr(all, "\r\nTo: <n\xc3\xa1n@fabrikam.example>\r\n"));
        assert_non_null(strstr(all, "\r\nContent-Type: text/plain; charset=utf-8\r\n"
                                    "Content-Transfer-Encoding: 8bit\r\n\r\n"));
        assert_non_null(strstr(all, "\r\nContent-Type: message/global-delivery-status\r\n"
                                    "Content-Transfer-Encoding: 8bit\r\n\r\n"));
        assert_non_null(strstr(all, "\r\nContent-Type: message/global\r\n"));
        buf_fini(&out);
    }
}

static const struct wish_row {
    unsigned notify;
    bool failed, delayed, relayed;
} wish_rows[] = {
    {DSN_NOTIFY_UNSAID, true, true, false},
    {DSN_NOTIFY_NEVER, false, false, false},
    {DSN_NOTIFY_SUCCESS, false, false, true},
    {DSN_NOTIFY_FAILURE, true, false, false},
    {DSN_NOTIFY_DELAY, false, true, false},
    {DSN_NOTIFY_SUCCESS | DSN_NOTIFY_FAILURE | DSN_NOTIFY_DELAY, true, true, true},
};

static void
dsn_is_for_those_who_want_it(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(wish_rows); i++) {
        const struct wish_row *row = &wish_rows[i];
        assert_int_equal(dsn_is_wanted(row->notify, DSN_FAILED), row->failed);
        assert_int_equal(dsn_is_wanted(row->notify, DSN_DELAYED), row->delayed);
        assert_int_equal(dsn_is_wanted(row->notify, DSN_RELAYED), row->relayed);
    }
}

/* A report may tell of several things: it is called after the worst of them. */
static void
dsn_tells_of_failures_and_relays_in_one(void **state)
{
    (void)state;
    struct reply no = reply_make(550, "5.1.1", "No"), yes = reply_make(250, "2.6.0", "Queued");
    const struct dsn_recipient r[] = {
        {.address = slice_str("passed@f.example"), .action = DSN_RELAYED, .reply = &yes},
        {.address = slice_str("gone@f.example"),
         .action = DSN_FAILED,
         .reply = &no,
         .diagnosis = slice_str("a right is missing there: grant it")},
    };
    struct dsn dsn = usual(r, 2);
    struct buf out;
    const char *all = report(&out, &dsn);
    assert_non_null(strstr(all, "Subject: Undeliverable"));
    const char *failed = strstr(all, "could not be delivered to:\r\n\r\n    gone@f.example\r\n");
    assert_non_null(failed);
    assert_non_null(strstr(failed, "\r\n        a right is missing there: grant it\r\n"));
    const char *passed = strstr(failed, "of:\r\n\r\n    passed@f.example\r\n");
    assert_non_null(passed);
    assert_null(strstr(passed, "\r\n    gone@f.example"));
    assert_non_null(strstr(passed, "\r\nAction: relayed\r\nStatus: 2.1.9\r\n"));
    assert_non_null(strstr(passed, "\r\nAction: failed\r\nStatus: 5.1.1\r\n"));
    buf_fini(&out);

    dsn.recipient_count = 1;
    all = report(&out, &dsn);
    assert_non_null(strstr(all, "Subject: Relayed"));
    assert_null(strstr(all, "Nobody will try again"));
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
        cmocka_unit_test(dsn_says_how_the_original_is_encoded),
        cmocka_unit_test(dsn_gives_back_what_the_sender_said_of_message_and_recipient),
        cmocka_unit_test(dsn_puts_utf8_as_the_way_of_the_report_allows),
        cmocka_unit_test(dsn_is_for_those_who_want_it),
        cmocka_unit_test(dsn_tells_of_failures_and_relays_in_one),
        cmocka_unit_test(dsn_refers_to_the_original_when_it_had_an_id),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
