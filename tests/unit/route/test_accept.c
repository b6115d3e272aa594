#include "gateway/route/accept.h"

#include "config/config_rights.h"
#include "tests/kit/config_text.h"
#include "tests/kit/test.h"

/* Two listeners; networks inside each other; two connectors on one network, told apart by their
 * accounts; a name space that contoso and fabrikam share. */
static const char text[] = CONFIG_TEXT_HEAD
    "forests:\n"
    "  contoso:\n"
    "    domains:\n"
    "      contoso.example: authoritative\n"
    "      \"*.contoso.example\": authoritative\n"
    "      partner.example: external-relay\n"
    "    deliver: [out]\n"
    "  fabrikam:\n"
    "    domains:\n"
    "      fabrikam.example: authoritative\n"
    "      contoso.example: internal-relay\n"
    "      moved.contoso.example: authoritative\n"
    "    deliver: [out]\n"
    "  tailspin:\n"
    "    domains: { fabrikam.example: internal-relay }\n"
    "    deliver: [out]\n"
    "receive:\n"
    "  wide:\n"
    "    listen: [main, second]\n"
    "    networks: [10.0.0.0/8, \"2001:db8::/32\"]\n"
    "    speaks_for: [contoso]\n"
    "    accounts: { wide-svc: { names: ['CONTOSO\\wide'], password_hash_files: [in.hash] } }\n"
    "  narrow:\n"
    "    listen: [main]\n"
    "    networks: [10.2.0.0/16, 10.2.3.0/24]\n"
    "    speaks_for: [fabrikam]\n"
    "    foreign_sender: refuse\n"
    "    accounts:\n"
    "      svc: { names: ['FABRIKAM\\svc', svc@fabrikam.example], password_hash_files: [in.hash] "
    "}\n"
    "  twin:\n"
    "    listen: [main]\n"
    "    networks: [10.2.3.0/24]\n"
    "    speaks_for: [contoso, fabrikam]\n"
    "    accounts: { other: { names: [twin], password_hash_files: [in.hash] } }\n"
    "  trusted:\n"
    "    listen: [second]\n"
    "    networks: [10.2.9.9/32]\n"
    "    speaks_for: [contoso]\n"
    "    auth: none\n"
    "send:\n"
    "  out:\n"
    "    servers: [bh.contoso.example]\n"
    "    tls: { verify: name }\n"
    "    auth: { user: svc, password_file: out.password }\n";

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

static const struct receive_connector *
receive_named(const char *name)
{
    for (size_t i = 0; i < config->receive_count; i++)
        if (strcmp(config->receive[i].name, name) == 0)
            return &config->receive[i];
    fail_msg("no receive connector %s", name);
    return NULL;
}

static const struct listener *
listener_named(const char *name)
{
    return strcmp(config->listeners[0].name, name) == 0 ? &config->listeners[0]
                                                        : &config->listeners[1];
}

static struct accept_candidates
candidates_of(const char *listener, const char *client)
{
    struct accept_candidates found;
    struct sockaddr_storage address;

    assert_true(accept_address(client, &address));
    accept_find(config, listener_named(listener), (const struct sockaddr *)&address, &found);
    return found;
}

static const struct find_row {
    const char *say, *listener, *client;
    const char *want[3]; /* in the order of the file */
    const char *network;
} find_rows[] = {
    {"only the wide network holds it", "main", "10.1.2.3", {"wide"}, "10.0.0.0/8"},
    {"the narrower network wins", "main", "10.2.0.1", {"narrow"}, "10.2.0.0/16"},
    {"two connectors on the narrowest", "main", "10.2.3.4", {"narrow", "twin"}, "10.2.3.0/24"},
    {"its first address", "main", "10.2.3.0", {"narrow", "twin"}, "10.2.3.0/24"},
    {"its last address", "main", "10.2.3.255", {"narrow", "twin"}, "10.2.3.0/24"},
    {"one address behind it", "main", "10.2.4.0", {"narrow"}, "10.2.0.0/16"},
    {"another listener, other connectors", "second", "10.2.3.4", {"wide"}, "10.0.0.0/8"},
    {"a network of one address", "second", "10.2.9.9", {"trusted"}, "10.2.9.9/32"},
    {"IPv6", "main", "2001:db8::25", {"wide"}, "2001:db8::/32"},
    {"IPv4 written as IPv6", "main", "::ffff:10.2.3.4", {"narrow", "twin"}, "10.2.3.0/24"},
    {"nobody", "main", "192.0.2.1", {NULL}, NULL},
    {"nobody by IPv6", "main", "2001:db9::1", {NULL}, NULL},
};

static void
accept_finds_the_connectors_of_the_narrowest_network_on_the_listener(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(find_rows); i++) {
        const struct find_row *r = &find_rows[i];
        struct accept_candidates got = candidates_of(r->listener, r->client);
        for (size_t k = 0; k < got.count || r->want[k] != NULL; k++)
            if (k >= got.count || r->want[k] == NULL ||
                strcmp(got.list[k]->name, r->want[k]) != 0)
                fail_row(r->say, "%s, wanted %s", k < got.count ? got.list[k]->name : "none",
                         r->want[k] ? r->want[k] : "none");
        if ((got.network == NULL) != (r->network == NULL) ||
            (r->network != NULL && strcmp(got.network->text, r->network) != 0))
            fail_row(r->say, "by network %s", got.network ? got.network->text : "none");
    }
}

/* A socket outlives a reload; its listener is then that of the configuration before. */
static void
accept_knows_a_listener_of_an_earlier_configuration_by_its_name(void **state)
{
    struct listener before = {.name = "second"};
    struct accept_candidates got;
    struct sockaddr_storage address;

    (void)state;
    assert_true(accept_address("10.2.9.9", &address));
    accept_find(config, &before, (const struct sockaddr *)&address, &got);
    assert_int_equal(got.count, 1);
}

static void
accept_reads_addresses_and_nothing_else_as_addresses(void **state)
{
    struct sockaddr_storage address;

    (void)state;
    assert_true(accept_address("192.0.2.1", &address));
    assert_int_equal(address.ss_family, AF_INET);
    assert_true(accept_address("::1", &address));
    assert_int_equal(address.ss_family, AF_INET6);
    assert_false(accept_address("", &address));
    assert_false(accept_address("192.0.2", &address));
    assert_false(accept_address("192.0.2.1:25", &address));
    assert_false(accept_address("[::1]", &address));
    assert_false(accept_address("bh.contoso.example", &address));
}

static const struct account_row {
    const char *say, *client, *name;
    const char *account, *connector; /* NULL: nobody */
} account_rows[] = {
    {"DOMAIN\\user", "10.2.3.4", "FABRIKAM\\svc", "svc", "narrow"},
    {"DOMAIN\\user in small letters", "10.2.3.4", "fabrikam\\SVC", "svc", "narrow"},
    {"UPN", "10.2.3.4", "Svc@Fabrikam.Example", "svc", "narrow"},
    {"the account decides between connectors", "10.2.3.4", "twin", "other", "twin"},
    {"a name that is not listed", "10.2.3.4", "svc", NULL, NULL},
    {"the name in the log is not a logon", "10.2.3.4", "other", NULL, NULL},
    {"an account of a wider network", "10.2.3.4", "CONTOSO\\wide", NULL, NULL},
    {"where it belongs", "10.1.2.3", "CONTOSO\\wide", "wide-svc", "wide"},
    {"no name", "10.1.2.3", "", NULL, NULL},
};

static void
accept_finds_the_account_by_any_of_its_names_without_case(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(account_rows); i++) {
        const struct account_row *r = &account_rows[i];
        struct accept_candidates candidates = candidates_of("main", r->client);
        const struct receive_connector *connector = NULL;
        const struct account *got = accept_account(&candidates, slice_str(r->name), &connector);
        if ((got == NULL) != (r->account == NULL))
            fail_row(r->say, "%s", got ? got->name : "nobody");
        if (got != NULL &&
            (strcmp(got->name, r->account) != 0 || strcmp(connector->name, r->connector) != 0))
            fail_row(r->say, "%s of %s", got->name, connector->name);
    }
}

static const struct sender_row {
    const char *say, *connector, *from, *auth; /* auth NULL: not given */
    int code;
    enum sender_trust trust;
    bool anonymous, named;
    const char *forest;
} sender_rows[] = {
    {"inside", "wide", "kim@contoso.example", NULL, 250, SENDER_INSIDE, false, false, "contoso"},
    {"inside, below a wildcard, in capitals", "wide", "kim@EMEA.Contoso.Example", NULL, 250,
     SENDER_INSIDE, false, false, "contoso"},
    {"inside but came in anonymously", "wide", "kim@contoso.example", "<>", 250, SENDER_INSIDE,
     true, false, "contoso"},
    {"inside with a name", "wide", "kim@contoso.example", "kim@contoso.example", 250,
     SENDER_INSIDE, false, true, "contoso"},
    {"a name from a network without accounts is not carried", "trusted", "kim@contoso.example",
     "kim@contoso.example", 250, SENDER_INSIDE, false, false, "contoso"},
    {"the shared name space is inside for both", "narrow", "kim@contoso.example", NULL, 250,
     SENDER_INSIDE, false, false, "fabrikam"},
    {"shared by two that the connector speaks for", "twin", "kim@contoso.example", NULL, 250,
     SENDER_INSIDE, false, false, "contoso"},
    {"a closer entry takes a part of the wildcard away", "wide", "kim@moved.contoso.example",
     NULL, 250, SENDER_EXTERNAL, true, false, "fabrikam"},
    {"and gives it to the other forest", "narrow", "kim@moved.contoso.example", NULL, 250,
     SENDER_INSIDE, false, false, "fabrikam"},
    {"an external-relay domain is somebody else's", "wide", "kim@partner.example", NULL, 250,
     SENDER_EXTERNAL, true, false, NULL},
    {"another forest's sender", "wide", "lee@fabrikam.example", NULL, 250, SENDER_EXTERNAL, true,
     false, "fabrikam"},
    {"a name does not make an outsider an insider", "wide", "lee@fabrikam.example",
     "lee@fabrikam.example", 250, SENDER_EXTERNAL, true, false, "fabrikam"},
    {"nobody's sender", "wide", "pat@example.org", NULL, 250, SENDER_EXTERNAL, true, false, NULL},
    {"nobody's sender is refused where that is said", "narrow", "pat@example.org", NULL, 550,
     SENDER_EXTERNAL, true, false, NULL},
    {"another forest's sender too", "narrow", "kim@emea.contoso.example", NULL, 550,
     SENDER_EXTERNAL, true, false, "contoso"},
    {"a literal", "wide", "kim@[10.1.2.3]", NULL, 250, SENDER_EXTERNAL, true, false, NULL},
    {"a domain that only ends like ours", "wide", "kim@notcontoso.example", NULL, 250,
     SENDER_EXTERNAL, true, false, NULL},
    {"null", "wide", "", NULL, 250, SENDER_NULL, false, false, NULL},
    {"null where outsiders are refused", "narrow", "", NULL, 250, SENDER_NULL, false, false,
     NULL},
    {"null that came in anonymously", "wide", "", "<>", 250, SENDER_NULL, true, false, NULL},
    {"null with a name", "wide", "", "kim@contoso.example", 250, SENDER_NULL, false, false, NULL},
};

static struct sender_decision
decide_sender(const struct sender_row *r)
{
    struct smtp_mail mail = {.auth_given = r->auth != NULL, .auth = slice_str(r->auth)};
    struct sender_decision got;

    if (r->from[0] != '\0')
        assert_true(address_parse(slice_str(r->from), &mail.from));
    accept_sender(config, receive_named(r->connector), &mail, &got);
    return got;
}

static void
accept_sender_tells_inside_from_outside(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(sender_rows); i++) {
        const struct sender_row *r = &sender_rows[i];
        struct sender_decision got = decide_sender(r);
        const char *forest = got.forest ? got.forest->name : "none";
        if (got.d.reply.code != r->code || got.trust != r->trust ||
            got.auth_anonymous != r->anonymous || got.auth_named != r->named ||
            strcmp(forest, r->forest ? r->forest : "none") != 0)
            fail_row(r->say, "%d, trust %d, anonymous %d, named %d, forest %s (%s)",
                     got.d.reply.code, got.trust, got.auth_anonymous, got.auth_named, forest,
                     got.d.why);
    }
}

/* Whoever says AUTH=<> or is an outsider goes on as AUTH=<>, and none of these with a name. */
static void
accept_sender_never_upgrades_trust(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(sender_rows); i++) {
        const struct sender_row *r = &sender_rows[i];
        struct sender_decision got = decide_sender(r);
        bool says_anonymous = r->auth != NULL && strcmp(r->auth, "<>") == 0;
        if ((says_anonymous || got.trust == SENDER_EXTERNAL) && !got.auth_anonymous)
            fail_row(r->say, "lost its AUTH=<>");
        if (got.auth_named && (got.auth_anonymous || got.trust != SENDER_INSIDE))
            fail_row(r->say, "got a name");
    }
}

enum {
    OWN = RIGHT_ACCEPT_AUTHORITATIVE_DOMAIN_SENDER,
    ANY = RIGHT_ACCEPT_ANY_SENDER,
    FLAG = RIGHT_ACCEPT_AUTHENTICATION_FLAG,
};

/* Each right held and not held, on connector wide, which speaks for contoso. */
static const struct right_row {
    const char *say;
    unsigned rights;
    const char *from, *auth; /* NULL: not given */
    int code;
    enum sender_trust trust;
    bool anonymous, named;
} right_rows[] = {
    {"own sender, held", OWN | FLAG, "kim@contoso.example", NULL, 250, SENDER_INSIDE, false,
     false},
    {"own sender, not held", FLAG, "kim@contoso.example", NULL, 550, SENDER_INSIDE, false, false},
    {"own sender, any sender does not stand for it", ANY | FLAG, "kim@contoso.example", NULL, 550,
     SENDER_INSIDE, false, false},
    {"another's sender needs no right to our domains", FLAG, "lee@fabrikam.example", NULL, 250,
     SENDER_EXTERNAL, true, false},
    {"the null sender neither", 0, "", NULL, 250, SENDER_NULL, true, false},

    {"any sender: another forest's", OWN | ANY | FLAG, "lee@fabrikam.example", NULL, 250,
     SENDER_ANY, false, false},
    {"any sender: nobody's", OWN | ANY | FLAG, "pat@example.org", NULL, 250, SENDER_ANY, false,
     false},
    {"any sender: a literal", OWN | ANY | FLAG, "pat@[192.0.2.1]", NULL, 250, SENDER_ANY, false,
     false},
    {"any sender: AUTH=<> stays", OWN | ANY | FLAG, "pat@example.org", "<>", 250, SENDER_ANY,
     true, false},
    {"any sender: a name goes on", OWN | ANY | FLAG, "pat@example.org", "kim@contoso.example",
     250, SENDER_ANY, false, true},
    {"any sender without the flag is from outside", OWN | ANY, "pat@example.org", NULL, 250,
     SENDER_ANY, true, false},
    {"one's own sender is inside with any sender too", OWN | ANY | FLAG, "kim@contoso.example",
     NULL, 250, SENDER_INSIDE, false, false},

    {"flag held: AUTH=<> stays", OWN | FLAG, "kim@contoso.example", "<>", 250, SENDER_INSIDE,
     true, false},
    {"flag held: a name goes on", OWN | FLAG, "kim@contoso.example", "kim@contoso.example", 250,
     SENDER_INSIDE, false, true},
    {"flag not held: no name goes on", OWN, "kim@contoso.example", "kim@contoso.example", 250,
     SENDER_INSIDE, true, false},
    {"flag not held: all is from outside", OWN, "kim@contoso.example", NULL, 250, SENDER_INSIDE,
     true, false},
    {"flag not held: reports too", OWN, "", NULL, 250, SENDER_NULL, true, false},
};

static struct sender_decision
decide_with(const char *connector, unsigned rights, const char *from, const char *auth)
{
    struct receive_connector c = *receive_named(connector);
    struct smtp_mail mail = {.auth_given = auth != NULL, .auth = slice_str(auth)};
    struct sender_decision got;

    c.rights = rights;
    c.rights_where = (struct where){.file = "forestgate.yaml", .line = 99};
    if (from[0] != '\0')
        assert_true(address_parse(slice_str(from), &mail.from));
    accept_sender(config, &c, &mail, &got);
    return got;
}

static void
accept_sender_asks_the_rights_of_the_connector(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(right_rows); i++) {
        const struct right_row *r = &right_rows[i];
        struct sender_decision got = decide_with("wide", r->rights, r->from, r->auth);
        if (got.d.reply.code != r->code || got.trust != r->trust || got.auth_named != r->named ||
            (r->code == 250 && got.auth_anonymous != r->anonymous))
            fail_row(r->say, "%d, trust %d, anonymous %d, named %d (%s)", got.d.reply.code,
                     got.trust, got.auth_anonymous, got.auth_named, got.d.why);
    }
}

/* Whatever the rights: AUTH=<> stays, and a name needs the flag and a logon. */
static void
accept_sender_never_upgrades_trust_by_any_rights(void **state)
{
    static const char *const froms[] = {"kim@contoso.example", "lee@fabrikam.example",
                                        "pat@example.org", ""};
    static const char *const connectors[] = {"wide", "narrow", "twin", "trusted"};

    (void)state;
    for (unsigned rights = 0; rights < 2 * RIGHT_ACCEPT_EXCH50; rights++)
        for (size_t f = 0; f < COUNT_OF(froms); f++)
            for (size_t c = 0; c < COUNT_OF(connectors); c++) {
                struct sender_decision none = decide_with(connectors[c], rights, froms[f], "<>");
                assert_true(none.auth_anonymous && !none.auth_named);
                struct sender_decision name =
                    decide_with(connectors[c], rights, froms[f], "kim@contoso.example");
                if (name.auth_named)
                    assert_true((rights & FLAG) && !name.auth_anonymous && froms[f][0] != '\0' &&
                                receive_named(connectors[c])->auth_required);
                assert_true(name.auth_anonymous || (rights & FLAG));
            }
}

static void
accept_sender_says_which_right_decided(void **state)
{
    struct sender_decision got = decide_with("wide", FLAG, "kim@contoso.example", NULL);

    (void)state;
    assert_string_equal(got.d.why, "contoso.example belongs to forest contoso, and wide does not "
                                   "hold accept-authoritative-domain-sender");
    assert_string_equal(got.d.reply.text,
                        "Client does not have permissions to send as this sender");
    assert_int_equal(got.d.where.line, 99);

    got = decide_with("wide", ANY | FLAG, "pat@example.org", NULL);
    assert_string_equal(got.d.why, "the sender's domain belongs to no forest, and wide holds "
                                   "accept-any-sender");
    assert_int_equal(got.d.where.line, 99);

    got = decide_with("wide", OWN, "kim@contoso.example", NULL);
    assert_string_equal(got.d.why,
                        "inside: contoso.example belongs to forest contoso; goes on as "
                        "AUTH=<> without accept-authentication-flag");
}

static void
accept_sender_says_why_and_by_which_line(void **state)
{
    static const struct sender_row inside = {.connector = "wide", .from = "kim@contoso.example"};
    static const struct sender_row refused = {.connector = "narrow", .from = "pat@example.org"};
    struct sender_decision got = decide_sender(&inside);

    (void)state;
    assert_string_equal(got.d.why, "inside: contoso.example belongs to forest contoso");
    assert_string_equal(got.d.where.file, "forestgate.yaml");
    assert_int_equal(got.d.where.line, 13);

    got = decide_sender(&refused);
    assert_string_equal(got.d.why,
                        "the sender's domain belongs to no forest: foreign_sender: refuse");
    assert_int_equal(got.d.where.line, receive_named("narrow")->where.line);
    assert_string_equal(got.d.reply.text,
                        "Client does not have permissions to send as this sender");
    assert_true(reply_has_enhanced(&got.d.reply, 5, 7, 1));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(accept_finds_the_connectors_of_the_narrowest_network_on_the_listener),
        cmocka_unit_test(accept_knows_a_listener_of_an_earlier_configuration_by_its_name),
        cmocka_unit_test(accept_reads_addresses_and_nothing_else_as_addresses),
        cmocka_unit_test(accept_finds_the_account_by_any_of_its_names_without_case),
        cmocka_unit_test(accept_sender_tells_inside_from_outside),
        cmocka_unit_test(accept_sender_never_upgrades_trust),
        cmocka_unit_test(accept_sender_asks_the_rights_of_the_connector),
        cmocka_unit_test(accept_sender_never_upgrades_trust_by_any_rights),
        cmocka_unit_test(accept_sender_says_which_right_decided),
        cmocka_unit_test(accept_sender_says_why_and_by_which_line),
    };
    return cmocka_run_group_tests(tests, load, unload);
}
