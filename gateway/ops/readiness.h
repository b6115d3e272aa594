/*
 * readiness.h - /readyz?forest=F: is there a way to a forest? By evidence from the board.
 *
 * The send connector that the forest's mail takes decides: the first under deliver. The others
 * there are alternatives for mail of the forest itself (hairpin: allow) and only shown.
 */
#ifndef OPS_READINESS_H
#define OPS_READINESS_H

#include <jansson.h>

#include "gateway/relay/crew.h"

enum belief readiness_belief(const struct workshop *shop, const struct config *config,
                             const struct forest *f);

/* Ask the owner of its connector to look, if nothing fresh is known. */
void readiness_ask(struct crew *crew, const struct forest *f);

/* {"forest", "ready", "why", "connectors": [...]}; a new reference, NULL without memory. */
json_t *readiness_json(const struct workshop *shop, const struct config *config,
                       const struct forest *f);

/* {"why", "forests": [...]}: there is no such forest, but these. */
json_t *readiness_unknown_json(const struct config *config);

/* "connector", "state", "evidence", "last_error", "servers": what the board says of it. Also a
 * part of /status. */
json_t *readiness_connector_json(const struct workshop *shop, const struct config *config,
                                 const struct send_connector *c);

#endif
