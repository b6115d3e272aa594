#include "gateway/base/arena.h"

#include <stdalign.h>
#include <stdint.h>

#include "gateway/base/mem.h"

enum { BLOCK_SIZE = 2048 };

struct arena_block {
    struct arena_block *next;
    size_t size;
    size_t used;
    alignas(max_align_t) char bytes[];
};

void
arena_init(struct arena *a, size_t max)
{
    *a = (struct arena){.max = max};
}

void
arena_reset(struct arena *a)
{
    struct arena_block *keep = a->first;
    while (keep != NULL && (keep->next != NULL || keep->size > BLOCK_SIZE)) {
        a->first = keep->next;
        mem_release(keep);
        keep = a->first;
    }
    if (keep != NULL) {
        memset(keep->bytes, 0, keep->used);
        keep->used = 0;
    }
    a->used = 0;
}

void
arena_fini(struct arena *a)
{
    while (a->first != NULL) {
        struct arena_block *next = a->first->next;
        mem_release(a->first);
        a->first = next;
    }
    a->used = 0;
}

void *
arena_new(struct arena *a, size_t size)
{
    const size_t align = alignof(max_align_t);
    if (size > a->max || a->used > a->max - size)
        return NULL;
    size_t need = (size + align - 1) / align * align;
    struct arena_block *block = a->first;
    if (block == NULL || block->size - block->used < need) {
        size_t room = need > BLOCK_SIZE ? need : BLOCK_SIZE;
        block = mem_new(sizeof *block + room);
        if (block == NULL)
            return NULL;
        block->size = room;
        block->next = a->first;
        a->first = block;
    }
    void *at = block->bytes + block->used;
    block->used += need;
    a->used += need;
    return at;
}

struct slice
arena_copy(struct arena *a, struct slice s)
{
    char *to = arena_new(a, s.len + 1);
    if (to == NULL)
        return slice(NULL, 0);
    if (s.len > 0)
        memcpy(to, s.ptr, s.len);
    return slice(to, s.len);
}
