#include "gateway/base/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "gateway/base/mem.h"

enum { BUF_FIRST = 256 };

void
buf_init(struct buf *b, size_t max)
{
    *b = (struct buf){.max = max};
}

void
buf_fini(struct buf *b)
{
    mem_free(&b->data);
    b->len = b->cap = 0;
}

void
buf_clear(struct buf *b)
{
    b->len = 0;
    b->over = false;
}

void
buf_shrink(struct buf *b)
{
    if (b->len > 0)
        return;
    mem_free(&b->data);
    b->cap = 0;
}

char *
buf_reserve(struct buf *b, size_t n)
{
    if (n > b->max - b->len) {
        b->over = true;
        return NULL;
    }
    size_t want = b->len + n;
    if (want <= b->cap && b->data != NULL)
        return b->data + b->len;

    size_t cap = b->cap ? b->cap : BUF_FIRST;
    while (cap < want)
        cap *= 2;
    /* One octet more than the maximum, so that buf_text() can always end a full buffer. */
    if (cap > b->max + 1)
        cap = b->max + 1;
    char *data = mem_resize(b->data, cap);
    if (data == NULL) {
        b->over = true;
        return NULL;
    }
    b->data = data;
    b->cap = cap;
    return b->data + b->len;
}

void
buf_grew(struct buf *b, size_t n)
{
    must(b->len + n <= b->cap && b->len + n <= b->max);
    b->len += n;
}

void
buf_put(struct buf *b, struct slice s)
{
    if (s.len == 0)
        return;
    char *to = buf_reserve(b, s.len);
    if (to == NULL)
        return;
    memcpy(to, s.ptr, s.len);
    b->len += s.len;
}

void
buf_put_char(struct buf *b, char c)
{
    buf_put(b, slice(&c, 1));
}

void
buf_put_str(struct buf *b, const char *text)
{
    buf_put(b, slice_str(text));
}

void
buf_put_num(struct buf *b, uint64_t n)
{
    char digits[20];
    size_t at = sizeof digits;
    do {
        digits[--at] = (char)('0' + n % 10);
        n /= 10;
    } while (n > 0);
    buf_put(b, slice(digits + at, sizeof digits - at));
}

void
buf_printf(struct buf *b, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    int n = vsnprintf(NULL, 0, fmt, args);
    va_end(args);
    must(n >= 0);
    if ((size_t)n > buf_room(b)) {
        b->over = true;
        return;
    }

    char small[256];
    char *text = (size_t)n < sizeof small ? small : mem_new((size_t)n + 1);
    if (text == NULL) {
        b->over = true;
        return;
    }
    va_start(args, fmt);
    vsnprintf(text, (size_t)n + 1, fmt, args);
    va_end(args);
    buf_put(b, slice(text, (size_t)n));
    if (text != small)
        mem_release(text);
}

void
buf_drop(struct buf *b, size_t n)
{
    must(n <= b->len);
    b->len -= n;
    if (b->len > 0 && n > 0)
        memmove(b->data, b->data + n, b->len);
}

void
buf_truncate(struct buf *b, size_t len)
{
    must(len <= b->len);
    b->len = len;
}

const char *
buf_text(struct buf *b)
{
    if (b->data == NULL || b->len == b->cap) {
        char *data = mem_resize(b->data, b->len + 1);
        if (data == NULL)
            return "";
        b->data = data;
        b->cap = b->len + 1;
    }
    b->data[b->len] = '\0';
    return b->data;
}
