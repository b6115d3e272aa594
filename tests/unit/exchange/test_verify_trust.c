/* A connector that the gateway does not log on to (auth: none): who else is trusted there? */
#include "gateway/exchange/verify.h"

#include "tests/kit/config_text.h"
#include "tests/kit/test.h"

static const char text[] = CONFIG_TEXT_HEAD
    "forests:\n"
    "  contoso: { domains: { contoso.example: authoritative }, deliver: [contoso-hub] }\n"
    "  fabrikam: { domains: { fabrikam.example: authoritative }, deliver: [fabrikam-hub] }\n"
    "receive:\n"
    "  inside:\n"
    "    listen: [main]\n"
    "    networks: [10.1.0.0/16]\n"
    "    speaks_for: [contoso, fabrikam]\n"
    "    accounts: { svc: { names: ['FABRIKAM\\gw'], password_hash_files: [in.hash] } }\n"
    "send:\n"
    "  contoso-hub:\n"
    "    servers: [hub.contoso.example]\n"
    "    tls: { verify: name }\n"
    "    auth: none\n"
    "  fabrikam-hub:\n"
    "    servers: [hub1.fabrikam.example]\n"
    "    tls: { verify: name }\n"
    "    auth: none\n";

#define CONNECTOR(mechanism, groups, ranges)                                                     \
    "AuthMechanism : " mechanism "\nBindings : {0.0.0.0:25}\nEnabled : True\n"                   \
    "Identity : HUB1\\From\nMaxMessageSize : unlimited\nName : From\nPermissionGroups : " groups \
    "\nRemoteIPRanges : {" ranges "}\nServer : HUB1\n\n"
#define SUBMIT                                                                                   \
    "Identity : HUB1\\From\nUser : MS Exchange\\Externally Secured Servers\nDeny : False\n"      \
    "Inherited : False\nAccessRights : {ExtendedRight}\nExtendedRights : {ms-Exch-SMTP-Submit}"  \
    "\n\n"
#define SECURED "Tls, ExternalAuthoritative"

/* What is said first of the connector; the other commands are not in the output. */
static const struct {
    const char *output;
    enum exchange_severity severity;
    const char *place, *found;
} rows[] = {
    {CONNECTOR(SECURED, "ExchangeServers", "10.1.0.5") SUBMIT, EXCHANGE_UNKNOWN,
     "output of Get-SendConnector", "missing"},
    {CONNECTOR(SECURED, "ExchangeServers", "10.1.0.5-10.1.0.5") SUBMIT, EXCHANGE_UNKNOWN,
     "output of Get-SendConnector", "missing"},
    {CONNECTOR(SECURED, "ExchangeServers", "0.0.0.0-255.255.255.255") SUBMIT, EXCHANGE_STOPS,
     "Receive connector HUB1\\From: RemoteIPRanges", "0.0.0.0-255.255.255.255"},
    {CONNECTOR(SECURED, "ExchangeServers", "10.1.0.5, ::/0") SUBMIT, EXCHANGE_STOPS,
     "Receive connector HUB1\\From: RemoteIPRanges", "::/0"},
    {CONNECTOR(SECURED, "ExchangeServers", "10.1.0.5, 10.1.0.9") SUBMIT, EXCHANGE_HARMS,
     "Receive connector HUB1\\From: RemoteIPRanges", "10.1.0.9"},
    {CONNECTOR(SECURED, "None", "10.1.0.5") SUBMIT, EXCHANGE_STOPS,
     "Receive connector HUB1\\From: PermissionGroups", "None"},
    {CONNECTOR("Tls", "None", "10.1.0.5") SUBMIT, EXCHANGE_STOPS,
     "Receive connector HUB1\\From: PermissionGroups", "None"},
    {CONNECTOR("Tls", "AnonymousUsers", "0.0.0.0/0") SUBMIT, EXCHANGE_HARMS,
     "Receive connector HUB1\\From: AuthMechanism", "Tls"},
    {CONNECTOR("ExternalAuthoritative", "ExchangeServers", "10.1.0.5") SUBMIT, EXCHANGE_STOPS,
     "Receive connector HUB1\\From: AuthMechanism", "ExternalAuthoritative"},
};

static struct config *config;
static struct exchange_plan *plan;

static int
load(void **state)
{
    static const char *const addresses[] = {"10.1.0.5"};
    const struct exchange_question q = {
        .forest = "fabrikam", .gateway_addresses = addresses, .gateway_address_count = 1};
    struct err err;
    (void)state;
    config = config_of_text(text);
    return exchange_plan_make(config, &q, &plan, &err) ? 0 : -1;
}

static int
unload(void **state)
{
    (void)state;
    exchange_plan_free(&plan);
    config_unref(&config);
    return 0;
}

static struct exchange_verdict
judge(const char *output)
{
    struct listing listing;
    struct exchange_verdict verdict;
    struct err err;
    if (!listing_read(slice_str(output), &listing, &err) ||
        !exchange_verify(plan, &listing, &verdict, &err))
        fail_msg("%s", err.text);
    listing_free(&listing);
    return verdict;
}

static void
nobody_else_is_trusted_and_the_gateway_may_submit(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct exchange_verdict v = judge(rows[i].output);
        assert_true(v.count > 0);
        const struct exchange_finding *f = &v.findings[0];
        if (f->severity != rows[i].severity || strcmp(f->place, rows[i].place) != 0 ||
            strcmp(f->found, rows[i].found) != 0)
            fail_row(rows[i].output, "%u \"%s\" \"%s\"", f->severity, f->place, f->found);
        exchange_verdict_free(&v);
    }
}

static void
without_permissions_nobody_knows_whether_strangers_relay(void **state)
{
    struct exchange_verdict v = judge(CONNECTOR(SECURED, "ExchangeServers", "10.1.0.5"));
    bool is_said = false;
    (void)state;
    for (size_t i = 0; i < v.count; i++)
        is_said |= strcmp(v.findings[i].place, "permissions on HUB1\\From") == 0 &&
                   v.findings[i].severity == EXCHANGE_UNKNOWN;
    assert_true(is_said);
    exchange_verdict_free(&v);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nobody_else_is_trusted_and_the_gateway_may_submit),
        cmocka_unit_test(without_permissions_nobody_knows_whether_strangers_relay),
    };
    return cmocka_run_group_tests(tests, load, unload);
}
