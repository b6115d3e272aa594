/* Explain, about a message that is there: its fields and its content. */
#include "gateway/mail/header.h"
#include "gateway/route/explain.h"
#include "tests/kit/explain_config.h"
#include "tests/kit/test.h"

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
    buf_init(page, 4 * EXPLAIN_PAGE_MAX);
    return explain(explain_config, &q, page);
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
    struct receive_connector *in = &explain_config->receive[0];
    struct send_connector *out = &explain_config->send[1];
    const unsigned rights_in = in->rights, rights_out = out->rights;
    struct buf page;

    (void)state;
    in->rights = RIGHT_ACCEPT_AUTHORITATIVE_DOMAIN_SENDER | RIGHT_ACCEPT_HEADERS_ORGANIZATION |
                 RIGHT_ACCEPT_HEADERS_ROUTING;
    in->rights_where = (struct where){.file = "forestgate.yaml", .line = 91};
    out->rights = RIGHT_SEND_HEADERS_ORGANIZATION;
    out->rights_where = (struct where){.file = "forestgate.yaml", .line = 92};
    buf_init(&page, 4 * EXPLAIN_PAGE_MAX);
    assert_true(explain(explain_config, &q, &page));
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
    for (size_t i = 0; i <= explain_config->limit_hops; i++)
        buf_put_str(&hops, "Received: x\r\n");
    q.message = buf_slice(&hops);
    buf_init(&page, 4 * EXPLAIN_PAGE_MAX);
    assert_false(explain(explain_config, &q, &page));
    assert_non_null(strstr(buf_text(&page), "refused            554 5.4.6 Hop count exceeded"));
    buf_fini(&page);
    buf_fini(&hops);

    memset(longest, 'a', sizeof longest);
    longest[1] = ':';
    q.message = slice(longest, sizeof longest);
    buf_init(&page, 4 * EXPLAIN_PAGE_MAX);
    assert_false(explain(explain_config, &q, &page));
    assert_non_null(strstr(buf_text(&page), "refused            552 5.3.4 Header size exceeds"));
    buf_fini(&page);

    /* More names than anybody would read, each as long as it may be: still a page. */
    buf_init(&many, sizeof names);
    for (unsigned i = 0; i < 200; i++)
        buf_printf(&many, "X-MS-Exchange-Forest-%u-%0*u: x\r\n", i, 900, i);
    assert_true(buf_ok(&many));
    q.message = buf_slice(&many);
    buf_init(&page, 4 * EXPLAIN_PAGE_MAX);
    assert_true(explain(explain_config, &q, &page));
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

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(explain_tells_what_becomes_of_a_message),
        cmocka_unit_test(explain_tells_when_a_message_is_refused_for_its_header),
        cmocka_unit_test(explain_judges_content_as_if_it_came),
    };
    return cmocka_run_group_tests(tests, explain_config_load, explain_config_unload);
}
