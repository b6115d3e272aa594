/*
 * gauges.h - what the metrics page shows of the present: read when somebody looks, because that
 * is cheaper than to keep it. What has left the configuration leaves the page.
 */
#ifndef OPS_GAUGES_H
#define OPS_GAUGES_H

#include "gateway/relay/worker.h"

/* From the thread of the monitor alone. */
void gauges_refresh(struct workshop *shop, const struct runtime *runtime);

#endif
