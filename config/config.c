#include "config/config.h"

#include <netinet/in.h>

#include "config/config_secret.h"
#include "gateway/base/arena.h"
#include "gateway/base/mem.h"

struct config *
config_ref(struct config *config)
{
    unsigned before = atomic_fetch_add_explicit(&config->refs, 1, memory_order_relaxed);
    must(before > 0);
    return config;
}

void
config_unref(struct config **config)
{
    struct config *c = *config;
    *config = NULL;
    if (c == NULL || atomic_fetch_sub_explicit(&c->refs, 1, memory_order_acq_rel) > 1)
        return;
    config_secret_wipe(c);
    struct arena *memory = c->memory; /* c itself is in it */
    arena_fini(memory);
    mem_free(&memory);
}

const struct receive_connector *
config_receive(const struct config *config, struct slice name)
{
    for (size_t i = 0; i < config->receive_count; i++)
        if (slice_is(name, config->receive[i].name))
            return &config->receive[i];
    return NULL;
}

const struct send_connector *
config_send(const struct config *config, struct slice name)
{
    for (size_t i = 0; i < config->send_count; i++)
        if (slice_is(name, config->send[i].name))
            return &config->send[i];
    return NULL;
}

const struct forest *
config_forest(const struct config *config, struct slice name)
{
    for (size_t i = 0; i < config->forest_count; i++)
        if (slice_is(name, config->forests[i].name))
            return &config->forests[i];
    return NULL;
}

const struct listener *
config_listener_at(const struct config *config, const char *address)
{
    for (size_t i = 0; i < config->listener_count; i++)
        if (strcmp(config->listeners[i].address.text, address) == 0)
            return &config->listeners[i];
    return NULL;
}

/* The octets of a client's address. One that a dual-stack socket shows as ::ffff:a.b.c.d is IPv4,
 * whatever the socket is. */
static int
octets_of(const struct sockaddr *address, unsigned char octets[16])
{
    if (address->sa_family == AF_INET) {
        struct sockaddr_in in;
        memcpy(&in, address, sizeof in);
        memcpy(octets, &in.sin_addr, 4);
        return AF_INET;
    }
    if (address->sa_family != AF_INET6)
        return AF_UNSPEC;
    struct sockaddr_in6 in6;
    memcpy(&in6, address, sizeof in6);
    if (IN6_IS_ADDR_V4MAPPED(&in6.sin6_addr)) {
        memcpy(octets, in6.sin6_addr.s6_addr + 12, 4);
        return AF_INET;
    }
    memcpy(octets, &in6.sin6_addr, 16);
    return AF_INET6;
}

bool
network_holds(const struct network *network, const struct sockaddr *address)
{
    unsigned char octets[16];
    if (octets_of(address, octets) != network->family)
        return false;
    size_t whole = network->bits / 8;
    unsigned rest = network->bits % 8;
    if (memcmp(octets, network->octets, whole) != 0)
        return false;
    unsigned char mask = (unsigned char)(0xff00U >> rest);
    return rest == 0 || ((octets[whole] ^ network->octets[whole]) & mask) == 0;
}

bool
config_is_probe(const struct config *config, const struct sockaddr *address)
{
    for (size_t i = 0; i < config->probe_network_count; i++)
        if (network_holds(&config->probe_networks[i], address))
            return true;
    return false;
}

bool
forest_delivers_by(const struct forest *forest, const struct send_connector *send)
{
    for (size_t i = 0; i < forest->deliver_count; i++)
        if (forest->deliver[i] == send)
            return true;
    return false;
}

bool
receive_speaks_for(const struct receive_connector *receive, const struct forest *forest)
{
    for (size_t i = 0; i < receive->speaks_for_count; i++)
        if (receive->speaks_for[i] == forest)
            return true;
    return false;
}

const char *
forest_home_domain(const struct forest *forest)
{
    for (size_t i = 0; i < forest->domain_count; i++)
        if (forest->domains[i].kind == DOMAIN_AUTHORITATIVE)
            return forest->domains[i].name;
    return NULL;
}
