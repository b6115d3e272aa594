#include "gateway/exchange/plan_private.h"

#include <arpa/inet.h>
#include <stdio.h>

#include "gateway/base/buf.h"
#include "gateway/base/mem.h"
#include "gateway/route/spaces.h"

enum { PLAN_MAX = 16 * 1024 * 1024, LIST_TEXT = 150 };

/* ---- Which forest a connector stands in ---- */

/* How many of its servers have names in a domain of the forest. */
static size_t
count_own_servers(const struct forest *f, const struct send_connector *s)
{
    size_t own = 0;
    for (size_t i = 0; i < s->server_count; i++) {
        bool is_own = false;
        for (size_t k = 0; k < f->domain_count; k++)
            is_own |=
                space_closeness(f->domains[k].name, true, slice_str(s->servers[i].host)) > 0;
        own += is_own;
    }
    return own;
}

const struct forest *
plan_home(const struct config *config, const struct send_connector *s)
{
    const struct forest *home = NULL;
    size_t most = 0;
    for (size_t i = 0; i < config->forest_count; i++) {
        const struct forest *f = &config->forests[i];
        bool delivers = forest_delivers_by(f, s);
        size_t own = delivers ? count_own_servers(f, s) : 0;
        if (delivers && (home == NULL || own > most)) {
            home = f;
            most = own;
        }
    }
    return home;
}

bool
plan_is_behind(const struct config *config, const struct forest *f, const struct forest *through)
{
    return f != through && f->deliver_count > 0 && f->deliver[0]->peer == PEER_EXCHANGE &&
           plan_home(config, f->deliver[0]) == through;
}

/* ---- What was asked for ---- */

static bool
is_receive(const struct config *config, const char *name)
{
    bool found = false;
    for (size_t i = 0; i < config->receive_count; i++)
        found |= strcmp(config->receive[i].name, name) == 0;
    return found;
}

static bool
is_connector(const struct config *config, const char *name, bool is_send)
{
    return is_send ? config_send(config, slice_str(name)) != NULL : is_receive(config, name);
}

/* Is the connector among those that were named? Its kind counts alone: who names receive
 * connectors only has said nothing of send connectors. A name may be that of one of each. */
static bool
is_chosen(const struct config *config, const struct exchange_question *q, const char *name,
          bool is_send)
{
    bool none_of_kind = true;
    for (size_t i = 0; i < q->connector_count; i++) {
        if (!is_connector(config, q->connectors[i], is_send))
            continue;
        none_of_kind = false;
        if (strcmp(q->connectors[i], name) == 0)
            return true;
    }
    return none_of_kind;
}

static bool
find_forest(struct exchange_plan *p, const struct exchange_question *q, struct err *err)
{
    char list[LIST_TEXT] = "";
    p->forest = config_forest(p->config, slice_str(q->forest));
    for (size_t i = 0; p->forest == NULL && i < p->config->forest_count; i++) {
        size_t len = strlen(list);
        snprintf(list + len, sizeof list - len, "%s%s", i > 0 ? ", " : "",
                 p->config->forests[i].name);
    }
    if (p->forest == NULL)
        return err_set(err, ERR_CONFIG, "no forest \"%.40s\"; the configuration has %s",
                       q->forest, list);
    for (size_t i = 0; i < q->connector_count; i++)
        if (!is_connector(p->config, q->connectors[i], true) &&
            !is_connector(p->config, q->connectors[i], false))
            return err_set(err, ERR_CONFIG, "no connector \"%.60s\"", q->connectors[i]);
    return true;
}

/* ---- Mail from us ---- */

static bool
say_elsewhere(const struct exchange_plan *p, struct err *err)
{
    const struct forest *f = p->forest;
    const struct send_connector *s = f->deliver_count > 0 ? f->deliver[0] : NULL;
    if (s == NULL)
        return err_set(err, ERR_CONFIG, "forest %s has no connectors under deliver", f->name);
    if (s->peer == PEER_GATEWAY)
        return err_set(err, ERR_CONFIG,
                       "forest %s is behind another gateway (send connector %s): run this there",
                       f->name, s->name);
    const struct forest *home = plan_home(p->config, s);
    if (home != f)
        return err_set(err, ERR_CONFIG,
                       "forest %s is reached through %s: nothing of it connects to this gateway; "
                       "ask for --forest %s",
                       f->name, home->name, home->name);
    return err_set(err, ERR_CONFIG, "none of the connectors named leads to forest %s", f->name);
}

static void
add_inbound(struct exchange_plan *p, const struct send_connector *s)
{
    struct exchange_inbound *in = &p->inbound[p->inbound_count++];
    *in = (struct exchange_inbound){.ours = s, .user = s->auth_user};
    plan_rights_of_inbound(in);
}

/* Their connectors have names that tell what they are for; two of them on a server must differ.
 */
static bool
name_inbound(struct exchange_plan *p)
{
    enum { NAME_MAX_THERE = 64 }; /* of an object of the directory */
    for (size_t i = 0; i < p->inbound_count; i++) {
        char *name = arena_new(&p->arena, NAME_MAX_THERE + 1);
        TRY(name != NULL);
        if (p->inbound_count == 1)
            snprintf(name, NAME_MAX_THERE + 1, "From other forests (forestgate)");
        else
            snprintf(name, NAME_MAX_THERE + 1, "From other forests (forestgate, %.30s)",
                     p->inbound[i].ours->name);
        p->inbound[i].name = name;
    }
    return true;
}

static bool
plan_inbound(struct exchange_plan *p, const struct exchange_question *q, struct err *err)
{
    p->inbound = arena_new(&p->arena, (p->forest->deliver_count + 1) * sizeof *p->inbound);
    if (p->inbound == NULL)
        return err_set(err, ERR_NOMEM, "no memory");
    for (size_t i = 0; i < p->forest->deliver_count; i++) {
        const struct send_connector *s = p->forest->deliver[i];
        if (s->peer == PEER_EXCHANGE && plan_home(p->config, s) == p->forest &&
            is_chosen(p->config, q, s->name, true))
            add_inbound(p, s);
    }
    if (p->inbound_count == 0)
        return say_elsewhere(p, err);
    return name_inbound(p) || err_set(err, ERR_NOMEM, "no memory");
}

/* ---- Mail to us ---- */

/* The form of the name that this version's dialogues show: user@domain, or DOMAIN\user. */
static const char *
login_name(const struct account *a, bool prefers_upn)
{
    for (size_t i = 0; i < a->name_count; i++)
        if (strchr(a->names[i], prefers_upn ? '@' : '\\') != NULL)
            return a->names[i];
    return a->name_count > 0 ? a->names[0] : a->name;
}

static uint16_t
port_of(const struct sockaddr_storage *address)
{
    struct sockaddr_in in;
    struct sockaddr_in6 in6;
    if (address->ss_family == AF_INET6) {
        memcpy(&in6, address, sizeof in6);
        return ntohs(in6.sin6_port);
    }
    memcpy(&in, address, sizeof in);
    return ntohs(in.sin_port);
}

static bool
find_receive(const struct exchange_plan *p, const struct exchange_question *q,
             const struct receive_connector **found, struct err *err)
{
    *found = NULL;
    for (size_t i = 0; i < p->config->receive_count; i++) {
        const struct receive_connector *r = &p->config->receive[i];
        if (!receive_speaks_for(r, p->forest) || !is_chosen(p->config, q, r->name, false))
            continue;
        if (*found != NULL)
            return err_set(err, ERR_CONFIG,
                           "forest %s may come in by receive connector %.60s or %.60s: say which "
                           "with --connector",
                           p->forest->name, (*found)->name, r->name);
        *found = r;
    }
    if (*found == NULL)
        return err_set(err, ERR_CONFIG, "no receive connector speaks for forest %s%s",
                       p->forest->name, q->connector_count > 0 ? ", of those named" : "");
    return true;
}

static bool
plan_outbound(struct exchange_plan *p, const struct exchange_question *q, struct err *err)
{
    const struct receive_connector *r;
    TRY(find_receive(p, q, &r, err));
    struct exchange_outbound *out = &p->outbound;
    out->name = "To other forests (forestgate)";
    out->ours = r;
    out->listener = r->listen[0];
    out->port = port_of(&r->listen[0]->address.addr);
    out->smart_host = p->config->hostname;
    out->account = r->account_count > 0 ? &r->accounts[0] : NULL;
    out->user = out->account != NULL ? login_name(out->account, q->prefers_upn) : NULL;
    out->message_size = r->message_size;
    plan_rights_of_outbound(out);
    return true;
}

/* ---- Our addresses ---- */

/* The address of a listener, which need not be that of our connections; NULL: it listens on all
 * addresses, or no memory. */
static const char *
listener_address(struct exchange_plan *p, const struct listener *l)
{
    char text[INET6_ADDRSTRLEN];
    struct sockaddr_in in;
    struct sockaddr_in6 in6;
    memcpy(&in, &l->address.addr, sizeof in);
    memcpy(&in6, &l->address.addr, sizeof in6);
    bool is_six = l->address.addr.ss_family == AF_INET6;
    bool is_any = is_six ? IN6_IS_ADDR_UNSPECIFIED(&in6.sin6_addr)
                         : in.sin_addr.s_addr == htonl(INADDR_ANY);
    if (is_any || inet_ntop(l->address.addr.ss_family,
                            is_six ? (void *)&in6.sin6_addr : (void *)&in.sin_addr, text,
                            sizeof text) == NULL)
        return NULL;
    return arena_copy(&p->arena, slice_str(text)).ptr;
}

static bool
knows_address(const struct exchange_plan *p, const char *address)
{
    for (size_t i = 0; i < p->gateway_address_count; i++)
        if (strcmp(p->gateway_addresses[i], address) == 0)
            return true;
    return false;
}

static bool
is_address(const char *text)
{
    struct in6_addr room;
    return inet_pton(AF_INET, text, &room) == 1 || inet_pton(AF_INET6, text, &room) == 1;
}

static bool
check_addresses(const struct exchange_question *q, struct err *err)
{
    for (size_t i = 0; i < q->gateway_address_count; i++)
        if (!is_address(q->gateway_addresses[i]))
            return err_set(err, ERR_CONFIG, "\"%.60s\" is no address: write 192.0.2.10",
                           q->gateway_addresses[i]);
    return true;
}

static bool
plan_addresses(struct exchange_plan *p, const struct exchange_question *q)
{
    const struct config *c = p->config;
    size_t most = q->gateway_address_count + c->listener_count;
    p->gateway_addresses = arena_new(&p->arena, (most + 1) * sizeof *p->gateway_addresses);
    TRY(p->gateway_addresses != NULL);
    p->addresses_are_given = q->gateway_address_count > 0;
    for (size_t i = 0; i < q->gateway_address_count; i++)
        p->gateway_addresses[p->gateway_address_count++] = q->gateway_addresses[i];
    for (size_t i = 0; !p->addresses_are_given && i < c->listener_count; i++) {
        const char *address = listener_address(p, &c->listeners[i]);
        if (address != NULL && !knows_address(p, address))
            p->gateway_addresses[p->gateway_address_count++] = address;
    }
    return true;
}

/* ---- All of it ---- */

static bool
make(struct exchange_plan *p, const struct exchange_question *q, struct err *err)
{
    TRY(check_addresses(q, err));
    TRY(find_forest(p, q, err));
    TRY(plan_inbound(p, q, err));
    TRY(plan_outbound(p, q, err));
    if (!plan_domains(p) || !plan_addresses(p, q))
        return err_set(err, ERR_NOMEM, "no memory");
    return true;
}

bool
exchange_plan_make(const struct config *config, const struct exchange_question *question,
                   struct exchange_plan **plan, struct err *err)
{
    *plan = mem_new(sizeof **plan);
    if (*plan == NULL)
        return err_set(err, ERR_NOMEM, "no memory");
    (*plan)->config = config;
    (*plan)->gateway = config->hostname;
    arena_init(&(*plan)->arena, PLAN_MAX);
    if (make(*plan, question, err))
        return true;
    exchange_plan_free(plan);
    return false;
}

void
exchange_plan_free(struct exchange_plan **plan)
{
    if (*plan == NULL)
        return;
    arena_fini(&(*plan)->arena);
    mem_free(plan);
}
