/*
 * must.h - assertions about our own logic; always compiled in.
 *
 * must(x)       x is true in every correct program. A peer, a file or an operator can never make
 *               it false: they get a struct err. Aborting is safe: what was promised is on disk.
 * never(why)    a place that no correct program reaches.
 */
#ifndef BASE_MUST_H
#define BASE_MUST_H

#include <stddef.h>
#include <stdnoreturn.h>

noreturn void must_fail(const char *what, const char *file, int line);

#define must(x) ((x) ? (void)0 : must_fail(#x, __FILE__, __LINE__))
#define never(why) must_fail((why), __FILE__, __LINE__)

#define MUST_USE __attribute__((warn_unused_result))
#define PRINTF_LIKE(fmt, args) __attribute__((format(printf, fmt, args)))

/* The object of type `type` whose member `member` is at ptr. */
#define CONTAINER(ptr, type, member) ((type *)(void *)((char *)(ptr)-offsetof(type, member)))

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

#endif
