/* RemoteIPRanges: "10.1.0.5", "10.1.0.0/24", "10.1.0.0(255.255.255.0)", "10.1.0.1-10.1.0.9". */
#include "gateway/exchange/verify_private.h"

#include <arpa/inet.h>

#include "gateway/base/ascii.h"

struct address {
    int family;
    unsigned char octets[16]; /* of IPv4 the last four */
};

static bool
read_address(struct slice text, struct address *a)
{
    char room[INET6_ADDRSTRLEN];
    *a = (struct address){.family = AF_INET};
    if (text.len >= sizeof room)
        return false;
    slice_copy_text(room, sizeof room, text);
    if (inet_pton(AF_INET, room, a->octets + 12) == 1)
        return true;
    a->family = AF_INET6;
    return inet_pton(AF_INET6, room, a->octets) == 1;
}

/* All bits of the mask, which counts from the first octet of the family, set or cleared. */
static void
spread(struct address *a, uint64_t bits, bool set)
{
    size_t first = a->family == AF_INET ? 12 : 0;
    for (size_t i = 0; i < 16 - first; i++)
        for (unsigned k = 0; k < 8; k++)
            if (i * 8 + k >= bits) {
                unsigned char bit = (unsigned char)(0x80 >> k);
                a->octets[first + i] = (unsigned char)(set ? a->octets[first + i] | bit
                                                           : a->octets[first + i] & ~bit);
            }
}

static unsigned
bits_of_mask(const struct address *mask)
{
    unsigned bits = 0;
    while (bits < 32 && (mask->octets[12 + bits / 8] & (0x80 >> bits % 8)) != 0)
        bits++;
    return bits;
}

/* "ADDRESS/BITS" or "ADDRESS(MASK)", split at `at`. */
static bool
read_masked(struct slice text, size_t at, struct address *low, struct address *high)
{
    struct slice tail = slice_from(text, at + 1);
    struct address mask;
    uint64_t bits;
    if (!read_address(slice_head(text, at), low))
        return false;
    if (text.ptr[at] == '/') {
        if (!ascii_number(tail, low->family == AF_INET ? 32 : 128, &bits))
            return false;
    } else {
        if (tail.len == 0 || !read_address(slice_head(tail, tail.len - 1), &mask) ||
            mask.family != AF_INET || low->family != AF_INET)
            return false;
        bits = bits_of_mask(&mask);
    }
    *high = *low;
    spread(low, bits, false);
    spread(high, bits, true);
    return true;
}

static bool
read_range(struct slice text, struct address *low, struct address *high)
{
    size_t at;
    if ((at = slice_find(text, '/')) < text.len || (at = slice_find(text, '(')) < text.len)
        return read_masked(text, at, low, high);
    if ((at = slice_find(text, '-')) < text.len)
        return read_address(slice_head(text, at), low) &&
               read_address(slice_from(text, at + 1), high) && low->family == high->family;
    if (!read_address(text, low))
        return false;
    *high = *low;
    return true;
}

static struct verify_width
width_of(const struct address *low, const struct address *high)
{
    struct verify_width w;
    int borrow = 0;
    for (size_t i = 16; i-- > 0;) {
        int difference = high->octets[i] - low->octets[i] - borrow;
        borrow = difference < 0;
        w.octets[i] = (unsigned char)(difference + (borrow ? 256 : 0));
    }
    return w;
}

struct search {
    struct address address;
    struct verify_width width;
    bool found;
};

static bool
look(void *context, struct slice item)
{
    struct search *s = context;
    struct address low, high;
    if (!read_range(item, &low, &high) || low.family != s->address.family ||
        memcmp(s->address.octets, low.octets, 16) < 0 ||
        memcmp(s->address.octets, high.octets, 16) > 0)
        return true;
    struct verify_width w = width_of(&low, &high);
    if (!s->found || memcmp(w.octets, s->width.octets, sizeof w.octets) < 0)
        s->width = w;
    s->found = true;
    return true;
}

bool
verify_range(const char *ranges, const char *address, struct verify_width *width)
{
    struct search s = {.found = false};
    if (!read_address(slice_str(address), &s.address))
        return false;
    listing_each(ranges, look, &s);
    *width = s.width;
    return s.found;
}

enum verify_reach
verify_reach(struct slice range, const char *const *addresses, size_t count)
{
    struct address low, high, one;
    if (!read_range(range, &low, &high))
        return REACH_FEW;
    struct verify_width w = width_of(&low, &high);
    for (size_t i = 0; i < sizeof w.octets - 1; i++)
        if (w.octets[i] != 0)
            return REACH_MANY;
    for (size_t i = 0; w.octets[15] == 0 && i < count; i++)
        if (read_address(slice_str(addresses[i]), &one) && one.family == low.family &&
            memcmp(one.octets, low.octets, sizeof one.octets) == 0)
            return REACH_NOBODY;
    return REACH_FEW;
}
