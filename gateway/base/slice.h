/*
 * slice.h - borrowed bytes: look, never keep. To keep them, copy.
 */
#ifndef BASE_SLICE_H
#define BASE_SLICE_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

struct slice {
    const char *ptr;
    size_t len;
};

/* For printf: "%.*s", SLICE_ARG(s). Bytes of a peer go through log or err_bytes instead. */
#define SLICE_ARG(s) (int)(s).len, (s).ptr

static inline struct slice
slice(const char *ptr, size_t len)
{
    return (struct slice){ptr, len};
}

/* The bytes of a C string without its NUL; NULL gives the empty slice. */
static inline struct slice
slice_str(const char *text)
{
    return (struct slice){text, text ? strlen(text) : 0};
}

static inline bool
slice_equal(struct slice a, struct slice b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

static inline bool
slice_is(struct slice a, const char *text)
{
    return slice_equal(a, slice_str(text));
}

static inline bool
slice_starts(struct slice a, struct slice prefix)
{
    return a.len >= prefix.len && (prefix.len == 0 || memcmp(a.ptr, prefix.ptr, prefix.len) == 0);
}

/* Move the front of s forward by n octets (n <= s->len). */
static inline void
slice_skip(struct slice *s, size_t n)
{
    s->ptr += n;
    s->len -= n;
}

/* The first n octets of s. */
static inline struct slice
slice_head(struct slice s, size_t n)
{
    return (struct slice){s.ptr, n < s.len ? n : s.len};
}

/* What is left of s behind its first n octets. */
static inline struct slice
slice_from(struct slice s, size_t n)
{
    return n < s.len ? (struct slice){s.ptr + n, s.len - n} : (struct slice){s.ptr, 0};
}

/* Copy s with a NUL into to (size octets, at least 1), cut to fit. */
static inline void
slice_copy_text(char *to, size_t size, struct slice s)
{
    size_t n = s.len < size ? s.len : size - 1;
    if (n > 0)
        memcpy(to, s.ptr, n);
    to[n] = '\0';
}

/* Where c first stands in s, or s.len. */
static inline size_t
slice_find(struct slice s, char c)
{
    const char *at = s.len ? memchr(s.ptr, c, s.len) : NULL;
    return at ? (size_t)(at - s.ptr) : s.len;
}

#endif
