/*
 * mailbox.h - small items from any thread to the owner of a loop: worker to worker.
 *
 * Takes    ids and references, posted by any thread; bounded, in the order of posting.
 * Gives    them one by one to the owner, on its loop.
 * Owns     the reference in an item from a successful post until on_item has it; what nobody took
 *          goes through drop.
 *
 * Ends in two steps, because posters are other threads: mailbox_close() on the loop, after which
 * every post is refused; mailbox_free() when no thread can post any more (they are joined).
 */
#ifndef NET_MAILBOX_H
#define NET_MAILBOX_H

#include "gateway/net/loop.h"

struct mailbox;

struct mailbox_item {
    uint64_t id;
    void *ref;     /* counted by its owner, or NULL; travels with the item */
    uint32_t kind; /* the users' own enum */
};

struct mailbox_events {
    /* One item; the reference is the callee's now. From the loop. */
    void (*on_item)(void *owner, const struct mailbox_item *item);
    /* The mailbox ends and this item was never taken: give its reference back. */
    void (*drop)(void *owner, const struct mailbox_item *item);
};

/* max: how many items may wait. NULL: out of memory or descriptors. */
struct mailbox *mailbox_new(struct loop *l, size_t max, const struct mailbox_events *events,
                            void *owner);

/* Any thread, never blocks for long. False: full or closed; the reference is still yours. */
MUST_USE bool mailbox_post(struct mailbox *m, const struct mailbox_item *item);

/* On the loop: drops what waits, refuses what comes. May be called twice, and from on_item. */
void mailbox_close(struct mailbox *m);

/* Closed, and no thread can post any more. NULL is fine. */
void mailbox_free(struct mailbox **m);

#endif
