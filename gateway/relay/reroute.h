/*
 * reroute.h - queued recipients whose send connector is in no configuration any more, or that had
 * no route: a new configuration may give them one.
 */
#ifndef RELAY_REROUTE_H
#define RELAY_REROUTE_H

#include "gateway/relay/worker.h"

/* Look at a bounded number of such messages and route them anew. Called at start, after a reload
 * and once a minute. */
void reroute_look(struct worker *w);

#endif
