/*
 * loop.h - one event loop: its time, timers, signals, wake-ups from other threads, and work for
 * the thread pool. libuv lives in gateway/net; this header and its neighbours show none of it.
 *
 * All functions belong to the loop's thread but waker_wake(). Callbacks run from the loop, never
 * from inside the call that asked (style 4.10).
 */
#ifndef NET_LOOP_H
#define NET_LOOP_H

#include <stdint.h>

#include "gateway/base/err.h"

struct loop;

MUST_USE bool loop_new(struct loop **out, struct err *err);
/* Runs until loop_stop() or until nothing is left to wait for. */
void loop_run(struct loop *l);
void loop_stop(struct loop *l);
/* Everything must be closed by then: asserts that the loop is empty. */
void loop_free(struct loop **l);

/* Monotonic time of this turn of the loop. */
uint64_t loop_now_ms(const struct loop *l);

/* Called at the end of each turn that did something (flush the log, ...). */
void loop_on_turn_end(struct loop *l, void (*fn)(void *context), void *context);

/* ---- Timers: one deadline each, re-armed at will ------------------------------------------ */
struct timer;
struct timer *timer_new(struct loop *l, void (*fn)(void *context), void *context);
/* At `at_ms` (loop time); a later call replaces the earlier. UINT64_MAX = never. Cheap when the
 * new deadline is later than the armed one: it is not re-armed, only remembered. */
void timer_set(struct timer *t, uint64_t at_ms);
void timer_free(struct timer **t);

/* ---- Wake-ups from other threads ------------------------------------------------------------
 */
struct waker;
struct waker *waker_new(struct loop *l, void (*fn)(void *context), void *context);
/* Any thread; several wakes may become one call. void* so that it fits plain callbacks. */
void waker_wake(void *waker);
void waker_free(struct waker **w);

/* ---- Signals ---------------------------------------------------------------------------------
 */
struct signal_watch;
struct signal_watch *signal_watch_new(struct loop *l, int signum, void (*fn)(void *context),
                                      void *context);
void signal_watch_free(struct signal_watch **w);

/* ---- Work that blocks: on the pool, in a struct with copies in and results out ----------------
 */
/* work runs on a pool thread and must touch nothing but job; done runs on the loop. At most `max`
 * of a gate run at once, the others wait in order; more than `queue_max` waiting: false. */
struct job_gate;
struct job_gate *job_gate_new(struct loop *l, unsigned max, unsigned queue_max);
MUST_USE bool job_start(struct job_gate *g, void (*work)(void *job), void (*done)(void *job),
                        void *job);
/* Jobs that run are waited for by the loop; those that wait are given back by done at once. */
void job_gate_free(struct job_gate **g);

/* ---- A foreign descriptor (the monitor's epoll, ...): call fn when it is readable -------------
 */
struct watch;
struct watch *watch_new(struct loop *l, int fd, void (*fn)(void *context), void *context);
void watch_free(struct watch **w); /* before the owner closes fd */

#endif
