/*
 * loop.h - one event loop and its time.
 *
 * What runs on a loop has its own header: timer.h, waker.h (other threads), watch.h (signals,
 * foreign descriptors), job.h (work that blocks), conn.h, listener.h, resolve.h, mailbox.h.
 * libuv lives in gateway/net; none of these headers shows any of it.
 *
 * All functions belong to the loop's thread but waker_wake() and mailbox_post(). Callbacks run
 * from the loop, never from inside the call that asked (style 4.10), and may free or close
 * whatever called them. The process ignores SIGPIPE: that a peer has gone is one conn's trouble.
 */
#ifndef NET_LOOP_H
#define NET_LOOP_H

#include <stdint.h>

#include "gateway/base/err.h"

struct loop;

/* How many processors this process may use; at least 1. */
unsigned loop_processors(void);

MUST_USE bool loop_new(struct loop **out, struct err *err);

/* Runs until loop_stop() or until nothing is left to wait for. May be called again. */
void loop_run(struct loop *l);

/* loop_run() returns at the end of this turn. */
void loop_stop(struct loop *l);

/* Everything made on the loop must have been freed or closed by its owner: asserts it. Waits for
 * what is still closing: conns that flush (at most 5 s), jobs that run, look-ups whose resolver
 * was freed. Not from a callback. */
void loop_free(struct loop **l);

/* Monotonic time of this turn of the loop, on the scale of clock_ms(). */
uint64_t loop_now_ms(const struct loop *l);

/* Called at the end of each turn that did something (flush the log, ...). fn NULL: no more. */
void loop_on_turn_end(struct loop *l, void (*fn)(void *context), void *context);

#endif
