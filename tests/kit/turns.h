/*
 * turns.h - turns of a loop until something is so.
 */
#ifndef KIT_TURNS_H
#define KIT_TURNS_H

#include "gateway/net/loop.h"

/* A new loop; aborts when there is none. SIGPIPE is ignored from now on, as in the gateway. */
struct loop *turns_loop(void);

/* Run until is_done says so, looking at the end of each turn. The test fails when that takes
 * longer than any machine needs (60 s), or when nothing is left that could happen. */
void turns_until(struct loop *l, bool (*is_done)(void *context), void *context);

/* The same for a flag and for a count. */
void turns_until_true(struct loop *l, bool *flag);
void turns_until_count(struct loop *l, int *count, int wanted);

/* Run until nothing is left. */
void turns_until_empty(struct loop *l);

#endif
