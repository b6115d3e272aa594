#include "gateway/exchange/plan.h"

#include "gateway/base/buf.h"
#include "gateway/route/spaces.h"
#include "tests/kit/config_text.h"
#include "tests/kit/test.h"

/* Contoso with two kinds of servers, fabrikam that carries mail for tailspin, northwind behind a
 * gateway of its own, and name spaces that are shared. */
static const char text[] = CONFIG_TEXT_HEAD
    "  any: { address: \"0.0.0.0:587\", certificate: main }\n"
    "forests:\n"
    "  contoso:\n"
    "    domains:\n"
    "      contoso.example: authoritative\n"
    "      \"*.contoso.example\": authoritative\n"
    "      group.example: internal-relay\n"
    "    deliver: [bridgeheads, contoso-hub]\n"
    "  tailspin:\n"
    "    domains: { tailspin.example: authoritative }\n"
    "    deliver: [fabrikam-hub]\n"
    "  fabrikam:\n"
    "    domains:\n"
    "      fabrikam.example: authoritative\n"
    "      group.example: authoritative\n"
    "    deliver: [fabrikam-hub]\n"
    "  northwind:\n"
    "    domains: { northwind.example: authoritative }\n"
    "    deliver: [to-northwind]\n"
    "receive:\n"
    "  from-bridgeheads:\n"
    "    listen: [second]\n"
    "    networks: [10.1.20.0/24]\n"
    "    speaks_for: [contoso]\n"
    "    accounts:\n"
    "      svc: { names: ['CONTOSO\\svc-gw', svc-gw@contoso.example], password_hash_files: "
    "[in.hash] }\n"
    "  contoso-hub:\n"
    "    listen: [main]\n"
    "    networks: [10.1.30.0/24]\n"
    "    speaks_for: [contoso]\n"
    "    accounts: { svc: { names: ['CONTOSO\\svc-gw'], password_hash_files: [in.hash] } }\n"
    "  from-fabrikam:\n"
    "    listen: [any]\n"
    "    networks: [10.2.0.0/16]\n"
    "    speaks_for: [fabrikam, tailspin]\n"
    "    rights: [default, accept-exch50, accept-headers-forest]\n"
    "    accounts: { svc: { names: ['FABRIKAM\\svc-gw'], password_hash_files: [in.hash] } }\n"
    "  from-northwind:\n"
    "    listen: [main]\n"
    "    networks: [10.3.0.0/16]\n"
    "    speaks_for: [northwind]\n"
    "    accounts: { svc: { names: ['NORTH\\gw'], password_hash_files: [in.hash] } }\n"
    "send:\n"
    "  bridgeheads:\n"
    "    servers: [bh1.contoso.example]\n"
    "    tls: { verify: name }\n"
    "    auth: { user: 'CONTOSO\\svc-gw', password_file: out.password }\n"
    "  contoso-hub:\n"
    "    servers: [hub1.contoso.example]\n"
    "    tls: { verify: name }\n"
    "    auth: { user: 'CONTOSO\\svc-gw', password_file: out.password }\n"
    "  fabrikam-hub:\n"
    "    servers: [hub1.fabrikam.example, hub2.fabrikam.example]\n"
    "    rights: [default, send-headers-organization]\n"
    "    tls: { verify: name }\n"
    "    auth: { user: svc-gw@fabrikam.example, password_file: out.password }\n"
    "  to-northwind:\n"
    "    servers: [gw.northwind.example]\n"
    "    peer: gateway\n"
    "    tls: { verify: name }\n"
    "    auth: { user: gw, password_file: out.password }\n"
    "  edge:\n"
    "    servers: [edge.contoso.example]\n"
    "    address_spaces: { \"*\": 10, partner.example: 1 }\n"
    "    allow_from: [contoso]\n"
    "    tls: { verify: name }\n"
    "    auth: none\n";

static struct config *config;

static int
load(void **state)
{
    (void)state;
    config = config_of_text(text);
    return 0;
}

static int
unload(void **state)
{
    (void)state;
    config_unref(&config);
    return 0;
}

static struct exchange_plan *
plan_of(const char *forest, const char *connector)
{
    const struct exchange_question q = {
        .forest = forest, .connectors = &connector, .connector_count = connector != NULL};
    struct exchange_plan *plan;
    struct err err;
    if (!exchange_plan_make(config, &q, &plan, &err))
        fail_row(forest, "%s", err.text);
    return plan;
}

/* ---- Domains ---- */

static const char *const kinds[] = {"authoritative", "internal-relay", "external-relay"};

static void
check_domains(const char *say, const struct exchange_domains *list, const char *expected)
{
    struct buf b;
    char room[SPACE_TEXT];
    buf_init(&b, 4096);
    for (size_t i = 0; i < list->count; i++)
        buf_printf(&b, "%s%s %s", i > 0 ? ", " : "",
                   space_text(list->at[i].name, list->at[i].wildcard, room),
                   kinds[list->at[i].kind]);
    if (strcmp(buf_text(&b), expected) != 0)
        fail_row(say, "%s", buf_text(&b));
    buf_fini(&b);
}

static void
a_forest_sends_us_the_domains_of_the_others(void **state)
{
    struct exchange_plan *p = plan_of("contoso", "from-bridgeheads");
    (void)state;
    check_domains("spaces", &p->outbound.spaces,
                  "tailspin.example authoritative, fabrikam.example authoritative, "
                  "group.example authoritative, northwind.example authoritative");
    check_domains("extra", &p->outbound.extra,
                  "* external-relay, partner.example external-relay");
    check_domains("accepted", &p->accepted,
                  "contoso.example authoritative, *.contoso.example authoritative, "
                  "group.example internal-relay");
    check_domains("remote", &p->remote,
                  "tailspin.example authoritative, fabrikam.example authoritative, "
                  "northwind.example authoritative");
    assert_int_equal(p->behind_count, 0);
    exchange_plan_free(&p);
}

/* What it carries itself would come back from us: a loop. */
static void
a_forest_that_carries_for_another_keeps_its_mail(void **state)
{
    struct exchange_plan *p = plan_of("fabrikam", NULL);
    (void)state;
    check_domains("spaces", &p->outbound.spaces,
                  "contoso.example authoritative, *.contoso.example authoritative, "
                  "northwind.example authoritative");
    check_domains("extra", &p->outbound.extra, "");
    check_domains("accepted", &p->accepted,
                  "fabrikam.example authoritative, group.example authoritative, "
                  "tailspin.example internal-relay");
    check_domains("remote", &p->remote,
                  "contoso.example authoritative, *.contoso.example authoritative, "
                  "tailspin.example authoritative, northwind.example authoritative");
    assert_int_equal(p->behind_count, 1);
    assert_string_equal(p->behind[0]->name, "tailspin");
    exchange_plan_free(&p);
}

/* ---- Connectors ---- */

static void
their_connectors_mirror_ours(void **state)
{
    struct exchange_plan *p = plan_of("fabrikam", NULL);
    (void)state;
    assert_string_equal(p->outbound.ours->name, "from-fabrikam");
    assert_string_equal(p->outbound.smart_host, "gw.contoso.example");
    assert_int_equal(p->outbound.port, 587);
    assert_string_equal(p->outbound.user, "FABRIKAM\\svc-gw");
    assert_int_equal(p->inbound_count, 1);
    assert_string_equal(p->inbound[0].ours->name, "fabrikam-hub");
    assert_string_equal(p->inbound[0].user, "svc-gw@fabrikam.example");
    exchange_plan_free(&p);
}

static void
a_name_is_written_as_the_version_is_used_to(void **state)
{
    (void)state;
    for (int upn = 0; upn <= 1; upn++) {
        const char *connector = "from-bridgeheads";
        const struct exchange_question q = {.forest = "contoso",
                                            .prefers_upn = upn,
                                            .connectors = &connector,
                                            .connector_count = 1};
        struct exchange_plan *p;
        struct err err;
        assert_true(exchange_plan_make(config, &q, &p, &err));
        assert_string_equal(p->outbound.user, upn ? "svc-gw@contoso.example" : "CONTOSO\\svc-gw");
        exchange_plan_free(&p);
    }
}

/* As in the configuration that is shipped. */
static void
a_receive_and_a_send_connector_may_share_their_name(void **state)
{
    struct exchange_plan *p = plan_of("contoso", "contoso-hub");
    (void)state;
    assert_string_equal(p->outbound.ours->name, "contoso-hub");
    assert_int_equal(p->inbound_count, 1);
    assert_string_equal(p->inbound[0].ours->name, "contoso-hub");
    exchange_plan_free(&p);
}

static void
two_connectors_on_a_server_have_two_names(void **state)
{
    struct exchange_plan *p = plan_of("contoso", "from-bridgeheads");
    (void)state;
    assert_int_equal(p->inbound_count, 2);
    assert_string_not_equal(p->inbound[0].name, p->inbound[1].name);
    assert_true(strlen(p->inbound[0].name) <= 64);
    exchange_plan_free(&p);
}

static bool
has(const struct exchange_rights *rights, const char *name)
{
    for (size_t i = 0; i < rights->count; i++)
        if (strcmp(rights->at[i].name, name) == 0)
            return true;
    return false;
}

static void
rights_are_those_that_ours_have_a_use_for(void **state)
{
    struct exchange_plan *fabrikam = plan_of("fabrikam", NULL);
    struct exchange_plan *contoso = plan_of("contoso", "from-bridgeheads");
    (void)state;
    const struct exchange_rights *in = &fabrikam->inbound[0].rights;
    const struct exchange_rights *plain = &contoso->inbound[0].rights;
    assert_true(has(in, "ms-Exch-SMTP-Submit") && has(plain, "ms-Exch-SMTP-Submit"));
    assert_true(has(in, "ms-Exch-Accept-Headers-Organization"));
    assert_false(has(plain, "ms-Exch-Accept-Headers-Organization"));
    assert_false(has(in, "ms-Exch-SMTP-Accept-Exch50"));
    assert_false(has(in, "ms-Exch-SMTP-Accept-Any-Recipient"));
    const struct exchange_rights *out = &fabrikam->outbound.rights;
    assert_true(has(out, "ms-Exch-Send-Headers-Routing"));
    assert_true(has(out, "ms-Exch-Send-Headers-Forest"));
    assert_true(has(out, "ms-Exch-SMTP-Send-Exch50"));
    assert_false(has(out, "ms-Exch-Send-Headers-Organization"));
    assert_int_equal(contoso->outbound.rights.count, 1);
    exchange_plan_free(&fabrikam);
    exchange_plan_free(&contoso);
}

/* ---- Our addresses ---- */

static void
addresses_are_proposed_from_listeners_or_given(void **state)
{
    struct exchange_plan *p = plan_of("fabrikam", NULL);
    (void)state;
    assert_int_equal(p->gateway_address_count, 2);
    assert_string_equal(p->gateway_addresses[0], "10.1.0.5");
    assert_string_equal(p->gateway_addresses[1], "10.1.0.6");
    assert_false(p->addresses_are_given);
    exchange_plan_free(&p);

    const char *address = "192.0.2.10";
    const struct exchange_question q = {
        .forest = "fabrikam", .gateway_addresses = &address, .gateway_address_count = 1};
    struct err err;
    assert_true(exchange_plan_make(config, &q, &p, &err));
    assert_int_equal(p->gateway_address_count, 1);
    assert_string_equal(p->gateway_addresses[0], address);
    assert_true(p->addresses_are_given);
    exchange_plan_free(&p);
}

static void
what_is_no_address_is_not_proposed(void **state)
{
    static const char *const rows[] = {"", "gw", "10.1.0.5/24", "10.1.0.256", "'; x"};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct exchange_question q = {
            .forest = "fabrikam", .gateway_addresses = &rows[i], .gateway_address_count = 1};
        struct exchange_plan *p;
        struct err err;
        if (exchange_plan_make(config, &q, &p, &err))
            fail_row(rows[i], "was taken");
        assert_non_null(strstr(err.text, "is no address: write 192.0.2.10"));
    }
}

/* ---- What cannot be answered here ---- */

static void
what_cannot_be_planned_here_says_where_to_ask(void **state)
{
    static const struct {
        const char *forest, *connector, *why;
    } rows[] = {
        {"nowhere", NULL,
         "no forest \"nowhere\"; the configuration has contoso, tailspin, fabrikam, northwind"},
        {"tailspin", NULL,
         "forest tailspin is reached through fabrikam: nothing of it connects to this gateway; "
         "ask for --forest fabrikam"},
        {"northwind", NULL,
         "forest northwind is behind another gateway (send connector to-northwind): run this "
         "there"},
        {"contoso", NULL,
         "forest contoso may come in by receive connector from-bridgeheads or contoso-hub: "
         "say which with --connector"},
        {"contoso", "from-nobody", "no connector \"from-nobody\""},
        {"contoso", "from-fabrikam",
         "no receive connector speaks for forest contoso, of those named"},
        {"contoso", "edge", "none of the connectors named leads to forest contoso"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct exchange_question q = {.forest = rows[i].forest,
                                            .connectors = &rows[i].connector,
                                            .connector_count = rows[i].connector != NULL};
        struct exchange_plan *plan;
        struct err err;
        if (exchange_plan_make(config, &q, &plan, &err))
            fail_row(rows[i].why, "was planned");
        assert_null(plan);
        assert_string_equal(err.text, rows[i].why);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_forest_sends_us_the_domains_of_the_others),
        cmocka_unit_test(a_forest_that_carries_for_another_keeps_its_mail),
        cmocka_unit_test(their_connectors_mirror_ours),
        cmocka_unit_test(a_name_is_written_as_the_version_is_used_to),
        cmocka_unit_test(a_receive_and_a_send_connector_may_share_their_name),
        cmocka_unit_test(two_connectors_on_a_server_have_two_names),
        cmocka_unit_test(rights_are_those_that_ours_have_a_use_for),
        cmocka_unit_test(addresses_are_proposed_from_listeners_or_given),
        cmocka_unit_test(what_is_no_address_is_not_proposed),
        cmocka_unit_test(what_cannot_be_planned_here_says_where_to_ask),
    };
    return cmocka_run_group_tests(tests, load, unload);
}
