/* When SPF is asked, about whom, and what follows. */
#include "gateway/route/spf_policy.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include "tests/kit/test.h"

static bool
is_asked(enum spf setting, const char *client)
{
    const struct receive_connector connector = {.spf = setting};
    struct sockaddr_storage at = {.ss_family = AF_INET};
    void *to = &at;
    struct sockaddr_in *v4 = to;
    struct sockaddr_in6 *v6 = to;
    if (inet_pton(AF_INET, client, &v4->sin_addr) != 1) {
        at.ss_family = AF_INET6;
        assert_int_equal(inet_pton(AF_INET6, client, &v6->sin6_addr), 1);
    }
    return spf_is_asked(&connector, to);
}

static void
spf_is_asked_where_it_is_set_but_not_about_this_machine(void **state)
{
    (void)state;
    assert_false(is_asked(SPF_OFF, "10.2.0.7"));
    assert_true(is_asked(SPF_MARK, "10.2.0.7"));
    assert_true(is_asked(SPF_ENFORCE, "2001:db8::7"));
    assert_true(is_asked(SPF_ENFORCE, "126.0.0.1"));
    assert_true(is_asked(SPF_ENFORCE, "::ffff:10.2.0.7"));
    assert_false(is_asked(SPF_ENFORCE, "127.0.0.1"));
    assert_false(is_asked(SPF_ENFORCE, "127.255.0.9"));
    assert_false(is_asked(SPF_ENFORCE, "::1"));
    assert_false(is_asked(SPF_ENFORCE, "::ffff:127.0.0.1"));
}

static const struct {
    const char *from, *hello, *local, *domain;
    bool of_hello, can_have_record;
} rows[] = {
    {"kim@fabrikam.example", "ex03.fabrikam.example", "kim", "fabrikam.example", false, true},
    {"", "ex03.fabrikam.example", "postmaster", "ex03.fabrikam.example", true, true},
    {"", "EX03", "postmaster", "EX03", true, false},
    {"", "[10.2.0.7]", "postmaster", "[10.2.0.7]", true, false},
    {"", "", "postmaster", "", true, false},
    {"kim@[10.2.0.7]", "ex03.fabrikam.example", "kim", "[10.2.0.7]", false, false},
    {"kim@localhost", "ex03.fabrikam.example", "kim", "localhost", false, false},
};

static void
the_identity_is_mail_from_or_postmaster_at_hello(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct address from = {0};
        struct spf_identity id;
        if (*rows[i].from)
            assert_true(address_parse(slice_str(rows[i].from), &from));
        bool can = spf_identity_of(&from, slice_str(rows[i].hello), &id);
        if (can != rows[i].can_have_record || id.of_hello != rows[i].of_hello ||
            !slice_is(id.local, rows[i].local) || !slice_is(id.domain, rows[i].domain))
            fail_row(rows[i].from, "%.*s@%.*s", SLICE_ARG(id.local), SLICE_ARG(id.domain));
    }
}

static void
only_a_fail_is_refused_and_only_where_it_is_enforced(void **state)
{
    (void)state;
    for (enum spf_result result = SPF_NONE; result <= SPF_PERMERROR; result++) {
        struct receive_connector connector = {.spf = SPF_MARK};
        struct reply r = spf_reply(&connector, result, "x");
        assert_int_equal(r.code, 250);
        connector.spf = SPF_ENFORCE;
        r = spf_reply(&connector, result, "a.example does not let 10.2.0.7 send its mail");
        assert_int_equal(r.code, result == SPF_FAIL ? 550 : 250);
        if (result != SPF_FAIL)
            continue;
        assert_true(reply_has_enhanced(&r, 5, 7, 23));
        assert_string_equal(
            r.text, "SPF validation failed: a.example does not let 10.2.0.7 send its mail");
    }
}

static void
the_plan_tells_whom_and_what_then(void **state)
{
    (void)state;
    static const struct {
        enum spf setting;
        const char *from, *want;
    } plans[] = {
        {SPF_MARK, "kim@fabrikam.example", "asked of fabrikam.example; marked"},
        {SPF_ENFORCE, "kim@fabrikam.example",
         "asked of fabrikam.example; marked; a fail is refused with 550 5.7.23"},
        {SPF_MARK, "", "asked of the client's name at EHLO; marked"},
        {SPF_ENFORCE, "kim@localhost",
         "none: the sender's domain can have no SPF record; marked"},
    };
    char text[SPF_PLAN_TEXT];
    struct receive_connector connector = {.spf = SPF_OFF};
    struct address from = {0};
    assert_false(spf_plan(&connector, NULL, &from, text));
    for (size_t i = 0; i < COUNT_OF(plans); i++) {
        from = (struct address){0};
        if (*plans[i].from)
            assert_true(address_parse(slice_str(plans[i].from), &from));
        connector.spf = plans[i].setting;
        assert_true(spf_plan(&connector, NULL, &from, text));
        assert_string_equal(text, plans[i].want);
    }
    const struct sockaddr_in here = {.sin_family = AF_INET,
                                     .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    const void *at = &here;
    assert_true(spf_plan(&connector, at, &from, text));
    assert_string_equal(text, "not asked: the client is on this machine");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(spf_is_asked_where_it_is_set_but_not_about_this_machine),
        cmocka_unit_test(the_identity_is_mail_from_or_postmaster_at_hello),
        cmocka_unit_test(the_plan_tells_whom_and_what_then),
        cmocka_unit_test(only_a_fail_is_refused_and_only_where_it_is_enforced),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
