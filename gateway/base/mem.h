/*
 * mem.h - the only home of malloc, so that a test can make the N-th call fail.
 *
 * Out of memory on behalf of a peer is NULL here and "452" there; at start-up it is the end.
 */
#ifndef BASE_MEM_H
#define BASE_MEM_H

#include <stddef.h>

#include "gateway/base/slice.h"

/* Zeroed memory, or NULL. */
void *mem_new(size_t size);

/* As realloc: NULL on failure, and then the old memory is untouched. */
void *mem_resize(void *old, size_t size);

/* A NUL-terminated copy of s, or NULL. */
char *mem_text(struct slice s);

/* Frees *p (a pointer to a pointer) and sets it to NULL; NULL is fine. */
#define mem_free(p) (mem_release(*(p)), (void)(*(p) = NULL))
void mem_release(void *p);

/* Overwrite n octets so that the compiler cannot leave it out: passwords, keys. */
void mem_wipe(void *p, size_t n);

/* Tests: after `calls` more successful calls each further one fails; negative = never fail. */
void mem_fail_after(long calls);

#endif
