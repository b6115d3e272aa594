#include "gateway/route/explain.h"

#include "tests/kit/explain_config.h"
#include "tests/kit/test.h"

static struct slice
next_line(struct slice *rest)
{
    struct slice line = slice_head(*rest, slice_find(*rest, '\n'));

    *rest = slice_from(*rest, line.len + 1);
    return line;
}

/* Explain, and compare the page line by line. */
static void
check_page(const struct explain_question *q, bool accepted, const char *want)
{
    struct buf page;

    buf_init(&page, EXPLAIN_PAGE_MAX);
    assert_int_equal(explain(explain_config, q, &page), accepted);
    assert_true(buf_ok(&page));
    struct slice got_rest = buf_slice(&page), want_rest = slice_str(want);
    while (got_rest.len > 0 || want_rest.len > 0) {
        struct slice got_line = next_line(&got_rest), want_line = next_line(&want_rest);
        if (!slice_equal(got_line, want_line))
            fail_row(q->to, "got    %.*s\nwanted %.*s", SLICE_ARG(got_line),
                     SLICE_ARG(want_line));
    }
    buf_fini(&page);
}

static void
explain_tells_the_whole_journey_in_order(void **state)
{
    const struct explain_question q = {.from = "kim@contoso.example",
                                       .to = "lee@fabrikam.example",
                                       .client = "10.1.20.4",
                                       .account = "contoso\\SVC"};

    (void)state;
    /* clang-format off */
    check_page(&q, true,
        "Mail from kim@contoso.example to lee@fabrikam.example\n"
        "\n"
        "Receiving\n"
        "  client             10.1.20.4\n"
        "  listener           main, 10.1.0.5:25                                                 [forestgate.yaml:8]\n"
        "  receive connector  contoso-2003: 10.1.20.0/24 is the narrowest network               [forestgate.yaml:22]\n"
        "  TLS                required before AUTH and MAIL, else 454 4.7.0; TLS 1.2 and up\n"
        "  logon              AUTH LOGIN or PLAIN before MAIL, else 530 5.7.1\n"
        "  account            svc-a, sent as contoso\\SVC                                        [forestgate.yaml:28]\n"
        "  message size       at most 25 MiB\n"
        "  sender             inside: contoso.example belongs to forest contoso                 [forestgate.yaml:12]\n"
        "  MAIL FROM          250 2.1.0 Sender OK\n"
        "\n"
        "Routing\n"
        "  step 1             fabrikam.example (authoritative) of forest fabrikam fits best     [forestgate.yaml:15]\n"
        "  step 2             forest fabrikam is reached through send connector hubs            [forestgate.yaml:14]\n"
        "  decision           forest fabrikam, through send connector hubs                      [forestgate.yaml:15]\n"
        "  RCPT TO            250 2.1.5 Recipient OK\n"
        "\n"
        "Header\n"
        "  removed            X-MS-Exchange-Organization-*: on entry, contoso-2003 lacks        [forestgate.yaml:22]\n"
        "                     accept-headers-organization\n"
        "  removed            X-MS-Exchange-Organization-*: on leaving, hubs lacks              [forestgate.yaml:56]\n"
        "                     send-headers-organization\n"
        "  removed            X-MS-Exchange-Forest-*: on entry, contoso-2003 lacks              [forestgate.yaml:22]\n"
        "                     accept-headers-forest\n"
        "  removed            X-MS-Exchange-Forest-*: on leaving, hubs lacks                    [forestgate.yaml:56]\n"
        "                     send-headers-forest\n"
        "  kept               Received\n"
        "  kept               Resent-*\n"
        "  removed            Authentication-Results in our name\n"
        "  added              Received, X-Forestgate-Trace\n"
        "  passed on          MAIL FROM without AUTH=: our logon there speaks for it\n"
        "\n"
        "Sending\n"
        "  send connector     hubs                                                              [forestgate.yaml:56]\n"
        "  servers in turn    hub1.fabrikam.example, port 25                                    [forestgate.yaml:57]\n"
        "                     hub2.fabrikam.example, port 25                                    [forestgate.yaml:57]\n"
        "  TLS                required, else nothing is sent; TLS 1.2 and up\n"
        "                     the certificate must be trusted and carry the server's name\n"
        "  logon              AUTH LOGIN as gw@fabrikam.example\n"
        "  password from      secrets/fabrikam\n"
        "\n"
        "Result\n"
        "  accepted           250 2.1.5 Recipient OK\n");
    /* clang-format on */
}

static void
explain_ends_where_the_mail_is_refused(void **state)
{
    const struct explain_question q = {
        .from = "kim@contoso.example", .to = "lee@fabrikam.example", .client = "10.3.0.4"};

    (void)state;
    /* clang-format off */
    check_page(&q, false,
        "Mail from kim@contoso.example to lee@fabrikam.example\n"
        "\n"
        "Receiving\n"
        "  client             10.3.0.4\n"
        "  listener           main, 10.1.0.5:25                                                 [forestgate.yaml:8]\n"
        "  receive connector  fabrikam-hub: 10.3.0.0/16 is the narrowest network                [forestgate.yaml:30]\n"
        "  TLS                required before AUTH and MAIL, else 530 5.7.0; TLS 1.2 and up\n"
        "  logon              AUTH LOGIN or PLAIN before MAIL, else 530 5.7.1\n"
        "  account (any of)   svc                                                               [forestgate.yaml:35]\n"
        "  message size       at most 25 MiB\n"
        "  sender             the sender belongs to forest contoso, for which fabrikam-hub      [forestgate.yaml:30]\n"
        "                     does not speak: foreign_sender: refuse\n"
        "  MAIL FROM          550 5.7.1 Client does not have permissions to send as this\n"
        "                     sender\n"
        "\n"
        "Result\n"
        "  refused            550 5.7.1 Client does not have permissions to send as this\n"
        "                     sender\n");
    /* clang-format on */
}

static const struct word_row {
    const char *say;
    struct explain_question q;
    bool accepted;
    const char *want[3]; /* somewhere on the page */
    const char *never;   /* nowhere on it */
} word_rows[] = {
    {"a server without logon: AUTH= may be impossible to say",
     {.from = "x@example.org", .to = "m@mixed.example", .client = "10.1.20.4", .account = "b"},
     true,
     {"where the server", "nothing tells it from mail from inside"},
     "our logon there"},
    {"a server without logon: our address speaks",
     {.from = "kim@contoso.example", .to = "m@mixed.example", .client = "10.1.20.4"},
     true,
     {"our address there speaks for it"},
     "our logon there"},
    {"no client: the only connector of the sender's forest",
     {.from = "kim@contoso.example", .to = "lee@fabrikam.example"},
     true,
     {"contoso-2003", "10.1.20.0/24", "accepted           250 2.1.5"},
     "listener"},
    {"no client: all the accounts that could be",
     {.from = "kim@contoso.example", .to = "lee@fabrikam.example"},
     true,
     {"account (any of)   svc-a", "\n                     svc-b"},
     NULL},
    {"no client: several connectors",
     {.from = "m@mixed.example", .to = "lee@fabrikam.example"},
     false,
     {"could be           receive connector twin", "in-clear", "--client"},
     "Routing"},
    {"no client: an account decides",
     {.from = "m@mixed.example", .to = "lee@fabrikam.example", .account = "TWIN"},
     true,
     {"receive connector  twin", "sent as TWIN"},
     NULL},
    {"no client: nobody speaks for the sender",
     {.from = "x@example.org", .to = "lee@fabrikam.example"},
     false,
     {"not decided", "no receive connector speaks for the sender's forest"},
     NULL},
    {"SPF where the connector has it, after the sender's own rights",
     {.from = "m@mixed.example", .to = "lee@fabrikam.example", .client = "10.9.0.1"},
     true,
     {"MAIL FROM          250 2.1.0 Sender OK\n"
      "  SPF                asked of mixed.example; marked; a fail is refused with 550"},
     NULL},
    {"no SPF where it has not",
     {.from = "kim@contoso.example", .to = "lee@fabrikam.example", .client = "10.1.20.4"},
     true,
     {"MAIL FROM"},
     "  SPF "},
    {"two connectors on one network",
     {.from = "lee@fabrikam.example", .to = "kim@contoso.example", .client = "10.2.0.1"},
     false,
     {"fabrikam-hub", "twin", "--account"},
     "Routing"},
    {"told apart by the account",
     {.from = "lee@fabrikam.example",
      .to = "kim@contoso.example",
      .client = "10.2.0.1",
      .account = "fabrikam"},
     true,
     {"receive connector  fabrikam-hub: 10.2.0.0/16 is the narrowest network"},
     NULL},
    {"an account that nobody has",
     {.from = "lee@fabrikam.example",
      .to = "kim@contoso.example",
      .client = "10.2.0.1",
      .account = "eve"},
     false,
     {"refused            535 5.7.3", "eve"},
     "Routing"},
    {"a client that nobody knows",
     {.from = "lee@fabrikam.example", .to = "kim@contoso.example", .client = "192.0.2.1"},
     false,
     {"no receive connector has a network that holds", "192.0.2.1"},
     "Routing"},
    {"a client that is a name",
     {.from = "lee@fabrikam.example", .to = "kim@contoso.example", .client = "hub1"},
     false,
     {"hub1 is not an IP address"},
     NULL},
    {"failover and pins",
     {.from = "lee@fabrikam.example",
      .to = "kim@contoso.example",
      .client = "10.3.0.1",
      .account = "fabrikam"},
     true,
     {"servers in order   bh1.contoso.example, port 25", "bh2.contoso.example, port 2525",
      "one of the pins"},
     NULL},
    {"what is in clear is shouted about, on both legs, and a hairpin has its limits",
     {.from = "m@mixed.example", .to = "n@mixed.example", .client = "10.9.0.1"},
     true,
     {"NOT REQUIRED: passwords and mail", "NOT REQUIRED: in clear", "hairpin"},
     NULL},
    {"an external sender goes on as AUTH=<>",
     {.from = "x@example.org", .to = "lee@fabrikam.example", .client = "10.1.20.1"},
     true,
     {"belongs to no forest", "MAIL FROM with AUTH=<>"},
     NULL},
    {"null sender",
     {.from = "<>", .to = "<lee@fabrikam.example>", .client = "10.1.20.1"},
     true,
     {"null sender of reports is always accepted"},
     NULL},
    {"empty is null too",
     {.from = "", .to = "lee@fabrikam.example", .client = "10.1.20.1"},
     true,
     {"Mail from <> to"},
     NULL},
    {"postmaster",
     {.from = "kim@contoso.example", .to = "postmaster", .client = "10.1.20.1"},
     true,
     {"<postmaster> is postmaster@contoso.example", "bridgeheads"},
     "hairpin"},
    {"unknown domain",
     {.from = "kim@contoso.example", .to = "x@example.org", .client = "10.1.20.1"},
     false,
     {"550 5.7.1 Unable to relay"},
     "Sending"},
    {"own forest",
     {.from = "kim@contoso.example", .to = "k@contoso.example", .client = "10.1.20.1"},
     false,
     {"550 5.4.6", "contoso-2003 speaks for"},
     "Sending"},
    {"a sender that is no address",
     {.from = "kim", .to = "x@example.org", .client = "10.1.20.1"},
     false,
     {"501 5.1.7"},
     "Receiving"},
    {"a recipient that is no address",
     {.from = "kim@contoso.example", .to = "a@b@c", .client = "10.1.20.1"},
     false,
     {"501 5.1.3"},
     "Receiving"},
};

static void
explain_names_what_matters_in_each_case(void **state)
{
    struct buf page;

    (void)state;
    for (size_t i = 0; i < COUNT_OF(word_rows); i++) {
        const struct word_row *r = &word_rows[i];
        buf_init(&page, EXPLAIN_PAGE_MAX);
        bool accepted = explain(explain_config, &r->q, &page);
        const char *got = buf_text(&page);
        if (accepted != r->accepted)
            fail_row(r->say, "accepted %d\n%s", accepted, got);
        for (size_t k = 0; k < COUNT_OF(r->want) && r->want[k] != NULL; k++)
            if (strstr(got, r->want[k]) == NULL)
                fail_row(r->say, "no \"%s\" in\n%s", r->want[k], got);
        if (r->never != NULL && strstr(got, r->never) != NULL)
            fail_row(r->say, "\"%s\" in\n%s", r->never, got);
        if (strstr(got, "open sesame") != NULL || strstr(got, "$2b$") != NULL)
            fail_row(r->say, "a secret in\n%s", got);
        buf_fini(&page);
    }
}

/* The longest address that a person may type is a page of ordinary lines. */
static void
explain_takes_input_of_any_length(void **state)
{
    char longest[5000];
    const struct explain_question from = {.from = longest, .to = longest, .client = longest};
    const struct explain_question account = {.from = "kim@contoso.example",
                                             .to = "lee@fabrikam.example",
                                             .client = "10.1.20.4",
                                             .account = longest};
    struct buf page;

    (void)state;
    memset(longest, 'x', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    buf_init(&page, EXPLAIN_PAGE_MAX);
    assert_false(explain(explain_config, &from, &page));
    assert_false(explain(explain_config, &account, &page));
    assert_true(buf_ok(&page));
    buf_fini(&page);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(explain_tells_the_whole_journey_in_order),
        cmocka_unit_test(explain_ends_where_the_mail_is_refused),
        cmocka_unit_test(explain_names_what_matters_in_each_case),
        cmocka_unit_test(explain_takes_input_of_any_length),
    };
    return cmocka_run_group_tests(tests, explain_config_load, explain_config_unload);
}
