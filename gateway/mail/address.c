#include "gateway/mail/address.h"

#include <arpa/inet.h>

#include "gateway/base/ascii.h"
#include "gateway/base/utf8.h"

enum { LABEL_MAX = 63 };

/* An octet of a character beyond ASCII, where there may be some; that it is UTF-8 is asked at the
 * end. */
static bool
is_beyond(char c, bool utf8)
{
    return utf8 && (unsigned char)c >= 0x80;
}

/* RFC 5322 3.2.3: what an atom is made of, beside letters and digits. */
static bool
is_atom_char(char c, bool utf8)
{
    return is_beyond(c, utf8) || ascii_is_alnum(c) ||
           (c != '\0' && strchr("!#$%&'*+-/=?^_`{|}~", c) != NULL);
}

/* Atoms with a dot between each two; the length of what fits at the front of s, 0 = nothing. */
static size_t
dot_string_length(struct slice s, bool utf8)
{
    size_t n = 0;
    bool in_atom = false;
    for (; n < s.len; n++) {
        if (is_atom_char(s.ptr[n], utf8))
            in_atom = true;
        else if (s.ptr[n] == '.' && in_atom)
            in_atom = false;
        else
            break;
    }
    return in_atom ? n : 0;
}

/* A quoted string at the front of s, with both quotes; 0 = none. */
static size_t
quoted_string_length(struct slice s, bool utf8)
{
    for (size_t n = 1; n < s.len && (ascii_is_print(s.ptr[n]) || is_beyond(s.ptr[n], utf8));
         n++) {
        if (s.ptr[n] == '"')
            return n + 1;
        if (s.ptr[n] == '\\') {
            n++;
            if (n == s.len || !ascii_is_print(s.ptr[n]))
                return 0;
        }
    }
    return 0;
}

static size_t
local_part_length(struct slice s, bool utf8)
{
    if (s.len > 0 && s.ptr[0] == '"')
        return quoted_string_length(s, utf8);
    return dot_string_length(s, utf8);
}

static bool
is_domain_char(char c)
{
    return ascii_is_alnum(c) || c == '-' || c == '_' || c == '.';
}

/* How far the front of s could be a domain or a literal; whether it is one is asked later. */
static size_t
domain_length(struct slice s, bool utf8)
{
    if (s.len > 0 && s.ptr[0] == '[') {
        size_t close = slice_find(s, ']');
        return close < s.len ? close + 1 : 0;
    }
    size_t n = 0;
    while (n < s.len && (is_domain_char(s.ptr[n]) || is_beyond(s.ptr[n], utf8)))
        n++;
    return n;
}

/* local@domain at the front of *in. */
static bool
read_mailbox(struct slice *in, bool utf8, struct address *out)
{
    struct slice local = slice_head(*in, local_part_length(*in, utf8));
    if (local.len == 0 || local.len > LOCAL_PART_MAX)
        return false;
    struct slice rest = slice_from(*in, local.len);
    if (rest.len == 0 || rest.ptr[0] != '@')
        return false;
    slice_skip(&rest, 1);

    struct slice domain = slice_head(rest, domain_length(rest, utf8));
    if (!domain_is_valid_utf8(domain) && !domain_is_literal(domain))
        return false;
    if (!utf8_is_text(local))
        return false;
    *out = (struct address){slice_head(*in, local.len + 1 + domain.len), local, domain};
    slice_skip(in, out->text.len);
    return true;
}

/* "@one.example,@two.example:" is understood and forgotten (RFC 5321 C). */
static bool
skip_source_route(struct slice *in)
{
    if (in->len == 0 || in->ptr[0] != '@')
        return true;
    for (;;) {
        if (in->len == 0 || in->ptr[0] != '@')
            return false;
        slice_skip(in, 1);
        struct slice domain = slice_head(*in, domain_length(*in, false));
        if (!domain_is_valid(domain) && !domain_is_literal(domain))
            return false;
        slice_skip(in, domain.len);
        if (in->len == 0 || (in->ptr[0] != ',' && in->ptr[0] != ':'))
            return false;
        bool last = in->ptr[0] == ':';
        slice_skip(in, 1);
        if (last)
            return true;
    }
}

static bool
read_postmaster(struct slice *in, struct address *out)
{
    static const char word[] = "postmaster";
    if (!ascii_starts(*in, word))
        return false;
    struct slice local = slice_head(*in, sizeof word - 1);
    if (in->len == local.len || in->ptr[local.len] != '>')
        return false;
    *out = (struct address){local, local, slice_from(local, local.len)};
    slice_skip(in, local.len);
    return true;
}

static bool
read_inside(struct slice *in, struct address_rules rules, struct address *out)
{
    if (rules.null_ok && in->len > 0 && in->ptr[0] == '>') {
        *out = (struct address){slice_head(*in, 0), slice_head(*in, 0), slice_head(*in, 0)};
        return true;
    }
    if (rules.postmaster_ok && read_postmaster(in, out))
        return true;
    return skip_source_route(in) && read_mailbox(in, rules.utf8_ok, out);
}

bool
address_read_path(struct slice *in, struct address_rules rules, struct address *out)
{
    struct slice rest = *in;
    while (rest.len > 0 && ascii_is_blank(rest.ptr[0]))
        slice_skip(&rest, 1);
    if (rest.len == 0 || rest.ptr[0] != '<')
        return false;
    slice_skip(&rest, 1);

    if (!read_inside(&rest, rules, out))
        return false;
    if (rest.len == 0 || rest.ptr[0] != '>')
        return false;
    slice_skip(&rest, 1);
    *in = rest;
    return true;
}

bool
address_parse(struct slice text, struct address *out)
{
    return read_mailbox(&text, false, out) && text.len == 0;
}

bool
address_parse_utf8(struct slice text, struct address *out)
{
    return read_mailbox(&text, true, out) && text.len == 0;
}

bool
domain_is_valid(struct slice domain)
{
    return utf8_is_ascii(domain) && domain_is_valid_utf8(domain);
}

bool
domain_is_valid_utf8(struct slice domain)
{
    if (domain.len == 0 || domain.len > DOMAIN_MAX || !utf8_is_text(domain))
        return false;
    size_t label = 0;
    for (size_t i = 0; i < domain.len; i++) {
        char c = domain.ptr[i];
        if (!is_domain_char(c) && !is_beyond(c, true))
            return false;
        if (((unsigned char)c & 0xc0) == 0x80) /* not the first octet of its character */
            continue;
        if (c != '.') {
            label++;
            if (label > LABEL_MAX)
                return false;
        } else {
            if (label == 0)
                return false;
            label = 0;
        }
    }
    return label > 0;
}

bool
domain_is_literal(struct slice domain)
{
    if (domain.len < 2 || domain.ptr[0] != '[' || domain.ptr[domain.len - 1] != ']')
        return false;
    struct slice inside = slice(domain.ptr + 1, domain.len - 2);
    int family = AF_INET;
    if (ascii_starts(inside, "IPv6:")) {
        slice_skip(&inside, strlen("IPv6:"));
        family = AF_INET6;
    }
    char text[INET6_ADDRSTRLEN];
    struct in6_addr address;
    if (inside.len >= sizeof text || slice_find(inside, '\0') < inside.len)
        return false;
    memcpy(text, inside.ptr, inside.len);
    text[inside.len] = '\0';
    return inet_pton(family, text, &address) == 1;
}

/* NetBIOS names become host names on old servers, with most of what Windows allows in them.
 * Quotes, commas, brackets and '@' stay out: they mean something in a trace field. */
static bool
is_hello_char(char c)
{
    return is_domain_char(c) || (c != '\0' && strchr("!#$%^&'{}~", c) != NULL);
}

bool
domain_is_hello(struct slice text)
{
    if (domain_is_valid(text) || domain_is_literal(text))
        return true;
    if (text.len == 0 || text.len > DOMAIN_MAX)
        return false;
    for (size_t i = 0; i < text.len; i++)
        if (!is_hello_char(text.ptr[i]))
            return false;
    return true;
}

bool
domain_matches(struct slice name, struct slice domain, bool wildcard)
{
    if (ascii_same(name, domain))
        return true;
    if (!wildcard || domain.len == 0 || name.len <= domain.len + 1)
        return false;
    struct slice tail = slice_from(name, name.len - domain.len);
    return tail.ptr[-1] == '.' && ascii_same(tail, domain);
}
