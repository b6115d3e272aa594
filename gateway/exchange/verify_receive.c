/* Their Receive connectors: of those on a server the one with the narrowest range that holds the
 * gateway's address takes the connection, and no other is asked (exchange-facts.md 1.4). */
#include "gateway/exchange/verify_private.h"

#include <stdio.h>

#include "gateway/base/ascii.h"

/* ---- How a connector takes the gateway ---- */

/* Whoever comes from a range of a connector that asks for no logon is trusted: the gateway alone
 * may be in it. */
static bool
check_trusted(void *context, struct slice range)
{
    const struct verify_subject *t = context;
    const struct exchange_plan *p = t->v->plan;
    const struct verify_place place = {t->record, "Receive connector",
                                       verify_value(t->record, "Identity"), "RemoteIPRanges"};
    char found[VERIFY_TEXT];
    enum verify_reach reach = verify_reach(range, p->gateway_addresses, p->gateway_address_count);
    slice_copy_text(found, sizeof found, range);
    if (reach == REACH_NOBODY)
        verify_agrees(t->v);
    else
        verify_differs(
            t->v, reach == REACH_MANY ? EXCHANGE_STOPS : EXCHANGE_HARMS, &place, found,
            "the gateway's addresses alone",
            "who comes from there needs no logon, may name any sender, and may send to "
            "everywhere");
    return true;
}

static void
check_trust(struct verifier *v, const struct listing_record *r)
{
    struct verify_place place = {r, "Receive connector", verify_value(r, "Identity"),
                                 "AuthMechanism"};
    struct verify_subject subject = {v, r};
    bool is_trusted = listing_has(verify_value(r, place.field), "ExternalAuthoritative");
    verify_holds(v, &place, "ExternalAuthoritative", true, EXCHANGE_HARMS,
                 "the gateway does not log on there (auth: none): all its mail counts as "
                 "from outside");
    if (is_trusted)
        listing_each(verify_value(r, "RemoteIPRanges"), check_trusted, &subject);
    place.field = "PermissionGroups";
    verify_holds(v, &place, is_trusted ? "ExchangeServers" : "AnonymousUsers", true,
                 EXCHANGE_STOPS,
                 "the gateway does not log on there (auth: none), and who does not may not "
                 "submit: 530 5.7.1 Client was not authenticated");
}

static void
check_logon(struct verifier *v, const struct listing_record *r)
{
    const struct verify_place place = {r, "Receive connector", verify_value(r, "Identity"),
                                       "AuthMechanism"};
    verify_holds(v, &place, "BasicAuth", true, EXCHANGE_STOPS,
                 "AUTH LOGIN is not offered: 530 5.7.1 Client was not authenticated");
    verify_holds(v, &place, "BasicAuthRequireTLS", true, EXCHANGE_HARMS,
                 "the password may be asked for outside of TLS");
    verify_holds(v, &place, "ExternalAuthoritative", false, EXCHANGE_HARMS,
                 "who comes from this range is trusted without a logon");
}

static void
check_limits(struct verifier *v, const struct listing_record *r,
             const struct exchange_inbound *in)
{
    struct verify_place place = {r, "Receive connector", verify_value(r, "Identity"),
                                 "MaxMessageSize"};
    verify_size(v, &place, v->plan->config->limit_message_size, EXCHANGE_HARMS,
                "what the gateway took and is larger comes back to its sender");
    place.field = "MaxInboundConnectionPerSource";
    const char *value = verify_value(r, place.field);
    uint64_t most;
    bool is_number = ascii_number(slice_str(value), UINT32_MAX, &most);
    if (!is_number || most >= in->ours->connections) /* unlimited, or it is not printed */
        verify_agrees(v);
    else
        verify_differs(v, EXCHANGE_WORTH, &place, value, "at least `connections` of the gateway",
                       "the gateway is greeted with 421 4.3.2 when it has much to send");
}

static void
check_connector(struct verifier *v, const struct listing_record *r,
                const struct exchange_inbound *in)
{
    static const struct exchange_rights nothing = {.count = 0};
    struct verify_place place = {r, "Receive connector", verify_value(r, "Identity"),
                                 "PermissionGroups"};
    bool has_logon = in->user != NULL;
    if (has_logon)
        verify_holds(v, &place, "AnonymousUsers", false, EXCHANGE_HARMS,
                     "mail is taken without a logon, as from outside: what should have been "
                     "noticed as a wrong password is not");
    place.field = "AuthMechanism";
    verify_holds(v, &place, "Tls", true, EXCHANGE_STOPS,
                 "STARTTLS is not offered: the gateway hands over nothing in clear");
    if (has_logon)
        check_logon(v, r);
    else
        check_trust(v, r);
    check_limits(v, r, in);
    verify_rights(v, verify_value(r, "Server"), verify_value(r, "Name"),
                  has_logon ? in->user : "", has_logon ? &in->rights : &nothing);
    verify_no_open_relay(v, verify_value(r, "Server"), verify_value(r, "Name"));
}

/* ---- Which one takes it ---- */

/* Where a connector must listen for the gateway to meet it. */
struct door {
    const char *server;
    const char *address; /* the gateway's: a binding is of its family, or is not met */
    uint16_t port;
};

struct binding_search {
    const struct door *door;
    bool found;
};

/* "0.0.0.0:25", "[::]:25", or one of the server's own addresses. */
static bool
compare_binding(void *context, struct slice binding)
{
    struct binding_search *s = context;
    char text[VERIFY_TEXT], port[8];
    slice_copy_text(text, sizeof text, binding);
    const char *colon = strrchr(text, ':');
    snprintf(port, sizeof port, "%u", s->door->port);
    bool is_six = strchr(s->door->address, ':') != NULL;
    s->found = colon != NULL && strcmp(colon + 1, port) == 0 && (text[0] == '[') == is_six;
    return !s->found;
}

static bool
is_open(const struct listing_record *r, const struct door *door)
{
    struct binding_search s = {door, false};
    listing_each(verify_value(r, "Bindings"), compare_binding, &s);
    return s.found && listing_is(verify_value(r, "Server"), door->server) &&
           !listing_is(verify_value(r, "Enabled"), "False");
}

/* A connector whose list was cut before it could be seen to hold the address, which it may then
 * hold more closely than the best one does; NULL: none. */
static const struct listing_record *
hidden(const struct verifier *v, const struct door *door, const struct listing_record *best)
{
    static const struct verify_width exactly = {.octets = {0}};
    const struct listing_record *r = NULL;
    struct verify_width width;
    if (best != NULL &&
        verify_range(verify_value(best, "RemoteIPRanges"), door->address, &width) &&
        memcmp(width.octets, exactly.octets, sizeof width.octets) == 0)
        return NULL;
    while ((r = verify_next(v, LISTING_RECEIVE_CONNECTOR, r)) != NULL)
        if (r != best && is_open(r, door) && listing_is_cut(verify_value(r, "RemoteIPRanges")))
            return r;
    return NULL;
}

static const struct listing_record *
taker(const struct verifier *v, const struct door *door)
{
    const struct listing_record *r = NULL, *best = NULL;
    struct verify_width narrowest, width;
    while ((r = verify_next(v, LISTING_RECEIVE_CONNECTOR, r)) != NULL) {
        if (!is_open(r, door) ||
            !verify_range(verify_value(r, "RemoteIPRanges"), door->address, &width))
            continue;
        if (best == NULL || memcmp(width.octets, narrowest.octets, sizeof width.octets) < 0) {
            best = r;
            narrowest = width;
        }
    }
    return best;
}

/* Is this the first address of the gateway that this connector takes? Else it has been judged. */
static bool
is_first(const struct verifier *v, const struct listing_record *r, const struct door *door)
{
    struct door before = *door;
    for (size_t i = 0; v->plan->gateway_addresses[i] != door->address; i++) {
        before.address = v->plan->gateway_addresses[i];
        if (taker(v, &before) == r)
            return false;
    }
    return true;
}

static void
say_hidden(struct verifier *v, const struct listing_record *cut, const char *address)
{
    const struct verify_place place = {cut, "Receive connector", verify_value(cut, "Identity"),
                                       "RemoteIPRanges"};
    char wanted[VERIFY_TEXT];
    snprintf(wanted, sizeof wanted, "the whole list: is %.60s in it?", address);
    verify_differs(v, EXCHANGE_UNKNOWN, &place, verify_value(cut, place.field), wanted,
                   "which connector takes the gateway depends on it; print it again with "
                   "$FormatEnumerationLimit = -1");
}

static void
check_server(struct verifier *v, const char *server, const struct exchange_inbound *in,
             uint16_t port)
{
    char found[VERIFY_TEXT];
    for (size_t i = 0; i < v->plan->gateway_address_count; i++) {
        const struct door door = {server, v->plan->gateway_addresses[i], port};
        const struct listing_record *r = taker(v, &door);
        const struct listing_record *cut = hidden(v, &door, r);
        const struct verify_place place = {NULL, "Receive connector", in->name, ""};
        if (cut != NULL) {
            say_hidden(v, cut, door.address);
            continue;
        }
        snprintf(found, sizeof found, "none of server %.80s on port %u takes %.60s", server, port,
                 door.address);
        if (r == NULL)
            verify_differs(v, EXCHANGE_STOPS, &place, found,
                           "RemoteIPRanges with the gateway's address",
                           "the gateway cannot hand over mail there");
        else if (is_first(v, r, &door))
            check_connector(v, r, in);
    }
}

/* The name of a server before its first dot: Exchange's own name for it, as a rule. */
static void
short_name(const char *host, char name[static 64])
{
    slice_copy_text(name, 64, slice_head(slice_str(host), slice_find(slice_str(host), '.')));
}

static bool
is_address(const char *host)
{
    struct verify_width width;
    return verify_range(host, host, &width);
}

static bool
is_listed(const struct verifier *v, const char *server)
{
    const struct listing_record *r = NULL;
    while ((r = verify_next(v, LISTING_RECEIVE_CONNECTOR, r)) != NULL)
        if (listing_is(verify_value(r, "Server"), server))
            return true;
    return false;
}

static void
check_inbound(struct verifier *v, const struct exchange_inbound *in)
{
    for (size_t i = 0; i < in->ours->server_count; i++) {
        char name[64];
        const struct server *s = &in->ours->servers[i];
        short_name(s->host, name);
        const struct verify_place place = {NULL, "server", s->host, "Receive connectors"};
        if (is_address(s->host))
            verify_differs(v, EXCHANGE_UNKNOWN, &place, "the configuration has its address only",
                           "a name", "which of the servers in the output it is, is not known");
        else if (!is_listed(v, name))
            verify_differs(v, EXCHANGE_UNKNOWN, &place, "not in the output", name,
                           "whether it takes mail from the gateway is not known");
        else
            check_server(v, name, in, s->port);
    }
}

void
verify_receive(struct verifier *v)
{
    const struct verify_place place = {NULL, "gateway's address", "", ""};
    if (!verify_has_any(v, LISTING_RECEIVE_CONNECTOR, "whether the gateway may hand over mail"))
        return;
    if (v->plan->gateway_address_count == 0)
        verify_differs(v, EXCHANGE_UNKNOWN, &place, "not known", "--gateway-address",
                       "which connector takes the gateway depends on it");
    for (size_t i = 0; i < v->plan->inbound_count; i++)
        check_inbound(v, &v->plan->inbound[i]);
}
