/* What address_read_path() takes, address_parse() takes as well, and its parts are the whole.
 * What it takes without characters beyond ASCII, it takes with them. */
#include "gateway/mail/address.h"

#include "gateway/base/utf8.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

int
LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
    struct slice all = slice((const char *)data, size);
    struct slice in = all;
    struct address a, again;
    struct slice in_utf8 = all;
    const struct address_rules rules = {.null_ok = true, .postmaster_ok = true};
    const struct address_rules utf8 = {.null_ok = true, .postmaster_ok = true, .utf8_ok = true};

    bool is_utf8 = address_read_path(&in_utf8, utf8, &a);
    must(!is_utf8 || (a.text.len <= ADDRESS_MAX && utf8_is_text(a.text)));
    must(!is_utf8 || a.domain.len == 0 || address_parse_utf8(a.text, &again));
    if (!address_read_path(&in, rules, &a)) {
        must(in.ptr == all.ptr && in.len == all.len);
        must(!is_utf8 || !utf8_is_ascii(slice_head(all, all.len - in_utf8.len)));
        return 0;
    }
    must(is_utf8 && in_utf8.ptr == in.ptr);
    must(in.ptr[-1] == '>' && in.ptr + in.len == all.ptr + all.len);
    must(a.text.len <= ADDRESS_MAX);
    for (size_t i = 0; i < a.text.len; i++)
        must(a.text.ptr[i] >= 0x20 && a.text.ptr[i] <= 0x7e);
    if (a.domain.len == 0)
        return 0;
    must(a.local.len + 1 + a.domain.len == a.text.len);
    must(address_parse(a.text, &again) && slice_equal(again.local, a.local));
    must(domain_is_hello(a.domain) && domain_matches(a.domain, a.domain, false));
    return 0;
}
