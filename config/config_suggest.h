/*
 * config_suggest.h - did you mean "port"?
 *
 * Offer it every word that would have been right; it keeps the nearest one that a slip of the
 * fingers could have turned into what was typed.
 */
#ifndef CONFIG_CONFIG_SUGGEST_H
#define CONFIG_CONFIG_SUGGEST_H

#include "gateway/base/slice.h"

enum { SUGGEST_TEXT = 100 };

struct suggest {
    struct slice typed; /* borrowed */
    struct slice best;  /* borrowed from the one who offered it; empty: none */
    unsigned distance;
};

void suggest_init(struct suggest *s, struct slice typed);
void suggest_offer(struct suggest *s, struct slice candidate);

/* `; did you mean "port"?`, or "" when nothing is near. The room's content is returned. */
const char *suggest_text(const struct suggest *s, char room[SUGGEST_TEXT]);

/* How many letters must be added, left out, changed or swapped with their neighbour to turn a
 * into b, without case; `limit + 1` when it is more than limit. */
unsigned suggest_distance(struct slice a, struct slice b, unsigned limit);

#endif
