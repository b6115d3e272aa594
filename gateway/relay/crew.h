/*
 * crew.h - all workers of the process: made, started, handed connections, told what is asked of
 * them, stopped.
 *
 * The first worker lives on the loop of the thread that made the crew, beside the listening
 * sockets, the control socket and the monitor; each of the others has a thread and a loop of its
 * own. What they are asked comes to them as letters, one mailbox each, in the order of posting:
 * a connection accepted after a reload never meets the configuration from before it.
 *
 * All functions belong to the first worker's thread, but for crew_heed_edit().
 */
#ifndef RELAY_CREW_H
#define RELAY_CREW_H

#include "gateway/relay/worker.h"

struct crew;

/* worker_count workers (1 to WORKERS_MAX), none of them running yet but what runs on `loop`. Sets
 * up shop->ownership. ERR_NOMEM, ERR_IO. */
MUST_USE bool crew_new(struct workshop *shop, size_t worker_count, struct loop *loop,
                       struct runtime *runtime, struct crew **out, struct err *err);
/* The threads begin. ERR_IO: the system allows no more; stop and free. */
MUST_USE bool crew_start(struct crew *c, struct err *err);
/* Threads end and are joined; sessions and connections are cut. NULL is fine. */
void crew_free(struct crew **c);

struct worker *crew_first(const struct crew *c);

/* A connection that a listener accepted goes to the worker with the fewest sessions. */
void crew_hand(struct crew *c, const struct listener *listener, int fd);

/* A configuration comes into force: at the first worker when this returns, at the others before
 * anything that is posted to them later. False: at none. */
MUST_USE bool crew_use(struct crew *c, struct runtime *runtime, struct err *err);

/* Forget waits and try again: the send connector of that name, or all with "". */
void crew_retry(struct crew *c, struct slice connector);

/* An operator changed these messages in the spool: every worker drops what it has of them in
 * memory and looks again (worker_heed_edit). *under_way: how many of them an attempt has in hand;
 * it goes on. From any thread but a worker's; waits until all have done so, or until *give_up.
 * False: a worker does not know yet, and may begin an attempt with what it remembers. */
bool crew_heed_edit(struct crew *c, const uint64_t *ids, size_t count, size_t *under_way,
                    const _Atomic bool *give_up);

/* Somebody asks whether mail could go through this send connector: its owner looks, if nothing
 * fresh is known, and says so on the board. */
void crew_check(struct crew *c, struct slice connector);

/* Finish what is under way, take nothing new; on_idle is called once, on the first worker's loop,
 * when all of them have. */
void crew_drain(struct crew *c, void (*on_idle)(void *context), void *context);

/* Sessions that are open, over all workers. */
size_t crew_sessions(const struct crew *c);

#endif
