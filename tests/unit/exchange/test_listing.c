#include "gateway/exchange/listing.h"

#include "gateway/base/buf.h"
#include "tests/kit/test.h"

/* As the Management Shell of Exchange 2007 prints it in a window of 80 columns (composed). */
static const char pasted[] =
    "[PS] C:\\>Get-SendConnector | fl\r\n"
    "\r\n"
    "\r\n"
    "AddressSpaces                : {smtp:fabrikam.example;1, smtp:*.fabrikam.example;1,\r\n"
    "                               smtp:tailspin.example;1}\r\n"
    "AuthenticationCredential     :\r\n"
    "Comment                      : made by hand: ask Kim\r\n"
    "SmartHostAuthMechanism       : BasicAuthRequ\r\n"
    "                               ireTLS\r\n"
    "\r\n"
    "[PS] C:\\>Get-ADPermission X | fl User,ExtendedRights\r\n"
    "WARNING: nothing of interest\r\n"
    "User           : NT AUTHORITY\\ANONYMOUS LOGON\r\n"
    "ExtendedRights : {ms-Exch-Send-Headers-Routing}\r\n"
    "User           : CONTOSO\\svc-gw\r\n"
    "ExtendedRights : {ms-Exch-SMTP-Submit, ms-Exch-A...}\r\n"
    "[PS] C:\\>";

static struct listing
read_text(struct slice text)
{
    struct listing l;
    struct err err;
    if (!listing_read(text, &l, &err))
        fail_msg("%s", err.text);
    return l;
}

static void
check_pasted(const struct listing *l)
{
    assert_int_equal(l->count, 3);
    assert_int_equal(l->records[0].kind, LISTING_SEND_CONNECTOR);
    assert_int_equal(l->records[0].line, 4);
    const char *spaces = listing_value(&l->records[0], "AddressSpaces");
    assert_true(listing_has(spaces, "smtp:tailspin.example;1"));
    assert_true(listing_has(spaces, "SMTP:*.fabrikam.example;1"));
    assert_false(listing_has(spaces, "smtp:tailspin.example"));
    assert_string_equal(listing_value(&l->records[0], "AuthenticationCredential"), "");
    assert_string_equal(listing_value(&l->records[0], "comment"), "made by hand: ask Kim");
    assert_true(listing_is(listing_value(&l->records[0], "SmartHostAuthMechanism"),
                           "BasicAuthRequireTLS"));
    assert_null(listing_value(&l->records[0], "Port"));
    assert_int_equal(l->records[1].kind, LISTING_PERMISSION);
    assert_true(
        listing_is(listing_value(&l->records[1], "User"), "nt authority\\anonymous logon"));
    assert_false(listing_is_cut(listing_value(&l->records[1], "ExtendedRights")));
    assert_true(listing_is_cut(listing_value(&l->records[2], "ExtendedRights")));
    assert_int_equal(l->records[2].line, 15);
}

static void
pasted_text_becomes_records(void **state)
{
    struct listing l = read_text(slice_str(pasted));
    (void)state;
    check_pasted(&l);
    listing_free(&l);
}

/* PowerShell's > writes UTF-16 with a mark; others write UTF-8 with or without. */
static void
files_in_any_encoding_say_the_same(void **state)
{
    struct buf b;
    (void)state;
    for (int big = 0; big <= 1; big++) {
        buf_init(&b, 8192);
        buf_put_str(&b, big ? "\xfe\xff" : "\xff\xfe");
        for (const char *at = pasted; *at != '\0'; at++) {
            buf_put_char(&b, big ? '\0' : *at);
            buf_put_char(&b, big ? *at : '\0');
        }
        struct listing l = read_text(buf_slice(&b));
        check_pasted(&l);
        listing_free(&l);
        buf_fini(&b);
    }
    buf_init(&b, 8192);
    buf_printf(&b, "\xef\xbb\xbf%s", pasted);
    struct listing l = read_text(buf_slice(&b));
    check_pasted(&l);
    listing_free(&l);
    buf_fini(&b);
}

static void
utf16_beyond_ascii_becomes_utf8(void **state)
{
    static const char text[] = "\xff\xfeN\0 \0:\0 \0\xfc\0\x18\x20";
    struct listing l = read_text(slice(text, sizeof text - 1));
    (void)state;
    assert_string_equal(l.records[0].fields[0].value, "\xc3\xbc\xe2\x80\x98");
    listing_free(&l);
}

static void
values_are_one_or_a_list(void **state)
{
    static const struct {
        const char *value, *word;
        bool has, is;
    } rows[] = {
        {"Tls, BasicAuth, BasicAuthRequireTLS", "BasicAuth", true, false},
        {"Tls, BasicAuthRequireTLS", "BasicAuth", false, false},
        {"{}", "x", false, false},
        {"{}", "", false, true},
        {"", "x", false, false},
        {"{0.0.0.0:25}", "0.0.0.0:25", true, true},
        {" True ", "true", true, true},
        {"{a,,b}", "b", true, false},
        {"NT AUTHORITY\\ANONYMOUSLOGON", "NT AUTHORITY\\ANONYMOUS LOGON", true, true},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (listing_has(rows[i].value, rows[i].word) != rows[i].has ||
            listing_is(rows[i].value, rows[i].word) != rows[i].is)
            fail_row(rows[i].value, "against \"%s\"", rows[i].word);
}

static void
what_is_no_listing_is_refused(void **state)
{
    static const struct {
        const char *text;
        size_t len;
        const char *why;
    } rows[] = {
        {"", 0, "no line \"Name : value\": save the output of | Format-List"},
        {"Name  Enabled\n----  -------\nX     True\n", 39,
         "no line \"Name : value\": save the output of | Format-List"},
        {"A : b\0c\n", 8, "not text: it holds NUL"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct listing l;
        struct err err;
        if (listing_read(slice(rows[i].text, rows[i].len), &l, &err))
            fail_row(rows[i].why, "was read");
        assert_string_equal(err.text, rows[i].why);
        listing_free(&l);
    }
}

static void
a_listing_has_an_end(void **state)
{
    struct buf b;
    struct listing l;
    struct err err;
    (void)state;
    buf_init(&b, 1024 * 1024);
    for (int i = 0; i <= LISTING_RECORDS_MAX; i++)
        buf_put_str(&b, "A : b\n\n");
    assert_false(listing_read(buf_slice(&b), &l, &err));
    assert_string_equal(err.text, "more than 20000 records, or too long ones");
    listing_free(&l);
    buf_fini(&b);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pasted_text_becomes_records),
        cmocka_unit_test(files_in_any_encoding_say_the_same),
        cmocka_unit_test(utf16_beyond_ascii_becomes_utf8),
        cmocka_unit_test(values_are_one_or_a_list),
        cmocka_unit_test(what_is_no_listing_is_refused),
        cmocka_unit_test(a_listing_has_an_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
