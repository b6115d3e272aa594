/*
 * timer.h - one deadline, moved at will.
 */
#ifndef NET_TIMER_H
#define NET_TIMER_H

#include "gateway/net/loop.h"

struct timer;

/* Not set yet. fn is called once for each deadline that is reached. NULL: out of memory. */
struct timer *timer_new(struct loop *l, void (*fn)(void *context), void *context);

/* At `at_ms` (loop time); a later call replaces the earlier; the past means the next turn.
 * UINT64_MAX = never. Cheap when the new deadline is later than the armed one: it is only
 * remembered. */
void timer_set(struct timer *t, uint64_t at_ms);

/* NULL is fine. */
void timer_free(struct timer **t);

#endif
