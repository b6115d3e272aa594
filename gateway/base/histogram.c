#include "gateway/base/histogram.h"

#define MS(n) ((n)*UINT64_C(1000))
#define S(n) ((n)*UINT64_C(1000000))
#define MIN(n) S((n)*60)
#define HOUR(n) MIN((n)*60)
#define DAY(n) HOUR((n)*24)

const struct ladder LADDER_COMMIT = {
    .bounds = {100, 250, 500, MS(1), 2500, MS(5), MS(10), MS(25), MS(50), MS(100), MS(250),
               MS(500), S(1), MS(2500), S(5), S(10)},
    .count = 16,
    .seconds = true,
};

const struct ladder LADDER_STAGE = {
    .bounds = {MS(1), 2500, MS(5), MS(10), MS(25), MS(50), MS(100), MS(250), MS(500), S(1),
               MS(2500), S(5), S(10), S(30), MIN(1), MIN(5), MIN(10)},
    .count = 17,
    .seconds = true,
};

/* The steps of design.md 5 are on it: the first retry, the notice of delay, the end of waiting.
 */
const struct ladder LADDER_CUSTODY = {
    .bounds = {MS(10),   MS(25),  MS(50),   MS(100), MS(250), MS(500), S(1),
               MS(2500), S(5),    S(10),    S(30),   MIN(1),  MIN(5),  MIN(15),
               HOUR(1),  HOUR(4), HOUR(12), DAY(1),  DAY(2),  DAY(4),  DAY(7)},
    .count = 21,
    .seconds = true,
};

const struct ladder LADDER_COUNT = {
    .bounds = {1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096},
    .count = 13,
    .seconds = false,
};

void
histogram_init(struct histogram *h, const struct ladder *ladder)
{
    h->ladder = ladder;
    atomic_init(&h->sum, 0);
    for (size_t i = 0; i <= HISTOGRAM_BOUNDS_MAX; i++)
        atomic_init(&h->buckets[i], 0);
}

size_t
ladder_index(const struct ladder *ladder, uint64_t value)
{
    size_t low = 0, high = ladder->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (ladder->bounds[middle] < value)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

void
histogram_add(struct histogram *h, uint64_t value)
{
    atomic_fetch_add_explicit(&h->buckets[ladder_index(h->ladder, value)], 1,
                              memory_order_relaxed);
    atomic_fetch_add_explicit(&h->sum, value, memory_order_relaxed);
}
