#include "gateway/mail/trace.h"

#include "gateway/mail/header.h"
#include "tests/kit/test.h"

static struct trace
usual(void)
{
    return (struct trace){
        .hello = slice_str("ex03.fabrikam.example"),
        .client_address = slice_str("10.2.0.7"),
        .hostname = slice_str("gw.contoso.example"),
        .esmtp = true,
        .authenticated = true,
        .tls_version = slice_str("TLSv1.3"),
        .tls_cipher = slice_str("TLS_AES_256_GCM_SHA384"),
        .tls_bits = 256,
        .id = slice_str("0B5QX2K7V9M3A"),
        .recipient = slice_str("kim@contoso.example"),
        .received_unix_ms = INT64_C(1795379580000),
    };
}

/* Writes the field, checks that it is one, and that its lines keep to the width but for words
 * that are longer themselves. */
static void
put(struct buf *out, const struct trace *t)
{
    buf_init(out, TRACE_MAX);
    trace_put(out, t);
    assert_true(buf_ok(out));

    struct header_scanner s;
    struct header_field field;
    struct slice in = buf_slice(out);
    header_scanner_init(&s);
    assert_int_equal(header_scan(&s, &in, &field), HEADER_MORE);
    assert_int_equal(header_scan_end(&s, &field), HEADER_FIELD);
    assert_int_equal(field.raw.len, out->len);
    assert_true(trace_is_hop(field.name));
    header_scanner_fini(&s);

    struct slice rest = buf_slice(out);
    while (rest.len > 0) {
        size_t n = slice_find(rest, '\n');
        assert_true(n > 0 && n < rest.len && rest.ptr[n - 1] == '\r');
        if (n - 1 > 77)
            assert_true(slice_find(slice_from(rest, strlen("\tfor ")), ' ') > n);
        slice_skip(&rest, n + 1);
    }
}

static void
trace_says_from_whom_how_and_for_whom(void **state)
{
    (void)state;
    struct buf out;
    struct trace t = usual();
    put(&out, &t);
    assert_string_equal(
        buf_text(&out),
        "Received: from ex03.fabrikam.example ([10.2.0.7]) by gw.contoso.example\r\n"
        "\t(forestgate) with ESMTPSA (TLSv1.3 TLS_AES_256_GCM_SHA384 256)\r\n"
        "\tid 0B5QX2K7V9M3A for <kim@contoso.example>;"
        " Sun, 22 Nov 2026 20:33:00 +0000\r\n");
    buf_fini(&out);
}

static void
trace_without_tls_names_nobody_of_several(void **state)
{
    (void)state;
    struct buf out;
    struct trace t = usual();
    t.tls_version = slice_str("");
    t.recipient = slice_str("");
    t.client_name = slice_str("nat.fabrikam.example");
    t.client_address = slice_str("2001:db8::7");
    put(&out, &t);
    assert_non_null(strstr(buf_text(&out), "(nat.fabrikam.example\r\n\t[IPv6:2001:db8::7])"));
    assert_non_null(strstr(buf_text(&out), "with ESMTPA\r\n\tid "));
    assert_non_null(strstr(buf_text(&out), "0B5QX2K7V9M3A;"));
    assert_null(strstr(buf_text(&out), " for "));
    assert_null(strstr(buf_text(&out), "TLS"));
    buf_fini(&out);
}

static void
trace_makes_hostile_hellos_harmless(void **state)
{
    (void)state;
    static const char *const hellos[] = {
        "a\r\nX-MS-Exchange-Organization-AuthAs: Internal",
        "a (b",
        "\"",
        "a\\",
        "\xc3\xa9",
        "a;b",
        "<a@b>",
        "",
    };
    for (size_t i = 0; i < COUNT_OF(hellos); i++) {
        struct buf out;
        struct trace t = usual();
        t.hello = slice_str(hellos[i]);
        put(&out, &t);
        const char *text = buf_text(&out);
        assert_null(strstr(text, "\nX-MS"));
        assert_null(strpbrk(text, "\"\\\xc3"));
        const char *open = strchr(text, '(');
        assert_non_null(open);
        assert_true(open[1] == '[');
        buf_fini(&out);
    }
}

static void
trace_of_the_longest_names_fits(void **state)
{
    (void)state;
    static char longest[571];
    memset(longest, 'a', sizeof longest);
    struct buf out;
    struct trace t = usual();
    t.hello = slice(longest, sizeof longest);
    t.hostname = t.client_name = slice(longest, 255);
    t.recipient = slice(longest, sizeof longest);
    t.client_address = slice_str("2001:db8:1111:2222:3333:4444:5555:6666");
    put(&out, &t);
    buf_fini(&out);
}

static void
trace_names_the_protocol_as_rfc_3848_and_6531_do(void **state)
{
    static const struct {
        const char *name;
        struct trace how;
    } protocols[] = {
        {"SMTP", {.esmtp = false}},
        {"SMTP", {.esmtp = false, .tls_version = {"TLSv1", 5}}},
        {"ESMTP", {.esmtp = true}},
        {"ESMTPS", {.esmtp = true, .tls_version = {"TLSv1", 5}}},
        {"ESMTPA", {.esmtp = true, .authenticated = true}},
        {"ESMTPSA", {.esmtp = true, .tls_version = {"TLSv1", 5}, .authenticated = true}},
        {"UTF8SMTP", {.esmtp = true, .utf8 = true}},
        {"UTF8SMTPS", {.esmtp = true, .utf8 = true, .tls_version = {"TLSv1", 5}}},
        {"UTF8SMTPA", {.esmtp = true, .utf8 = true, .authenticated = true}},
        {"UTF8SMTPSA",
         {.esmtp = true, .utf8 = true, .tls_version = {"TLSv1", 5}, .authenticated = true}},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(protocols); i++)
        assert_string_equal(trace_protocol(&protocols[i].how), protocols[i].name);
}

static void
trace_counts_only_received_fields(void **state)
{
    (void)state;
    assert_true(trace_is_hop(slice_str("RECEIVED")));
    assert_false(trace_is_hop(slice_str("Received-SPF")));
    assert_false(trace_is_hop(slice_str("X-Received")));
    assert_false(trace_is_hop(slice_str("")));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(trace_says_from_whom_how_and_for_whom),
        cmocka_unit_test(trace_without_tls_names_nobody_of_several),
        cmocka_unit_test(trace_makes_hostile_hellos_harmless),
        cmocka_unit_test(trace_of_the_longest_names_fits),
        cmocka_unit_test(trace_names_the_protocol_as_rfc_3848_and_6531_do),
        cmocka_unit_test(trace_counts_only_received_fields),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
