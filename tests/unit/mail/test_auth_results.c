/* Which Authentication-Results fields claim to be ours. */
#include "gateway/mail/auth_results.h"

#include "gateway/base/must.h"
#include "tests/kit/test.h"

static const struct row {
    const char value[120];
    bool ours;
} rows[] = {
    {" gw.contoso.example; spf=pass smtp.mailfrom=a@b.example", true},
    {"gw.contoso.example;none", true},
    {" gw.contoso.example", true},
    {" GW.Contoso.EXAMPLE; spf=pass", true},
    {"\r\n\tgw.contoso.example;\r\n\tspf=pass", true},
    {" gw.contoso.example 1; spf=pass", true},
    {" gw.contoso.example (version) 1 (one); spf=pass", true},
    {" (a (nested) comment) gw.contoso.example; spf=pass", true},
    {" (gw.other.example; \\) ) gw.contoso.example; spf=pass", true},
    {" gw.contoso.example(comment); spf=pass", true},
    {" \"gw.contoso.example\"; spf=pass", true},
    {" \"gw.\\contoso.example\"; spf=pass", true},
    {" \"gw.contoso\r\n.example\"; spf=pass", true},
    {" gw.contoso.example.; spf=pass", true},
    /* Not as RFC 8601 wants it, but our name is in it. */
    {" gw.contoso.example spf=pass", true},
    {" gw.contoso.example/1; spf=pass", true},
    {" gw.contoso.example, spf=pass", true},
    {" gw(a).contoso(b).example; spf=pass", true},
    {" gw.\r\n contoso.example; spf=pass", true},
    {" ; gw.contoso.example; spf=pass", true},
    {" (never closed gw.contoso.example; spf=pass", true},
    {" \"gw.contoso.example; spf=pass", true},
    {" spf=pass (GW.contoso.example: fine)", true},
    /* Somebody else's. */
    {" gw.fabrikam.example; spf=pass", false},
    {" gw.fabrikam.example; spf=pass reason=\"gw.contoso.example\"", false},
    {" (gw.contoso.example) gw.fabrikam.example; spf=pass", false},
    {" gw.contoso.example.fabrikam.example; none", false},
    {" xgw.contoso.example; none", false},
    {" contoso.example; none", false},
    {" gw.fabrikam.example 1; none", false},
    {" spf=pass", false},
    {"", false},
    {" (", false},
    {" ;", false},
};

static void
auth_results_know_our_name_however_it_is_written(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        if (auth_results_claims(slice_str(rows[i].value), slice_str("gw.contoso.example")) !=
            rows[i].ours)
            fail_row(rows[i].value, "expected %s", rows[i].ours ? "ours" : "not ours");
}

static void
auth_results_with_octets_that_are_no_text_are_judged_by_our_name(void **state)
{
    (void)state;
    const char zero[] = "gw.contoso.example\0; spf=pass";
    const char high[] = "\xc2\xa0gw.contoso.example; spf=pass";
    assert_true(
        auth_results_claims(slice(zero, sizeof zero - 1), slice_str("gw.contoso.example")));
    assert_true(auth_results_claims(slice_str(high), slice_str("gw.contoso.example")));
    assert_false(auth_results_claims(slice_str(high), slice_str("gw.fabrikam.example")));
}

static const struct row spf_rows[] = {
    {" pass (gw.contoso.example: fine) receiver=gw.contoso.example;", true},
    {" pass (anything) client-ip=10.3.0.8; receiver=GW.contoso.example; identity=mailfrom", true},
    {" pass receiver = \"gw.contoso.example\";", true},
    {" pass receiver=\r\n\tgw.contoso.example.", true},
    {" pass receiver(a)=(b)gw.contoso.example", true},
    {" pass ( gw.contoso.example : we looked)", true},
    {" pass (never closed receiver=gw.contoso.example", true},
    /* Somebody else's, about us among others. */
    {" pass (gw.fabrikam.example: fine) receiver=gw.fabrikam.example; helo=gw.contoso.example",
     false},
    {" pass (gw.contoso.example may send) receiver=gw.fabrikam.example", false},
    {" pass receiver=gw.contoso.example.fabrikam.example", false},
    {" pass receiver gw.contoso.example", false},
    {" pass", false},
    {" receiver=", false},
    {"", false},
};

static void
received_spf_is_ours_when_we_are_its_receiver(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(spf_rows); i++)
        if (received_spf_claims(slice_str(spf_rows[i].value), slice_str("gw.contoso.example")) !=
            spf_rows[i].ours)
            fail_row(spf_rows[i].value, "expected %s", spf_rows[i].ours ? "ours" : "not ours");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(auth_results_know_our_name_however_it_is_written),
        cmocka_unit_test(auth_results_with_octets_that_are_no_text_are_judged_by_our_name),
        cmocka_unit_test(received_spf_is_ours_when_we_are_its_receiver),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
