#include "gateway/route/recipient.h"

#include <stdarg.h>
#include <stdio.h>

#include "gateway/route/rights.h"
#include "gateway/route/spaces.h"

/* One search: what is asked, and the answer as far as it is known. */
struct search {
    const struct config *config;
    const struct receive_connector *from; /* NULL: our own report */
    struct address to;
    bool is_for_us; /* <postmaster>: the gateway's own, so the own-forest rule does not apply */
    bool explain;
    struct route *out;
};

/* ---- Telling ------------------------------------------------------------------------------ */

static void step(struct search *s, struct where where, const char *fmt, ...) PRINTF_LIKE(3, 4);

static void
step(struct search *s, struct where where, const char *fmt, ...)
{
    struct route *out = s->out;
    va_list args;

    if (!s->explain || out->step_count == ROUTE_STEPS)
        return;
    struct route_step *next = &out->steps[out->step_count++];
    next->where = where;
    va_start(args, fmt);
    vsnprintf(next->text, sizeof next->text, fmt, args);
    va_end(args);
}

static const char *
kind_text(enum domain_kind kind)
{
    switch (kind) {
    case DOMAIN_AUTHORITATIVE:
        return "authoritative";
    case DOMAIN_INTERNAL_RELAY:
        return "internal-relay";
    case DOMAIN_EXTERNAL_RELAY:
        return "external-relay";
    }
    never("a kind of domain without a name");
}

static const struct where nowhere = {.line = 0};

static struct reply
unable_to_relay(void)
{
    return reply_make(550, "5.7.1", "Unable to relay");
}

/* ---- The address -------------------------------------------------------------------------- */

/* Take the address as it goes on, which is the configuration's own for <postmaster>. False: it
 * has been refused. */
static bool
take_address(struct search *s)
{
    struct route *out = s->out;

    if (s->to.domain.len == 0) {
        s->is_for_us = true;
        if (!address_parse(slice_str(s->config->postmaster), &s->to)) {
            decision_set(&out->d, unable_to_relay(), nowhere,
                         "postmaster: is not an address in the configuration");
            return false;
        }
        step(s, nowhere, "<postmaster> is %.120s (postmaster:)", s->config->postmaster);
    }
    if (s->to.text.len >= sizeof out->address) {
        decision_set(&out->d, reply_make(501, "5.1.3", "Invalid address"), nowhere,
                     "the address is longer than %zu octets", sizeof out->address - 1);
        return false;
    }
    memcpy(out->address, s->to.text.ptr, s->to.text.len);
    if (domain_is_literal(s->to.domain)) {
        decision_set(&out->d, unable_to_relay(), nowhere,
                     "an address literal belongs to no forest and to no address space");
        return false;
    }
    if (!domain_is_valid_utf8(s->to.domain)) {
        decision_set(&out->d, reply_make(501, "5.1.3", "Invalid address"), nowhere,
                     "what stands behind the @ is not a domain name");
        return false;
    }
    return true;
}

/* ---- The forest --------------------------------------------------------------------------- */

struct home {
    const struct forest *forest; /* NULL: none */
    const struct forest_domain *entry;
};

/* The forest whose authoritative entry covers the domain most closely. */
static struct home
authority(const struct search *s)
{
    struct home best = {NULL, NULL};
    size_t closest = 0;

    for (size_t i = 0; i < s->config->forest_count; i++) {
        const struct forest *f = &s->config->forests[i];
        for (size_t k = 0; k < f->domain_count; k++) {
            const struct forest_domain *e = &f->domains[k];
            size_t close = space_closeness(e->name, e->wildcard, s->to.domain);
            if (e->kind != DOMAIN_AUTHORITATIVE || close <= closest)
                continue;
            closest = close;
            best = (struct home){f, e};
        }
    }
    return best;
}

/* The forest whose entry covers the domain most closely; when several share that entry, the
 * authoritative one, else the first. */
static struct home
closest_home(const struct search *s)
{
    struct home best = {NULL, NULL};
    size_t closest = space_closest(s->config, s->to.domain);

    for (size_t i = 0; closest > 0 && i < s->config->forest_count; i++) {
        const struct forest *f = &s->config->forests[i];
        size_t close;
        const struct forest_domain *e = space_of_forest(f, s->to.domain, &close);
        if (close < closest)
            continue;
        if (e->kind == DOMAIN_AUTHORITATIVE)
            return (struct home){f, e};
        if (best.forest == NULL)
            best = (struct home){f, e};
    }
    return best;
}

/* Where the recipient lives; a shared name space ends at its authority (exchange-facts.md 5.1:
 * the last system in the chain must be authoritative). */
static struct home
find_home(struct search *s)
{
    char text[SPACE_TEXT];
    struct home home = closest_home(s);

    if (home.forest == NULL)
        return home;
    step(s, home.entry->where, "%.90s (%s) of forest %s fits best",
         space_text(home.entry->name, home.entry->wildcard, text), kind_text(home.entry->kind),
         home.forest->name);
    if (home.entry->kind != DOMAIN_INTERNAL_RELAY)
        return home;

    struct home last = authority(s);
    if (last.forest == NULL || last.forest == home.forest)
        return home;
    step(s, last.entry->where, "shared name space: forest %s is authoritative by %.90s",
         last.forest->name, space_text(last.entry->name, last.entry->wildcard, text));
    return last;
}

/* ---- The send connector of a forest ------------------------------------------------------- */

/* Is one of its servers, where it is written as an address, in a network of the receive
 * connector? A name cannot be told here; whoever connects asks again when it has the address. */
static bool
goes_back(const struct receive_connector *from, const struct send_connector *connector)
{
    for (size_t i = 0; i < connector->server_count; i++) {
        struct sockaddr_storage address;
        if (accept_address(connector->servers[i].host, &address) &&
            accept_network(from, (const struct sockaddr *)&address) != NULL)
            return true;
    }
    return false;
}

/* The first of the forest's connectors; of a hairpin, the first that does not lead back. */
static const struct send_connector *
connector_of(const struct search *s, const struct forest *forest, bool is_hairpin)
{
    for (size_t i = 0; i < forest->deliver_count; i++)
        if (!is_hairpin || !goes_back(s->from, forest->deliver[i]))
            return forest->deliver[i];
    return NULL;
}

static void
refuse_own_forest(struct search *s, struct home home, const char *why)
{
    decision_set(
        &s->out->d,
        reply_make(550, "5.4.6",
                   "Recipient belongs to the forest that receive connector %s speaks for",
                   s->from->name),
        home.entry->where, "%s speaks for forest %s itself: %s", s->from->name, home.forest->name,
        why);
}

static void
route_to_forest(struct search *s, struct home home)
{
    struct route *out = s->out;
    bool is_own = s->from != NULL && !s->is_for_us && accept_speaks_for(s->from, home.forest);

    out->forest = home.forest;
    if (is_own && !home.forest->hairpin) {
        refuse_own_forest(s, home, "mail that comes from a forest is not sent back into it");
        return;
    }
    if (is_own)
        step(s, home.forest->where, "%s speaks for forest %s itself; hairpin: allow",
             s->from->name, home.forest->name);

    out->connector = connector_of(s, home.forest, is_own);
    if (out->connector == NULL && is_own) {
        refuse_own_forest(s, home, "every server of the forest is in the networks it came from");
        return;
    }
    if (out->connector == NULL) {
        decision_set(&out->d, reply_make(550, "5.4.4", "No route to the recipient's forest"),
                     home.forest->where, "forest %s has no deliver:", home.forest->name);
        return;
    }
    step(s, home.forest->where, "forest %s is reached through send connector %s",
         home.forest->name, out->connector->name);
    decision_set(&out->d, reply_make(250, "2.1.5", "Recipient OK"), home.entry->where,
                 "forest %s, through send connector %s", home.forest->name, out->connector->name);
}

/* ---- The address spaces of send connectors ------------------------------------------------ */

struct offer {
    const struct send_connector *connector; /* NULL: none */
    const struct address_space *space;
    size_t closeness;
};

/* The closest of a connector's address spaces; between equals, the cheapest. */
static struct offer
offer_of(const struct send_connector *connector, struct slice domain)
{
    struct offer best = {NULL, NULL, 0};

    for (size_t i = 0; i < connector->address_space_count; i++) {
        const struct address_space *a = &connector->address_spaces[i];
        size_t close = space_closeness(a->domain, a->wildcard, domain);
        if (close == 0 || close < best.closeness ||
            (close == best.closeness && a->cost >= best.space->cost))
            continue;
        best = (struct offer){connector, a, close};
    }
    return best;
}

/* Closer, else cheaper, else by name. */
static bool
is_better(struct offer a, struct offer b)
{
    if (b.connector == NULL || a.closeness != b.closeness)
        return a.closeness > b.closeness;
    if (a.space->cost != b.space->cost)
        return a.space->cost < b.space->cost;
    return strcmp(a.connector->name, b.connector->name) < 0;
}

static bool
takes_any_recipient(const struct search *s)
{
    return s->from != NULL && rights_hold(s->from->rights, RIGHT_ACCEPT_ANY_RECIPIENT);
}

/* May the session use the address spaces of this connector? The first forest that may in *by. */
static bool
is_allowed(const struct search *s, const struct send_connector *connector,
           const struct forest **by)
{
    if (takes_any_recipient(s))
        return true;
    for (size_t i = 0; s->from != NULL && i < connector->allow_from_count; i++) {
        if (!accept_speaks_for(s->from, connector->allow_from[i]))
            continue;
        *by = connector->allow_from[i];
        return true;
    }
    return s->from == NULL;
}

static void
refuse_space(struct search *s, struct offer forbidden)
{
    char text[SPACE_TEXT];

    if (forbidden.connector == NULL) {
        decision_set(&s->out->d, unable_to_relay(), nowhere,
                     "no forest owns the domain and no address space covers it");
        return;
    }
    decision_set(&s->out->d, unable_to_relay(), forbidden.connector->where,
                 "no forest owns the domain; address space %.60s of send connector %s covers it, "
                 "but allow_from has no forest of %s, which lacks accept-any-recipient",
                 space_text(forbidden.space->domain, forbidden.space->wildcard, text),
                 forbidden.connector->name, s->from->name);
}

static void
route_to_space(struct search *s)
{
    struct offer best = {NULL, NULL, 0}, forbidden = {NULL, NULL, 0};
    const struct forest *by = NULL;
    char text[SPACE_TEXT];

    step(s, nowhere, "no forest owns the domain");
    for (size_t i = 0; i < s->config->send_count; i++) {
        const struct send_connector *connector = &s->config->send[i];
        struct offer offer = offer_of(connector, s->to.domain);
        struct offer *of_its_kind = is_allowed(s, connector, &by) ? &best : &forbidden;
        if (offer.connector != NULL && is_better(offer, *of_its_kind))
            *of_its_kind = offer;
    }
    if (best.connector == NULL) {
        refuse_space(s, forbidden);
        return;
    }

    s->out->connector = best.connector;
    space_text(best.space->domain, best.space->wildcard, text);
    step(s, best.space->where, "address space %.60s (cost %u) of send connector %s covers it",
         text, best.space->cost, best.connector->name);
    if (takes_any_recipient(s))
        step(s, rights_place(s->from->rights_where, s->from->where),
             "%s holds accept-any-recipient, whatever allow_from says", s->from->name);
    else if (is_allowed(s, best.connector, &by) && s->from != NULL)
        step(s, best.connector->where, "allow_from has forest %s, for which %s speaks", by->name,
             s->from->name);
    decision_set(&s->out->d, reply_make(250, "2.1.5", "Recipient OK"), best.space->where,
                 "address space %.60s (cost %u), through send connector %s", text,
                 best.space->cost, best.connector->name);
}

/* ---- The whole ---------------------------------------------------------------------------- */

void
route_recipient(const struct config *config, const struct receive_connector *from,
                struct address to, bool explain, struct route *out)
{
    struct search s = {.config = config, .from = from, .to = to, .explain = explain, .out = out};

    *out = (struct route){.step_count = 0};
    if (!take_address(&s))
        return;
    struct home home = find_home(&s);
    if (home.forest != NULL)
        route_to_forest(&s, home);
    else
        route_to_space(&s);
    if (s.is_for_us && out->connector == NULL)
        decision_set(&out->d, out->d.reply, nowhere,
                     "postmaster: %.100s has no route; name an address of one of the forests",
                     config->postmaster);
}
