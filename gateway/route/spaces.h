/*
 * spaces.h - how closely an entry of the configuration covers a domain, and which forests have
 * such an entry. Pure.
 *
 * Follows  exchange-facts.md 5.2 and section 10 row 40: exact > longest "*." > "*"; "*.d" covers
 *          d and all below it, "d" only d.
 */
#ifndef ROUTE_SPACES_H
#define ROUTE_SPACES_H

#include "config/config.h"

/* How closely entry ("" for "*") covers domain: 0 = not at all, else the higher the closer. Two
 * entries that are equally close to the same domain say the same. */
size_t space_closeness(const char *entry, bool wildcard, struct slice domain);

/* The entry of this forest that covers domain most closely, and how closely; NULL and 0: none. */
const struct forest_domain *space_of_forest(const struct forest *forest, struct slice domain,
                                            size_t *closeness);

/* How closely any forest covers domain at best; 0: no forest owns it. */
size_t space_closest(const struct config *config, struct slice domain);

/* "*.contoso.example" as the file says it. */
enum { SPACE_TEXT = 260 };
const char *space_text(const char *entry, bool wildcard, char text[SPACE_TEXT]);

#endif
