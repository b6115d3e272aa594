/*
 * report_limit.h - how many reports one sender gets in an hour: who sends ten thousand messages
 * to people that do not exist, or whose address somebody forged, is not buried in reports. What
 * is over the limit is not lost: it waits for its turn (RECIPIENT_RETURNING).
 *
 * Bounds   REPORT_SENDERS_MAX senders are remembered; of more the idlest is forgotten, and begins
 *          anew. Any thread.
 */
#ifndef RELAY_REPORT_LIMIT_H
#define RELAY_REPORT_LIMIT_H

#include <stdbool.h>
#include <stdint.h>

#include "gateway/base/must.h"
#include "gateway/base/slice.h"

enum { REPORT_SENDERS_MAX = 8192 };

struct report_limit;

/* NULL: out of memory. */
struct report_limit *report_limit_new(void);
void report_limit_free(struct report_limit **l);

/* One more for this sender now? False: *wait_ms until there may be. per_hour may come at once; 0
 * or l NULL: as many as there are. The sender's case does not count. */
MUST_USE bool report_limit_take(struct report_limit *l, struct slice sender, uint32_t per_hour,
                                uint64_t now_ms, uint64_t *wait_ms);

#endif
