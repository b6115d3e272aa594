#include "gateway/route/queued.h"

#include "gateway/base/must.h"
#include "tests/kit/config_text.h"
#include "tests/kit/test.h"

/* A way out that contoso alone may take, and a dearer one for everybody; a hairpin forest. */
static const char text[] = CONFIG_TEXT_HEAD
    "forests:\n"
    "  contoso:\n"
    "    domains: { contoso.example: authoritative }\n"
    "    deliver: [to-contoso]\n"
    "  fabrikam:\n"
    "    domains: { fabrikam.example: authoritative }\n"
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
    "    auth: none\n"
    "  from-fabrikam:\n"
    "    listen: [main]\n"
    "    networks: [10.2.0.0/16]\n"
    "    speaks_for: [fabrikam]\n"
    "    auth: none\n"
    "  from-legacy:\n"
    "    listen: [main]\n"
    "    networks: [10.4.1.0/24]\n"
    "    speaks_for: [mixed]\n"
    "    auth: none\n"
    "send:\n"
    "  to-contoso: { servers: [a.example], tls: { verify: name }, auth: none }\n"
    "  to-fabrikam: { servers: [b.example], tls: { verify: name }, auth: none }\n"
    "  to-legacy: { servers: [\"10.4.1.5\"], tls: { verify: name }, auth: none }\n"
    "  to-hub: { servers: [c.example], tls: { verify: name }, auth: none }\n"
    "  cheap:\n"
    "    servers: [d.example]\n"
    "    auth: none\n"
    "    address_spaces: { \"*\": 1 }\n"
    "    allow_from: [contoso]\n"
    "  dear:\n"
    "    servers: [e.example]\n"
    "    auth: none\n"
    "    address_spaces: { \"*\": 9 }\n"
    "    allow_from: [contoso, fabrikam]\n";

static const struct row {
    const char *say, *through, *to, *want; /* want NULL: no way */
} rows[] = {
    {"to a forest", "from-contoso", "bob@fabrikam.example", "to-fabrikam"},
    {"what the session might use, it does", "from-contoso", "x@away.example", "cheap"},
    {"what it might not, its mail does not", "from-fabrikam", "x@away.example", "dear"},
    {"a hairpin leads to the other side", "from-legacy", "x@mixed.example", "to-hub"},
    {"our own report goes the first way", "", "x@mixed.example", "to-legacy"},
    {"of a connector that is gone, likewise", "gone", "x@away.example", "cheap"},
    {"of one that may not any more, too", "from-contoso", "x@contoso.example", "to-contoso"},
    {"in another case", "from-contoso", "bob@FABRIKAM.example", "to-fabrikam"},
    {"no address", "from-contoso", "nobody", NULL},
    {"no domain", "", "x@[192.0.2.1]", NULL},
};

static void
queued_mail_has_a_way_or_a_reason(void **state)
{
    struct config *config = config_of_text(text);
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const struct row *r = &rows[i];
        char why[200] = "";
        const struct send_connector *to =
            route_queued(config, slice_str(r->through), slice_str(r->to), why, sizeof why);
        if ((to == NULL) != (r->want == NULL) || (to != NULL && strcmp(to->name, r->want) != 0))
            fail_row(r->say, "goes through %s", to != NULL ? to->name : "nothing");
        if ((to == NULL) != (why[0] != '\0'))
            fail_row(r->say, "why: %s", why);
    }
    config_unref(&config);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(queued_mail_has_a_way_or_a_reason),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
