#include "gateway/base/mem.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

/* The one variable with state of this program: a switch for tests, off unless a test sets it. */
static _Atomic long fail_after = -1;

static bool
may_allocate(void)
{
    long left = atomic_load_explicit(&fail_after, memory_order_relaxed);
    if (left < 0)
        return true;
    if (left == 0)
        return false;
    atomic_store(&fail_after, left - 1);
    return true;
}

void *
mem_new(size_t size)
{
    return may_allocate() ? calloc(1, size ? size : 1) : NULL;
}

void *
mem_resize(void *old, size_t size)
{
    return may_allocate() ? realloc(old, size ? size : 1) : NULL;
}

char *
mem_text(struct slice s)
{
    char *text = mem_new(s.len + 1);
    if (text != NULL && s.len > 0)
        memcpy(text, s.ptr, s.len);
    return text;
}

void
mem_release(void *p)
{
    free(p);
}

void
mem_wipe(void *p, size_t n)
{
    if (n > 0)
        explicit_bzero(p, n);
}

void
mem_fail_after(long calls)
{
    atomic_store(&fail_after, calls);
}
