#include "gateway/route/spf_policy.h"

#include <netinet/in.h>
#include <stdio.h>

static bool
is_this_machine(const struct sockaddr *client)
{
    const void *address = client;
    const struct sockaddr_in *v4 = address;
    const struct sockaddr_in6 *v6 = address;

    if (client->sa_family == AF_INET)
        return ntohl(v4->sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
    if (IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr))
        return v6->sin6_addr.s6_addr[12] == IN_LOOPBACKNET;
    return IN6_IS_ADDR_LOOPBACK(&v6->sin6_addr);
}

bool
spf_is_asked(const struct receive_connector *connector, const struct sockaddr *client)
{
    return connector->spf != SPF_OFF && !is_this_machine(client);
}

bool
spf_identity_of(const struct address *from, struct slice hello, struct spf_identity *out)
{
    *out = (struct spf_identity){.local = from->local, .domain = from->domain};
    if (from->text.len == 0)
        *out = (struct spf_identity){
            .of_hello = true, .local = slice_str("postmaster"), .domain = hello};
    return domain_is_valid(out->domain) && slice_find(out->domain, '.') < out->domain.len;
}

bool
spf_plan(const struct receive_connector *connector, const struct sockaddr *client,
         const struct address *from, char text[SPF_PLAN_TEXT])
{
    const char *then =
        connector->spf == SPF_ENFORCE ? "marked; a fail is refused with 550 5.7.23" : "marked";
    struct spf_identity id;

    if (connector->spf == SPF_OFF)
        return false;
    if (client != NULL && !spf_is_asked(connector, client))
        snprintf(text, SPF_PLAN_TEXT, "not asked: the client is on this machine");
    else if (from->text.len == 0)
        snprintf(text, SPF_PLAN_TEXT, "asked of the client's name at EHLO; %s", then);
    else if (!spf_identity_of(from, slice(NULL, 0), &id))
        snprintf(text, SPF_PLAN_TEXT, "none: the sender's domain can have no SPF record; marked");
    else
        snprintf(text, SPF_PLAN_TEXT, "asked of %.*s; %s", SLICE_ARG(id.domain), then);
    return true;
}

struct reply
spf_reply(const struct receive_connector *connector, enum spf_result result, const char *why)
{
    if (connector->spf == SPF_ENFORCE && result == SPF_FAIL)
        return reply_make(550, "5.7.23", "SPF validation failed: %s", why);
    return reply_make(250, "2.1.0", "Sender OK");
}
