/*
 * track.h - what the journey of a message leaves in the tracking log (journal/tracking.h).
 *
 * Follows  exchange-facts.md 7.1: RECEIVE when it came into custody; SEND, DEFER, FAIL for each
 *          attempt, one line for all recipients with the same end; DSN for a report; FAIL from
 *          ROUTING for whom no server decided about.
 * Costs    nothing but a test when no log is kept.
 */
#ifndef RELAY_TRACK_H
#define RELAY_TRACK_H

#include "gateway/journal/tracking.h"
#include "gateway/mail/reply.h"
#include "gateway/relay/outlet_settle_private.h"

/* session: the id of the session that brought it. */
void track_received(const struct worker *w, const struct envelope *e, uint64_t session);

/* Every recipient whose attempt came to an end; before the outcomes go. */
void track_attempt(const struct settlement *s, const struct outbound_facts *facts);

/* These recipients end without an attempt (giveup.h): why NULL: their time is over. */
void track_given_up(const struct worker *w, const struct envelope *e,
                    const struct recipient_change *rows, size_t count, const struct reply *why);

/* An operator removes the recipients of this queue (NULL: all) without a report: the line,
 * without its CR LF, appended; nothing when there are none. It is put when the removal is
 * durable. */
void track_put_removed(struct buf *line, const struct envelope *e, const char *queue);

/* A report about another message is durable. */
void track_report(const struct worker *w, const struct envelope *report,
                  const struct envelope *about);

#endif
