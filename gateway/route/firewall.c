#include "gateway/route/firewall.h"

#include "gateway/base/ascii.h"
#include "gateway/mail/auth_results.h"

enum firewall_class
firewall_class_of(struct slice field_name)
{
    /* RFC 5322 4.5 lets blanks stand before the colon: they are no way around the firewall. */
    struct slice name = ascii_trim(field_name);

    if (ascii_starts(name, "X-MS-Exchange-Organization-"))
        return FIREWALL_ORGANIZATION;
    if (ascii_starts(name, "X-MS-Exchange-Forest-"))
        return FIREWALL_FOREST;
    if (ascii_is(name, "Received") || ascii_starts(name, "Resent-"))
        return FIREWALL_ROUTING;
    return FIREWALL_PLAIN;
}

bool
firewall_passes(struct slice field_name)
{
    enum firewall_class is = firewall_class_of(field_name);

    return is != FIREWALL_ORGANIZATION && is != FIREWALL_FOREST;
}

bool
firewall_is_forged(const struct header_field *field, struct slice authserv_id)
{
    struct slice name = ascii_trim(field->name);
    if (ascii_is(name, AUTH_RESULTS_NAME))
        return auth_results_claims(header_value(field), authserv_id);
    return ascii_is(name, RECEIVED_SPF_NAME) &&
           received_spf_claims(header_value(field), authserv_id);
}
