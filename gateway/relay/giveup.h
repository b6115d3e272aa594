/*
 * giveup.h - recipients that no attempt decides about: too old, a loop, or removed by an
 * operator. They end here, with a report to the sender, where it wants one (NOTIFY), in one
 * commit; but not when an attempt that was under way has ended one of them meanwhile.
 */
#ifndef RELAY_GIVEUP_H
#define RELAY_GIVEUP_H

#include "gateway/mail/reply.h"
#include "gateway/relay/worker.h"

/* These recipients (indexes into the envelope) are over: expired, or bounced with this reply. The
 * parcel is referenced until the spool has recorded it. False (no memory, no room): nothing
 * changed, they are still open. */
bool give_up(struct worker *w, struct parcel *parcel, const uint32_t *indexes, size_t count,
             bool expired, const struct reply *why);

/* Was its end not told in the log yet? That of who only waited for a report was. */
bool give_up_is_news(const struct envelope_recipient *r);

/* Is the end of recipients of this message being recorded? Nobody delivers or reroutes it
 * meanwhile. */
bool give_up_has(const struct worker *w, uint64_t id);

/* The sender is told that these recipients still wait; nothing else changes. The message counts
 * as noticed even if nobody wants to hear of it. */
bool give_notice(struct worker *w, struct parcel *parcel, const uint32_t *indexes, size_t count);

#endif
