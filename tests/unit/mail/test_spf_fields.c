/* The two header fields that tell what an SPF check found. */
#include "gateway/mail/spf_fields.h"

#include "gateway/mail/auth_results.h"
#include "gateway/mail/header.h"
#include "tests/kit/test.h"

static struct spf_fields
usual(void)
{
    return (struct spf_fields){
        .result = SPF_FAIL,
        .why = slice_str("fabrikam.example does not let 10.2.0.7 send its mail"),
        .sender = slice_str("kim@fabrikam.example"),
        .hello = slice_str("ex03.fabrikam.example"),
        .client = slice_str("10.2.0.7"),
        .hostname = slice_str("gw.contoso.example"),
    };
}

/* Writes the fields, checks that they are two, in this order, and that no line is too long. */
static void
put(struct buf *out, const struct spf_fields *f)
{
    struct header_scanner s;
    struct header_field field;
    buf_init(out, SPF_FIELDS_MAX);
    spf_fields_put(out, f);
    assert_true(buf_ok(out));

    struct slice in = buf_slice(out);
    header_scanner_init(&s);
    assert_int_equal(header_scan(&s, &in, &field), HEADER_FIELD);
    assert_true(slice_is(field.name, "Authentication-Results"));
    assert_true(auth_results_claims(header_value(&field), f->hostname));
    assert_int_equal(header_scan(&s, &in, &field), HEADER_MORE);
    assert_int_equal(header_scan_end(&s, &field), HEADER_FIELD);
    assert_true(slice_is(field.name, "Received-SPF"));
    header_scanner_fini(&s);

    struct slice rest = buf_slice(out);
    while (rest.len > 0) {
        size_t n = slice_find(rest, '\n');
        assert_true(n > 0 && n < rest.len && rest.ptr[n - 1] == '\r');
        assert_true(n - 1 <= 998);
        slice_skip(&rest, n + 1);
    }
}

static void
expect(const struct spf_fields *f, const char *want)
{
    struct buf out;
    put(&out, f);
    assert_string_equal(buf_text(&out), want);
    buf_fini(&out);
}

static void
fields_tell_result_identity_and_who(void **state)
{
    (void)state;
    struct spf_fields f = usual();
    expect(&f, "Authentication-Results: gw.contoso.example; spf=fail\r\n"
               "\tsmtp.mailfrom=kim@fabrikam.example\r\n"
               "Received-SPF: fail (gw.contoso.example: fabrikam.example does not let\r\n"
               "\t10.2.0.7 send its mail) client-ip=10.2.0.7;\r\n"
               "\tenvelope-from=\"kim@fabrikam.example\"; helo=ex03.fabrikam.example;\r\n"
               "\tidentity=mailfrom; receiver=gw.contoso.example\r\n");
}

static void
fields_of_the_null_sender_tell_the_hello(void **state)
{
    (void)state;
    struct spf_fields f = usual();
    f.result = SPF_SOFTFAIL;
    f.of_hello = true;
    f.sender = slice_str("");
    f.client = slice_str("2001:db8::7");
    expect(&f, "Authentication-Results: gw.contoso.example; spf=softfail\r\n"
               "\tsmtp.helo=ex03.fabrikam.example\r\n"
               "Received-SPF: softfail (gw.contoso.example: fabrikam.example does not let\r\n"
               "\t10.2.0.7 send its mail) client-ip=\"2001:db8::7\"; envelope-from=\"\";\r\n"
               "\thelo=ex03.fabrikam.example; identity=helo; receiver=gw.contoso.example\r\n");
}

static void
what_the_client_said_ends_no_field_comment_or_quotation(void **state)
{
    (void)state;
    struct spf_fields f = usual();
    f.why = slice_str("ends) here\r\nX-Evil: (yes\\");
    f.sender = slice_str("\"kim\\\" x\r\nX-Evil: 1\"@fabrikam.example");
    f.hello = slice_str("h; receiver=evil\x80");
    expect(&f, "Authentication-Results: gw.contoso.example; spf=fail\r\n"
               "\tsmtp.mailfrom=\"\\\"kim\\\\\\\" x??X-Evil: 1\\\"@fabrikam.example\"\r\n"
               "Received-SPF: fail (gw.contoso.example: ends\\) here??X-Evil: \\(yes\\\\)\r\n"
               "\tclient-ip=10.2.0.7;\r\n"
               "\tenvelope-from=\"\\\"kim\\\\\\\" x??X-Evil: 1\\\"@fabrikam.example\";\r\n"
               "\thelo=\"h; receiver=evil?\"; identity=mailfrom; "
               "receiver=gw.contoso.example\r\n");
}

static void
fields_stay_small_whatever_is_in_them(void **state)
{
    (void)state;
    static char quotes[4000];
    struct buf out;
    struct spf_fields f = usual();
    memset(quotes, '"', sizeof quotes);
    f.why = f.sender = f.hello = f.client = slice(quotes, sizeof quotes);
    put(&out, &f);
    buf_fini(&out);
    f.of_hello = true;
    f.why = slice("", 0);
    put(&out, &f);
    buf_fini(&out);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fields_tell_result_identity_and_who),
        cmocka_unit_test(fields_of_the_null_sender_tell_the_hello),
        cmocka_unit_test(what_the_client_said_ends_no_field_comment_or_quotation),
        cmocka_unit_test(fields_stay_small_whatever_is_in_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
