#include "gateway/exchange/legacy_setup.h"
#include "gateway/exchange/print_html.h"
#include "gateway/exchange/print_registry.h"
#include "gateway/exchange/print_steps.h"

#include <string.h>

#include "tests/kit/config_text.h"
#include "tests/kit/test.h"

#define ACCOUNT_OF(name)                                                                         \
    "    accounts: { svc: { names: [" name "], password_hash_files: [in.hash] } }\n"

/* Contoso with bridgeheads of 2003, fabrikam that carries mail for tailspin and shares a name
 * space with contoso, and a way out that contoso may use. */
static const char text[] = CONFIG_TEXT_HEAD
    "  other: { address: \"0.0.0.0:2525\", certificate: main }\n"
    "forests:\n"
    "  contoso:\n"
    "    domains: { contoso.example: authoritative, group.example: internal-relay }\n"
    "    deliver: [bridgeheads]\n"
    "  fabrikam:\n"
    "    domains: { fabrikam.example: authoritative, \"*.fabrikam.example\": authoritative,\n"
    "               group.example: authoritative }\n"
    "    deliver: [fabrikam-bridgeheads]\n"
    "  tailspin:\n"
    "    domains: { tailspin.example: authoritative }\n"
    "    deliver: [fabrikam-bridgeheads]\n"
    "receive:\n"
    "  from-contoso:\n"
    "    listen: [main]\n"
    "    networks: [10.1.20.0/24]\n"
    "    speaks_for: [contoso]\n"
    "    message_size: 20MiB\n"
    "    tls: { profile: exchange2003 }\n" ACCOUNT_OF(
        "'CONTOSO\\svc-exchange'") "  from-fabrikam:\n"
                                   "    listen: [other]\n"
                                   "    networks: [10.2.0.0/16]\n"
                                   "    speaks_for: [fabrikam, tailspin]\n"
                                   "    tls: { profile: exchange2003, require: false }\n"
                                   "    auth: none\n"
                                   "send:\n"
                                   "  bridgeheads:\n"
                                   "    servers: [bh1.contoso.example, bh2.contoso.example]\n"
                                   "    tls: { profile: exchange2003, verify: name }\n"
                                   "    auth: { user: "
                                   "\"CONTOSO\\\\<script>'m\xc3\xbcller'&100%\", password_file: "
                                   "out.password }\n"
                                   "  fabrikam-bridgeheads:\n"
                                   "    servers: [bh1.fabrikam.example]\n"
                                   "    tls: { verify: name }\n"
                                   "    auth: none\n"
                                   "  edge:\n"
                                   "    servers: [edge.contoso.example]\n"
                                   "    address_spaces: { \"*\": 10, partner.example: 1 }\n"
                                   "    allow_from: [contoso]\n"
                                   "    tls: { verify: name }\n"
                                   "    auth: none\n";

static struct config *config;
static struct exchange_plan *plan;
static struct exchange_document *d;
static struct buf out;

static int
load(void **state)
{
    (void)state;
    config = config_of_text(text);
    buf_init(&out, 4 * 1024 * 1024);
    return 0;
}

static int
unload(void **state)
{
    (void)state;
    config_unref(&config);
    buf_fini(&out);
    return 0;
}

static int
forget(void **state)
{
    (void)state;
    exchange_document_free(&d);
    exchange_plan_free(&plan);
    return 0;
}

/* The set-up of a forest, and its steps as text in out. */
static void
write_steps(const char *forest, enum exchange_version version)
{
    const struct exchange_question q = {.forest = forest};
    struct err err;
    forget(NULL);
    if (!exchange_plan_make(config, &q, &plan, &err))
        fail_row(forest, "%s", err.text);
    d = exchange_document_new(version, plan->forest->name, plan->gateway);
    assert_non_null(d);
    assert_true(exchange_legacy_write(d, plan));
    buf_clear(&out);
    exchange_print_steps(d, &out);
    assert_true(buf_ok(&out));
}

static bool
has(const char *words)
{
    return strstr(buf_text(&out), words) != NULL;
}

/* The step whose title begins so; NULL: there is none. */
static const struct exchange_step *
find_step(const char *title)
{
    for (size_t i = 0; i < d->step_count; i++)
        if (strncmp(d->steps[i].title, title, strlen(title)) == 0)
            return &d->steps[i];
    return NULL;
}

static size_t
place_of(const char *title)
{
    const struct exchange_step *s = find_step(title);
    if (s == NULL)
        fail_row(title, "no such step");
    return (size_t)(s - d->steps);
}

/* The n-th value that the step sets at the place that begins so; NULL: none. */
static const char *
value_at(const char *title, const char *place, size_t n)
{
    const struct exchange_blocks *blocks = &d->steps[place_of(title)].parts[EXCHANGE_DO];
    for (size_t i = 0; i < blocks->count; i++)
        if (blocks->at[i].kind == EXCHANGE_FIELD &&
            strncmp(blocks->at[i].label, place, strlen(place)) == 0 && n-- == 0)
            return blocks->at[i].text;
    return NULL;
}

#define assert_value(title, place, n, value)                                                     \
    do {                                                                                         \
        const char *found = value_at(title, place, n);                                           \
        if (found == NULL || strcmp(found, value) != 0)                                          \
            fail_row(place, "%s", found != NULL ? found : "is not set");                         \
    } while (0)

/* ---- Order, undo, risk ---- */

static void
what_receives_is_set_before_what_sends(void **state)
{
    static const char *const titles[] = {"Find the bridgehead servers",
                                         "Have the rights",
                                         "Teach Windows Server 2003 AES",
                                         "The account CONTOSO",
                                         "A virtual server of its own",
                                         "A certificate for the SMTP virtual server",
                                         "Trust the authority",
                                         "Log the first day",
                                         "Limits of the virtual server",
                                         "Nothing filters away reports",
                                         "Who may log on",
                                         "From where the virtual server",
                                         "Who may relay",
                                         "Send As for CONTOSO",
                                         "Recipient policy: domains that end here",
                                         "Recipient policy: name spaces shared",
                                         "Sizes and recipients",
                                         "What may go to the other forests",
                                         "SMTP connector to the gateway",
                                         "SMTP connector for mail to no forest",
                                         "First test",
                                         "Registry: the Security tab",
                                         "After an outage",
                                         "After the first day",
                                         "The way back"};
    (void)state;
    write_steps("contoso", EXCHANGE_2003);
    for (size_t i = 1; i < sizeof titles / sizeof titles[0]; i++)
        if (place_of(titles[i]) <= place_of(titles[i - 1]))
            fail_row(titles[i], "comes before %s", titles[i - 1]);
    assert_int_equal(place_of("The way back") + 1, d->step_count);
}

static bool
changes(const struct exchange_step *s)
{
    const struct exchange_blocks *blocks = &s->parts[EXCHANGE_DO];
    for (size_t i = 0; i < blocks->count; i++)
        if (blocks->at[i].kind == EXCHANGE_FIELD || blocks->at[i].kind == EXCHANGE_REGISTRY)
            return true;
    return false;
}

static void
each_step_has_why_and_check_and_each_change_an_undo(void **state)
{
    static const char *const forests[] = {"contoso", "fabrikam"};
    (void)state;
    for (size_t i = 0; i < 4; i++) {
        write_steps(forests[i % 2], i < 2 ? EXCHANGE_2000 : EXCHANGE_2003);
        for (size_t k = 0; k < d->step_count; k++) {
            const struct exchange_step *s = &d->steps[k];
            if (*s->why == '\0' || s->parts[EXCHANGE_DO].count == 0 ||
                s->parts[EXCHANGE_CHECK].count == 0)
                fail_row(s->title, "a part is missing");
            if (k >= 2 && changes(s) && s->parts[EXCHANGE_UNDO].count == 0)
                fail_row(s->title, "no way back");
        }
    }
}

static void
the_way_back_goes_through_all_that_can_be_undone(void **state)
{
    (void)state;
    write_steps("contoso", EXCHANGE_2003);
    const struct exchange_blocks *back = &d->steps[d->step_count - 1].parts[EXCHANGE_DO];
    size_t at = 0;
    for (size_t i = d->step_count - 1; i > 0; i--) {
        if (d->steps[i - 1].parts[EXCHANGE_UNDO].count == 0)
            continue;
        assert_true(at < back->count);
        assert_non_null(strstr(back->at[at++].text, d->steps[i - 1].title));
    }
    assert_int_equal(at, back->count);
}

/* ---- Values ---- */

static void
the_connector_has_the_exact_values(void **state)
{
    static const char title[] = "SMTP connector to the gateway";
    (void)state;
    write_steps("contoso", EXCHANGE_2003);
    assert_value(title, "General -> Forward all mail", 0, "gw.contoso.example");
    assert_value(title, "Address Space -> Add -> SMTP -> E-mail domain, Cost 1", 0,
                 "fabrikam.example");
    assert_value(title, "Address Space -> Add -> SMTP -> E-mail domain, Cost 1", 1,
                 "*.fabrikam.example");
    assert_value(title, "Address Space -> Add -> SMTP -> E-mail domain, Cost 1", 2,
                 "group.example");
    assert_value(title, "Address Space -> Add -> SMTP -> E-mail domain, Cost 1", 3,
                 "tailspin.example");
    assert_null(value_at(title, "Address Space -> Add", 4));
    assert_value(title, "Address Space -> Connector scope", 0, "Entire organization");
    assert_value(title, "Address Space -> Allow messages to be relayed", 0, "cleared");
    assert_value(title, "Advanced -> Outbound Security -> Modify -> Account", 0,
                 "CONTOSO\\svc-exchange");
    assert_value(title, "Advanced -> Outbound Security -> TLS encryption", 0, "ticked");
    assert_true(has("20480 KB"));
    assert_value("SMTP connector for mail to no forest", "Address Space -> Add", 0, "*");
    assert_true(find_step("SMTP connector for mail to no forest")->is_optional);
}

static void
the_servers_are_those_that_our_connectors_name(void **state)
{
    (void)state;
    write_steps("contoso", EXCHANGE_2003);
    assert_value("Find the bridgehead", "Host of the gateway's send connector", 0,
                 "bh1.contoso.example, port 25");
    assert_value("Find the bridgehead", "Host of the gateway's send connector", 1,
                 "bh2.contoso.example, port 25");
    assert_value("A certificate", "Common name, on the server that answers as bh2", 0,
                 "bh2.contoso.example");
    assert_value("A certificate", "Bit length", 0, "2048");
    assert_value("Who may log on", "Default domain", 0, "CONTOSO");
    assert_value("Who may log on", "Requires TLS encryption", 0, "ticked");
}

static void
domains_are_ours_shared_or_carried(void **state)
{
    static const char box[] = "This Exchange Organization is responsible";
    (void)state;
    write_steps("contoso", EXCHANGE_2003);
    assert_value("Recipient policy: domains that end here", "Address", 0, "@contoso.example");
    assert_value("Recipient policy: domains that end here", box, 0, "ticked");
    assert_value("Recipient policy: name spaces shared", "Address", 0, "@group.example");
    assert_value("Recipient policy: name spaces shared", box, 0, "cleared");
    assert_value("Recipient policy: name spaces shared", "group.example: what is not found", 0,
                 "forest fabrikam, through the gateway");
    write_steps("fabrikam", EXCHANGE_2003);
    assert_null(find_step("Recipient policy: name spaces shared"));
    assert_value("Mail that this forest carries for forest tailspin", "Add", 0,
                 "tailspin.example");
    assert_true(has("Unable to relay"));
}

/* ---- Versions ---- */

static void
exchange_2000_is_told_that_no_cipher_is_in_common(void **state)
{
    (void)state;
    write_steps("contoso", EXCHANGE_2000);
    assert_non_null(find_step("Decide how mail is protected: Windows 2000 cannot"));
    assert_null(find_step("Teach Windows Server 2003 AES"));
    assert_null(value_at("Who may log on", "Resolve anonymous e-mail", 0));
    assert_non_null(find_step("Registry: resolve senders"));
    assert_null(find_step("Registry: message properties from who has not logged on"));
    assert_null(find_step("Registry: the tar pit"));
    assert_true(has("240 minutes"));
    assert_true(
        strncmp(value_at("Limits", "Delivery -> Advanced -> Maximum hop", 0), "30 (", 4) == 0);
    write_steps("contoso", EXCHANGE_2003);
    assert_null(find_step("Decide how mail is protected"));
    assert_null(find_step("Registry: resolve senders"));
    assert_non_null(value_at("Who may log on", "Resolve anonymous e-mail", 0));
    assert_value("Limits", "Delivery -> Advanced -> Maximum hop", 0, "30");
}

static void
who_does_not_log_on_needs_a_server_of_its_own(void **state)
{
    (void)state;
    write_steps("fabrikam", EXCHANGE_2003);
    assert_null(find_step("The account"));
    assert_null(find_step("Send As"));
    assert_null(find_step("Registry: the Security tab"));
    assert_false(find_step("A virtual server of its own")->is_optional);
    assert_false(find_step("From where the virtual server")->is_optional);
    assert_null(value_at("Who may log on", "Basic authentication", 0));
    assert_value("Who may log on", "Resolve anonymous e-mail", 0,
                 "ticked, on this virtual server only (else senders stay plain addresses)");
    assert_true(strncmp(value_at("SMTP connector to", "Advanced -> Outbound Security", 0),
                        "Anonymous access", 16) == 0);
    write_steps("contoso", EXCHANGE_2003);
    assert_true(find_step("A virtual server of its own")->is_optional);
    assert_null(find_step("Port"));
}

static void
another_port_is_set_on_the_virtual_server(void **state)
{
    (void)state;
    write_steps("fabrikam", EXCHANGE_2003);
    assert_value("Port 2525", "TCP port", 0, "2525");
    assert_true(place_of("Port 2525") < place_of("SMTP connector to the gateway"));
}

static void
a_modern_profile_is_called_wrong(void **state)
{
    (void)state;
    write_steps("fabrikam", EXCHANGE_2003);
    assert_true(has("send connector fabrikam-bridgeheads has tls: { profile: modern }"));
    write_steps("contoso", EXCHANGE_2003);
    assert_false(has("profile: modern"));
}

static void
addresses_are_asked_for_unless_given(void **state)
{
    const char *const given[] = {"192.0.2.1", "192.0.2.2"};
    const struct exchange_question q = {
        .forest = "contoso", .gateway_addresses = given, .gateway_address_count = 2};
    struct err err;
    (void)state;
    write_steps("contoso", EXCHANGE_2003);
    assert_true(has("GatewayAddress (proposed: 10.1.0.5, 10.1.0.6)"));
    forget(NULL);
    assert_true(exchange_plan_make(config, &q, &plan, &err));
    d = exchange_document_new(EXCHANGE_2003, "contoso", plan->gateway);
    assert_true(exchange_legacy_write(d, plan));
    assert_value("From where", "Add -> Single computer", 0, "192.0.2.1, 192.0.2.2");
    for (size_t i = 0; i < d->parameter_count; i++)
        assert_string_not_equal(d->parameters[i].name, "GatewayAddress");
}

/* ---- The registry ---- */

static void
no_registry_value_is_set_unasked(void **state)
{
    (void)state;
    for (int v = EXCHANGE_2000; v <= EXCHANGE_2003; v++) {
        size_t found = 0;
        write_steps("contoso", (enum exchange_version)v);
        for (size_t i = 0; i < d->step_count; i++) {
            const struct exchange_step *s = &d->steps[i];
            if (strncmp(s->title, "Registry: ", 10) != 0)
                continue;
            found++;
            if (!s->is_optional || strstr(s->why, "Risk: ") == NULL ||
                strstr(s->why, "Only if ") == NULL || strstr(s->why, "What it changes: ") == NULL)
                fail_row(s->title, "%s", s->why);
        }
        assert_true(found >= 3);
        buf_clear(&out);
        exchange_print_registry(d, &out);
        for (const char *line = strchr(buf_text(&out), '\n') + 1; *line != '\0';
             line = strchr(line, '\n') + 1)
            if (*line != ';' && *line != '\r')
                fail_msg("is set: %.60s", line);
    }
}

static void
the_registry_has_what_2003_may_need(void **state)
{
    static const char *const lines[] = {
        ";   [HKEY_LOCAL_MACHINE\\SYSTEM\\CurrentControlSet\\Services\\SMTPSVC\\XEXCH50]\r\n"
        ";   \"Exch50AuthCheckEnabled\"=dword:00000000\r\n",
        ";   \"SuppressExternal\"=dword:00000001\r\n", ";   \"TarpitTime\"=dword:00000005\r\n",
        ";   \"Enabled\"=dword:ffffffff\r\n", ";   \"TarpitTime\"=-\r\n"};
    (void)state;
    write_steps("contoso", EXCHANGE_2003);
    buf_clear(&out);
    exchange_print_registry(d, &out);
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++)
        if (!has(lines[i]))
            fail_row(lines[i], "not there");
}

/* ---- Hostile values ---- */

static void
a_hostile_account_stays_text(void **state)
{
    (void)state;
    write_steps("contoso", EXCHANGE_2003);
    assert_value("Send As for", "Group or user name", 0, "CONTOSO\\<script>'m\xc3\xbcller'&100%");
    assert_value("The account", "New -> User -> User logon name", 0,
                 "<script>'m\xc3\xbcller'&100%");
    buf_clear(&out);
    exchange_print_html(d, &out);
    assert_false(has("<script>"));
    assert_true(has("CONTOSO\\&lt;script&gt;&#39;m\xc3\xbcller&#39;&amp;100%</code>"));
}

/* Domains by the hundred, and a name as long as names can be. */
static void
a_large_configuration_fits(void **state)
{
    struct buf big;
    char label[64];
    (void)state;
    memset(label, 'x', sizeof label - 1);
    label[sizeof label - 1] = '\0';
    buf_init(&big, 1024 * 1024);
    buf_put_str(&big, CONFIG_TEXT_HEAD "forests:\n  contoso:\n    domains:\n");
    for (int i = 0; i < 200; i++)
        buf_printf(&big, "      d%d.%s.%s.%s.example: authoritative\n", i, label, label, label);
    buf_put_str(&big, "    deliver: [to-contoso]\n"
                      "  fabrikam:\n    domains:\n");
    for (int i = 0; i < 200; i++)
        buf_printf(&big, "      f%d.%s.%s.example: authoritative\n", i, label, label);
    buf_put_str(&big, "    deliver: [to-fabrikam]\n"
                      "receive:\n  from-contoso:\n    listen: [main]\n"
                      "    networks: [10.1.20.0/24]\n    speaks_for: [contoso]\n" ACCOUNT_OF(
                          "'CONTOSO\\svc'") "send:\n");
    for (int i = 0; i < 2; i++)
        buf_printf(&big,
                   "  to-%s:\n    servers: [bh.%s.example]\n    tls: { verify: name }\n"
                   "    auth: { user: svc@contoso.example, password_file: out.password }\n",
                   i == 0 ? "contoso" : "fabrikam", i == 0 ? "contoso" : "fabrikam");
    struct config *small = config;
    config = config_of_text(buf_text(&big));
    write_steps("contoso", EXCHANGE_2003);
    assert_non_null(value_at("SMTP connector to", "Address Space -> Add", 199));
    assert_non_null(value_at("Recipient policy", "Address", 199));
    assert_true(has("DefaultDomain (must be given)"));
    forget(NULL);
    config_unref(&config);
    config = small;
    buf_fini(&big);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(what_receives_is_set_before_what_sends, forget),
        cmocka_unit_test_teardown(each_step_has_why_and_check_and_each_change_an_undo, forget),
        cmocka_unit_test_teardown(the_way_back_goes_through_all_that_can_be_undone, forget),
        cmocka_unit_test_teardown(the_connector_has_the_exact_values, forget),
        cmocka_unit_test_teardown(the_servers_are_those_that_our_connectors_name, forget),
        cmocka_unit_test_teardown(domains_are_ours_shared_or_carried, forget),
        cmocka_unit_test_teardown(exchange_2000_is_told_that_no_cipher_is_in_common, forget),
        cmocka_unit_test_teardown(who_does_not_log_on_needs_a_server_of_its_own, forget),
        cmocka_unit_test_teardown(another_port_is_set_on_the_virtual_server, forget),
        cmocka_unit_test_teardown(a_modern_profile_is_called_wrong, forget),
        cmocka_unit_test_teardown(addresses_are_asked_for_unless_given, forget),
        cmocka_unit_test_teardown(no_registry_value_is_set_unasked, forget),
        cmocka_unit_test_teardown(the_registry_has_what_2003_may_need, forget),
        cmocka_unit_test_teardown(a_hostile_account_stays_text, forget),
        cmocka_unit_test_teardown(a_large_configuration_fits, forget),
    };
    return cmocka_run_group_tests(tests, load, unload);
}
