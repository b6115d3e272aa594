/* Whatever the client said, the fields of an SPF check are two, in lines of mail; and the first
 * is known as ours, by our name and by no other. */
#include "gateway/mail/spf_fields.h"

#include "gateway/mail/auth_results.h"
#include "gateway/mail/header.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

static struct slice
take_part(struct slice *rest)
{
    size_t len = slice_find(*rest, '\n');
    struct slice part = slice_head(*rest, len);
    *rest = slice_from(*rest, len + 1);
    return part;
}

static void
check_lines(struct slice rest)
{
    while (rest.len > 0) {
        size_t n = slice_find(rest, '\n');
        must(n > 1 && n < rest.len && n - 1 <= 998 && rest.ptr[n - 1] == '\r');
        must(slice_find(slice_head(rest, n - 1), '\r') == n - 1);
        slice_skip(&rest, n + 1);
    }
}

int
LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
    struct slice rest = slice((const char *)data, size);
    if (size == 0)
        return 0;
    auth_results_claims(rest, slice_str("gw.contoso.example"));

    struct spf_fields f = {.hostname = slice_str("gw.contoso.example")};
    f.result = (enum spf_result)(data[0] % 7);
    f.of_hello = data[0] & 0x80;
    slice_skip(&rest, 1);
    f.why = take_part(&rest);
    f.sender = take_part(&rest);
    f.client = take_part(&rest);
    f.hello = rest;

    struct buf out;
    buf_init(&out, SPF_FIELDS_MAX);
    spf_fields_put(&out, &f);
    must(buf_ok(&out));
    check_lines(buf_slice(&out));

    struct header_scanner s;
    struct header_field field;
    struct slice in = buf_slice(&out);
    header_scanner_init(&s);
    must(header_scan(&s, &in, &field) == HEADER_FIELD);
    must(slice_is(field.name, AUTH_RESULTS_NAME));
    must(auth_results_claims(header_value(&field), f.hostname));
    must(!auth_results_claims(header_value(&field), slice_str("gw.fabrikam.example")));
    must(header_scan(&s, &in, &field) == HEADER_MORE);
    must(header_scan_end(&s, &field) == HEADER_FIELD && slice_is(field.name, "Received-SPF"));
    must(header_scan_end(&s, &field) == HEADER_END_UNMARKED);
    header_scanner_fini(&s);
    buf_fini(&out);
    return 0;
}
