/* Forests: who owns which domain. And what leads nowhere. */
#include "config/config_check_private.h"

#include <stdlib.h>

#include "gateway/base/mem.h"
#include "gateway/mail/address.h"

/* A domain and who lists it, for sorting. */
struct claim {
    const struct forest *forest;
    const struct forest_domain *domain;
};

static int
by_place(struct where a, struct where b)
{
    int order = (a.line > b.line) - (a.line < b.line);
    return order != 0 ? order : (a.column > b.column) - (a.column < b.column);
}

static int
by_domain(const void *left, const void *right)
{
    const struct claim *a = left, *b = right;
    int order = strcmp(a->domain->name, b->domain->name);
    if (order == 0)
        order = a->domain->wildcard - b->domain->wildcard;
    if (order == 0)
        order = (int)a->domain->kind - (int)b->domain->kind;
    return order != 0 ? order : by_place(a->domain->where, b->domain->where);
}

static bool
is_same_domain(const struct forest_domain *a, const struct forest_domain *b)
{
    return a->wildcard == b->wildcard && strcmp(a->name, b->name) == 0;
}

static const char *
prefix(const struct forest_domain *d)
{
    return d->wildcard ? "*." : "";
}

/* Every listing in order of domain, authoritative ones first; the caller frees. */
static struct claim *
sorted_claims(struct check *check, size_t *count)
{
    const struct config *c = check->config;
    *count = 0;
    for (size_t i = 0; i < c->forest_count; i++)
        *count += c->forests[i].domain_count;
    struct claim *claims = mem_new((*count + 1) * sizeof *claims);
    if (claims == NULL) {
        check->report->nomem = true;
        return NULL;
    }
    size_t n = 0;
    for (size_t i = 0; i < c->forest_count; i++)
        for (size_t k = 0; k < c->forests[i].domain_count; k++)
            claims[n++] = (struct claim){&c->forests[i], &c->forests[i].domains[k]};
    qsort(claims, n, sizeof *claims, by_domain);
    return claims;
}

/* Does any forest own all that d covers? */
static bool
is_owned(const struct config *c, const struct forest_domain *d)
{
    for (size_t i = 0; i < c->forest_count; i++)
        for (size_t k = 0; k < c->forests[i].domain_count; k++) {
            const struct forest_domain *e = &c->forests[i].domains[k];
            if (e->kind == DOMAIN_AUTHORITATIVE && (e->wildcard || !d->wildcard) &&
                domain_matches(slice_str(d->name), slice_str(e->name), e->wildcard))
                return true;
        }
    return false;
}

/* Two listings of one domain, the earlier one first. False: there is a complaint. */
static bool
check_claims(struct check *check, const struct claim *first, const struct claim *second)
{
    const struct forest_domain *d = second->domain;
    enum domain_kind kinds[] = {first->domain->kind, d->kind};

    if (first->forest == second->forest) {
        report_error(check->report, d->where, "domains: \"%s%s\" given twice; also on line %u",
                     prefix(d), d->name, first->domain->where.line);
    } else if (kinds[0] == DOMAIN_AUTHORITATIVE && kinds[1] == DOMAIN_AUTHORITATIVE) {
        report_error(check->report, d->where,
                     "domains: \"%s%s\" is owned by forest \"%s\" already (line %u); make one of "
                     "them internal-relay",
                     prefix(d), d->name, first->forest->name, first->domain->where.line);
    } else if (kinds[0] == DOMAIN_INTERNAL_RELAY && kinds[1] == DOMAIN_INTERNAL_RELAY &&
               !is_owned(check->config, d)) {
        report_error(
            check->report, d->where,
            "domains: \"%s%s\" is internal-relay here and in forest \"%s\" (line %u), and "
            "authoritative nowhere: its mail would go in circles",
            prefix(d), d->name, first->forest->name, first->domain->where.line);
    } else {
        return true;
    }
    return false;
}

void
check_forests(struct check *check)
{
    size_t count;
    struct claim *claims = sorted_claims(check, &count);
    if (claims == NULL)
        return;
    for (size_t i = 1; i < count; i++)
        for (size_t k = i; k > 0 && is_same_domain(claims[k - 1].domain, claims[i].domain); k--)
            if (!check_claims(check, &claims[k - 1], &claims[i]))
                break;
    mem_free(&claims);
}

/* ---- What leads nowhere -------------------------------------------------------------------- */

static bool
is_in(const void *item, const void *list, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const void *member;
        memcpy(&member, (const char *)list + i * sizeof member, sizeof member);
        if (member == item)
            return true;
    }
    return false;
}

static bool
somebody_speaks_for(const struct config *c, const struct forest *forest)
{
    for (size_t i = 0; i < c->receive_count; i++)
        if (is_in(forest, c->receive[i].speaks_for, c->receive[i].speaks_for_count))
            return true;
    return false;
}

static bool
is_certificate_used(const struct config *c, const struct certificate *certificate)
{
    for (size_t i = 0; i < c->listener_count; i++) {
        const struct listener *l = &c->listeners[i];
        if (l->certificate == certificate ||
            is_in(certificate, l->more_certificates, l->more_certificates_count))
            return true;
    }
    return false;
}

static bool
is_listener_used(const struct config *c, const struct listener *listener)
{
    for (size_t i = 0; i < c->receive_count; i++)
        if (is_in(listener, c->receive[i].listen, c->receive[i].listen_count))
            return true;
    return false;
}

static bool
is_send_used(const struct config *c, const struct send_connector *send)
{
    for (size_t i = 0; i < c->forest_count; i++)
        if (is_in(send, c->forests[i].deliver, c->forests[i].deliver_count))
            return true;
    return send->address_space_count > 0;
}

static bool
space_covers(const struct config *c, struct slice domain)
{
    for (size_t i = 0; i < c->send_count; i++)
        for (size_t k = 0; k < c->send[i].address_space_count; k++) {
            const struct address_space *space = &c->send[i].address_spaces[k];
            if (space->domain[0] == '\0' ||
                domain_matches(domain, slice_str(space->domain), space->wildcard))
                return true;
        }
    return false;
}

/* Reports that have no other way go to the postmaster: that way must exist. */
static void
check_postmaster(struct check *check)
{
    const struct config *c = check->config;
    const struct node *node = NODE_AT(check->root, "postmaster");
    struct address address;

    if (c->postmaster == NULL || !address_parse(slice_str(c->postmaster), &address))
        return;
    for (size_t i = 0; i < c->forest_count; i++)
        for (size_t k = 0; k < c->forests[i].domain_count; k++) {
            const struct forest_domain *d = &c->forests[i].domains[k];
            if (domain_matches(address.domain, slice_str(d->name), d->wildcard))
                return;
        }
    if (!space_covers(c, address.domain))
        report_warning(check->report, check_place(node, (struct where){c->file, 0, 0}),
                       "postmaster: no forest owns \"%.*s\" and no address space covers it",
                       SLICE_ARG(address.domain));
}

static void
check_used(struct check *check)
{
    const struct config *c = check->config;
    struct report *report = check->report;

    for (size_t i = 0; i < c->certificate_count; i++)
        if (!is_certificate_used(c, &c->certificates[i]))
            report_warning(report, c->certificates[i].where,
                           "certificate \"%s\" is used by no listener", c->certificates[i].name);
    for (size_t i = 0; i < c->listener_count; i++)
        if (!is_listener_used(c, &c->listeners[i]))
            report_warning(
                report, c->listeners[i].where,
                "listener \"%s\" belongs to no receive connector: it refuses everybody",
                c->listeners[i].name);
    for (size_t i = 0; i < c->forest_count; i++)
        if (!somebody_speaks_for(c, &c->forests[i]))
            report_warning(report, c->forests[i].where,
                           "no receive connector speaks for forest \"%s\": all its senders are "
                           "external",
                           c->forests[i].name);
    for (size_t i = 0; i < c->send_count; i++)
        if (!is_send_used(c, &c->send[i]))
            report_warning(report, c->send[i].where,
                           "send connector \"%s\" is used by no forest and has no address spaces",
                           c->send[i].name);
}

void
check_loose_ends(struct check *check)
{
    check_used(check);
    check_postmaster(check);
}
