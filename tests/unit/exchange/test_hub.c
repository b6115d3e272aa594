#include "gateway/exchange/hub.h"

#include <stdio.h>
#include <string.h>

#include "gateway/exchange/print_script.h"
#include "tests/kit/config_text.h"
#include "tests/kit/test.h"

/* The head of CONFIG_TEXT_HEAD with two forests; the parts that a test is about stand between. */
#define FORESTS                                                                                  \
    "forests:\n"                                                                                 \
    "  contoso:\n"                                                                               \
    "    domains: { contoso.example: authoritative, \"*.contoso.example\": authoritative,\n"     \
    "               group.example: internal-relay }\n"                                           \
    "    deliver: [contoso-hub]\n"                                                               \
    "  fabrikam:\n"                                                                              \
    "    domains: { fabrikam.example: authoritative, group.example: authoritative,\n"            \
    "               web.example: external-relay }\n"                                             \
    "    deliver: [fabrikam-hub]\n"                                                              \
    "  tailspin:\n"                                                                              \
    "    domains: { tailspin.example: authoritative }\n"                                         \
    "    deliver: [contoso-hub]\n"
#define RECEIVE                                                                                  \
    "receive:\n"                                                                                 \
    "  from-contoso:\n"                                                                          \
    "    listen: [main]\n"                                                                       \
    "    networks: [10.1.0.0/16]\n"                                                              \
    "    speaks_for: [contoso, tailspin]\n"                                                      \
    "    rights: [default, accept-exch50]\n"                                                     \
    "    accounts: { a: { names: ['CONTOSO\\gw-out'], password_hash_files: [in.hash] } }\n"      \
    "  from-fabrikam:\n"                                                                         \
    "    listen: [second]\n"                                                                     \
    "    networks: [10.2.0.0/16]\n"                                                              \
    "    speaks_for: [fabrikam]\n"                                                               \
    "    accounts: { a: { names: ['FABRIKAM\\gw'], password_hash_files: [in.hash] } }\n"
#define FABRIKAM                                                                                 \
    "  fabrikam-hub:\n"                                                                          \
    "    servers: [hub1.fabrikam.example]\n"                                                     \
    "    tls: { verify: name }\n"                                                                \
    "    auth: { user: 'FABRIKAM\\svc', password_file: out.password }\n"

static const char usual[] = CONFIG_TEXT_HEAD FORESTS RECEIVE
    "send:\n"
    "  contoso-hub:\n"
    "    servers: [hub1.contoso.example, hub2.contoso.example]\n"
    "    connections: 150\n"
    "    connection_age: 55m\n"
    "    rights: [default, send-headers-organization]\n"
    "    tls: { verify: name, server_name: mail.contoso.example }\n"
    "    auth: { user: svc-gw@contoso.example, password_file: out.password }\n" FABRIKAM
    "  edge:\n"
    "    servers: [edge.contoso.example]\n"
    "    address_spaces: { \"*\": 10 }\n"
    "    allow_from: [contoso]\n"
    "    tls: { verify: name }\n"
    "    auth: none\n";

static const char by_address[] = CONFIG_TEXT_HEAD FORESTS
    "receive:\n"
    "  from-contoso:\n"
    "    listen: [main]\n"
    "    networks: [10.1.0.0/16]\n"
    "    speaks_for: [contoso, tailspin]\n"
    "    auth: none\n"
    "  from-fabrikam:\n"
    "    listen: [second]\n"
    "    networks: [10.2.0.0/16]\n"
    "    speaks_for: [fabrikam]\n"
    "    accounts: { a: { names: ['FABRIKAM\\gw'], password_hash_files: [in.hash] } }\n"
    "send:\n"
    "  contoso-hub:\n"
    "    servers: [10.1.0.20]\n"
    "    tls: { verify: none }\n"
    "    auth: none\n" FABRIKAM;

/* ---- One script ---- */

struct made {
    struct config *config;
    struct exchange_plan *plan;
    struct exchange_document *document;
    struct buf script;
    const char *text;
};

static void
make(struct made *m, const char *config, const char *forest, enum exchange_version version,
     const char *address)
{
    struct err err;
    struct exchange_question q = {.forest = forest,
                                  .gateway_addresses = &address,
                                  .gateway_address_count = address != NULL};
    m->config = config_of_text(config);
    if (!exchange_plan_make(m->config, &q, &m->plan, &err))
        fail_msg("%s", err.text);
    m->document = exchange_document_new(version, m->plan->forest->name, m->plan->gateway);
    assert_non_null(m->document);
    assert_true(exchange_hub_write(m->document, m->plan));
    buf_init(&m->script, 8 << 20);
    exchange_print_script(m->document, &m->script);
    assert_true(buf_ok(&m->script));
    m->text = buf_text(&m->script);
}

static void
drop(struct made *m)
{
    buf_fini(&m->script);
    exchange_document_free(&m->document);
    exchange_plan_free(&m->plan);
    config_unref(&m->config);
}

static void
must_hold(const struct made *m, const char *text)
{
    if (strstr(m->text, text) == NULL)
        fail_row(text, "not in the script");
}

static void
must_lack(const struct made *m, const char *text)
{
    if (strstr(m->text, text) != NULL)
        fail_row(text, "is in the script");
}

static size_t
position(const struct made *m, const char *text)
{
    const char *at = strstr(m->text, text);
    if (at == NULL)
        fail_row(text, "not in the script");
    return (size_t)(at - m->text);
}

/* ---- What is done, and in which order ---- */

static void
steps_stand_in_the_order_in_which_they_must_be_done(void **state)
{
    static const char *const order[] = {
        "\r\nif (@(Get-Command ",
        "\r\n$Hubs = @(Find-Hub $Server)",
        "\r\n$account = @(Find-Account",
        "\r\nSet-Accepted ",
        "\r\nSet-Remote ",
        "\r\n    Set-Receive $hub $want",
        "\r\n        Grant-Right ",
        "\r\n    Test-Certificate ",
        "\r\nif ($GatewayCertificateFile)",
        "\r\nSet-Send $want",
        "\r\nGrant-Anonymous ",
        "\r\nif ($ExtraSpaces)",
        "\r\nforeach ($concern in",
    };
    struct made m;
    (void)state;
    make(&m, usual, "contoso", EXCHANGE_2007, NULL);
    const char *steps = m.text + position(&m, "\r\n$Step = 1\r\n");
    const char *last = steps;
    for (size_t i = 0; i < sizeof order / sizeof order[0]; i++) {
        const char *at = strstr(steps, order[i]);
        if (at == NULL || at < last)
            fail_row(order[i], "missing, or too early");
        last = at;
    }
    drop(&m);
}

static void
every_step_says_why_and_how_to_check_it(void **state)
{
    static const enum exchange_version versions[] = {EXCHANGE_2007, EXCHANGE_2010};
    (void)state;
    for (size_t v = 0; v < 2; v++) {
        struct made m;
        make(&m, usual, "contoso", versions[v], NULL);
        for (size_t i = 0; i < m.document->step_count; i++) {
            const struct exchange_step *s = &m.document->steps[i];
            if (s->why[0] == '\0' || s->parts[EXCHANGE_CHECK].count == 0 ||
                s->parts[EXCHANGE_DO].count == 0)
                fail_row(s->title, "no why, no check or nothing to do");
        }
        drop(&m);
    }
}

static void
domains_have_the_type_and_name_that_the_plan_gives(void **state)
{
    struct made m;
    (void)state;
    make(&m, usual, "contoso", EXCHANGE_2007, NULL);
    must_hold(&m, "Set-Accepted 'contoso.example' 'contoso.example' 'Authoritative'\r\n");
    must_hold(&m, "Set-Accepted '*.contoso.example' 'contoso.example and below' "
                  "'Authoritative'\r\n");
    must_hold(&m, "Set-Accepted 'group.example' 'group.example' 'InternalRelay'\r\n");
    must_hold(&m, "Set-Accepted 'tailspin.example' 'tailspin.example' 'InternalRelay'\r\n");
    /* Another type is changed only where that is asked for: it may cost mail. */
    must_hold(&m, "[switch]$ChangeDomainType");
    must_hold(&m, "if (-not $ChangeDomainType) {\r\n            Write-Concern");
    must_hold(&m, "Set-Remote 'fabrikam.example' 'fabrikam.example'\r\n");
    must_lack(&m, "Set-Remote 'web.example'");
    /* Accepted here: Exchange makes no remote domain for it. */
    must_lack(&m, "Set-Remote 'tailspin.example'");
    must_hold(&m, "#   Forest tailspin: this organization needs a Send connector");
    /* Mailboxes live there. */
    must_lack(&m, "{ $_.Name -eq 'contoso.example' } | Remove-AcceptedDomain");
    must_hold(&m, "{ $_.Name -eq 'tailspin.example' } | Remove-AcceptedDomain");
    drop(&m);
}

static void
the_receive_connector_is_for_the_gateway_alone(void **state)
{
    struct made m;
    (void)state;
    make(&m, usual, "contoso", EXCHANGE_2007, "192.0.2.7");
    must_hold(&m, "[string[]]$Server = @('hub1.contoso.example', 'hub2.contoso.example'),");
    must_hold(&m, "[string[]]$GatewayAddress = @('192.0.2.7'),");
    must_hold(&m, "-RemoteIPRanges $GatewayAddress");
    must_hold(&m, "    Mechanism = 'Tls,BasicAuth,BasicAuthRequireTLS'\r\n"
                  "    Groups = 'None'\r\n");
    must_hold(&m, "    Fqdn = 'mail.contoso.example'\r\n");
    must_hold(&m, "    PerSource = 150\r\n    Percentage = 3\r\n"
                  "    Timeout = '01:05:00'\r\n");
    must_hold(&m, "    Size = '25664KB'\r\n");
    must_lack(&m, "PROPOSAL");
    drop(&m);
}

static void
each_right_of_the_plan_is_granted_with_its_reason(void **state)
{
    struct made m;
    (void)state;
    make(&m, usual, "contoso", EXCHANGE_2007, NULL);
    const struct exchange_rights *lists[] = {&m.plan->inbound[0].rights,
                                             &m.plan->outbound.rights};
    for (size_t k = 0; k < 2; k++)
        for (size_t i = 0; i < lists[k]->count; i++) {
            char line[400];
            snprintf(line, sizeof line, "$rights += ,@('%s',\r\n    '%.60s", lists[k]->at[i].name,
                     lists[k]->at[i].why);
            must_hold(&m, line);
        }
    must_hold(&m, "$rights += ,@('ms-Exch-Accept-Headers-Organization'");
    must_hold(&m, "$rights += ,@('ms-Exch-SMTP-Send-Exch50'");
    must_lack(&m, "+= ,@('ms-Exch-SMTP-Accept-Any-Recipient'");
    must_lack(&m, "+= ,@('ms-Exch-Bypass-Message-Size-Limit'");
    drop(&m);
}

static void
the_send_connector_names_the_gateway_and_its_domains(void **state)
{
    struct made m;
    (void)state;
    make(&m, usual, "contoso", EXCHANGE_2007, NULL);
    must_hold(&m, "$spaces += @('SMTP:fabrikam.example;1')\r\n");
    must_hold(&m, "    SmartHost = 'gw.contoso.example'\r\n    Port = '25'\r\n");
    must_hold(&m, "    Mechanism = 'BasicAuthRequireTLS'\r\n    User = 'CONTOSO\\gw-out'\r\n");
    /* Everything else only when asked for. */
    size_t extra = position(&m, "$spaces += @('SMTP:*;1')");
    assert_true(extra > position(&m, "Set-Send $want\r\n"));
    must_hold(&m, "if ($ExtraSpaces) {\r\n    Set-Send $want\r\n");
    drop(&m);
}

/* ---- Versions ---- */

static void
each_version_gets_what_it_has(void **state)
{
    struct made old, new;
    (void)state;
    make(&old, usual, "contoso", EXCHANGE_2007, NULL);
    make(&new, usual, "contoso", EXCHANGE_2010, NULL);
    must_hold(&old, "$VersionPattern = '^Version 8\\.'");
    must_hold(&new, "$VersionPattern = '^Version 14\\.'");
    must_lack(&old, "Get-ExchangeCertificate -Server");
    must_hold(&new, "Get-ExchangeCertificate -Server");
    must_lack(&old, "-ErrorPolicies");
    must_hold(&new, "-ErrorPolicies");
    drop(&old);
    drop(&new);
}

/* ---- Asking ---- */

/* The only prompts stand behind a look at $WhatIf. */
static void
a_trial_run_asks_for_nothing(void **state)
{
    static const char *const prompts[] = {"Get-Credential -", "dsadd.exe user"};
    struct made m;
    (void)state;
    make(&m, usual, "contoso", EXCHANGE_2007, NULL);
    must_lack(&m, "Read-Host");
    for (size_t i = 0; i < 2; i++) {
        size_t at = position(&m, prompts[i]);
        assert_null(strstr(m.text + at + 1, prompts[i]));
        const char *guard = i == 0 ? "if ($WhatIf) {" : "if (-not $WhatIf) {";
        char before[600] = "";
        memcpy(before, m.text + at - 500, 500);
        if (strstr(before, guard) == NULL)
            fail_row(prompts[i], "is not guarded by %s", guard);
    }
    drop(&m);
}

/* What a further run would set back, and what the way back would delete, is said where it is. */
static void
what_can_do_harm_is_said_beside_it(void **state)
{
    struct made m;
    (void)state;
    make(&m, usual, "contoso", EXCHANGE_2007, "10.1.0.5");
    const char *caution = strstr(m.text, "#   Only if this script said that it made the account");
    assert_non_null(caution);
    assert_true(caution < strstr(m.text, "dsrm.exe"));
    must_hold(&m, "switch the logs off by the commands under Undo");
    const char *look = strstr(m.text, "if ($root.Subject -ne $root.Issuer) {");
    assert_non_null(look);
    assert_true(look < strstr(m.text, "certutil.exe -addstore Root $path"));
    drop(&m);
}

static void
what_the_configuration_does_not_know_is_asked_for(void **state)
{
    struct made m;
    (void)state;
    make(&m, by_address, "contoso", EXCHANGE_2007, NULL);
    must_hold(&m, "    [string[]]$Server,\r\n");
    must_hold(&m, "if (-not $Server) {\r\n    throw 'Give -Server: ' + ");
    must_hold(&m, "PROPOSAL:");
    drop(&m);
}

static void
without_an_account_the_connector_is_externally_secured(void **state)
{
    struct made m;
    (void)state;
    make(&m, by_address, "contoso", EXCHANGE_2007, NULL);
    must_hold(&m, "    Mechanism = 'Tls,ExternalAuthoritative'\r\n"
                  "    Groups = 'ExchangeServers'\r\n");
    must_hold(&m, "WARNING: the gateway does not log on here");
    must_lack(&m, "AccountContainer");
    must_lack(&m, "Accept-Any-Sender', ");
    must_hold(&m, "    Mechanism = 'None'\r\n    User = ''\r\n");
    drop(&m);
}

/* ---- Hostile values ---- */

static void
values_stay_inside_their_quotes(void **state)
{
    static const char config[] = CONFIG_TEXT_HEAD FORESTS RECEIVE
        "send:\n"
        "  contoso-hub:\n"
        "    servers: [hub1.contoso.example]\n"
        "    tls: { verify: name }\n"
        "    auth: { user: \"CONTOSO\\\\o'brien$(x)`\\\"\\u2019\\u00fc\", password_file: "
        "out.password }\n" FABRIKAM;
    struct made m;
    (void)state;
    make(&m, config, "contoso", EXCHANGE_2007, NULL);
    must_hold(&m, "$account = @(Find-Account "
                  "'CONTOSO\\o''brien$(x)`\"\xe2\x80\x99\xe2\x80\x99\xc3\xbc')\r\n");
    must_lack(&m, "o'b");
    drop(&m);
}

static void
long_domains_get_short_names(void **state)
{
    static char config[8192];
    char domain[260] = "";
    for (int i = 0; i < 4; i++)
        strcat(domain, "a23456789012345678901234567890123456789012345678901234567.");
    strcat(domain, "example");
    (void)state;
    snprintf(config, sizeof config,
             "%sforests:\n"
             "  contoso:\n"
             "    domains: { %s: authoritative, b%s: authoritative }\n"
             "    deliver: [contoso-hub]\n"
             "  fabrikam:\n"
             "    domains: { fabrikam.example: authoritative }\n"
             "    deliver: [fabrikam-hub]\n%s"
             "send:\n"
             "  contoso-hub:\n"
             "    servers: [hub1.contoso.example]\n"
             "    tls: { verify: name }\n"
             "    auth: none\n%s",
             CONFIG_TEXT_HEAD, domain, domain,
             "receive:\n"
             "  from-contoso:\n"
             "    listen: [main]\n"
             "    networks: [10.1.0.0/16]\n"
             "    speaks_for: [contoso]\n"
             "    auth: none\n"
             "  from-fabrikam:\n"
             "    listen: [second]\n"
             "    networks: [10.2.0.0/16]\n"
             "    speaks_for: [fabrikam]\n"
             "    auth: none\n",
             FABRIKAM);
    struct made m;
    make(&m, config, "contoso", EXCHANGE_2007, NULL);
    must_hold(&m, "' 'a234567890123456789012345678901234567890... (1)' 'Authoritative'");
    must_hold(&m, "' 'ba23456789012345678901234567890123456789... (2)' 'Authoritative'");
    drop(&m);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(steps_stand_in_the_order_in_which_they_must_be_done),
        cmocka_unit_test(every_step_says_why_and_how_to_check_it),
        cmocka_unit_test(domains_have_the_type_and_name_that_the_plan_gives),
        cmocka_unit_test(the_receive_connector_is_for_the_gateway_alone),
        cmocka_unit_test(each_right_of_the_plan_is_granted_with_its_reason),
        cmocka_unit_test(the_send_connector_names_the_gateway_and_its_domains),
        cmocka_unit_test(each_version_gets_what_it_has),
        cmocka_unit_test(a_trial_run_asks_for_nothing),
        cmocka_unit_test(what_can_do_harm_is_said_beside_it),
        cmocka_unit_test(what_the_configuration_does_not_know_is_asked_for),
        cmocka_unit_test(without_an_account_the_connector_is_externally_secured),
        cmocka_unit_test(values_stay_inside_their_quotes),
        cmocka_unit_test(long_domains_get_short_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
