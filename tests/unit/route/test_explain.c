#include "gateway/route/explain.h"

#include "gateway/mail/header.h"
#include "tests/kit/config_text.h"
#include "tests/kit/test.h"

static const char text[] = CONFIG_TEXT_HEAD
    "forests:\n"
    "  contoso:\n"
    "    domains: { contoso.example: authoritative }\n"
    "    deliver: [bridgeheads]\n"
    "  fabrikam:\n"
    "    domains: { fabrikam.example: authoritative }\n"
    "    deliver: [hubs]\n"
    "  mixed:\n"
    "    domains: { mixed.example: authoritative }\n"
    "    deliver: [open]\n"
    "    hairpin: allow\n"
    "receive:\n"
    "  contoso-2003:\n"
    "    listen: [main]\n"
    "    networks: [10.1.20.0/24]\n"
    "    speaks_for: [contoso]\n"
    "    tls: { clear_reply: 454 }\n"
    "    accounts:\n"
    "      svc-a: { names: ['CONTOSO\\svc'], password_hash_files: [in.hash] }\n"
    "      svc-b: { names: [b], password_hash_files: [in.hash] }\n"
    "  fabrikam-hub:\n"
    "    listen: [main, second]\n"
    "    networks: [10.2.0.0/16, 10.3.0.0/16]\n"
    "    speaks_for: [fabrikam]\n"
    "    foreign_sender: refuse\n"
    "    accounts: { svc: { names: [fabrikam], password_hash_files: [in.hash] } }\n"
    "  twin:\n"
    "    listen: [main]\n"
    "    networks: [10.2.0.0/16]\n"
    "    speaks_for: [mixed]\n"
    "    accounts: { svc: { names: [twin], password_hash_files: [in.hash] } }\n"
    "  in-clear:\n"
    "    listen: [second]\n"
    "    networks: [10.9.0.1/32]\n"
    "    speaks_for: [mixed]\n"
    "    tls: { require: false }\n"
    "    auth: none\n"
    "    spf: enforce\n"
    "send:\n"
    "  bridgeheads:\n"
    "    servers: [bh1.contoso.example, \"bh2.contoso.example:2525\"]\n"
    "    balance: failover\n"
    "    tls:\n"
    "      verify: pin\n"
    "      pins: [\"sha256:n4bQgYhMfWWaL+qgxVrQFaO/TxsrC4Is0V1sFbDwCgg=\"]\n"
    "    auth: { user: 'CONTOSO\\gw', password_file: out.password }\n"
    "  hubs:\n"
    "    servers: [hub1.fabrikam.example, hub2.fabrikam.example]\n"
    "    balance: round-robin\n"
    "    tls: { verify: name }\n"
    "    auth: { user: gw@fabrikam.example, password_file: out.password }\n"
    "  open:\n"
    "    servers: [10.9.0.7]\n"
    "    tls: { require: false, verify: none }\n"
    "    auth: none\n";

static struct config *config;

static int
load(void **state)
{
    (void)state;
    config = config_of_text(text);
    /* Paths are absolute, and the folder has another name in every run. */
    for (size_t i = 0; i < config->send_count; i++)
        config->send[i].auth_password_file = "secrets/fabrikam";
    return 0;
}

static int
unload(void **state)
{
    (void)state;
    config_unref(&config);
    return 0;
}

enum { PAGE_MAX = 16 * 1024 };

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

    buf_init(&page, PAGE_MAX);
    assert_int_equal(explain(config, q, &page), accepted);
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

/* The page of a message from contoso to fabrikam. */
static bool
explain_this(struct slice message, uint64_t size, struct buf *page)
{
    const struct explain_question q = {.from = "kim@contoso.example",
                                       .to = "lee@fabrikam.example",
                                       .client = "10.1.20.4",
                                       .has_message = true,
                                       .message = message,
                                       .message_size = size};
    buf_init(page, 4 * PAGE_MAX);
    return explain(config, &q, page);
}

/* Which of its fields pass, by the rights of two connectors. */
static void
explain_tells_what_becomes_of_a_message(void **state)
{
    static const char message[] = "Received: a\r\nReceived: b\r\n c\r\n"
                                  "X-MS-Exchange-Organization-SCL : -1\r\n"
                                  "x-ms-exchange-organization-scl: -1\r\n"
                                  "X-MS-Exchange-Forest-RulesExecuted: x\r\n"
                                  "Resent-To: b\r\n"
                                  "Authentication-Results: gw.contoso.example; spf=pass\r\n"
                                  "Authentication-Results: other.example; spf=pass\r\n"
                                  "Received-SPF: pass receiver=gw.contoso.example;\r\n"
                                  "Subject: x\r\n\r\nX-MS-Exchange-Organization-AuthAs: x\r\n";
    const struct explain_question q = {.from = "kim@contoso.example",
                                       .to = "lee@fabrikam.example",
                                       .client = "10.1.20.4",
                                       .account = "b",
                                       .has_message = true,
                                       .message = slice_str(message)};
    struct receive_connector *in = &config->receive[0];
    struct send_connector *out = &config->send[1];
    const unsigned rights_in = in->rights, rights_out = out->rights;
    struct buf page;

    (void)state;
    in->rights = RIGHT_ACCEPT_AUTHORITATIVE_DOMAIN_SENDER | RIGHT_ACCEPT_HEADERS_ORGANIZATION |
                 RIGHT_ACCEPT_HEADERS_ROUTING;
    in->rights_where = (struct where){.file = "forestgate.yaml", .line = 91};
    out->rights = RIGHT_SEND_HEADERS_ORGANIZATION;
    out->rights_where = (struct where){.file = "forestgate.yaml", .line = 92};
    buf_init(&page, 4 * PAGE_MAX);
    assert_true(explain(config, &q, &page));
    in->rights = rights_in;
    in->rights_where.line = 0;
    out->rights = rights_out;
    out->rights_where.line = 0;

    /* Our own Received leaves neither. */
    assert_non_null(strstr(buf_text(&page), "  added              X-Forestgate-Trace\n"));
    const char *told = strstr(buf_text(&page), "\nMessage\n");
    assert_non_null(told);
    const char *end = strstr(told, "\nSending\n");
    assert_non_null(end);
    buf_truncate(&page, (size_t)(end - page.data));
    /* clang-format off */
    assert_string_equal(strstr(buf_text(&page), "\nMessage\n"),
        "\nMessage\n"
        "  fields             10\n"
        "  hops               2; at most 30\n"
        "  removed            Received (2 fields): on leaving, hubs lacks send-headers-routing  [forestgate.yaml:92]\n"
        "  kept               X-MS-Exchange-Organization-SCL (2 fields): contoso-2003 holds     [forestgate.yaml:91]\n"
        "                     accept-headers-organization\n"
        "                     and hubs send-headers-organization                                [forestgate.yaml:92]\n"
        "  removed            X-MS-Exchange-Forest-RulesExecuted: on entry, contoso-2003 lacks  [forestgate.yaml:91]\n"
        "                     accept-headers-forest\n"
        "  removed            X-MS-Exchange-Forest-RulesExecuted: on leaving, hubs lacks        [forestgate.yaml:92]\n"
        "                     send-headers-forest\n"
        "  removed            Resent-To: on leaving, hubs lacks send-headers-routing            [forestgate.yaml:92]\n"
        "  removed            Authentication-Results: on entry, it claims to be ours\n"
        "                     (gw.contoso.example), and only we write that\n"
        "  removed            Received-SPF: on entry, it claims to be ours\n"
        "                     (gw.contoso.example), and only we write that\n");
    /* clang-format on */
    buf_fini(&page);
}

static void
explain_tells_when_a_message_is_refused_for_its_header(void **state)
{
    static char longest[HEADER_MAX + 4096], names[HEADER_MAX];
    struct explain_question q = {.from = "kim@contoso.example",
                                 .to = "lee@fabrikam.example",
                                 .client = "10.1.20.4",
                                 .has_message = true};
    struct buf page, hops, many;

    (void)state;
    buf_init(&hops, 1024);
    for (size_t i = 0; i <= config->limit_hops; i++)
        buf_put_str(&hops, "Received: x\r\n");
    q.message = buf_slice(&hops);
    buf_init(&page, 4 * PAGE_MAX);
    assert_false(explain(config, &q, &page));
    assert_non_null(strstr(buf_text(&page), "refused            554 5.4.6 Hop count exceeded"));
    buf_fini(&page);
    buf_fini(&hops);

    memset(longest, 'a', sizeof longest);
    longest[1] = ':';
    q.message = slice(longest, sizeof longest);
    buf_init(&page, 4 * PAGE_MAX);
    assert_false(explain(config, &q, &page));
    assert_non_null(strstr(buf_text(&page), "refused            552 5.3.4 Header size exceeds"));
    buf_fini(&page);

    /* More names than anybody would read, each as long as it may be: still a page. */
    buf_init(&many, sizeof names);
    for (unsigned i = 0; i < 200; i++)
        buf_printf(&many, "X-MS-Exchange-Forest-%u-%0*u: x\r\n", i, 900, i);
    assert_true(buf_ok(&many));
    q.message = buf_slice(&many);
    buf_init(&page, 4 * PAGE_MAX);
    assert_true(explain(config, &q, &page));
    assert_true(buf_ok(&page));
    assert_non_null(strstr(buf_text(&page), "and 136 reserved fields of other names"));
    buf_fini(&page);
    buf_fini(&many);
}

/* Whether they are taken, and one thing that is said, as when they come by SMTP. */
static void
explain_judges_content_as_if_it_came(void **state)
{
    static const struct {
        const char *say, *message;
        uint64_t size;
        bool taken;
        const char *want;
    } contents[] = {
        {"a file of this machine", "A: 1\nB: 2\n\nbody\n", 0, true, "fields             2\n"},
        {"LF among CRLF", "A: 1\r\nB: 2\n\r\n", 0, false, "550 5.6.0 Message header has a NUL"},
        {"CR in a file of this machine", "A: 1\nB: \r2\n\n", 0, false, "550 5.6.0"},
        {"a blank line of LF", "A: 1\r\n\nbody\n", 0, false, "550 5.6.0"},
        {"as large as may be", "A: 1\r\n\r\n", 25 * 1024 * 1024, true, "fields             1\n"},
        {"one octet more", "A: 1\r\n\r\n", 25 * 1024 * 1024 + 1, false, "552 5.3.4 Message size"},
        {"a line that is no field", "A: 1\r\nFrom x\r\nB: 2\r\n\r\n", 0, true,
         "added              a blank line behind field 1"},
        {"a body alone", "no field", 0, true, "added              a blank line behind field 0"},
    };
    struct buf page;
    (void)state;
    for (size_t i = 0; i < COUNT_OF(contents); i++) {
        bool taken = explain_this(slice_str(contents[i].message), contents[i].size, &page);
        if (taken != contents[i].taken || strstr(buf_text(&page), contents[i].want) == NULL)
            fail_row(contents[i].say, "gave: %s", buf_text(&page));
        buf_fini(&page);
    }
    assert_false(explain_this(slice("A: \0\r\n\r\n", 8), 0, &page));
    buf_fini(&page);
    assert_true(explain_this(slice_str("A: 1\r\n\r\n"), 0, &page));
    assert_null(strstr(buf_text(&page), "a blank line"));
    buf_fini(&page);
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
        buf_init(&page, PAGE_MAX);
        bool accepted = explain(config, &r->q, &page);
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
    buf_init(&page, PAGE_MAX);
    assert_false(explain(config, &from, &page));
    assert_false(explain(config, &account, &page));
    assert_true(buf_ok(&page));
    buf_fini(&page);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(explain_tells_the_whole_journey_in_order),
        cmocka_unit_test(explain_ends_where_the_mail_is_refused),
        cmocka_unit_test(explain_tells_what_becomes_of_a_message),
        cmocka_unit_test(explain_tells_when_a_message_is_refused_for_its_header),
        cmocka_unit_test(explain_judges_content_as_if_it_came),
        cmocka_unit_test(explain_names_what_matters_in_each_case),
        cmocka_unit_test(explain_takes_input_of_any_length),
    };
    return cmocka_run_group_tests(tests, load, unload);
}
