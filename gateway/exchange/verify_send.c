/* Their Send connectors: which one leads to the gateway, whether it takes the right mail there,
 * and whether another one takes it away. */
#include "gateway/exchange/verify_private.h"

#include <stdio.h>

#include "gateway/base/ascii.h"
#include "gateway/route/spaces.h"

/* ---- Address spaces: "[Local:]smtp:*.contoso.example;10" ---- */

enum { COST_MAX = 100 };

struct space {
    struct slice domain; /* without "*."; "" for "*" */
    bool wildcard;
    uint64_t cost;
};

/* False: not of SMTP. */
static bool
read_space(struct slice item, struct space *space)
{
    size_t semicolon = slice_find(item, ';');
    struct slice name = slice_head(item, semicolon), cost = slice_from(item, semicolon + 1);
    bool is_typed = false, is_smtp = false;
    for (size_t colon; (colon = slice_find(name, ':')) < name.len;) {
        struct slice word = slice_head(name, colon);
        is_typed = true;
        is_smtp = ascii_is(word, "smtp");
        slice_skip(&name, colon + 1);
    }
    space->wildcard = slice_is(name, "*") || slice_starts(name, slice_str("*."));
    if (space->wildcard)
        slice_skip(&name, name.len == 1 ? 1 : 2);
    space->domain = name;
    if (!ascii_number(cost, COST_MAX, &space->cost))
        space->cost = 1; /* Exchange's own default */
    return !is_typed || is_smtp;
}

/* How closely the entry covers a wanted domain: "*.d" is covered by an entry "*.d" or above. */
static size_t
closeness(const struct space *space, const char *domain, bool wildcard)
{
    char name[SPACE_TEXT];
    slice_copy_text(name, sizeof name, space->domain);
    if (wildcard && !space->wildcard)
        return 0;
    return space_closeness(name, space->wildcard, slice_str(domain));
}

struct best {
    const char *domain;
    bool wildcard;
    size_t closeness;
    uint64_t cost;
};

static bool
compare(void *context, struct slice item)
{
    struct best *best = context;
    struct space space;
    size_t close = read_space(item, &space) ? closeness(&space, best->domain, best->wildcard) : 0;
    if (close > best->closeness || (close == best->closeness && space.cost < best->cost)) {
        best->closeness = close;
        best->cost = space.cost;
    }
    return true;
}

/* How well a connector serves a domain; closeness 0: not at all. */
static struct best
serves(const struct listing_record *r, const struct exchange_domain *d)
{
    struct best best = {.domain = d->name, .wildcard = d->wildcard, .cost = COST_MAX + 1};
    listing_each(verify_value(r, "AddressSpaces"), compare, &best);
    return best;
}

/* ---- Which of them lead to the gateway ---- */

static bool
leads_here(const struct exchange_plan *p, const struct listing_record *r)
{
    const char *hosts = verify_value(r, "SmartHosts");
    bool leads =
        listing_has(hosts, p->gateway) || listing_is(verify_value(r, "Name"), p->outbound.name);
    for (size_t i = 0; i < p->gateway_address_count; i++) {
        char literal[80];
        snprintf(literal, sizeof literal, "[%.70s]", p->gateway_addresses[i]);
        leads |= listing_has(hosts, literal) || listing_has(hosts, p->gateway_addresses[i]);
    }
    return leads;
}

static bool
is_on(const struct listing_record *r)
{
    return !listing_is(verify_value(r, "Enabled"), "False");
}

/* Another one that leads to the gateway, is in use, and serves the domain (NULL: any). */
static bool
has_twin(const struct verifier *v, const struct listing_record *ours,
         const struct exchange_domain *d)
{
    const struct listing_record *r = NULL;
    while ((r = verify_next(v, LISTING_SEND_CONNECTOR, r)) != NULL)
        if (r != ours && is_on(r) && leads_here(v->plan, r) &&
            (d == NULL || serves(r, d).closeness > 0))
            return true;
    return false;
}

/* ---- What it should carry, and what it should not ---- */

static void
check_other(struct verifier *v, const struct listing_record *ours,
            const struct listing_record *other, const struct exchange_domain *d)
{
    struct best here = serves(ours, d), there = serves(other, d);
    char room[SPACE_TEXT], found[VERIFY_TEXT];
    if (!is_on(other) || leads_here(v->plan, other) || there.closeness == 0)
        return;
    if (there.closeness < here.closeness ||
        (there.closeness == here.closeness && there.cost > here.cost))
        return;
    bool is_tie = there.closeness == here.closeness && there.cost == here.cost;
    const struct verify_place place = {other, "Send connector", verify_value(other, "Name"),
                                       "AddressSpaces"};
    snprintf(found, sizeof found, "takes mail for %s", space_text(d->name, d->wildcard, room));
    verify_differs(v, is_tie ? EXCHANGE_HARMS : EXCHANGE_STOPS, &place, found,
                   "only the connector to the gateway takes it",
                   is_tie ? "costs are the same: nearness and names decide which one is used"
                          : "Exchange prefers it: this mail never reaches the gateway");
}

static void
check_spaces(struct verifier *v, const struct listing_record *r)
{
    const struct exchange_domains *spaces = &v->plan->outbound.spaces;
    const char *list = verify_value(r, "AddressSpaces");
    char room[SPACE_TEXT];
    for (size_t i = 0; i < spaces->count; i++) {
        const struct exchange_domain *d = &spaces->at[i];
        const struct verify_place place = {r, "Send connector", verify_value(r, "Name"),
                                           "AddressSpaces"};
        if (serves(r, d).closeness == 0 && has_twin(v, r, d)) {
            verify_agrees(v);
            continue;
        }
        if (serves(r, d).closeness == 0) {
            verify_differs(v, listing_is_cut(list) ? EXCHANGE_UNKNOWN : EXCHANGE_STOPS, &place,
                           list, space_text(d->name, d->wildcard, room),
                           "mail for this domain does not go to the gateway");
            continue;
        }
        verify_agrees(v);
        const struct listing_record *other = NULL;
        while ((other = verify_next(v, LISTING_SEND_CONNECTOR, other)) != NULL)
            if (other != r)
                check_other(v, r, other, d);
    }
}

static bool
is_among(const struct exchange_domains *list, const struct space *s)
{
    return exchange_domain_find(list, s->domain, s->wildcard) != NULL;
}

/* An address space that the gateway does not serve for this forest. */
static bool
check_stray(void *context, struct slice item)
{
    const struct verify_subject *s = context;
    const struct exchange_plan *p = s->v->plan;
    struct space space;
    char found[VERIFY_TEXT];
    if (!read_space(item, &space) || is_among(&p->outbound.spaces, &space) ||
        is_among(&p->outbound.extra, &space))
        return true;
    const struct verify_place place = {s->record, "Send connector",
                                       verify_value(s->record, "Name"), "AddressSpaces"};
    bool is_own = is_among(&p->accepted, &space);
    slice_copy_text(found, sizeof found, item);
    verify_differs(s->v, is_own ? EXCHANGE_STOPS : EXCHANGE_HARMS, &place, found,
                   "without this address space",
                   is_own
                       ? "the forest serves this domain itself: the gateway refuses such mail, "
                         "550 5.4.6"
                       : "the gateway has no route for it: 550 5.7.1 Unable to relay");
    return true;
}

/* ---- How it connects ---- */

/* Exchange shares its mail out among the smart hosts of a connector. */
static bool
check_host(void *context, struct slice host)
{
    const struct verify_subject *s = context;
    const struct verify_place place = {s->record, "Send connector",
                                       verify_value(s->record, "Name"), "SmartHosts"};
    char found[VERIFY_TEXT];
    slice_copy_text(found, sizeof found, host);
    if (listing_is(found, s->v->plan->gateway))
        return true;
    verify_differs(s->v, EXCHANGE_WORTH, &place, found, "the gateway alone, or others like it",
                   "a part of the mail goes there and not to this gateway");
    return true;
}

static void
check_security(struct verifier *v, const struct listing_record *r)
{
    struct verify_place place = {r, "Send connector", verify_value(r, "Name"), ""};
    bool has_account = v->plan->outbound.user != NULL;
    place.field = "SmartHostAuthMechanism";
    if (has_account && listing_is(verify_value(r, place.field), "BasicAuth"))
        verify_differs(v, EXCHANGE_HARMS, &place, "BasicAuth", "BasicAuthRequireTLS",
                       "the certificate of the gateway is not verified before the password goes "
                       "there");
    else
        verify_field(v, &place, has_account ? "BasicAuthRequireTLS" : "None", EXCHANGE_STOPS,
                     has_account
                         ? "the gateway takes mail from who has logged on with AUTH LOGIN "
                           "only: 530 5.7.1"
                         : "the gateway has no accounts for this forest, and offers no "
                           "AUTH");
    place.field = "IgnoreSTARTTLS";
    verify_field(v, &place, "False", EXCHANGE_STOPS,
                 "the gateway takes mail in TLS only: 530 5.7.0");
    place.field = "ForceHELO";
    verify_field(v, &place, "False", EXCHANGE_STOPS, "with HELO there is no TLS and no AUTH");
    place.field = "DomainSecureEnabled";
    verify_field(v, &place, "False", EXCHANGE_HARMS,
                 "Domain Security needs certificates on both sides; the gateway offers none as a "
                 "client and asks for none as a server");
}

static void
check_connection(struct verifier *v, const struct listing_record *r)
{
    struct verify_place place = {r, "Send connector", verify_value(r, "Name"), "Enabled"};
    char port[8];
    verify_field(v, &place, "True", EXCHANGE_STOPS, "no mail goes to the gateway");
    place.field = "IsScopedConnector"; /* since Service Pack 1 */
    if (listing_value(r, place.field) != NULL)
        verify_field(v, &place, "False", EXCHANGE_HARMS,
                     "servers of other sites do not use it: their mail for other forests waits");
    place.field = "DNSRoutingEnabled";
    verify_field(v, &place, "False", EXCHANGE_STOPS, "mail goes to MX hosts, not to the gateway");
    place.field = "SmartHosts";
    verify_holds(
        v, &place, v->plan->gateway, true, EXCHANGE_STOPS,
        "Exchange compares this name with the gateway's certificate; an address is in no "
        "certificate");
    place.field = "Port";
    snprintf(port, sizeof port, "%u", v->plan->outbound.port);
    verify_field(v, &place, port, EXCHANGE_STOPS, "the gateway does not listen there");
    place.field = "MaxMessageSize";
    if (listing_value(r, place.field) != NULL &&
        listing_is(verify_value(r, place.field), "unlimited"))
        verify_differs(v, EXCHANGE_WORTH, &place, "unlimited", "the gateway's limit",
                       "what is larger comes back with the gateway's 552 5.3.4 instead of "
                       "Exchange's own report; nothing else");
    else
        verify_agrees(v);
}

/* ---- All of them ---- */

void
verify_send(struct verifier *v)
{
    const struct listing_record *r = NULL;
    size_t found = 0;
    if (!verify_has_any(v, LISTING_SEND_CONNECTOR,
                        "whether mail for the other forests goes to the gateway"))
        return;
    while ((r = verify_next(v, LISTING_SEND_CONNECTOR, r)) != NULL) {
        if (!leads_here(v->plan, r) || (!is_on(r) && has_twin(v, r, NULL)))
            continue;
        struct verify_subject subject = {v, r};
        found++;
        check_connection(v, r);
        check_security(v, r);
        check_spaces(v, r);
        listing_each(verify_value(r, "AddressSpaces"), check_stray, &subject);
        if (listing_has(verify_value(r, "SmartHosts"), v->plan->gateway))
            listing_each(verify_value(r, "SmartHosts"), check_host, &subject);
        verify_rights(v, NULL, verify_value(r, "Name"), VERIFY_ANONYMOUS,
                      &v->plan->outbound.rights);
    }
    const struct verify_place place = {NULL, "Send connector", v->plan->outbound.name, ""};
    if (found == 0)
        verify_differs(v, EXCHANGE_STOPS, &place, "none leads to the gateway", v->plan->gateway,
                       "no mail for the other forests goes to the gateway");
}
