/* Accepted domains and the settings of remote domains (exchange-facts.md 5.1, 6.4). */
#include "gateway/exchange/verify_private.h"

#include "gateway/route/spaces.h"

static const char *const types[] = {
    [DOMAIN_AUTHORITATIVE] = "Authoritative",
    [DOMAIN_INTERNAL_RELAY] = "InternalRelay",
    [DOMAIN_EXTERNAL_RELAY] = "ExternalRelay",
};

/* The accepted domain that covers this one most closely: "*.d" covers what is below d. */
static const struct listing_record *
find_accepted(const struct verifier *v, const struct exchange_domain *d)
{
    const struct listing_record *r = NULL, *best = NULL;
    size_t most = 0;
    while ((r = verify_next(v, LISTING_ACCEPTED_DOMAIN, r)) != NULL) {
        const char *name = verify_value(r, "DomainName");
        bool is_wild = strncmp(name, "*.", 2) == 0;
        size_t close = !is_wild && d->wildcard ? 0
                                               : space_closeness(is_wild ? name + 2 : name,
                                                                 is_wild, slice_str(d->name));
        if (close > most) {
            best = r;
            most = close;
        }
    }
    return best;
}

static const struct listing_record *
find(const struct verifier *v, enum listing_kind kind, const char *domain)
{
    const struct listing_record *r = NULL;
    while ((r = verify_next(v, kind, r)) != NULL)
        if (listing_is(verify_value(r, "DomainName"), domain))
            return r;
    return NULL;
}

static void
check_accepted(struct verifier *v, const struct exchange_domain *d)
{
    char room[SPACE_TEXT];
    const char *name = space_text(d->name, d->wildcard, room);
    const struct listing_record *r = find_accepted(v, d);
    const struct verify_place place = {r, "accepted domain", name, r != NULL ? "DomainType" : ""};
    if (r == NULL)
        verify_differs(v, EXCHANGE_STOPS, &place, "missing", types[d->kind],
                       "mail for it from the gateway is refused: 550 5.7.1 Unable to relay");
    else
        verify_field(v, &place, types[d->kind], EXCHANGE_HARMS,
                     d->kind == DOMAIN_AUTHORITATIVE
                         ? "unknown recipients are sent on, perhaps back to the gateway: a loop"
                         : "recipients that live in another forest are unknown here: 550 5.1.1");
}

/* Who is the authority of a domain keeps its mail: it would never come to the gateway. */
static void
check_foreign(struct verifier *v, const struct exchange_domain *d)
{
    char room[SPACE_TEXT];
    const char *name = space_text(d->name, d->wildcard, room);
    if (exchange_domain_find(&v->plan->accepted, slice_str(d->name), d->wildcard) != NULL)
        return; /* a shared name space: check_accepted() has looked at it */
    const struct listing_record *r = find_accepted(v, d);
    const struct verify_place place = {r, "accepted domain", name, "DomainType"};
    if (r != NULL && listing_is(verify_value(r, "DomainType"), "Authoritative"))
        verify_differs(
            v, EXCHANGE_STOPS, &place, "Authoritative", "no accepted domain here",
            "mail for the other forest ends here: 5.1.1, and none goes to the gateway");
    else
        verify_agrees(v);
}

static void
check_remote(struct verifier *v, const struct exchange_domain *d)
{
    static const struct {
        const char *field, *wanted, *why;
    } rows[] = {
        {"AutoReplyEnabled", "True", "automatic replies stay inside"},
        {"AutoForwardEnabled", "True", "automatic forwards stay inside"},
        {"NDREnabled", "True", "senders of the other forest hear of no failure"},
        {"DeliveryReportEnabled", "True", "delivery reports that were asked for are not sent"},
    };
    char room[SPACE_TEXT];
    const char *name = space_text(d->name, d->wildcard, room);
    const struct listing_record *r = find(v, LISTING_REMOTE_DOMAIN, name);
    struct verify_place place = {r, "remote domain", name, ""};
    if (r == NULL) {
        verify_differs(
            v, EXCHANGE_WORTH, &place, "missing", "a remote domain of its own",
            "the default one holds, which keeps automatic replies and forwards inside");
        return;
    }
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        place.field = rows[i].field;
        verify_field(v, &place, rows[i].wanted, EXCHANGE_WORTH, rows[i].why);
    }
}

void
verify_domains(struct verifier *v)
{
    const struct exchange_plan *p = v->plan;
    if (verify_has_any(v, LISTING_ACCEPTED_DOMAIN, "which domains this forest takes mail for")) {
        for (size_t i = 0; i < p->accepted.count; i++)
            check_accepted(v, &p->accepted.at[i]);
        for (size_t i = 0; i < p->outbound.spaces.count; i++)
            check_foreign(v, &p->outbound.spaces.at[i]);
    }
    if (verify_has_any(v, LISTING_REMOTE_DOMAIN, "whether automatic replies reach other forests"))
        for (size_t i = 0; i < p->remote.count; i++)
            check_remote(v, &p->remote.at[i]);
}
