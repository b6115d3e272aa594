/*
 * job.h - work that blocks (hashing a password, reading a large file): on the thread pool.
 *
 * A job is a struct of the caller's with copies in and results out; it points to nothing else.
 * The pool is the process's (UV_THREADPOOL_SIZE); a gate bounds one kind of work on one loop.
 */
#ifndef NET_JOB_H
#define NET_JOB_H

#include "gateway/net/loop.h"

struct job_gate;

/* At most `max` of its jobs run at once, `queue_max` more wait in order. NULL: out of memory. */
struct job_gate *job_gate_new(struct loop *l, unsigned max, unsigned queue_max);

/* work runs on a pool thread and must touch nothing but job; done runs on the loop, once. False:
 * too many wait, or out of memory; then neither is called. */
MUST_USE bool job_start(struct job_gate *g, void (*work)(void *job), void (*done)(void *job),
                        void *job);

/* Jobs that run are waited for by the loop and end with done; those that wait are given back by
 * done at once, not worked on (a result field that work sets tells). NULL is fine. */
void job_gate_free(struct job_gate **g);

#endif
