/*
 * arena.h - memory that ends together: what one mail transaction needs, dropped in one call.
 */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include "gateway/base/must.h"
#include "gateway/base/slice.h"

struct arena_block;

struct arena {
    struct arena_block *first; /* newest first */
    size_t used;               /* octets handed out, of all blocks */
    size_t max;                /* the most it may hand out */
};

void arena_init(struct arena *a, size_t max);

/* Give everything back but one block, which serves the next transaction. */
void arena_reset(struct arena *a);
void arena_fini(struct arena *a);

/* Zeroed memory aligned for anything, valid until reset; NULL when max or memory is reached. */
MUST_USE void *arena_new(struct arena *a, size_t size);

/* A copy of s in the arena with a NUL behind it; ptr is NULL when there is no room. */
struct slice arena_copy(struct arena *a, struct slice s);

#endif
