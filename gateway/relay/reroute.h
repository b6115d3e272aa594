/*
 * reroute.h - queued recipients whose send connector is in no configuration any more, or that had
 * no route: a new configuration may give them one.
 */
#ifndef RELAY_REROUTE_H
#define RELAY_REROUTE_H

#include "gateway/relay/worker.h"

/* Look at a bounded number of such messages and route them anew; the next look goes on where this
 * one stopped. Called at start, after a reload and once a minute. True: there is more. */
bool reroute_look(struct worker *w);

/* Is a new connector for recipients of this message being recorded? Nobody delivers or ends it
 * meanwhile: a connector that comes back is no way for what is on its way to another. */
bool reroute_has(const struct worker *w, uint64_t id);

/* A configuration came into force: mail without a route is looked at from the beginning. */
void reroute_restart(struct worker *w);

#endif
