#include "gateway/route/firewall.h"

#include "gateway/base/must.h"

#include "tests/kit/test.h"

static const struct field_row {
    const char name[48];
    enum firewall_class want;
    bool passes;
} field_rows[] = {
    {"X-MS-Exchange-Organization-AuthAs", FIREWALL_ORGANIZATION, false},
    {"X-MS-Exchange-Organization-SCL", FIREWALL_ORGANIZATION, false},
    {"X-MS-Exchange-Organization-", FIREWALL_ORGANIZATION, false},
    {"x-ms-exchange-ORGANIZATION-authsource", FIREWALL_ORGANIZATION, false},
    {"X-MS-Exchange-Organization-AuthAs ", FIREWALL_ORGANIZATION, false},
    {"X-MS-Exchange-Organization-AuthAs\t", FIREWALL_ORGANIZATION, false},
    {"X-MS-Exchange-Forest-RulesExecuted", FIREWALL_FOREST, false},
    {"X-MS-EXCHANGE-FOREST-RULESEXECUTED", FIREWALL_FOREST, false},
    {"Received", FIREWALL_ROUTING, true},
    {"received", FIREWALL_ROUTING, true},
    {"Resent-From", FIREWALL_ROUTING, true},
    {"RESENT-message-id", FIREWALL_ROUTING, true},
    {"Received-SPF", FIREWALL_PLAIN, true},
    {"Subject", FIREWALL_PLAIN, true},
    {"X-MS-Exchange-Organization", FIREWALL_PLAIN, true},
    {"X-MS-Exchange-OrganizationAuthAs", FIREWALL_PLAIN, true},
    {"X-MS-Exchange-Transport-Fingerprint", FIREWALL_PLAIN, true},
    {"X-X-MS-Exchange-Organization-AuthAs", FIREWALL_PLAIN, true},
    {"X-MS-Has-Attach", FIREWALL_PLAIN, true},
    {"X-Forestgate-Trace", FIREWALL_PLAIN, true},
    {"", FIREWALL_PLAIN, true},
};

static void
firewall_sorts_and_stops_field_names_without_case(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(field_rows); i++) {
        const struct field_row *r = &field_rows[i];
        if (firewall_class_of(slice_str(r->name)) != r->want ||
            firewall_passes(slice_str(r->name)) != r->passes)
            fail_row(r->name, "class %d, passes %d", firewall_class_of(slice_str(r->name)),
                     firewall_passes(slice_str(r->name)));
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(firewall_sorts_and_stops_field_names_without_case),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
