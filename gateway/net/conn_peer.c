#include "gateway/net/conn_private.h"

/* An IPv4 client of an IPv6 socket comes as ::ffff:10.1.20.4; policy and logs know it as IPv4. */
static void
unmap(struct sockaddr_storage *address)
{
    struct sockaddr_in6 v6;
    memcpy(&v6, address, sizeof v6);
    if (v6.sin6_family != AF_INET6 || !IN6_IS_ADDR_V4MAPPED(&v6.sin6_addr))
        return;
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = v6.sin6_port};
    memcpy(&v4.sin_addr, v6.sin6_addr.s6_addr + 12, sizeof v4.sin_addr);
    *address = (struct sockaddr_storage){0};
    memcpy(address, &v4, sizeof v4);
}

void
conn_take_peer(struct conn *c, const struct sockaddr *address, socklen_t len)
{
    memcpy(&c->peer, address, len < sizeof c->peer ? len : sizeof c->peer);
    unmap(&c->peer);
    const void *peer = &c->peer;
    if (c->peer.ss_family == AF_INET)
        uv_ip4_name(peer, c->peer_text, sizeof c->peer_text);
    else if (c->peer.ss_family == AF_INET6)
        uv_ip6_name(peer, c->peer_text, sizeof c->peer_text);
    else
        memcpy(c->peer_text, "local", sizeof "local");
}

void
conn_set_peer(struct conn *c, const struct sockaddr *peer)
{
    conn_take_peer(c, peer,
                   peer->sa_family == AF_INET ? sizeof(struct sockaddr_in)
                                              : sizeof(struct sockaddr_in6));
}

const struct sockaddr *
conn_peer(const struct conn *c)
{
    return (const struct sockaddr *)&c->peer;
}

const char *
conn_peer_text(const struct conn *c)
{
    return c->peer_text;
}

uint16_t
conn_peer_port(const struct conn *c)
{
    const void *peer = &c->peer;
    if (c->peer.ss_family == AF_INET)
        return ntohs(((const struct sockaddr_in *)peer)->sin_port);
    if (c->peer.ss_family == AF_INET6)
        return ntohs(((const struct sockaddr_in6 *)peer)->sin6_port);
    return 0;
}
