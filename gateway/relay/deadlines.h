/*
 * deadlines.h - what age does to messages: the notice after retry.delay_notice, the end after
 * retry.expire. Also mail without a route: looked up again when the configuration changes.
 */
#ifndef RELAY_DEADLINES_H
#define RELAY_DEADLINES_H

#include "gateway/relay/worker.h"

/* One look, bounded in messages; the next one goes on where this one stopped. */
void deadlines_look(struct worker *w);

/* A configuration came into force: look at all from the beginning (its ages may differ), and give
 * queued recipients whose connector is gone, or who had none, a new route. */
void deadlines_restart(struct worker *w);

#endif
