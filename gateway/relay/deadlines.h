/*
 * deadlines.h - what age does to messages: the notice after retry.delay_notice, the end after
 * retry.expire.
 */
#ifndef RELAY_DEADLINES_H
#define RELAY_DEADLINES_H

#include "gateway/relay/worker.h"

/* One look, bounded in messages; the next one goes on where this one stopped. True: there is more
 * to decide at once. */
bool deadlines_look(struct worker *w);

/* Look at all from the beginning: a configuration came into force (its ages may differ), or a
 * decision could not be recorded. */
void deadlines_restart(struct worker *w);

#endif
