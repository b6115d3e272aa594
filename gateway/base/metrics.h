/*
 * metrics.h - the numbers of the metrics page: families from counters.def, series by label
 * values.
 *
 * A series is looked up once, when a connector or listener comes into being, and is then a
 * pointer to an atomic number: counting costs one instruction. Series live as long as the
 * registry.
 */
#ifndef BASE_METRICS_H
#define BASE_METRICS_H

#include <stdatomic.h>
#include <stdint.h>

#include "gateway/base/buf.h"
#include "gateway/base/histogram.h"

enum metric {
#define METRIC(name, kind, labels, sentence) METRIC_##name,
#define HISTOGRAM(name, ladder, labels, sentence) METRIC_##name,
#include "gateway/base/counters.def"
#undef METRIC
#undef HISTOGRAM
    METRIC_COUNT
};

enum { METRIC_LABELS_MAX = 5 };

typedef _Atomic uint64_t counter;

struct metrics;
struct metrics *metrics_new(void);
void metrics_free(struct metrics **m);

/* The series of a family with these label values (as many as the family has labels; "" fills in
 * for NULL and for what is missing). Found or made, and shown from now on; any thread. When 4 096
 * series exist or memory is out, a number that nobody reads: never NULL. */
counter *metrics_series(struct metrics *m, enum metric family, const char *value1,
                        const char *value2);
counter *metrics_series_of(struct metrics *m, enum metric family, const char *const *values,
                           size_t count);

/* Likewise for a family of histograms. */
struct histogram *metrics_histogram(struct metrics *m, enum metric family, const char *value1,
                                    const char *value2);

/* Leave the series of this family off the page until each is asked for again: for gauges that are
 * read when somebody looks, whose thing may have left the configuration. */
void metrics_hide(struct metrics *m, enum metric family);

static inline void
counter_add(counter *c, uint64_t n)
{
    atomic_fetch_add_explicit(c, n, memory_order_relaxed);
}

static inline void
counter_sub(counter *c, uint64_t n)
{
    atomic_fetch_sub_explicit(c, n, memory_order_relaxed);
}

static inline void
counter_set(counter *c, uint64_t n)
{
    atomic_store_explicit(c, n, memory_order_relaxed);
}

/* The page in Prometheus' text format 0.0.4, with HELP and TYPE. */
void metrics_put(struct metrics *m, struct buf *out);

#endif
