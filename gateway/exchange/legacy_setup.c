#include "gateway/exchange/legacy_setup.h"

#include <string.h>

#include "gateway/exchange/legacy_private.h"
#include "gateway/route/spaces.h"

/* ---- What the steps ask of the plan ---- */

const char *
legacy_domain(struct exchange_document *d, const struct exchange_domain *domain)
{
    char room[SPACE_TEXT];
    return exchange_text(d, "%s", space_text(domain->name, domain->wildcard, room));
}

unsigned long long
legacy_kilobytes(uint64_t octets)
{
    return octets / 1024;
}

bool
legacy_logs_on(const struct exchange_plan *p)
{
    for (size_t i = 0; i < p->inbound_count; i++)
        if (p->inbound[i].user != NULL)
            return true;
    return false;
}

bool
legacy_comes_unnamed(const struct exchange_plan *p)
{
    for (size_t i = 0; i < p->inbound_count; i++)
        if (p->inbound[i].user == NULL)
            return true;
    return false;
}

bool
legacy_needs_tls_in(const struct exchange_plan *p)
{
    for (size_t i = 0; i < p->inbound_count; i++)
        if (!p->inbound[i].ours->tls_require)
            return false;
    return true;
}

const char *
legacy_tls_box(const struct exchange_document *d)
{
    return legacy_is_2000(d) ? "ticked, unless step 3 said IPsec" : "ticked";
}

bool
legacy_is_new_account(const struct exchange_plan *p, size_t i)
{
    const char *user = p->inbound[i].user;
    for (size_t k = 0; user != NULL && k < i; k++)
        if (p->inbound[k].user != NULL && strcmp(p->inbound[k].user, user) == 0)
            return false;
    return user != NULL;
}

const char *
legacy_gateway_addresses(struct exchange_document *d, const struct exchange_plan *p)
{
    if (!p->addresses_are_given)
        return "GatewayAddress";
    const char *list = "";
    for (size_t i = 0; i < p->gateway_address_count; i++)
        list = exchange_text(d, "%s%s%s", list, i > 0 ? ", " : "", p->gateway_addresses[i]);
    return list;
}

/* "CONTOSO" of "CONTOSO\svc-gw"; NULL: the name says none. */
static const char *
domain_of_user(struct exchange_document *d, const struct exchange_plan *p)
{
    for (size_t i = 0; i < p->inbound_count; i++) {
        const char *user = p->inbound[i].user;
        const char *end = user != NULL ? strchr(user, '\\') : NULL;
        if (end != NULL)
            return exchange_text(d, "%.*s", (int)(end - user), user);
    }
    return NULL;
}

const char *
legacy_default_domain(struct exchange_document *d, const struct exchange_plan *p)
{
    const char *domain = domain_of_user(d, p);
    return domain != NULL ? domain : "DefaultDomain";
}

/* ---- Values that only the administrator knows ---- */

static void
ask_addresses(struct exchange_document *d, const struct exchange_plan *p)
{
    const char *list = NULL;
    if (p->addresses_are_given)
        return;
    for (size_t i = 0; i < p->gateway_address_count; i++)
        list = list == NULL ? p->gateway_addresses[i]
                            : exchange_text(d, "%s, %s", list, p->gateway_addresses[i]);
    exchange_parameter(d, "GatewayAddress", "string[]", list,
                       "The addresses that the gateway's connections come from, as the Exchange "
                       "servers see them. The proposal is where it listens, which need not be "
                       "the same; --gateway-address says it for good.");
}

static void
ask(struct exchange_document *d, const struct exchange_plan *p)
{
    exchange_parameter(d, "BridgeheadServer", "string[]", NULL,
                       "The Exchange servers that exchange mail with the gateway, by the names "
                       "that Exchange System Manager shows under Servers; step 1 says which.");
    ask_addresses(d, p);
    if (legacy_logs_on(p)) {
        exchange_parameter(d, "ServicePassword", "string", NULL,
                           "The password that the gateway logs on with: the one in its password "
                           "file (auth: password_file). It is written down nowhere here.");
        if (domain_of_user(d, p) == NULL)
            exchange_parameter(d, "DefaultDomain", "string", NULL,
                               "The short (NetBIOS) name of the Windows domain that holds the "
                               "account with which the gateway logs on.");
    }
    if (p->outbound.user != NULL)
        exchange_parameter(d, "ConnectorPassword", "string", NULL,
                           "The password with which Exchange logs on to the gateway: the one of "
                           "which \"forestgate account hash\" made the hash in its file.");
    exchange_parameter(d, "GatewayRoot", "string", NULL,
                       "A file with the certificate of the authority (the root, and those "
                       "between) that signed the gateway's certificate.");
    exchange_parameter(d, "VirtualServer", "string", "Default SMTP Virtual Server",
                       "The SMTP virtual server that talks to the gateway; another one if you "
                       "make one of its own.");
    exchange_parameter(d, "TestSender", "string", NULL,
                       "A mailbox of this forest that is yours, for the first messages.");
    exchange_parameter(d, "TestRecipient", "string", NULL,
                       "A mailbox of another forest that somebody reads and answers from.");
}

bool
exchange_legacy_write(struct exchange_document *d, const struct exchange_plan *p)
{
    d->summary = exchange_text(
        d,
        "What must be set in the Exchange organization of forest %s so that it and the gateway "
        "%s exchange mail, in the order in which it must be done: first what receives, which "
        "disturbs nobody, then the connector that sends. Mail for %zu domain%s of other forests "
        "will leave through the gateway. Do it once for each forest; passwords are asked for, "
        "never printed. Words like BridgeheadServer stand for the values below.",
        p->forest->name, p->gateway, p->outbound.spaces.count,
        p->outbound.spaces.count == 1 ? "" : "s");
    ask(d, p);
    legacy_ready(d, p);
    legacy_accounts(d, p);
    legacy_own_server(d, p);
    legacy_certificates(d, p);
    legacy_virtual_server(d, p);
    legacy_access(d, p);
    legacy_recipient_policies(d, p);
    legacy_global_settings(d, p);
    legacy_connectors(d, p);
    legacy_first_test(d, p);
    legacy_registry(d, p);
    legacy_afterwards(d, p);
    return exchange_document_ok(d);
}
