/*
 * config_rights.h - the words for rights: `rights: [default, accept-headers-organization]`.
 *
 * A right has the name of Exchange's extended right, which administrators know from
 * Add-ADPermission and Get-ADPermission, without its ms-Exch prefix. What holding it means here
 * is said in gateway/route/rights.h.
 */
#ifndef CONFIG_CONFIG_RIGHTS_H
#define CONFIG_CONFIG_RIGHTS_H

#include "config/config.h"

/* What the word `default` stands for (design.md 6.7). */
enum {
    RIGHTS_OF_RECEIVE = RIGHT_ACCEPT_AUTHORITATIVE_DOMAIN_SENDER |
                        RIGHT_ACCEPT_AUTHENTICATION_FLAG | RIGHT_ACCEPT_HEADERS_ROUTING,
    RIGHTS_OF_SEND = RIGHT_SEND_HEADERS_ROUTING,
};

struct right_name {
    enum right right;
    const char *word;
    const char *exchange; /* "ms-Exch-Accept-Headers-Routing" */
    bool is_send;         /* a right of send connectors, else of receive connectors */
};

/* In the order of the manual: receive connectors first. */
enum { RIGHT_COUNT = 13 };
extern const struct right_name right_names[RIGHT_COUNT];

const char *right_word(enum right right);

#endif
