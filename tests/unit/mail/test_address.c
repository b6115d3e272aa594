#include "gateway/mail/address.h"

#include "tests/kit/flush.h"
#include "tests/kit/test.h"

/* Octets with embedded NUL keep their length. */
#define TEXT(s)                                                                                  \
    {                                                                                            \
        "" s "", sizeof(s) - 1                                                                   \
    }

static const struct path_row {
    const char *say;
    struct slice in;
    bool good;
    const char *text, *local, *domain, *rest;
} path_rows[] = {
    {"plain", TEXT("<kim@contoso.example>"), true, "kim@contoso.example", "kim",
     "contoso.example", ""},
    {"blanks before, parameters behind", TEXT(" \t<kim@contoso.example> SIZE=1"), true,
     "kim@contoso.example", "kim", "contoso.example", " SIZE=1"},
    {"every atom character", TEXT("<!#$%&'*+-/=?^_`{|}~.9@a-b_c>"), true,
     "!#$%&'*+-/=?^_`{|}~.9@a-b_c", "!#$%&'*+-/=?^_`{|}~.9", "a-b_c", ""},
    {"an encapsulated X.500 address", TEXT("<IMCEAEX-_O=CONTOSO_OU=X+20Y_cn=kim@a.example>"),
     true, "IMCEAEX-_O=CONTOSO_OU=X+20Y_cn=kim@a.example", "IMCEAEX-_O=CONTOSO_OU=X+20Y_cn=kim",
     "a.example", ""},
    {"quoted local part", TEXT("<\"kim @ >\\\"\\\\\"@a.example>"), true,
     "\"kim @ >\\\"\\\\\"@a.example", "\"kim @ >\\\"\\\\\"", "a.example", ""},
    {"IPv4 literal", TEXT("<kim@[192.0.2.1]>"), true, "kim@[192.0.2.1]", "kim", "[192.0.2.1]",
     ""},
    {"IPv6 literal", TEXT("<kim@[IPv6:2001:db8::1]>"), true, "kim@[IPv6:2001:db8::1]", "kim",
     "[IPv6:2001:db8::1]", ""},
    {"source route is skipped", TEXT("<@a.example,@[192.0.2.1]:kim@b.example>"), true,
     "kim@b.example", "kim", "b.example", ""},
    {"null path", TEXT("<> BODY=7BIT"), true, "", "", "", " BODY=7BIT"},
    {"postmaster alone", TEXT("<PostMaster>"), true, "PostMaster", "PostMaster", "", ""},
    {"postmaster with a domain", TEXT("<postmaster@a.example>"), true, "postmaster@a.example",
     "postmaster", "a.example", ""},

    {"nothing", TEXT(""), false, NULL, NULL, NULL, NULL},
    {"only blanks", TEXT("  "), false, NULL, NULL, NULL, NULL},
    {"no brackets", TEXT("kim@contoso.example"), false, NULL, NULL, NULL, NULL},
    {"no closing bracket", TEXT("<kim@contoso.example"), false, NULL, NULL, NULL, NULL},
    {"blank inside", TEXT("<kim@contoso.example >"), false, NULL, NULL, NULL, NULL},
    {"blank in front inside", TEXT("< kim@contoso.example>"), false, NULL, NULL, NULL, NULL},
    {"no domain", TEXT("<kim>"), false, NULL, NULL, NULL, NULL},
    {"empty domain", TEXT("<kim@>"), false, NULL, NULL, NULL, NULL},
    {"empty local part", TEXT("<@a.example>"), false, NULL, NULL, NULL, NULL},
    {"two at signs", TEXT("<kim@a@b.example>"), false, NULL, NULL, NULL, NULL},
    {"local part begins with a dot", TEXT("<.kim@a.example>"), false, NULL, NULL, NULL, NULL},
    {"local part ends with a dot", TEXT("<kim.@a.example>"), false, NULL, NULL, NULL, NULL},
    {"two dots", TEXT("<k..m@a.example>"), false, NULL, NULL, NULL, NULL},
    {"domain ends with a dot", TEXT("<kim@a.example.>"), false, NULL, NULL, NULL, NULL},
    {"empty label", TEXT("<kim@a..example>"), false, NULL, NULL, NULL, NULL},
    {"8-bit local part", TEXT("<k\xc3\xadm@a.example>"), false, NULL, NULL, NULL, NULL},
    {"8-bit domain", TEXT("<kim@\xc3\xa1.example>"), false, NULL, NULL, NULL, NULL},
    {"NUL in the local part", TEXT("<k\0m@a.example>"), false, NULL, NULL, NULL, NULL},
    {"NUL in the domain", TEXT("<kim@a\0.example>"), false, NULL, NULL, NULL, NULL},
    {"NUL in a literal", TEXT("<kim@[192.0.2.1\0]>"), false, NULL, NULL, NULL, NULL},
    {"CR in a quoted string", TEXT("<\"k\rm\"@a.example>"), false, NULL, NULL, NULL, NULL},
    {"escaped LF in a quoted string", TEXT("<\"k\\\nm\"@a.example>"), false, NULL, NULL, NULL,
     NULL},
    {"quote that never closes", TEXT("<\"kim@a.example>"), false, NULL, NULL, NULL, NULL},
    {"backslash at the end", TEXT("<\"kim\\"), false, NULL, NULL, NULL, NULL},
    {"text behind the quotes", TEXT("<\"k\"m@a.example>"), false, NULL, NULL, NULL, NULL},
    {"literal of nonsense", TEXT("<kim@[300.0.0.1]>"), false, NULL, NULL, NULL, NULL},
    {"literal that never closes", TEXT("<kim@[192.0.2.1>"), false, NULL, NULL, NULL, NULL},
    {"route without a colon", TEXT("<@a.example>kim@b.example>"), false, NULL, NULL, NULL, NULL},
    {"route with an empty hop", TEXT("<@a.example,:kim@b.example>"), false, NULL, NULL, NULL,
     NULL},
    {"route without an address", TEXT("<@a.example:>"), false, NULL, NULL, NULL, NULL},
};

static const struct address_rules all_ok = {.null_ok = true, .postmaster_ok = true};

static void
address_reads_every_row(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(path_rows); i++) {
        const struct path_row *row = &path_rows[i];
        struct slice in = flush_copy(row->in);
        struct slice before = in;
        struct address a;
        if (address_read_path(&in, all_ok, &a) != row->good)
            fail_row(row->say, "taken or refused the wrong way");
        if (!row->good) {
            if (in.ptr != before.ptr || in.len != before.len)
                fail_row(row->say, "input moved");
            continue;
        }
        if (!slice_is(a.text, row->text) || !slice_is(a.local, row->local) ||
            !slice_is(a.domain, row->domain) || !slice_is(in, row->rest))
            fail_row(row->say, "got %.*s, local %.*s, domain %.*s, rest %.*s", SLICE_ARG(a.text),
                     SLICE_ARG(a.local), SLICE_ARG(a.domain), SLICE_ARG(in));
    }
}

/* What is good only where characters beyond ASCII are, and what never is. */
static const struct utf8_row {
    const char *say;
    struct slice in;
    bool good;
} utf8_rows[] = {
    {"a local part",
     TEXT("<k\xc3\xad"
          "m@a.example>"),
     true},
    {"a quoted local part", TEXT("<\"k\xc3\xad m\"@a.example>"), true},
    {"a domain", TEXT("<kim@\xc3\xa4.example>"), true},
    {"both", TEXT("<\xe7\x94\xa8\xe6\x88\xb7@\xe4\xbe\x8b.\xe4\xbe\x8b>"), true},
    {"Latin 1", TEXT("<k\xedm@a.example>"), false},
    {"Latin 1 in the domain", TEXT("<kim@\xe4.example>"), false},
    {"an overlong '@'", TEXT("<kim\xc1\x80@a.example>"), false},
    {"a surrogate", TEXT("<\xed\xa0\x80@a.example>"), false},
    {"a control", TEXT("<k\xc2\x9bm@a.example>"), false},
    {"a control in the domain", TEXT("<kim@\xc2\x9b.example>"), false},
    {"a character cut by the dot of a domain", TEXT("<kim@\xe4\xbe.\x8b.example>"), false},
    {"an empty label", TEXT("<kim@\xc3\xa4..example>"), false},
    {"in a literal", TEXT("<kim@[\xc3\xa4]>"), false},
    {"in a source route", TEXT("<@\xc3\xa4.example:kim@a.example>"), false},
};

static void
address_takes_utf8_only_where_the_rules_say(void **state)
{
    (void)state;
    const struct address_rules utf8_ok = {.utf8_ok = true};
    for (size_t i = 0; i < COUNT_OF(utf8_rows); i++) {
        const struct utf8_row *row = &utf8_rows[i];
        struct slice in = row->in, again = row->in;
        struct address a, b;
        if (address_read_path(&in, all_ok, &a))
            fail_row(row->say, "taken without leave");
        if (address_read_path(&again, utf8_ok, &a) != row->good)
            fail_row(row->say, "taken or refused the wrong way");
        if (!row->good)
            continue;
        if (address_parse(a.text, &b) || !address_parse_utf8(a.text, &b))
            fail_row(row->say, "parsed the wrong way");
        if (a.text.len != row->in.len - 2 || !slice_equal(a.domain, b.domain))
            fail_row(row->say, "got %.*s", SLICE_ARG(a.text));
    }
}

static void
domain_counts_characters_of_a_label_not_octets(void **state)
{
    (void)state;
    char text[2 * 64 + 1];
    for (size_t i = 0; i < sizeof text; i++)
        text[i] = i % 2 ? '\xa4' : '\xc3';
    assert_true(domain_is_valid_utf8(slice(text, 2 * 63)));
    assert_false(domain_is_valid_utf8(slice(text, 2 * 64)));
    assert_false(domain_is_valid(slice(text, 2)));
    assert_true(domain_matches(slice(text, 2), slice(text, 2), false));
    assert_false(domain_matches(slice_str("\xc3\xa4"), slice_str("\xc3\x84"), false));
}

/* A path that was cut off is no path, wherever it was cut. */
static void
address_refuses_every_good_row_cut_short(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(path_rows); i++) {
        const struct path_row *row = &path_rows[i];
        if (!row->good)
            continue;
        size_t whole = row->in.len - strlen(row->rest);
        for (size_t n = 0; n < whole; n++) {
            struct slice in = flush_copy(slice_head(row->in, n));
            struct address a;
            if (address_read_path(&in, all_ok, &a))
                fail_row(row->say, "taken after %zu octets", n);
        }
    }
}

static void
address_takes_null_and_postmaster_only_where_the_rules_say(void **state)
{
    (void)state;
    struct address a;
    struct slice null = slice_str("<>");
    struct slice postmaster = slice_str("<postmaster>");
    assert_false(address_read_path(&null, (struct address_rules){.postmaster_ok = true}, &a));
    assert_false(address_read_path(&postmaster, (struct address_rules){.null_ok = true}, &a));
}

static void
address_keeps_the_limits_of_its_parts(void **state)
{
    (void)state;
    char text[ADDRESS_MAX + 8];
    struct address a;

    memset(text, 'a', sizeof text);
    for (size_t i = LOCAL_PART_MAX + 1; i < sizeof text; i += 64)
        text[i - 1] = '.';
    text[LOCAL_PART_MAX] = '@';
    text[LOCAL_PART_MAX - 1] = 'a';
    struct slice longest = slice(text, ADDRESS_MAX);
    assert_true(address_parse(longest, &a));
    assert_int_equal(a.local.len, LOCAL_PART_MAX);
    assert_int_equal(a.domain.len, DOMAIN_MAX);

    assert_false(address_parse(slice(text, ADDRESS_MAX + 1), &a));
    text[LOCAL_PART_MAX] = 'a';
    text[LOCAL_PART_MAX + 1] = '@';
    assert_false(address_parse(slice(text, ADDRESS_MAX), &a));
}

static void
address_parse_wants_the_whole_text(void **state)
{
    (void)state;
    struct address a;
    assert_true(address_parse(slice_str("kim@a.example"), &a));
    assert_false(address_parse(slice_str("kim@a.example>"), &a));
    assert_false(address_parse(slice_str("kim@a.example "), &a));
    assert_false(address_parse(slice_str("<kim@a.example>"), &a));
    assert_false(address_parse(slice_str("@b:kim@a.example"), &a));
    assert_false(address_parse(slice_str(""), &a));
}

static const struct domain_row {
    const char *text;
    bool valid, literal, hello;
} domain_rows[] = {
    {"contoso.example", true, false, true},
    {"EX03", true, false, true},
    {"ex_03.corp-1.local", true, false, true},
    {"10.0.0.3", true, false, true},
    {"[10.0.0.3]", false, true, true},
    {"[IPv6:::1]", false, true, true},
    {"[ipv6:fe80::1]", false, true, true},
    {"[IPv6:10.0.0.3]", false, false, false},
    {"[::1]", false, false, false},
    {"[]", false, false, false},
    {"[", false, false, false},
    {"", false, false, false},
    {".", false, false, true},
    {"a.example.", false, false, true},
    {"KIM'S-PC!", false, false, true},
    {"a b", false, false, false},
    {"a(b", false, false, false},
    {"a;b", false, false, false},
    {"a\"b", false, false, false},
    {"a<b>", false, false, false},
    {"a@b", false, false, false},
    {"a\nb", false, false, false},
    {"caf\xc3\xa9", false, false, false},
    {"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.b", true, false, true},
    {"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.b", false, false, true},
};

static void
address_tells_domains_literals_and_hello_names(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(domain_rows); i++) {
        const struct domain_row *row = &domain_rows[i];
        struct slice text = flush_copy(slice_str(row->text));
        if (domain_is_valid(text) != row->valid || domain_is_literal(text) != row->literal ||
            domain_is_hello(text) != row->hello)
            fail_row(row->text, "judged the wrong way");
    }
}

static const struct match_row {
    const char *name, *domain;
    bool exact, wildcard;
} match_rows[] = {
    {"contoso.example", "contoso.example", true, true},
    {"Contoso.EXAMPLE", "cONTOSO.example", true, true},
    {"eu.contoso.example", "contoso.example", false, true},
    {"a.eu.contoso.example", "contoso.example", false, true},
    {"xcontoso.example", "contoso.example", false, false},
    {".contoso.example", "contoso.example", false, false},
    {"example", "contoso.example", false, false},
    {"contoso.example.org", "contoso.example", false, false},
    {"a.", "", false, false},
    {"", "contoso.example", false, false},
};

static void
address_matches_a_domain_and_what_is_below_it(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(match_rows); i++) {
        const struct match_row *row = &match_rows[i];
        struct slice name = flush_copy(slice_str(row->name));
        struct slice domain = slice_str(row->domain);
        if (domain_matches(name, domain, false) != row->exact ||
            domain_matches(name, domain, true) != row->wildcard)
            fail_row(row->name, "matched the wrong way with %s", row->domain);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(address_reads_every_row),
        cmocka_unit_test(address_refuses_every_good_row_cut_short),
        cmocka_unit_test(address_takes_utf8_only_where_the_rules_say),
        cmocka_unit_test(domain_counts_characters_of_a_label_not_octets),
        cmocka_unit_test(address_takes_null_and_postmaster_only_where_the_rules_say),
        cmocka_unit_test(address_keeps_the_limits_of_its_parts),
        cmocka_unit_test(address_parse_wants_the_whole_text),
        cmocka_unit_test(address_tells_domains_literals_and_hello_names),
        cmocka_unit_test(address_matches_a_domain_and_what_is_below_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
