#include "gateway/exchange/hub_private.h"

#include <arpa/inet.h>
#include <string.h>

/* ---- Values ---- */

const char *
hub_variable(const struct hub *h, const char *name, size_t inbound)
{
    if (h->p->inbound_count == 1)
        return name;
    return exchange_text(h->d, "%s%zu", name, inbound + 1);
}

/* MaxMessageSize of 2007 and 2010 takes 65536 to 2147483647 octets. */
const char *
hub_size(const struct hub *h, uint64_t octets)
{
    enum { LEAST = 64, MOST = 2097151 };
    uint64_t kilo = octets / 1024;
    kilo = kilo < LEAST ? LEAST : kilo > MOST ? MOST : kilo;
    return exchange_text(h->d, "'%lluKB'", (unsigned long long)kilo);
}

/* ---- What must be asked for ---- */

static bool
is_address(const char *host)
{
    unsigned char room[sizeof(struct in6_addr)];
    return inet_pton(AF_INET, host, room) == 1 || inet_pton(AF_INET6, host, room) == 1;
}

/* The hosts of our send connector as a list; NULL: one of them is an address. */
static const char *
server_list(const struct hub *h, const struct send_connector *s)
{
    const char *list = "@(";
    for (size_t i = 0; i < s->server_count; i++) {
        if (is_address(s->servers[i].host))
            return NULL;
        list = exchange_text(h->d, "%s%s%s", list, i > 0 ? ", " : "",
                             hub_quote(h, s->servers[i].host));
    }
    return exchange_text(h->d, "%s)", list);
}

static const char *
address_list(const struct hub *h)
{
    const struct exchange_plan *p = h->p;
    const char *list = "@(";
    for (size_t i = 0; i < p->gateway_address_count; i++)
        list = exchange_text(h->d, "%s%s%s", list, i > 0 ? ", " : "",
                             hub_quote(h, p->gateway_addresses[i]));
    return p->gateway_address_count > 0 ? exchange_text(h->d, "%s)", list) : NULL;
}

static void
ask_servers(const struct hub *h)
{
    for (size_t i = 0; i < h->p->inbound_count; i++) {
        const struct send_connector *s = h->p->inbound[i].ours;
        const char *list = server_list(h, s);
        exchange_parameter(
            h->d, hub_variable(h, "Server", i), "string[]", list,
            exchange_text(h->d,
                          "the Exchange servers, by name or Fqdn, behind %s of the gateway's "
                          "send connector %s",
                          list != NULL ? "the hosts" : "the addresses", s->name));
    }
    exchange_parameter(h->d, "SourceServer", "string[]", "@()",
                       "the Hub Transport servers that send to the gateway; none given: all "
                       "those that receive from it");
}

static void
ask_addresses(const struct hub *h)
{
    const struct exchange_plan *p = h->p;
    const char *list = address_list(h);
    const char *meaning = "the addresses from which the gateway connects to these servers, as "
                          "they see them";
    if (list == NULL)
        meaning = exchange_text(h->d, "%s (behind NAT: those of the NAT device)", meaning);
    else if (!p->addresses_are_given)
        meaning = exchange_text(h->d,
                                "%s. PROPOSAL: these are the addresses on which the gateway "
                                "listens; give others if it connects from others",
                                meaning);
    exchange_parameter(h->d, "GatewayAddress", "string[]", list, meaning);
}

static void
ask(const struct hub *h)
{
    ask_servers(h);
    ask_addresses(h);
    if (hub_has_account(h))
        exchange_parameter(h->d, "AccountContainer", "string", "''",
                           "the distinguished name of the OU in which the service account is "
                           "made; none given: it must exist");
    exchange_parameter(h->d, "GatewayCertificateFile", "string", "''",
                       "a file (.cer) with the root certificate that the gateway's certificate "
                       "is signed by, or with that itself if it is self-signed; none given: it "
                       "is trusted already");
    if (h->p->outbound.account != NULL)
        exchange_parameter(h->d, "NewPassword", "switch", NULL,
                           "ask for the password of the Send connector again");
    if (h->p->outbound.extra.count > 0)
        exchange_parameter(h->d, "ExtraSpaces", "switch", NULL,
                           "also make the Send connector for domains of no forest");
    exchange_parameter(h->d, "ChangeDomainType", "switch", NULL,
                       "change accepted domains that exist with another type than they should");
    exchange_parameter(h->d, "ProtocolLogging", "string", "'Verbose'",
                       "Verbose on the first day, None afterwards");
}

/* ---- All of it ---- */

static const char *
forest_names(const struct hub *h)
{
    const char *names = "";
    const struct config *c = h->p->config;
    for (size_t i = 0; i < c->forest_count; i++)
        if (&c->forests[i] != h->p->forest)
            names = exchange_text(h->d, "%s%s%s", names, *names != '\0' ? ", " : "",
                                  c->forests[i].name);
    return names;
}

bool
exchange_hub_write(struct exchange_document *d, const struct exchange_plan *p)
{
    const struct hub h = {d, p};
    d->summary = exchange_text(
        d,
        "Forest %s and these forests send each other mail through %s: %s. This makes what the "
        "gateway's configuration expects of this organization, and no more.",
        p->forest->name, p->gateway, forest_names(&h));
    d->prelude = hub_prelude(d);
    ask(&h);
    hub_preconditions(&h);
    hub_account(&h);
    hub_domains(&h);
    hub_receive(&h);
    hub_receive_rights(&h);
    hub_certificates(&h);
    hub_send(&h);
    hub_send_rights(&h);
    if (p->outbound.extra.count > 0)
        hub_extra(&h);
    hub_test(&h);
    return exchange_document_ok(d);
}
