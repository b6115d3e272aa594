/*
 * watch.h - what comes from outside without being a conn: signals, foreign descriptors.
 */
#ifndef NET_WATCH_H
#define NET_WATCH_H

#include "gateway/net/loop.h"

/* ---- Signals ---------------------------------------------------------------------------- */

struct signal_watch;

/* NULL: out of memory, or not a signal that can be caught. */
struct signal_watch *signal_watch_new(struct loop *l, int signum, void (*fn)(void *context),
                                      void *context);
void signal_watch_free(struct signal_watch **w);

/* ---- A foreign descriptor (the monitor's epoll, ...): fn while it is readable ------------- */

struct watch;

/* At most one watch for each descriptor. NULL: out of memory, or fd cannot be polled. */
struct watch *watch_new(struct loop *l, int fd, void (*fn)(void *context), void *context);

/* Do not look for a while; look again. */
void watch_pause(struct watch *w);
void watch_resume(struct watch *w);

/* Before the owner closes fd. NULL is fine. */
void watch_free(struct watch **w);

#endif
