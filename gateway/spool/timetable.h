/*
 * timetable.h - who is tried again when; when a sender is told; when we give up. Pure.
 *
 * Follows  Exchange 2007's own defaults (exchange-facts.md 5.3), design.md 5 `retry`.
 */
#ifndef SPOOL_TIMETABLE_H
#define SPOOL_TIMETABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gateway/base/must.h"

struct timetable {
    const uint64_t *wait_ms; /* the steps; the last one repeats */
    size_t count;
};

/* How long to wait after the attempt number `failures` (1 = the first) failed; up to a tenth more
 * or less by `salt` (an id), so that a thousand messages do not come back in the same second. */
uint64_t timetable_wait_ms(struct timetable t, uint32_t failures, uint64_t salt);

/* When a recipient that waits until due_unix_ms is due by this timetable, which has come into
 * force meanwhile: as if its last attempt, number `failures`, at tried_unix_ms had failed under
 * it. What is due already stays so, and so does what was never tried (0). Nobody waits longer
 * than from now on, whatever happened to the clock. */
int64_t timetable_due_anew(struct timetable t, uint32_t failures, uint64_t salt,
                           int64_t tried_unix_ms, int64_t due_unix_ms, int64_t now_unix_ms);

enum timetable_age { AGE_YOUNG, AGE_NOTICE, AGE_EXPIRED };

/* What is due for a message by its age. Expiry never comes before one attempt since start:
 * tried_since_start says whether there was one. */
enum timetable_age timetable_age(int64_t received_unix_ms, int64_t now_unix_ms,
                                 uint64_t notice_ms, uint64_t expire_ms, bool noticed,
                                 bool tried_since_start);

#endif
