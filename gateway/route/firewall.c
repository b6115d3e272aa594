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
firewall_is_reserved(struct slice field_name)
{
    enum firewall_class is = firewall_class_of(field_name);

    return is == FIREWALL_ORGANIZATION || is == FIREWALL_FOREST;
}

enum right
firewall_needs(enum firewall_class is, bool is_leaving)
{
    switch (is) {
    case FIREWALL_ORGANIZATION:
        return is_leaving ? RIGHT_SEND_HEADERS_ORGANIZATION : RIGHT_ACCEPT_HEADERS_ORGANIZATION;
    case FIREWALL_FOREST:
        return is_leaving ? RIGHT_SEND_HEADERS_FOREST : RIGHT_ACCEPT_HEADERS_FOREST;
    case FIREWALL_ROUTING:
        return is_leaving ? RIGHT_SEND_HEADERS_ROUTING : RIGHT_ACCEPT_HEADERS_ROUTING;
    case FIREWALL_PLAIN:
        break;
    }
    never("a class of fields that needs no right");
}

bool
firewall_passes(struct slice field_name, unsigned rights)
{
    enum firewall_class is = firewall_class_of(field_name);

    /* Of each pair a connector can hold only the one of its side. */
    return is == FIREWALL_PLAIN ||
           (rights & (unsigned)(firewall_needs(is, false) | firewall_needs(is, true))) != 0;
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
