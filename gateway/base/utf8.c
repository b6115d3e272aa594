#include "gateway/base/utf8.h"

enum { LAST_OF_ALL = 0x10ffff, SURROGATE_FIRST = 0xd800, SURROGATE_LAST = 0xdfff };

bool
utf8_is_ascii(struct slice s)
{
    for (size_t i = 0; i < s.len; i++)
        if ((unsigned char)s.ptr[i] >= 0x80)
            return false;
    return true;
}

/* How many octets begin with this one, and the least character that needs as many; 0 = none do.
 */
static size_t
length_of(unsigned char first, uint32_t *least)
{
    if (first < 0x80) {
        *least = 0;
        return 1;
    }
    if (first >= 0xc0 && first < 0xe0) {
        *least = 0x80;
        return 2;
    }
    if (first >= 0xe0 && first < 0xf0) {
        *least = 0x800;
        return 3;
    }
    *least = 0x10000;
    return first >= 0xf0 && first < 0xf8 ? 4 : 0;
}

bool
utf8_take(struct slice *s, uint32_t *character)
{
    uint32_t least;
    unsigned char first = (unsigned char)*s->ptr;
    size_t n = length_of(first, &least);

    if (n == 0 || n > s->len)
        return false;
    uint32_t c = n == 1 ? first : first & (0x7fU >> n);
    for (size_t i = 1; i < n; i++) {
        unsigned char next = (unsigned char)s->ptr[i];
        if ((next & 0xc0) != 0x80)
            return false;
        c = c << 6 | (next & 0x3fU);
    }
    if (c < least || c > LAST_OF_ALL || (c >= SURROGATE_FIRST && c <= SURROGATE_LAST))
        return false;
    *character = c;
    slice_skip(s, n);
    return true;
}

bool
utf8_is_text(struct slice s)
{
    uint32_t c;

    while (s.len > 0)
        if (!utf8_take(&s, &c) || (c >= 0x80 && c < 0xa0))
            return false;
    return true;
}
