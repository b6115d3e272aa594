/*
 * loop_private.h - the loop as the files of gateway/net see it.
 *
 * The turn: libuv waits, callbacks run and gather work; before libuv waits again, that work is
 * done (end of turn). A turn_task is how an object asks for its part of it: one queued at most,
 * embedded in the object, so that asking cannot fail.
 */
#ifndef NET_LOOP_PRIVATE_H
#define NET_LOOP_PRIVATE_H

#include <sys/queue.h>
#include <uv.h>

#include "gateway/base/buf.h"
#include "gateway/net/loop.h"

/* One read takes at most this much; every conn reads into the same memory. */
enum { LOOP_READ_SIZE = 64 * 1024 };

struct turn_task {
    TAILQ_ENTRY(turn_task) link;
    void (*fn)(struct turn_task *task);
    bool queued;
};
TAILQ_HEAD(turn_queue, turn_task);

struct loop {
    uv_loop_t uv;
    uv_prepare_t turn_end;
    uv_idle_t awake; /* active while tasks are queued: libuv neither sleeps nor leaves */
    struct turn_queue tasks;
    void (*on_turn_end)(void *context);
    void *on_turn_end_context;
    size_t owned;     /* objects that their owners have not given back yet */
    size_t lingering; /* conns that were given back and still wait for their peer's end */
    char *read_room;  /* LOOP_READ_SIZE: what came, for the length of one callback */
    struct buf plain; /* the same, decrypted */
};

/* Call task->fn at the end of this turn. Queued twice is queued once. */
void loop_at_turn_end(struct loop *l, struct turn_task *task);
void loop_forget_task(struct loop *l, struct turn_task *task);

/* An object of this loop begins; its owner gave it back (its handles may still be closing). */
void loop_count_in(struct loop *l);
void loop_count_out(struct loop *l);

#endif
