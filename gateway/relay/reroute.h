/*
 * reroute.h - one queued message under a configuration that came into force after it: recipients
 * whose route leads elsewhere now are moved there, those without a route become unreachable, and
 * when the timetable has changed they are due by the new one.
 *
 * Who       the owner of the queue alone, and only while no attempt has the message in hand
 *           there: else it would be sent on the old way and on the new one.
 * Durable   one record for each message; its new owners get to know when it is on disk.
 * Untouched what an operator holds: recipients that are suspended, unless their connector has
 *           left the configuration (they wait for the new one then), and those to be returned.
 */
#ifndef RELAY_REROUTE_H
#define RELAY_REROUTE_H

#include "gateway/relay/worker.h"

/* Look at the recipients of this message that wait in `queue`, which is ours; retime: at their
 * due times, too. True: something changed and is being recorded. */
bool reroute_message(struct worker *w, uint64_t id, struct slice queue, bool retime);

/* Does this recipient still go through the connector that it waits for? Cheap: each attempt asks.
 */
bool reroute_stays(struct worker *w, const struct envelope *e,
                   const struct envelope_recipient *r);

/* Is a change of this message being recorded? Nobody delivers or ends it meanwhile: a connector
 * that comes back is no way for what is on its way to another. Whoever passes it over for that
 * gets to know when it is done. */
bool reroute_has(const struct worker *w, uint64_t id);

#endif
