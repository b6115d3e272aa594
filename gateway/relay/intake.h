/*
 * intake.h - the content of a message on its way into the spool: our own fields first, Received
 * last of them, then its header fields as far as the firewall lets them pass, then the body,
 * octet for octet.
 *
 * Gives    the draft; what was seen on the way: hops, the traces of earlier passes, Message-ID.
 * Follows  RFC 5321 4.4, 6.3; RFC 8601 5; design.md 3.3, 6.7, 6.8, 6.9.
 * Refuses  too many hops, a header section over HEADER_MAX or with a bare CR, LF or NUL in it,
 *          what the spool has no room for.
 */
#ifndef RELAY_INTAKE_H
#define RELAY_INTAKE_H

#include "gateway/mail/content_scan.h"
#include "gateway/mail/reply.h"
#include "gateway/mail/trace.h"
#include "gateway/route/loop_trace.h"
#include "gateway/spool/spool.h"

struct intake;

/* Begins the draft and writes our fields: those above (whole, with their line ends, or "") and
 * the Received field (its id is set here). What else of the header may come in is a matter of the
 * receive connector's rights. NULL: refusal says why. */
struct intake *intake_begin(struct spool *spool, struct trace *trace, struct slice above,
                            uint32_t hops_max, unsigned rights, struct reply *refusal);

/* Octets of the message. False: refusal is the reply for the end of data; take no more. */
MUST_USE bool intake_take(struct intake *t, struct slice octets, struct reply *refusal);
/* All has come. */
MUST_USE bool intake_end(struct intake *t, struct reply *refusal);

/* After intake_end(): what the content asks of its way on. */
const struct content_scan *intake_content(const struct intake *t);

uint64_t intake_id(const struct intake *t);
uint64_t intake_size(const struct intake *t);
struct slice intake_message_id(const struct intake *t); /* "<...>", or "" */

/* Did a field come in that only a right lets pass (firewall.h: organization, forest)? Then
 * whoever sends the message on looks whether it may leave as well. */
bool intake_keeps_reserved(const struct intake *t);

/* Has the message passed a forestgate before? Without a trace it cannot be a loop. */
bool intake_has_traces(const struct intake *t);

/* Did the message pass this connector with this hash before? */
bool intake_has_trace(const struct intake *t, const unsigned char hash[LOOP_TRACE_HASH]);

/* Hand the draft over to a commit. */
struct spool_draft *intake_take_draft(struct intake *t);

/* Drops the draft if it is still here. */
void intake_free(struct intake **t);

#endif
