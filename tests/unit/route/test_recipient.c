#include "gateway/route/recipient.h"

#include "tests/kit/config_text.h"
#include "tests/kit/test.h"

/* Three forests (the third reached through the second), a legacy and a hub side of one hairpin
 * forest, a shared name space, and ways out that compete. */
static const char text[] = CONFIG_TEXT_HEAD
    "forests:\n"
    "  contoso:\n"
    "    domains:\n"
    "      contoso.example: authoritative\n"
    "      \"*.contoso.example\": authoritative\n"
    "      group.example: internal-relay\n"
    "      sold.example: external-relay\n"
    "    deliver: [to-contoso]\n"
    "  fabrikam:\n"
    "    domains:\n"
    "      fabrikam.example: authoritative\n"
    "      emea.contoso.example: authoritative\n"
    "      \"*.lab.contoso.example\": authoritative\n"
    "      shared.contoso.example: internal-relay\n"
    "      group.example: authoritative\n"
    "      sold.example: authoritative\n"
    "      relay-only.example: internal-relay\n"
    "      partner.example: external-relay\n"
    "    deliver: [to-fabrikam, to-fabrikam-spare]\n"
    "  tailspin:\n"
    "    domains: { tailspin.example: authoritative }\n"
    "    deliver: [to-fabrikam]\n"
    "  mixed:\n"
    "    domains: { mixed.example: authoritative }\n"
    "    deliver: [to-legacy, to-hub]\n"
    "    hairpin: allow\n"
    "receive:\n"
    "  from-contoso:\n"
    "    listen: [main]\n"
    "    networks: [10.1.0.0/16]\n"
    "    speaks_for: [contoso]\n"
    "    accounts: { svc: { names: [contoso], password_hash_files: [in.hash] } }\n"
    "  from-fabrikam:\n"
    "    listen: [main]\n"
    "    networks: [10.2.0.0/16]\n"
    "    speaks_for: [fabrikam, tailspin]\n"
    "    accounts: { svc: { names: [fabrikam], password_hash_files: [in.hash] } }\n"
    "  from-legacy:\n"
    "    listen: [main]\n"
    "    networks: [10.4.1.0/24]\n"
    "    speaks_for: [mixed]\n"
    "    accounts: { svc: { names: [legacy], password_hash_files: [in.hash] } }\n"
    "  from-both-sides:\n"
    "    listen: [main]\n"
    "    networks: [10.4.0.0/16]\n"
    "    speaks_for: [mixed]\n"
    "    accounts: { svc: { names: [both], password_hash_files: [in.hash] } }\n"
    "send:\n"
    "  to-contoso: { servers: [bh.contoso.example], tls: { verify: name }, auth: none }\n"
    "  to-fabrikam: { servers: [hub.fabrikam.example], tls: { verify: name }, auth: none }\n"
    "  to-fabrikam-spare: { servers: [hub2.fabrikam.example], tls: { verify: name }, auth: none "
    "}\n"
    "  to-legacy: { servers: [10.4.1.5], tls: { verify: name }, auth: none }\n"
    "  to-hub: { servers: [10.4.2.5], tls: { verify: name }, auth: none }\n"
    "  out-b:\n"
    "    servers: [b.example]\n"
    "    address_spaces: { \"*\": 10, tie.example: 5, \"*.deep.example\": 50, "
    "sales.contoso.example: 1 }\n"
    "    allow_from: [contoso]\n"
    "    tls: { verify: name }\n"
    "    auth: none\n"
    "  out-a:\n"
    "    servers: [a.example]\n"
    "    address_spaces: { \"*\": 20, tie.example: 5, cheap.example: 1, \"*.example\": 99 }\n"
    "    allow_from: [contoso, tailspin]\n"
    "    tls: { verify: name }\n"
    "    auth: none\n"
    "  out-c:\n"
    "    servers: [c.example]\n"
    "    address_spaces: { cheap.example: 2, secret.example: 1 }\n"
    "    allow_from: [mixed]\n"
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

/* "" is our own report. */
static const struct receive_connector *
receive_named(const char *name)
{
    for (size_t i = 0; i < config->receive_count; i++)
        if (strcmp(config->receive[i].name, name) == 0)
            return &config->receive[i];
    assert_string_equal(name, "");
    return NULL;
}

static struct address
address_of(const char *to)
{
    struct slice path = slice_str(to);
    struct address address;

    assert_true(
        address_read_path(&path, (struct address_rules){.postmaster_ok = true}, &address));
    return address;
}

static struct route
route_of(const char *from, const char *to)
{
    struct route route;

    route_recipient(config, receive_named(from), address_of(to), false, &route);
    return route;
}

static const struct route_row {
    const char *say, *from, *to;
    int code, subject, detail;
    const char *forest, *connector; /* NULL: none */
} route_rows[] = {
    /* Which entry is the closest. */
    {"an exact entry", "from-contoso", "<b@fabrikam.example>", 250, 1, 5, "fabrikam",
     "to-fabrikam"},
    {"in capitals", "from-contoso", "<b@Fabrikam.EXAMPLE>", 250, 1, 5, "fabrikam", "to-fabrikam"},
    {"an exact entry covers nothing below", "from-contoso", "<b@sub.fabrikam.example>", 250, 1, 5,
     NULL, "out-a"},
    {"a wildcard covers what is below", "from-fabrikam", "<k@a.b.contoso.example>", 250, 1, 5,
     "contoso", "to-contoso"},
    {"exact beats the wildcard of another forest", "from-contoso", "<k@emea.contoso.example>",
     250, 1, 5, "fabrikam", "to-fabrikam"},
    {"but only for itself", "from-fabrikam", "<k@x.emea.contoso.example>", 250, 1, 5, "contoso",
     "to-contoso"},
    {"the longer wildcard beats the shorter", "from-contoso", "<k@pc.lab.contoso.example>", 250,
     1, 5, "fabrikam", "to-fabrikam"},
    {"a wildcard covers its own name", "from-contoso", "<k@lab.contoso.example>", 250, 1, 5,
     "fabrikam", "to-fabrikam"},
    {"the end of a label is not the end of a name", "from-legacy", "<k@notcontoso.example>", 550,
     7, 1, NULL, NULL},
    {"a forest's wildcard comes before an exact address space", "from-fabrikam",
     "<k@sales.contoso.example>", 250, 1, 5, "contoso", "to-contoso"},

    /* Own forest and hairpin. */
    {"own forest", "from-contoso", "<k@contoso.example>", 550, 4, 6, "contoso", NULL},
    {"own forest, below a wildcard", "from-contoso", "<k@x.contoso.example>", 550, 4, 6,
     "contoso", NULL},
    {"a report may go to any forest", "", "<k@contoso.example>", 250, 1, 5, "contoso",
     "to-contoso"},
    {"hairpin: not back into the network it came from", "from-legacy", "<m@mixed.example>", 250,
     1, 5, "mixed", "to-hub"},
    {"hairpin: no way that does not lead back", "from-both-sides", "<m@mixed.example>", 550, 4, 6,
     "mixed", NULL},
    {"hairpin does not bind others", "from-contoso", "<m@mixed.example>", 250, 1, 5, "mixed",
     "to-legacy"},

    /* A third forest. */
    {"through a forest to a third", "from-contoso", "<t@tailspin.example>", 250, 1, 5, "tailspin",
     "to-fabrikam"},
    {"the third forest is own for whom speaks for it", "from-fabrikam", "<t@tailspin.example>",
     550, 4, 6, "tailspin", NULL},
    {"from the third to the first", "from-fabrikam", "<k@contoso.example>", 250, 1, 5, "contoso",
     "to-contoso"},

    /* Shared name spaces. */
    {"shared: to the authoritative forest", "from-contoso", "<k@group.example>", 250, 1, 5,
     "fabrikam", "to-fabrikam"},
    {"shared: not back to the authority", "from-fabrikam", "<k@group.example>", 550, 4, 6,
     "fabrikam", NULL},
    {"shared: the authority is a wildcard of another forest", "from-fabrikam",
     "<k@shared.contoso.example>", 250, 1, 5, "contoso", "to-contoso"},
    {"external-relay gives way to the authority", "from-legacy", "<k@sold.example>", 250, 1, 5,
     "fabrikam", "to-fabrikam"},
    {"internal-relay without authority goes to who lists it", "from-contoso",
     "<k@relay-only.example>", 250, 1, 5, "fabrikam", "to-fabrikam"},
    {"external-relay goes to who lists it", "from-contoso", "<k@partner.example>", 250, 1, 5,
     "fabrikam", "to-fabrikam"},

    /* Address spaces. */
    {"the way out: the cheaper", "from-contoso", "<x@example.org>", 250, 1, 5, NULL, "out-b"},
    {"closer beats cheaper", "from-contoso", "<x@other.example>", 250, 1, 5, NULL, "out-a"},
    {"the longer wildcard, though dearer than the shorter", "from-contoso", "<x@y.deep.example>",
     250, 1, 5, NULL, "out-b"},
    {"a tie goes by name", "from-contoso", "<x@tie.example>", 250, 1, 5, NULL, "out-a"},
    {"who may not use the cheaper one uses the dearer", "from-fabrikam", "<x@example.org>", 250,
     1, 5, NULL, "out-a"},
    {"exact and allowed", "from-contoso", "<x@cheap.example>", 250, 1, 5, NULL, "out-a"},
    {"exact for another forest", "from-legacy", "<x@cheap.example>", 250, 1, 5, NULL, "out-c"},
    {"what one may not use does not hide the rest", "from-contoso", "<x@secret.example>", 250, 1,
     5, NULL, "out-a"},
    {"no way out for this forest", "from-legacy", "<x@example.org>", 550, 7, 1, NULL, NULL},
    {"a report may use every way out", "", "<x@secret.example>", 250, 1, 5, NULL, "out-c"},

    /* Addresses of their own kind. */
    {"an IPv4 literal", "from-contoso", "<x@[10.2.0.1]>", 550, 7, 1, NULL, NULL},
    {"an IPv6 literal", "from-contoso", "<x@[IPv6:2001:db8::1]>", 550, 7, 1, NULL, NULL},
    {"postmaster", "from-fabrikam", "<postmaster>", 250, 1, 5, "contoso", "to-contoso"},
    {"postmaster of one's own forest", "from-contoso", "<Postmaster>", 250, 1, 5, "contoso",
     "to-contoso"},
    {"the same address in full is own forest", "from-contoso", "<postmaster@contoso.example>",
     550, 4, 6, "contoso", NULL},
};

static void
recipient_goes_where_the_table_says(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(route_rows); i++) {
        const struct route_row *r = &route_rows[i];
        struct route got = route_of(r->from, r->to);
        const char *forest = got.forest ? got.forest->name : "none";
        const char *connector = got.connector ? got.connector->name : "none";
        if (got.d.reply.code != r->code ||
            !reply_has_enhanced(&got.d.reply, r->code / 100, r->subject, r->detail) ||
            strcmp(forest, r->forest ? r->forest : "none") != 0 ||
            strcmp(connector, r->connector ? r->connector : "none") != 0)
            fail_row(r->say, "%d %s, forest %s, connector %s (%s)", got.d.reply.code,
                     got.d.reply.text, forest, connector, got.d.why);
    }
}

static void
recipient_keeps_the_address_as_it_was_written(void **state)
{
    (void)state;
    assert_string_equal(route_of("from-contoso", "<\"B B\"@Fabrikam.Example>").address,
                        "\"B B\"@Fabrikam.Example");
    assert_string_equal(route_of("from-fabrikam", "<POSTMASTER>").address,
                        "postmaster@contoso.example");
}

static void
recipient_takes_the_longest_address(void **state)
{
    char path[ADDRESS_MAX + 3] = "<";

    (void)state;
    memset(path + 1, 'a', LOCAL_PART_MAX);
    memcpy(path + 1 + LOCAL_PART_MAX, "@fabrikam.example>", 19);
    assert_int_equal(route_of("from-contoso", path).d.reply.code, 250);
}

/* Parsed addresses have a domain that is valid; a caller with another source may not. */
static void
recipient_refuses_what_is_no_domain_or_too_long(void **state)
{
    char longer[ADDRESS_MAX + 2];
    struct address address = {.text = slice_str("b@a..example"),
                              .domain = slice_str("a..example")};
    struct route route;

    (void)state;
    route_recipient(config, receive_named("from-contoso"), address, false, &route);
    assert_int_equal(route.d.reply.code, 501);
    assert_true(reply_has_enhanced(&route.d.reply, 5, 1, 3));

    memset(longer, 'a', sizeof longer);
    address = (struct address){.text = slice(longer, sizeof longer),
                               .domain = slice_str("fabrikam.example")};
    route_recipient(config, receive_named("from-contoso"), address, false, &route);
    assert_int_equal(route.d.reply.code, 501);
    assert_null(route.connector);
}

static void
recipient_says_why_and_by_which_line(void **state)
{
    struct route route = route_of("from-contoso", "<k@contoso.example>");

    (void)state;
    assert_string_equal(route.d.reply.text,
                        "Recipient belongs to the forest that receive connector from-contoso "
                        "speaks for");
    assert_string_equal(route.d.why, "from-contoso speaks for forest contoso itself: mail that "
                                     "comes from a forest is not sent back into it");
    assert_string_equal(route.d.where.file, "forestgate.yaml");
    assert_int_equal(route.d.where.line, 13);

    route = route_of("from-legacy", "<x@example.org>");
    assert_string_equal(route.d.reply.text, "Unable to relay");
    assert_non_null(strstr(route.d.why, "address space * of send connector out-b covers it, but "
                                        "allow_from has no forest of from-legacy"));
    assert_int_equal(route.d.where.line, config_send(config, slice_str("out-b"))->where.line);

    route = route_of("from-contoso", "<x@[192.0.2.1]>");
    assert_non_null(strstr(route.d.why, "literal"));
    assert_int_equal(route.d.where.line, 0);
}

static void
recipient_says_when_the_postmaster_has_no_route(void **state)
{
    const char *postmaster = config->postmaster;
    struct route route;

    (void)state;
    config->postmaster = "postmaster@example.org";
    route = route_of("from-legacy", "<postmaster>");
    assert_int_equal(route.d.reply.code, 550);
    assert_string_equal(route.d.why, "postmaster: postmaster@example.org has no route; name an "
                                     "address of one of the forests");

    config->postmaster = "postmaster";
    route = route_of("from-legacy", "<postmaster>");
    assert_int_equal(route.d.reply.code, 550);
    assert_null(route.connector);
    config->postmaster = postmaster;
}

/* Any recipient for which there is a way, and no other. */
static void
recipient_takes_any_address_space_by_right(void **state)
{
    static const struct {
        const char *to, *connector; /* NULL: refused */
    } wanted[] = {
        {"<x@example.org>", "out-b"},
        {"<x@secret.example>", "out-c"},
        {"<m@mixed.example>", "to-hub"},
        {"<x@[192.0.2.1]>", NULL},
    };
    struct receive_connector any = *receive_named("from-legacy");
    struct route route;

    (void)state;
    any.rights |= RIGHT_ACCEPT_ANY_RECIPIENT;
    any.rights_where = (struct where){.file = "forestgate.yaml", .line = 99};
    for (size_t i = 0; i < COUNT_OF(wanted); i++) {
        route_recipient(config, &any, address_of(wanted[i].to), true, &route);
        const char *connector = route.connector ? route.connector->name : "none";
        if (strcmp(connector, wanted[i].connector ? wanted[i].connector : "none") != 0)
            fail_row(wanted[i].to, "%s (%s)", connector, route.d.why);
    }
    route_recipient(config, &any, address_of("<x@secret.example>"), true, &route);
    assert_string_equal(route.steps[route.step_count - 1].text,
                        "from-legacy holds accept-any-recipient, whatever allow_from says");
    assert_int_equal(route.steps[route.step_count - 1].where.line, 99);

    /* An owner of the domain is asked first, and one's own forest is no way. */
    struct receive_connector own = *receive_named("from-contoso");
    own.rights |= RIGHT_ACCEPT_ANY_RECIPIENT;
    route_recipient(config, &own, address_of("<k@contoso.example>"), false, &route);
    assert_int_equal(route.d.reply.code, 550);
    assert_null(route.connector);
}

static const struct steps_row {
    const char *from, *to;
    const char *want[4];
} steps_rows[] = {
    {"from-contoso",
     "<b@fabrikam.example>",
     {"fabrikam.example (authoritative) of forest fabrikam fits best",
      "forest fabrikam is reached through send connector to-fabrikam"}},
    {"from-fabrikam",
     "<k@shared.contoso.example>",
     {"shared.contoso.example (internal-relay) of forest fabrikam fits best",
      "shared name space: forest contoso is authoritative by *.contoso.example",
      "forest contoso is reached through send connector to-contoso"}},
    {"from-legacy",
     "<m@mixed.example>",
     {"mixed.example (authoritative) of forest mixed fits best",
      "from-legacy speaks for forest mixed itself; hairpin: allow",
      "forest mixed is reached through send connector to-hub"}},
    {"from-contoso",
     "<x@example.org>",
     {"no forest owns the domain", "address space * (cost 10) of send connector out-b covers it",
      "allow_from has forest contoso, for which from-contoso speaks"}},
    {"",
     "<x@secret.example>",
     {"no forest owns the domain",
      "address space secret.example (cost 1) of send connector out-c covers it"}},
    {"from-fabrikam",
     "<postmaster>",
     {"<postmaster> is postmaster@contoso.example (postmaster:)",
      "contoso.example (authoritative) of forest contoso fits best",
      "forest contoso is reached through send connector to-contoso"}},
    {"from-contoso", "<x@[192.0.2.1]>", {NULL}},
};

static void
recipient_tells_each_step_when_asked_to_explain(void **state)
{
    struct route route;

    (void)state;
    for (size_t i = 0; i < COUNT_OF(steps_rows); i++) {
        const struct steps_row *r = &steps_rows[i];
        route_recipient(config, receive_named(r->from), address_of(r->to), true, &route);
        for (size_t k = 0; k < route.step_count || r->want[k] != NULL; k++)
            if (k >= route.step_count || r->want[k] == NULL ||
                strcmp(route.steps[k].text, r->want[k]) != 0)
                fail_row(r->to, "step %zu: %s", k + 1,
                         k < route.step_count ? route.steps[k].text : "none");
        assert_int_equal(route_of(r->from, r->to).step_count, 0);
    }
}

/* What explain tells is what the daemon does. */
static void
recipient_decides_the_same_with_and_without_explanation(void **state)
{
    struct route told;

    (void)state;
    for (size_t i = 0; i < COUNT_OF(route_rows); i++) {
        const struct route_row *r = &route_rows[i];
        struct route plain = route_of(r->from, r->to);
        route_recipient(config, receive_named(r->from), address_of(r->to), true, &told);
        if (told.connector != plain.connector || told.d.reply.code != plain.d.reply.code ||
            strcmp(told.d.why, plain.d.why) != 0)
            fail_row(r->say, "told otherwise");
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(recipient_takes_any_address_space_by_right),
        cmocka_unit_test(recipient_goes_where_the_table_says),
        cmocka_unit_test(recipient_keeps_the_address_as_it_was_written),
        cmocka_unit_test(recipient_takes_the_longest_address),
        cmocka_unit_test(recipient_refuses_what_is_no_domain_or_too_long),
        cmocka_unit_test(recipient_says_why_and_by_which_line),
        cmocka_unit_test(recipient_says_when_the_postmaster_has_no_route),
        cmocka_unit_test(recipient_tells_each_step_when_asked_to_explain),
        cmocka_unit_test(recipient_decides_the_same_with_and_without_explanation),
    };
    return cmocka_run_group_tests(tests, load, unload);
}
