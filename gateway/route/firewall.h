/*
 * firewall.h - which header fields may cross (exchange-facts.md 4). Pure.
 *
 * Default, and the only setting for now: X-MS-Exchange-Organization-* and X-MS-Exchange-Forest-*
 * are removed; routing fields (Received, Resent-*) stay, because loop detection counts them.
 * Authentication-Results and Received-SPF fields in our name are forged and removed (RFC 8601 5),
 * those of others stay.
 */
#ifndef ROUTE_FIREWALL_H
#define ROUTE_FIREWALL_H

#include "gateway/mail/header.h"

enum firewall_class { FIREWALL_PLAIN, FIREWALL_ORGANIZATION, FIREWALL_FOREST, FIREWALL_ROUTING };

enum firewall_class firewall_class_of(struct slice field_name);
bool firewall_passes(struct slice field_name);

/* Does it claim to be a result of our own checks? authserv_id: our host name. */
bool firewall_is_forged(const struct header_field *field, struct slice authserv_id);

#endif
