/*
 * plan.h - what must stand in the Exchange organization of one forest for it and this gateway to
 * exchange mail, from the configuration alone: the mirror image of our connectors. Pure.
 *
 * Follows  exchange-facts.md 1.3 (rights), 1.4, 1.5 (connectors), 5.1 (accepted domains), 8;
 *          design.md 5, 10.
 *
 * Words    "theirs" is the forest's Exchange, "ours" this gateway. Their Send connector leads to
 *          our receive connector, our send connector to their Receive connector.
 * Lives as long as the configuration that it was made from.
 */
#ifndef EXCHANGE_PLAN_H
#define EXCHANGE_PLAN_H

#include "config/config.h"
#include "gateway/base/arena.h"
#include "gateway/base/err.h"
#include "gateway/base/must.h"

/* A domain as the forest must know it; space_text() of route/spaces.h writes it. */
struct exchange_domain {
    const char *name; /* lower case, without "*." */
    bool wildcard;
    enum domain_kind kind;
    const struct forest *home; /* where its mail ends */
    struct where where;
};

struct exchange_domains {
    struct exchange_domain *at;
    size_t count;
};

/* The one of that name, without regard to case; NULL: none. */
const struct exchange_domain *exchange_domain_find(const struct exchange_domains *list,
                                                   struct slice name, bool wildcard);

/* An extended right that an account of theirs must hold on a connector of theirs. */
struct exchange_right {
    const char *name; /* "ms-Exch-SMTP-Submit" */
    const char *why;  /* a sentence without its full stop: what happens without it */
    bool is_vital;    /* mail does not pass without */
};

enum { EXCHANGE_RIGHTS_MAX = 12 };

struct exchange_rights {
    struct exchange_right at[EXCHANGE_RIGHTS_MAX];
    size_t count;
};

/* Their Send connector: mail to the gateway. */
struct exchange_outbound {
    const char *name;                     /* proposed, of the connector */
    const struct receive_connector *ours; /* that it meets */
    const struct listener *listener;      /* the first one of it */
    uint16_t port;
    const char *smart_host;         /* our hostname: the certificate must name it */
    const struct account *account;  /* the first one of it; NULL: auth: none */
    const char *user;               /* the form of its name that this version is used to */
    struct exchange_domains spaces; /* address spaces: domains of the other forests */
    struct exchange_domains extra;  /* of our address_spaces that allow_from grants it */
    uint64_t message_size;          /* octets that we take */
    struct exchange_rights rights;  /* of NT AUTHORITY\ANONYMOUS LOGON, on the connector */
};

/* Their Receive connector (2000, 2003: virtual server): mail from the gateway, on each of the
 * servers of one send connector of ours. */
struct exchange_inbound {
    const char *name;
    const struct send_connector *ours;
    const char *user;              /* the service account that we log on with; NULL: auth: none */
    struct exchange_rights rights; /* of that account, on the connector */
};

struct exchange_plan {
    const struct config *config;
    const struct forest *forest;
    const char *gateway; /* config->hostname */

    struct exchange_outbound outbound;
    struct exchange_inbound *inbound;
    size_t inbound_count;

    struct exchange_domains accepted; /* its own domains, and those carried for others */
    struct exchange_domains remote;   /* the other forests' domains: remote domain settings */
    /* Forests that are reached through this one: it relays for them, and needs connectors of its
     * own to them. */
    const struct forest **behind;
    size_t behind_count;

    /* Where our connections come from, as far as it is known: asked for, or the addresses of the
     * listeners. None: the administrator must say. */
    const char **gateway_addresses;
    size_t gateway_address_count;
    bool addresses_are_given; /* on the command line, not guessed from listeners */

    struct arena arena;
};

struct exchange_question {
    const char *forest;
    bool prefers_upn; /* user@domain before DOMAIN\user, where an account has both */
    /* Only these connectors of ours, by name, receive and send ones alike; none: all. */
    const char *const *connectors;
    size_t connector_count;
    const char *const *gateway_addresses;
    size_t gateway_address_count;
};

/* False: no such forest or connector; the forest is not reached directly (it is behind another
 * one, or behind another gateway), and the text says where to ask instead; or its connectors
 * leave a choice that only a person can make. */
bool exchange_plan_make(const struct config *config, const struct exchange_question *question,
                        struct exchange_plan **plan, struct err *err);
void exchange_plan_free(struct exchange_plan **plan);

#endif
