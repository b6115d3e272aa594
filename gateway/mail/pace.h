/*
 * pace.h - does the sender of a message keep up? Octets over a sliding window of the time in
 * which we wait for it.
 *
 * Two minutes in twelve slots: a pause of an honest server, of tens of seconds up to less than
 * the window, is made good by what came before and comes behind it. Until a whole window has
 * passed, nobody is slow. Time that we take ourselves is not told here, and does not count.
 */
#ifndef MAIL_PACE_H
#define MAIL_PACE_H

#include <stdbool.h>
#include <stdint.h>

#include "gateway/base/must.h"

enum { PACE_SLOTS = 12, PACE_SLOT_MS = 10 * 1000, PACE_WINDOW_MS = PACE_SLOTS * PACE_SLOT_MS };

struct pace {
    uint64_t octets[PACE_SLOTS];
    unsigned slot;    /* the present one */
    unsigned passed;  /* whole slots so far, at most PACE_SLOTS */
    uint64_t slot_ms; /* how much of the present slot has passed */
    uint64_t rate;    /* octets a second over the window, when last measured */
};

void pace_begin(struct pace *p);
void pace_took(struct pace *p, uint64_t octets);

/* We waited so long. True: over the last window less than `least` octets a second came; rate says
 * how many. */
MUST_USE bool pace_is_slow(struct pace *p, uint64_t waited_ms, uint64_t least);

/* How long one may wait until it has to be asked again. */
uint64_t pace_left_ms(const struct pace *p);

#endif
