#include "gateway/relay/outlet_private.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>

#include "gateway/base/mem.h"
#include "gateway/relay/outbound.h"

/* One name being resolved. Owned by the outlet's list until its answer. */
struct outlet_look_up {
    struct outlet_look_up *next;
    struct outlet *outlet;
    size_t server; /* index in the connector's list */
    struct resolve_query *query;
};

/* ---- Addresses ---- */

static socklen_t
length_of(const struct sockaddr_storage *a)
{
    return a->ss_family == AF_INET6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in);
}

static bool
same_address(const struct sockaddr_storage *a, const struct sockaddr_storage *b)
{
    return a->ss_family == b->ss_family && memcmp(a, b, length_of(a)) == 0;
}

static void
name_lane(struct lane *lane)
{
    char ip[48] = "?";
    uint16_t port = ntohs(((const struct sockaddr_in *)&lane->addr)->sin_port);
    const void *octets =
        lane->addr.ss_family == AF_INET6
            ? (const void *)&((const struct sockaddr_in6 *)&lane->addr)->sin6_addr
            : (const void *)&((const struct sockaddr_in *)&lane->addr)->sin_addr;
    inet_ntop(lane->addr.ss_family, octets, ip, sizeof ip);
    snprintf(lane->name, sizeof lane->name, "[%s]:%u", ip, port);
}

/* The lane of this address, or a slot that nothing uses; NULL: LANES_MAX are in use. */
static struct lane *
lane_for(struct outlet *o, const struct sockaddr_storage *addr)
{
    struct lane *unused = NULL;
    for (size_t i = 0; i < o->lane_count; i++) {
        struct lane *lane = &o->lanes[i];
        if (same_address(&lane->addr, addr)) {
            server_limits_set_max(&lane->limits, o->connector->connections);
            return lane;
        }
        if (!lane->current && lane->limits.open == 0 && unused == NULL)
            unused = lane;
    }
    if (unused == NULL && o->lane_count < LANES_MAX)
        unused = &o->lanes[o->lane_count++];
    if (unused != NULL) {
        *unused = (struct lane){.addr = *addr};
        server_limits_init(&unused->limits, o->connector->connections);
        name_lane(unused);
    }
    return unused;
}

static void
forget_lanes_of(struct outlet *o, size_t server)
{
    for (size_t i = 0; i < o->lane_count; i++)
        if (o->lanes[i].server == server)
            o->lanes[i].current = false;
}

/* It counts as an attempt: mail for a name that nobody knows expires too. */
static void
name_failed(struct outlet *o, const struct server *server, const struct err *err)
{
    char text[sizeof err->text + 260];
    snprintf(text, sizeof text, "%s: %s", server->host, err->text);
    struct smtp_outcome why = {
        .reply = outbound_local_reply(451, "4.4.3", text),
        .stage = SMTP_STAGE_CONNECT,
    };
    outlet_remember_error(o, NULL, NULL, &why);
    o->was_tried = true;
    o->names_failed_ms = o->last_error_ms;
    struct log_line line;
    log_begin(&line, o->worker->shop->log, EV_server_failed, 0);
    log_str(&line, "connector", o->name);
    log_str(&line, "server", server->host);
    log_str(&line, "why", o->last_error);
    log_end(&line);
}

static void
unlink_look_up(struct outlet_look_up *l)
{
    struct outlet_look_up **at = &l->outlet->look_up_list;
    while (*at != l)
        at = &(*at)->next;
    *at = l->next;
    l->outlet->look_ups--;
}

static void
on_addresses(void *context, const struct sockaddr_storage *list, size_t count,
             const struct err *err_or_null)
{
    struct outlet_look_up *l = context;
    struct outlet *o = l->outlet;
    size_t index = l->server;
    const struct server *server = &o->connector->servers[index];
    unlink_look_up(l);
    mem_free(&l);

    if (err_or_null != NULL)
        name_failed(o, server, err_or_null); /* addresses found earlier stay good meanwhile */
    else
        forget_lanes_of(o, index);
    for (size_t i = 0; i < count; i++) {
        struct lane *lane = lane_for(o, &list[i]);
        if (lane == NULL)
            break;
        lane->server = index;
        lane->port = server->port;
        slice_copy_text(lane->host, sizeof lane->host, slice_str(server->host));
        lane->current = true;
    }
    if (err_or_null == NULL)
        o->names_failed_ms = 0;
    outlet_notice(o);
    outlet_pump(o);
    outlet_check_go(o);
}

static bool
start_look_up(struct outlet *o, size_t index)
{
    const struct server *server = &o->connector->servers[index];
    struct err err;
    struct outlet_look_up *l = mem_new(sizeof *l);
    if (l == NULL)
        return false;
    l->outlet = o;
    l->server = index;
    if (!resolve_start(o->worker->resolver, server->host, server->port, on_addresses, l,
                       &l->query, &err)) {
        mem_free(&l);
        return false;
    }
    l->next = o->look_up_list;
    o->look_up_list = l;
    o->look_ups++;
    return true;
}

void
outlet_find_servers(struct outlet *o)
{
    uint64_t now = loop_now_ms(o->worker->loop);
    if (o->look_ups > 0 ||
        (o->addresses_at_ms != 0 && now < o->addresses_at_ms + ADDRESSES_FRESH_MS))
        return;
    o->addresses_at_ms = now;
    for (size_t i = 0; i < o->connector->server_count; i++)
        if (!start_look_up(o, i))
            o->addresses_at_ms = 0;
}

void
outlet_stop_look_ups(struct outlet *o)
{
    while (o->look_up_list != NULL) {
        struct outlet_look_up *l = o->look_up_list;
        resolve_cancel(&l->query);
        unlink_look_up(l);
        mem_free(&l);
    }
    o->addresses_at_ms = 0;
}

/* ---- Which server now ---- */

static bool
usable(const struct lane *lane, uint64_t now_ms)
{
    return lane->current && lane->logon_refused_until_ms <= now_ms &&
           server_limits_may_open(&lane->limits, now_ms);
}

/* Its name is being resolved, and nothing is known of it yet. */
static bool
is_looked_up(const struct outlet *o, size_t server)
{
    for (const struct outlet_look_up *l = o->look_up_list; l != NULL; l = l->next)
        if (l->server == server)
            return true;
    return false;
}

/* Failover: the servers in the order given; the second only when the first has failed (also while
 * it is probed), not when it is merely busy or its name is not resolved yet. */
static struct lane *
choose_failover(struct outlet *o, uint64_t now_ms)
{
    for (size_t s = 0; s < o->connector->server_count; s++) {
        bool busy = false, known = false;
        for (size_t i = 0; i < o->lane_count; i++) {
            struct lane *lane = &o->lanes[i];
            if (!lane->current || lane->server != s)
                continue;
            if (usable(lane, now_ms))
                return lane;
            known = true;
            busy =
                busy || (lane->limits.failures == 0 && outlet_blocked_until_ms(lane) <= now_ms);
        }
        if (busy || (!known && is_looked_up(o, s)))
            return NULL;
    }
    return NULL;
}

static struct lane *
choose_round_robin(struct outlet *o, uint64_t now_ms)
{
    for (size_t i = 0; i < o->lane_count; i++) {
        struct lane *lane = &o->lanes[(o->next_lane + i) % o->lane_count];
        if (!usable(lane, now_ms))
            continue;
        o->next_lane = (size_t)(lane - o->lanes) + 1;
        return lane;
    }
    return NULL;
}

struct lane *
outlet_unvisited_lane(struct outlet *o, uint64_t now_ms)
{
    for (size_t i = 0; o->connector->balance == BALANCE_ROUND_ROBIN && i < o->lane_count; i++)
        if (o->lanes[i].limits.open == 0 && usable(&o->lanes[i], now_ms))
            return &o->lanes[i];
    return NULL;
}

struct lane *
outlet_choose_lane(struct outlet *o, uint64_t now_ms)
{
    return o->connector->balance == BALANCE_FAILOVER ? choose_failover(o, now_ms)
                                                     : choose_round_robin(o, now_ms);
}

size_t
outlet_lanes_known(const struct outlet *o)
{
    size_t known = 0;
    for (size_t i = 0; i < o->lane_count; i++)
        known += o->lanes[i].current;
    return known;
}

uint64_t
outlet_blocked_until_ms(const struct lane *lane)
{
    uint64_t until = lane->limits.blocked_until_ms;
    return lane->logon_refused_until_ms > until ? lane->logon_refused_until_ms : until;
}

uint64_t
outlet_lane_wake_ms(const struct outlet *o)
{
    uint64_t now = loop_now_ms(o->worker->loop);
    uint64_t wake = UINT64_MAX;
    for (size_t i = 0; i < o->lane_count; i++) {
        const struct lane *lane = &o->lanes[i];
        uint64_t until = outlet_blocked_until_ms(lane);
        if (lane->current && until > now && until < wake)
            wake = until;
    }
    return wake;
}

/* Is a name being resolved of whose servers none is known? One of them may take it. */
static bool
awaits_first_address(const struct outlet *o)
{
    for (const struct outlet_look_up *l = o->look_up_list; l != NULL; l = l->next) {
        bool known = false;
        for (size_t i = 0; i < o->lane_count; i++)
            known = known || (o->lanes[i].current && o->lanes[i].server == l->server);
        if (!known)
            return true;
    }
    return false;
}

uint64_t
outlet_logon_wake_ms(struct outlet *o, const struct credential_state *state)
{
    uint64_t now = loop_now_ms(o->worker->loop);
    uint64_t wake = UINT64_MAX;
    for (size_t i = 0; i < o->lane_count; i++) {
        struct lane *lane = &o->lanes[i];
        uint64_t until = credential_refused_until(state, lane->name);
        lane->logon_refused_until_ms = until > now ? until : 0;
        if (lane->current && until < wake)
            wake = until;
    }
    if (wake == UINT64_MAX || awaits_first_address(o))
        wake = state->refused_until_ms;
    return wake > now ? wake : 0;
}
