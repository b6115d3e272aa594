/*
 * ownership.h - which worker looks after a send connector: its queue, the health of its servers,
 * the state of its credential, its kept connections (design.md 4).
 *
 * A name is given to the worker that has the fewest, when it is first asked about, and stays
 * there while the process lives: also over a reload that takes the connector away, so that what
 * is still in flight there and what is decided about its mail are never on two threads.
 * Thread safe.
 */
#ifndef RELAY_OWNERSHIP_H
#define RELAY_OWNERSHIP_H

#include "gateway/base/must.h"
#include "gateway/base/slice.h"

struct ownership;

/* NULL: out of memory. */
struct ownership *ownership_new(size_t worker_count);
void ownership_free(struct ownership **o);

/* The index of its worker. Mail without a connector ("") is worker 0's. Names come from the
 * configuration and the spool alone; beyond 4 096 of them they are shared out by a hash. */
size_t ownership_of(struct ownership *o, struct slice connector);

#endif
