/*
 * outlet_settle_private.h - a delivery from its outcomes to the record of them: outlet_decide.c
 * says what each outcome comes to, outlet_settle.c records it.
 */
#ifndef RELAY_OUTLET_SETTLE_PRIVATE_H
#define RELAY_OUTLET_SETTLE_PRIVATE_H

#include "gateway/relay/bounce.h"
#include "gateway/relay/outbound.h"

/* What is known of a delivery's outcomes until the spool has recorded them. */
struct settlement {
    struct settlement *next; /* in outlet->unrecorded */
    struct outlet *outlet;
    struct delivery *d;
    uint64_t connection; /* serial of the outbound, which may be gone by then */
    struct timer *again; /* only after a refused record */
    size_t row_count;
    struct recipient_change *rows;
    bool *keep;
    struct bounce_row *bounces;
    size_t bounce_count;
    struct smtp_outcome *outcomes; /* borrowed, only while deciding */
    const struct outbound *by;     /* likewise */
    bool all_split;
    bool was_taken; /* the server took the message for someone */
    struct bounce report;
    struct buf texts; /* owns rows[].last_error, but for those that wait for a report */
    struct buf words; /* owns these */
};

struct timetable outlet_message_timetable(const struct outlet *o);

/* Decide about each recipient that was tried, write its delivery line, and fill rows, keep,
 * bounces and texts. *bad (may be any) is the first outcome that shows that the server itself is
 * not fit for mail; false: none does. */
bool outlet_decide(struct settlement *s, const struct outbound_facts *facts, size_t *bad);

#endif
