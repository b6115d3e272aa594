/*
 * firewall.h - which header fields may cross (exchange-facts.md 4). Pure.
 *
 * X-MS-Exchange-Organization-*, X-MS-Exchange-Forest-* and the routing fields (Received,
 * Resent-*) pass where the connector holds the right to them: accept-headers-... on the way in,
 * send-headers-... on the way out. All others pass always, our own trace fields among them.
 * Authentication-Results and Received-SPF fields in our name are forged and removed (RFC 8601 5),
 * those of others stay.
 */
#ifndef ROUTE_FIREWALL_H
#define ROUTE_FIREWALL_H

#include "config/config.h"
#include "gateway/mail/header.h"

enum firewall_class { FIREWALL_PLAIN, FIREWALL_ORGANIZATION, FIREWALL_FOREST, FIREWALL_ROUTING };

enum firewall_class firewall_class_of(struct slice field_name);

/* One of Exchange's own fields, which nobody else should make (organization, forest)? */
bool firewall_is_reserved(struct slice field_name);

/* The right that a class (not PLAIN) needs to come in, or to leave. */
enum right firewall_needs(enum firewall_class is, bool is_leaving);

/* Rights are those of a receive connector or of a send connector. */
bool firewall_passes(struct slice field_name, unsigned rights);

/* Does it claim to be a result of our own checks? authserv_id: our host name. */
bool firewall_is_forged(const struct header_field *field, struct slice authserv_id);

#endif
