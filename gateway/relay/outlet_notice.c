#include "gateway/relay/outlet_private.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include "gateway/base/mem.h"

static void
put_address(const struct sockaddr_storage *addr, char *out, socklen_t size)
{
    const void *octets = addr->ss_family == AF_INET6
                             ? (const void *)&((const struct sockaddr_in6 *)addr)->sin6_addr
                             : (const void *)&((const struct sockaddr_in *)addr)->sin_addr;
    if (inet_ntop(addr->ss_family, octets, out, size) == NULL)
        out[0] = '\0';
}

static void
describe(const struct lane *lane, struct board_server *s)
{
    memcpy(s->host, lane->host, sizeof s->host);
    put_address(&lane->addr, s->address, sizeof s->address);
    s->port = lane->port;
    s->evidence = lane->evidence;
    s->connections = lane->limits.open;
    s->failures = lane->limits.failures;
    s->blocked_until_ms = outlet_blocked_until_ms(lane);
    s->logon_refused_until_ms = lane->logon_refused_until_ms;
    memcpy(s->last_error, lane->last_error, sizeof s->last_error);
    memcpy(s->tls, lane->tls, sizeof s->tls);
    memcpy(s->cipher, lane->cipher, sizeof s->cipher);
    memcpy(s->verified, lane->verified, sizeof s->verified);
    s->peer_expires_unix_s = lane->peer_expires_unix_s;
    s->offers = lane->offers;
}

/* Which line of the notice is this lane's: those that are not current are left out. */
static size_t
line_of(const struct outlet *o, const struct lane *lane)
{
    size_t n = 0;
    for (const struct lane *l = o->lanes; l < lane; l++)
        n += l->current;
    return n;
}

void
outlet_notice(struct outlet *o)
{
    if (o->place == NULL)
        return;
    uint64_t wake = outlet_lane_wake_ms(o);
    struct board_connector notice = {
        .is_queue_suspended = o->is_queue_suspended,
        .suspended_until_ms = o->suspended_until_ms,
        .logon_refused_until_ms = o->check.logon_refused_until_ms,
        .logon_doubted_until_ms = o->check.logon_doubted_until_ms,
        .names_failed_ms = o->names_failed_ms,
        .next_try_ms = wake != UINT64_MAX ? wake : 0,
        .last_error_ms = o->last_error_ms,
        .last_delivery_ms = o->last_delivery_ms,
        .is_looking = o->check.wanted,
    };
    memcpy(notice.last_error, o->last_error, sizeof notice.last_error);
    size_t count = outlet_lanes_known(o);
    if (count > 0)
        notice.servers = mem_new(count * sizeof *notice.servers);
    for (size_t i = 0; notice.servers != NULL && i < o->lane_count; i++)
        if (o->lanes[i].current)
            describe(&o->lanes[i], &notice.servers[notice.server_count++]);
    board_say(o->worker->shop->board, o->place, &notice);
    mem_free(&notice.servers);
}

void
outlet_notice_counts(struct outlet *o)
{
    board_count(o->place, o->connection_count, o->ready_count, o->in_flight);
}

void
outlet_notice_connections(struct outlet *o, const struct lane *lane)
{
    if (lane->current)
        board_connected(o->place, line_of(o, lane), lane->limits.open);
}

void
outlet_notice_delivered(struct outlet *o, struct lane *lane)
{
    lane->evidence.delivered_ms = o->last_delivery_ms = loop_now_ms(o->worker->loop);
    if (lane->current)
        board_delivered(o->place, line_of(o, lane), lane->evidence.delivered_ms);
}
