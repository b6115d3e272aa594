/*
 * series.h - the counters that alert rules watch exist, at zero, from the moment a configuration
 * comes into force: of a series that begins with its first event, Prometheus sees no increase.
 */
#ifndef RELAY_SERIES_H
#define RELAY_SERIES_H

#include "config/config.h"
#include "gateway/base/metrics.h"

void series_begin(struct metrics *m, const struct config *config);

#endif
