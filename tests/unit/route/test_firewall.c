#include "gateway/route/firewall.h"

#include "gateway/base/must.h"

#include "tests/kit/test.h"

enum {
    ORGANIZATION = RIGHT_ACCEPT_HEADERS_ORGANIZATION | RIGHT_SEND_HEADERS_ORGANIZATION,
    FOREST = RIGHT_ACCEPT_HEADERS_FOREST | RIGHT_SEND_HEADERS_FOREST,
    ROUTING = RIGHT_ACCEPT_HEADERS_ROUTING | RIGHT_SEND_HEADERS_ROUTING,
};

static const struct field_row {
    const char name[48];
    enum firewall_class want;
    unsigned needs; /* of both sides; 0: none */
} field_rows[] = {
    {"X-MS-Exchange-Organization-AuthAs", FIREWALL_ORGANIZATION, ORGANIZATION},
    {"X-MS-Exchange-Organization-SCL", FIREWALL_ORGANIZATION, ORGANIZATION},
    {"X-MS-Exchange-Organization-", FIREWALL_ORGANIZATION, ORGANIZATION},
    {"x-ms-exchange-ORGANIZATION-authsource", FIREWALL_ORGANIZATION, ORGANIZATION},
    {"X-MS-Exchange-Organization-AuthAs ", FIREWALL_ORGANIZATION, ORGANIZATION},
    {"X-MS-Exchange-Organization-AuthAs\t", FIREWALL_ORGANIZATION, ORGANIZATION},
    {"X-MS-Exchange-Forest-RulesExecuted", FIREWALL_FOREST, FOREST},
    {"X-MS-EXCHANGE-FOREST-RULESEXECUTED", FIREWALL_FOREST, FOREST},
    {"Received", FIREWALL_ROUTING, ROUTING},
    {"received", FIREWALL_ROUTING, ROUTING},
    {"Resent-From", FIREWALL_ROUTING, ROUTING},
    {"RESENT-message-id", FIREWALL_ROUTING, ROUTING},
    {"Received-SPF", FIREWALL_PLAIN, 0},
    {"Subject", FIREWALL_PLAIN, 0},
    {"X-MS-Exchange-Organization", FIREWALL_PLAIN, 0},
    {"X-MS-Exchange-OrganizationAuthAs", FIREWALL_PLAIN, 0},
    {"X-MS-Exchange-Transport-Fingerprint", FIREWALL_PLAIN, 0},
    {"X-X-MS-Exchange-Organization-AuthAs", FIREWALL_PLAIN, 0},
    {"X-MS-Has-Attach", FIREWALL_PLAIN, 0},
    {"X-Forestgate-Trace", FIREWALL_PLAIN, 0},
    {"", FIREWALL_PLAIN, 0},
};

static void
firewall_sorts_field_names_without_case(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(field_rows); i++) {
        const struct field_row *r = &field_rows[i];
        enum firewall_class got = firewall_class_of(slice_str(r->name));
        if (got != r->want ||
            firewall_is_reserved(slice_str(r->name)) !=
                (r->want == FIREWALL_ORGANIZATION || r->want == FIREWALL_FOREST))
            fail_row(r->name, "class %d", got);
    }
}

/* Each right alone, all, none, and all but those that the field needs. */
static void
firewall_lets_a_field_pass_where_the_right_to_it_is_held(void **state)
{
    const unsigned all = ~0U;
    (void)state;
    for (size_t i = 0; i < COUNT_OF(field_rows); i++) {
        const struct field_row *r = &field_rows[i];
        struct slice name = slice_str(r->name);
        for (unsigned bit = 1; bit <= RIGHT_SEND_EXCH50; bit <<= 1)
            if (firewall_passes(name, bit) != (r->needs == 0 || (r->needs & bit) != 0))
                fail_row(r->name, "with the right %u alone", bit);
        if (!firewall_passes(name, all) || firewall_passes(name, 0) != (r->needs == 0) ||
            firewall_passes(name, all & ~r->needs) != (r->needs == 0))
            fail_row(r->name, "with all rights, none, or all others");
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(firewall_sorts_field_names_without_case),
        cmocka_unit_test(firewall_lets_a_field_pass_where_the_right_to_it_is_held),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
