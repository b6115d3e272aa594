/* SPF as libspf2 evaluates it with our look-ups, limits and filter, over a book of DNS records.
 */
#include "gateway/net/spf_evaluate.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>

#include "gateway/base/buf.h"
#include "tests/kit/dns_book.h"
#include "tests/kit/test.h"

#define TWENTY                                                                                   \
    "?all ?all ?all ?all ?all ?all ?all ?all ?all ?all ?all ?all ?all ?all ?all ?all ?all ?all " \
    "?all ?all "

static const char *const book[] = {
    "plain.example TXT v=spf1 ip4:10.2.0.0/16 -all",
    "plain.example TXT some-other-text",
    "soft.example TXT v=spf1 ip4:10.9.0.1 ~all",
    "neutral.example TXT v=spf1 ip4:10.9.0.1 ?all",
    "silent.example TXT v=spf1 ip4:10.9.0.1",
    "empty.example TXT v=spf1",
    "norecord.example TXT google-site-verification=1",
    "nodata.example A 10.9.0.9",
    "broken.example TXT !",
    "a.example TXT v=spf1 a -all",
    "a.example A 10.2.0.7",
    "a24.example TXT v=spf1 a:a.example/24 -all",
    "mx.example TXT v=spf1 mx -all",
    "mx.example MX one.mx.example",
    "mx.example MX two.mx.example",
    "one.mx.example A 10.9.0.1",
    "two.mx.example A 10.2.0.7",
    "two.mx.example AAAA fd00::7",
    "ptr.example TXT v=spf1 ptr -all",
    "7.0.2.10.in-addr.arpa PTR other.example",
    "7.0.2.10.in-addr.arpa PTR client.ptr.example",
    "client.ptr.example A 10.2.0.7",
    "other.example A !",
    "exists.example TXT v=spf1 exists:%{ir}.%{l}._spf.%{d} -all",
    "7.0.2.10.kim._spf.exists.example A 127.0.0.2",
    "hello.example TXT v=spf1 exists:%{h}.ok.example -all",
    "ex03.hello.example.ok.example A 127.0.0.2",
    "p.example TXT v=spf1 exists:%{p}.ok.example -all",
    "client.ptr.example.ok.example A 127.0.0.2",
    "include.example TXT v=spf1 include:middle.example -all",
    "middle.example TXT v=spf1 include:plain.example -all",
    "redirect.example TXT v=spf1 redirect=plain.example",
    "includesnothing.example TXT v=spf1 include:norecord.example -all",
    "includesbroken.example TXT v=spf1 include:broken.example -all",
    "redirectsnowhere.example TXT v=spf1 redirect=missing.example",
    "itself.example TXT v=spf1 include:itself.example -all",
    "ring.example TXT v=spf1 include:round.example -all",
    "round.example TXT v=spf1 include:ring.example -all",
    "two.example TXT v=spf1 -all",
    "two.example TXT v=spf1 +all",
    "syntax.example TXT v=spf1 ip4:10.2.0 -all",
    "unknown.example TXT v=spf1 ipv4:10.2.0.7 -all",
    "macro.example TXT v=spf1 exists:%{z} -all",
    "abroken.example TXT v=spf1 a:brokenhost.example -all",
    "brokenhost.example A !",
    "ptrbroken.example TXT v=spf1 ptr -all",
    "8.0.2.10.in-addr.arpa PTR !",
    "all4.example TXT v=spf1 ip4:0.0.0.0/0 -all",
    "early.example TXT v=spf1 redirect=soft.example ip4:10.2.0.7",
    "badaddress.example TXT v=spf1 ip4:10.2.0.7 ip4:10.2.0.0/33 -all",
    "toolong.example TXT v=spf1 " TWENTY TWENTY TWENTY TWENTY TWENTY TWENTY TWENTY "-all",
    "six.example TXT v=spf1 ip6:fd00::/8 -all",
    "exp.example TXT v=spf1 -all exp=explain.exp.example",
    "explain.exp.example TXT %{S} is not good",
    "upper.example TXT V=SPF1 IP4:10.2.0.7 -ALL",
    /* Ten terms that ask, and eleven; also through an include. */
    "ten.example TXT v=spf1 a:h a:h a:h a:h a:h a:h a:h a:h a:h a:a.example -all",
    "h A 10.9.0.1",
    "eleven.example TXT v=spf1 a:h a:h a:h a:h a:h a:h a:h a:h a:h a:h a:a.example -all",
    "sumten.example TXT v=spf1 include:five.example a:h a:h a:h a:a.example -all",
    "sumeleven.example TXT v=spf1 include:five.example a:h a:h a:h a:h a:a.example -all",
    "five.example TXT v=spf1 a:h a:h a:h a:h a:h -all",
    /* Names without an answer. */
    "voids2.example TXT v=spf1 a:v1.example mx:v2.example ip4:10.2.0.7 -all",
    "voids3.example TXT v=spf1 a:v1.example mx:v2.example exists:v3.example +all",
    "voidhosts.example TXT v=spf1 mx ip4:10.2.0.7 -all",
    "voidhosts.example MX v1.example",
    "voidhosts.example MX v2.example",
    "voidhosts.example MX v3.example",
    /* Ten hosts, and eleven. */
    "mx10.example TXT v=spf1 mx -all",
    "mx10.example MX h",
    "mx10.example MX h",
    "mx10.example MX h",
    "mx10.example MX h",
    "mx10.example MX h",
    "mx10.example MX h",
    "mx10.example MX h",
    "mx10.example MX h",
    "mx10.example MX h",
    "mx10.example MX a.example",
    "mx11.example TXT v=spf1 mx -all",
    "mx11.example MX h",
    "mx11.example MX h",
    "mx11.example MX h",
    "mx11.example MX h",
    "mx11.example MX h",
    "mx11.example MX h",
    "mx11.example MX h",
    "mx11.example MX h",
    "mx11.example MX h",
    "mx11.example MX h",
    "mx11.example MX a.example",
    NULL,
};

/* ---- Bed ----------------------------------------------------------------------------------- */

static struct spf_evaluation *
begin(const char *client, const char *domain)
{
    struct sockaddr_storage at = {.ss_family = AF_INET};
    void *to = &at;
    struct sockaddr_in *v4 = to;
    struct sockaddr_in6 *v6 = to;
    if (inet_pton(AF_INET, client, &v4->sin_addr) != 1) {
        at.ss_family = AF_INET6;
        assert_int_equal(inet_pton(AF_INET6, client, &v6->sin6_addr), 1);
    }
    struct spf_evaluation *e = spf_evaluation_new(to, slice_str("ex03.hello.example"),
                                                  slice_str("kim"), slice_str(domain));
    assert_non_null(e);
    return e;
}

static const struct row {
    const char *client;
    const char *domain;
    enum spf_result want;
    const char *why; /* or a part of it */
} rows[] = {
    {"10.2.0.7", "plain.example", SPF_PASS, "plain.example lets 10.2.0.7 send its mail"},
    {"10.3.0.7", "plain.example", SPF_FAIL, "plain.example does not let 10.3.0.7 send its mail"},
    {"::ffff:10.2.0.7", "plain.example", SPF_PASS, "lets 10.2.0.7"},
    {"10.2.0.7", "upper.example", SPF_PASS, ""},
    {"10.2.0.7", "PLAIN.example", SPF_PASS, ""},
    {"10.2.0.7", "soft.example", SPF_SOFTFAIL, "probably does not let 10.2.0.7"},
    {"10.2.0.7", "neutral.example", SPF_NEUTRAL, "does not say"},
    {"10.2.0.7", "silent.example", SPF_NEUTRAL, ""},
    {"10.2.0.7", "empty.example", SPF_NEUTRAL, ""},
    {"10.2.0.7", "norecord.example", SPF_NONE, "norecord.example has no SPF record"},
    {"10.2.0.7", "nodata.example", SPF_NONE, ""},
    {"10.2.0.7", "missing.example", SPF_NONE, ""},
    {"10.2.0.7", "broken.example", SPF_TEMPERROR, "DNS could not tell about broken.example"},
    {"10.2.0.7", "a.example", SPF_PASS, ""},
    {"10.2.0.8", "a.example", SPF_FAIL, ""},
    {"10.2.0.8", "a24.example", SPF_PASS, ""},
    {"10.2.0.7", "mx.example", SPF_PASS, ""},
    {"10.2.0.8", "mx.example", SPF_FAIL, ""},
    {"fd00::7", "mx.example", SPF_PASS, ""},
    {"fd00::8", "mx.example", SPF_FAIL, ""},
    {"10.2.0.7", "ptr.example", SPF_PASS, ""},
    {"10.2.0.9", "ptr.example", SPF_FAIL, ""},
    {"10.2.0.7", "exists.example", SPF_PASS, ""},
    {"10.2.0.8", "exists.example", SPF_FAIL, ""},
    {"10.2.0.7", "hello.example", SPF_PASS, ""},
    {"10.2.0.7", "p.example", SPF_PASS, ""},
    {"10.2.0.9", "p.example", SPF_FAIL, ""},
    {"10.2.0.7", "include.example", SPF_PASS, ""},
    {"10.3.0.7", "include.example", SPF_FAIL, ""},
    {"10.2.0.7", "redirect.example", SPF_PASS, ""},
    {"10.3.0.7", "redirect.example", SPF_FAIL, ""},
    {"10.2.0.7", "includesnothing.example", SPF_PERMERROR, "includes a domain that has none"},
    {"10.2.0.7", "includesbroken.example", SPF_TEMPERROR, "about broken.example"},
    {"10.2.0.7", "redirectsnowhere.example", SPF_PERMERROR, ""},
    {"10.2.0.7", "itself.example", SPF_PERMERROR, "includes itself"},
    {"10.2.0.7", "ring.example", SPF_PERMERROR, ""},
    {"10.2.0.7", "two.example", SPF_PERMERROR, "there are several"},
    {"10.2.0.7", "syntax.example", SPF_PERMERROR, "the SPF record of syntax.example is in error"},
    {"10.2.0.7", "unknown.example", SPF_PERMERROR, ""},
    {"10.2.0.7", "macro.example", SPF_PERMERROR, ""},
    {"10.2.0.7", "abroken.example", SPF_TEMPERROR, "about brokenhost.example"},
    {"10.2.0.8", "ptrbroken.example", SPF_FAIL, ""},
    {"10.2.0.7", "all4.example", SPF_PASS, ""},
    {"10.2.0.7", "early.example", SPF_PASS, ""},
    {"10.2.0.8", "toolong.example", SPF_PERMERROR, "it is too long"},
    {"10.2.0.7", "badaddress.example", SPF_PERMERROR, "an address in it is wrong"},
    {"fd00::7", "six.example", SPF_PASS, ""},
    {"fe80::7", "six.example", SPF_FAIL, ""},
    {"10.2.0.7", "six.example", SPF_FAIL, ""},
    {"10.2.0.7", "exp.example", SPF_FAIL, "exp.example does not let 10.2.0.7"},
    {"10.2.0.7", "ten.example", SPF_PASS, ""},
    {"10.2.0.7", "eleven.example", SPF_PERMERROR, "more than 10 terms"},
    {"10.2.0.7", "sumten.example", SPF_PASS, ""},
    {"10.2.0.7", "sumeleven.example", SPF_PERMERROR, "more than 10 terms"},
    {"10.2.0.7", "voids2.example", SPF_PASS, ""},
    {"10.2.0.7", "voids3.example", SPF_PERMERROR, "more than 2 terms"},
    {"10.2.0.7", "voidhosts.example", SPF_PASS, ""},
    {"10.2.0.7", "mx10.example", SPF_PASS, ""},
    {"10.2.0.7", "mx11.example", SPF_PERMERROR, ""},
};

static void
evaluation_finds_what_rfc_7208_says(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const struct row *r = &rows[i];
        char why[SPF_WHY_TEXT];
        struct spf_evaluation *e = begin(r->client, r->domain);
        dns_book_run(book, e);
        enum spf_result got = spf_evaluation_result(e, why);
        if (got != r->want || strstr(why, r->why) == NULL)
            fail_row(r->domain, "from %s: %s, \"%s\"", r->client, spf_result_name(got), why);
        spf_evaluation_free(&e);
    }
}

/* ---- Limits -------------------------------------------------------------------------------- */

/* "v=spf1" and so many mx terms, of ten hosts each, none of them the client. */
static size_t
questions_of_mx_terms(int terms, enum spf_result *result, char why[SPF_WHY_TEXT])
{
    static char lines[256][96];
    const char *list[257] = {NULL};
    size_t n = 0, used;
    char record[256] = "many.example TXT v=spf1";
    for (int t = 0; t < terms; t++) {
        used = strlen(record);
        snprintf(record + used, sizeof record - used, " mx:m%d.example", t);
        for (int h = 0; h < 10; h++) {
            snprintf(lines[n++], sizeof lines[0], "m%d.example MX h%d.m%d.example", t, h, t);
            snprintf(lines[n++], sizeof lines[0], "h%d.m%d.example A 10.9.0.%d", h, t, h);
        }
    }
    used = strlen(record);
    snprintf(record + used, sizeof record - used, " +all");
    for (size_t i = 0; i < n; i++)
        list[i] = lines[i];
    list[n] = record;
    struct spf_evaluation *e = begin("10.2.0.7", "many.example");
    size_t questions = dns_book_run(list, e);
    *result = spf_evaluation_result(e, why);
    spf_evaluation_free(&e);
    return questions;
}

static void
forty_look_ups_are_the_most(void **state)
{
    (void)state;
    enum spf_result result;
    char why[SPF_WHY_TEXT];
    assert_int_equal(questions_of_mx_terms(3, &result, why), 1 + 3 * 11);
    assert_int_equal(result, SPF_PASS);
    assert_int_equal(questions_of_mx_terms(4, &result, why), 40);
    assert_int_equal(result, SPF_PERMERROR);
    assert_non_null(strstr(why, "more than 40 look-ups"));
}

static void
ten_names_of_a_pointer_count(void **state)
{
    (void)state;
    static char names[11][64];
    const char *list[] = {"ptr.example TXT v=spf1 ptr -all",
                          "h10.ptr.example A 10.2.0.7",
                          "h9.ptr.example A 10.2.0.8",
                          names[0],
                          names[1],
                          names[2],
                          names[3],
                          names[4],
                          names[5],
                          names[6],
                          names[7],
                          names[8],
                          names[9],
                          names[10],
                          NULL};
    const struct {
        const char *client, *reverse;
        enum spf_result want;
    } cases[] = {
        {"10.2.0.7", "7.0.2.10.in-addr.arpa", SPF_FAIL}, /* its name is the eleventh */
        {"10.2.0.8", "8.0.2.10.in-addr.arpa", SPF_PASS}, /* ... the tenth */
    };
    for (size_t c = 0; c < COUNT_OF(cases); c++) {
        char why[SPF_WHY_TEXT];
        for (int i = 0; i < 11; i++)
            snprintf(names[i], sizeof names[i], "%s PTR h%d.ptr.example", cases[c].reverse, i);
        struct spf_evaluation *e = begin(cases[c].client, "ptr.example");
        dns_book_run(list, e);
        assert_int_equal(spf_evaluation_result(e, why), cases[c].want);
        spf_evaluation_free(&e);
    }
}

static void
names_too_long_for_dns_lose_their_first_labels(void **state)
{
    (void)state;
    const char *const lines[] = {
        "long.example TXT v=spf1 "
        "exists:%{h}.%{h}.%{h}.%{h}.%{h}.%{h}.%{h}.%{h}.%{h}.%{h}.%{h}.%{h}."
        "%{h}.end.example -all",
        NULL};
    struct spf_question question;
    struct spf_evaluation *e = begin("10.2.0.7", "long.example");
    assert_true(spf_evaluation_run(e, &question));
    dns_book_answer(lines, e, &question);
    assert_true(spf_evaluation_run(e, &question));
    size_t len = strlen(question.name);
    assert_in_range(len, 200, 253);
    assert_string_equal(question.name + len - 30, "ex03.hello.example.end.example");
    spf_evaluation_free(&e);
}

static void
explanations_are_not_fetched(void **state)
{
    (void)state;
    char why[SPF_WHY_TEXT];
    struct spf_evaluation *e = begin("10.2.0.7", "exp.example");
    assert_int_equal(dns_book_run(book, e), 1);
    assert_int_equal(spf_evaluation_result(e, why), SPF_FAIL);
    spf_evaluation_free(&e);
}

/* ---- Records ------------------------------------------------------------------------------- */

static void
records_are_taken_as_they_are_on_the_wire(void **state)
{
    (void)state;
    static const struct {
        enum record_type type;
        const char *rdata;
        size_t len;
        const char *want; /* NULL: left out */
    } wire[] = {
        {RECORD_A, "\1\2\3\4", 4, "\1\2\3\4"},
        {RECORD_A, "\1\2\3", 3, NULL},
        {RECORD_AAAA, "0123456789abcdef", 16, "0123456789abcdef"},
        {RECORD_AAAA, "0123", 4, NULL},
        {RECORD_TXT, "\3abc\2de", 7, "abcde"},
        {RECORD_TXT, "\0", 1, ""},
        {RECORD_TXT, "\4abc", 4, NULL},
        {RECORD_PTR, "\1a\7example\0", 11, "a.example"},
        {RECORD_PTR, "\1a\7example", 10, NULL},
        {RECORD_PTR, "\1a\7example\0x", 12, NULL},
        {RECORD_PTR, "\3a.b\0", 5, NULL},
        {RECORD_PTR, "\2a\n\0", 4, NULL},
        {RECORD_PTR, "\100a\0", 3, NULL},
        {RECORD_PTR, "\0", 1, NULL},
        {RECORD_PTR, "", 0, NULL},
        {RECORD_MX, "\0\12\1a\0", 5, "a"},
        {RECORD_MX, "\0\0\0", 3, NULL}, /* a null MX */
        {RECORD_MX, "\0\12", 2, NULL},
    };
    for (size_t i = 0; i < COUNT_OF(wire); i++) {
        struct buf out;
        buf_init(&out, 64);
        bool put = record_put(&out, wire[i].type, slice(wire[i].rdata, wire[i].len));
        if (put != (wire[i].want != NULL) ||
            !slice_is(buf_slice(&out), wire[i].want != NULL ? wire[i].want : ""))
            fail_msg("wire row %zu", i);
        buf_fini(&out);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(evaluation_finds_what_rfc_7208_says),
        cmocka_unit_test(forty_look_ups_are_the_most),
        cmocka_unit_test(ten_names_of_a_pointer_count),
        cmocka_unit_test(names_too_long_for_dns_lose_their_first_labels),
        cmocka_unit_test(explanations_are_not_fetched),
        cmocka_unit_test(records_are_taken_as_they_are_on_the_wire),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
