/*
 * exch50.h - what becomes of the blobs that Exchange 2000 and 2003 send beside their mail by
 * XEXCH50: one is kept, and passed on, only where it still fits; else it is dropped, and counted
 * with why. The message itself is never held up by its blob.
 *
 * Follows  exchange-facts.md 1.5, 1.6, 3.6. The blob is opaque: nobody but Exchange knows what is
 *          in it. It tells of all recipients in their order, so it goes with all of them in that
 *          order or not at all.
 */
#ifndef RELAY_EXCH50_H
#define RELAY_EXCH50_H

#include "gateway/base/metrics.h"
#include "gateway/relay/delivery.h"

enum {
    /* Octets of a blob. Those that were seen have one to three thousand; it is kept in the
     * envelope, which is written anew with each outcome. */
    EXCH50_MAX = SMTP_EXCH50_MAX,
};

enum exch50_fate {
    EXCH50_KEPT,        /* with the message, in custody */
    EXCH50_PASSED,      /* the next server took it */
    EXCH50_NO_RIGHT,    /* accept-exch50 or send-exch50 is not held */
    EXCH50_RECIPIENTS,  /* they are not, or not all, those that it came with */
    EXCH50_NOT_OFFERED, /* the next server knows no XEXCH50 (of us) */
    EXCH50_REFUSED,     /* the next server said 504, 505 or the like */
    EXCH50_HUNG,        /* a connection ended over one: it is not tried there for a while */
    EXCH50_NO_MEMORY,
    EXCH50_FATES,
};

void exch50_count(struct metrics *metrics, const char *connector, enum exch50_fate fate);
const char *exch50_fate_text(enum exch50_fate fate);

/* Does the blob of this message go along now? The reason why not is EXCH50_RECIPIENTS. */
bool exch50_fits(const struct delivery *d);

#endif
