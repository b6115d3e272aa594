/*
 * waker.h - wakes a loop from other threads.
 */
#ifndef NET_WAKER_H
#define NET_WAKER_H

#include "gateway/net/loop.h"

struct waker;

/* NULL: out of memory or descriptors. */
struct waker *waker_new(struct loop *l, void (*fn)(void *context), void *context);

/* Any thread; several wakes may become one call. void* so that it fits plain callbacks. */
void waker_wake(void *waker);

/* No thread may wake it any more. NULL is fine. */
void waker_free(struct waker **w);

#endif
