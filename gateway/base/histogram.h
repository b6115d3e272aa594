/*
 * histogram.h - how often a value fell into which bucket. Buckets are fixed: each ladder is a
 * short list of upper bounds, chosen once for its kind of wait or size.
 *
 * Adding is a search among at most 22 bounds and two relaxed atomic additions; any thread.
 */
#ifndef BASE_HISTOGRAM_H
#define BASE_HISTOGRAM_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { HISTOGRAM_BOUNDS_MAX = 22 };

/* The bounds of a histogram, from small to large. In seconds the values added are microseconds.
 */
struct ladder {
    uint64_t bounds[HISTOGRAM_BOUNDS_MAX];
    size_t count;
    bool seconds;
};

extern const struct ladder LADDER_COMMIT;  /* one write to disk: 100 us to 10 s */
extern const struct ladder LADDER_STAGE;   /* one step of a conversation: 1 ms to 10 min */
extern const struct ladder LADDER_CUSTODY; /* how long mail is ours: 10 ms to 7 days */
extern const struct ladder LADDER_COUNT;   /* things in one go: 1 to 4 096 */

struct histogram {
    const struct ladder *ladder;
    _Atomic uint64_t sum;
    _Atomic uint64_t buckets[HISTOGRAM_BOUNDS_MAX + 1]; /* the last: above all bounds */
};

void histogram_init(struct histogram *h, const struct ladder *ladder);

/* A value of h's unit: microseconds when its ladder is in seconds. */
void histogram_add(struct histogram *h, uint64_t value);

/* The bucket that holds value: the first whose bound is not below it. */
size_t ladder_index(const struct ladder *ladder, uint64_t value);

#endif
