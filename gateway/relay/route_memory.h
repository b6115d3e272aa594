/*
 * route_memory.h - where queued mail goes by the configuration in force, remembered by domain:
 * an attempt asks for each recipient, and most of them share a few domains.
 *
 * A route depends on nothing but the recipient's domain and the receive connector that the
 * message came through (route/queued.h). Bounds: 256 answers of fixed size; a newer one takes the
 * place of an older one. Of one worker, one configuration.
 */
#ifndef RELAY_ROUTE_MEMORY_H
#define RELAY_ROUTE_MEMORY_H

#include "gateway/route/queued.h"
#include "gateway/spool/envelope.h"

struct route_memory;
struct route_memory *route_memory_new(void);
void route_memory_free(struct route_memory **m);

/* A configuration comes into force: what was remembered points into another one. */
void route_memory_forget(struct route_memory *m);

/* As route_queued(), for a recipient of this message. */
const struct send_connector *route_memory_ask(struct route_memory *m, const struct config *config,
                                              const struct envelope *e,
                                              const struct envelope_recipient *r);

#endif
