/* Which domains the forest must know, and as what (exchange-facts.md 5.1, 5.2). */
#include "gateway/exchange/plan_private.h"

#include <string.h>

#include "gateway/base/ascii.h"

const struct exchange_domain *
exchange_domain_find(const struct exchange_domains *list, struct slice name, bool wildcard)
{
    for (size_t i = 0; i < list->count; i++)
        if (list->at[i].wildcard == wildcard && ascii_is(name, list->at[i].name))
            return &list->at[i];
    return NULL;
}

static bool
holds(const struct exchange_domains *list, const struct forest_domain *f)
{
    return exchange_domain_find(list, slice_str(f->name), f->wildcard) != NULL;
}

static const struct forest_domain *
find(const struct forest *forest, const struct forest_domain *like)
{
    for (size_t i = 0; i < forest->domain_count; i++) {
        const struct forest_domain *f = &forest->domains[i];
        if (f->wildcard == like->wildcard && strcmp(f->name, like->name) == 0)
            return f;
    }
    return NULL;
}

static void
add(struct exchange_domains *list, const struct forest_domain *f, enum domain_kind kind,
    const struct forest *home)
{
    if (!holds(list, f))
        list->at[list->count++] =
            (struct exchange_domain){f->name, f->wildcard, kind, home, f->where};
}

/* The forest that is the authority of a domain; NULL: none is. */
static const struct forest *
authority(const struct config *config, const struct forest_domain *like)
{
    for (size_t i = 0; i < config->forest_count; i++) {
        const struct forest_domain *f = find(&config->forests[i], like);
        if (f != NULL && f->kind == DOMAIN_AUTHORITATIVE)
            return &config->forests[i];
    }
    return NULL;
}

/* Does mail for a domain of the other forest leave through the gateway? Not where this forest is
 * its home, and not what it carries itself: the gateway would hand that back to it. */
static bool
leaves(const struct exchange_plan *p, const struct forest *other, const struct forest_domain *f)
{
    const struct forest *home = authority(p->config, f);
    if (plan_is_behind(p->config, home != NULL ? home : other, p->forest))
        return false;
    if (find(p->forest, f) == NULL)
        return true;
    return home != NULL && home != p->forest;
}

static void
add_other(struct exchange_plan *p, const struct forest *other)
{
    bool is_carried = plan_is_behind(p->config, other, p->forest);
    if (is_carried)
        p->behind[p->behind_count++] = other;
    for (size_t i = 0; i < other->domain_count; i++) {
        const struct forest_domain *f = &other->domains[i];
        const struct forest *home = authority(p->config, f);
        if (leaves(p, other, f))
            add(&p->outbound.spaces, f, f->kind, home != NULL ? home : other);
        if (find(p->forest, f) != NULL)
            continue;
        add(&p->remote, f, f->kind, home != NULL ? home : other);
        if (is_carried)
            add(&p->accepted, f, DOMAIN_INTERNAL_RELAY, other);
    }
}

static bool
is_granted(const struct send_connector *s, const struct forest *forest)
{
    for (size_t i = 0; i < s->allow_from_count; i++)
        if (s->allow_from[i] == forest)
            return true;
    return false;
}

static void
add_extra(struct exchange_plan *p, const struct send_connector *s)
{
    for (size_t i = 0; i < s->address_space_count; i++) {
        const struct address_space *a = &s->address_spaces[i];
        const struct forest_domain f = {.name = a->domain, .wildcard = a->wildcard};
        if (!holds(&p->outbound.extra, &f))
            p->outbound.extra.at[p->outbound.extra.count++] = (struct exchange_domain){
                a->domain, a->wildcard, DOMAIN_EXTERNAL_RELAY, NULL, a->where};
    }
}

static bool
make_room(struct exchange_plan *p)
{
    const struct config *config = p->config;
    size_t domains = 0, spaces = 0;
    for (size_t i = 0; i < config->forest_count; i++)
        domains += config->forests[i].domain_count;
    for (size_t i = 0; i < config->send_count; i++)
        spaces += config->send[i].address_space_count;
    struct exchange_domains *const lists[] = {&p->accepted, &p->remote, &p->outbound.spaces};
    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++) {
        lists[i]->at = arena_new(&p->arena, domains * sizeof *lists[i]->at);
        TRY(lists[i]->at != NULL);
    }
    p->outbound.extra.at = arena_new(&p->arena, (spaces + 1) * sizeof *p->outbound.extra.at);
    p->behind = arena_new(&p->arena, config->forest_count * sizeof(struct forest *));
    return p->outbound.extra.at != NULL && p->behind != NULL;
}

bool
plan_domains(struct exchange_plan *p)
{
    TRY(make_room(p));
    for (size_t i = 0; i < p->forest->domain_count; i++) {
        const struct forest_domain *f = &p->forest->domains[i];
        const struct forest *home = authority(p->config, f);
        add(&p->accepted, f, f->kind, home != NULL ? home : p->forest);
    }
    for (size_t i = 0; i < p->config->forest_count; i++)
        if (&p->config->forests[i] != p->forest)
            add_other(p, &p->config->forests[i]);
    for (size_t i = 0; i < p->config->send_count; i++)
        if (is_granted(&p->config->send[i], p->forest))
            add_extra(p, &p->config->send[i]);
    return true;
}
