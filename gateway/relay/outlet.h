/*
 * outlet.h - the queue of one send connector, at its one owner: what is ready, what is in flight,
 * which servers may be tried, how many connections are open.
 *
 * Takes    parcels fresh from a session, and whatever the spool says is due.
 * Gives    each delivery to a connection (outbound.h), its outcomes to the spool, exactly once.
 * Follows  design.md 3.5, 3.6, 6.3, 6.4; verdicts come from route/verdict.h, waits from
 *          spool/timetable.h, connections from route/limits.h.
 * Bounds   the ready list by count and octets: what does not fit stays in the spool alone and is
 *          found again by its due time, so memory does not grow with the queue.
 */
#ifndef RELAY_OUTLET_H
#define RELAY_OUTLET_H

#include "gateway/relay/delivery.h"
#include "gateway/relay/worker.h"

struct outbound;

/* Begins with what the spool holds for it. NULL: out of memory. */
struct outlet *outlet_new(struct worker *w, const struct send_connector *connector);

/* The same connector of another configuration: connections of the old one end after the message
 * they carry. */
void outlet_use(struct outlet *o, struct runtime *runtime,
                const struct send_connector *connector);

/* It is in no configuration any more, or the gateway ends: nothing new; what is under way ends
 * first, then worker_outlet_ebbs() is called. cut: connections are closed at once. */
void outlet_retire(struct outlet *o, bool cut);
/* Only when outlet_is_idle(). */
void outlet_free(struct outlet **o);

/* A message came into custody a moment ago; some of its recipients are for this connector. */
void outlet_offer(struct outlet *o, struct parcel *parcel);

/* Look at the spool again: something became due by other means than time. */
void outlet_look(struct outlet *o);

/* Something in the spool is due then that was not, or not so soon. */
void outlet_expect(struct outlet *o, int64_t due_unix_ms);

/* Once a minute: what others found out about its credential may let it go on. */
void outlet_tick(struct outlet *o);

/* An operator changed these messages in the spool, or the queue as a whole: what is in memory of
 * them is dropped, the rest looked for anew. How many of them an attempt has in hand: it goes on.
 */
size_t outlet_heed_edit(struct outlet *o, const uint64_t *ids, size_t count);

/* Forget waits of servers and connector, and look; not what is known of the credential. */
void outlet_retry(struct outlet *o);

/* Somebody asks whether mail could go through here. When nothing fresh is known, one quiet
 * connection at a time is made to a server (and to the next one if that fails): as for mail, with
 * a logon only while the credential is believed, and QUIT. What was found is on the board. */
void outlet_check(struct outlet *o);

/* Is this message ready or in flight here? Then nobody else may decide about its recipients. */
bool outlet_has(const struct outlet *o, uint64_t id);
/* Is an attempt under way, or its outcome being recorded? */
bool outlet_has_in_flight(const struct outlet *o, uint64_t id);
/* Take it out of the ready list, so that it can expire. False: it is in flight. */
bool outlet_withdraw(struct outlet *o, uint64_t id);

bool outlet_was_tried(const struct outlet *o); /* an attempt was made since start */
bool outlet_is_idle(const struct outlet *o);
const char *outlet_name(const struct outlet *o);
struct outlet *outlet_after(const struct outlet *o); /* the next one of the same worker */

/* For status and queue list. */
struct outlet_state {
    bool suspended;
    uint64_t wait_ms; /* until the next try when every server waits; 0 = none */
    size_t connections;
    size_t ready;
    size_t in_flight;
    const char *last_error; /* "" = none since the last success */
};
struct outlet_state outlet_state(const struct outlet *o);

#endif
