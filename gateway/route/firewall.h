/*
 * firewall.h - which header fields may cross (exchange-facts.md 4). Pure.
 *
 * Default, and the only setting for now: X-MS-Exchange-Organization-* and X-MS-Exchange-Forest-*
 * are removed; routing fields (Received, Resent-*) stay, because loop detection counts them.
 */
#ifndef ROUTE_FIREWALL_H
#define ROUTE_FIREWALL_H

#include "gateway/base/slice.h"

enum firewall_class { FIREWALL_PLAIN, FIREWALL_ORGANIZATION, FIREWALL_FOREST, FIREWALL_ROUTING };

enum firewall_class firewall_class_of(struct slice field_name);
bool firewall_passes(struct slice field_name);

#endif
