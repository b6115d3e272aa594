#include "gateway/route/loop_trace.h"

#include <stdlib.h>

#include "gateway/base/ascii.h"
#include "gateway/base/mem.h"

/* A host name (RFC 5321 4.5.3.1.2) or a connector's name. A longer one is somebody else's. */
enum { NAME_LEN_MAX = 255 };

static int
by_address(const void *a, const void *b)
{
    const struct slice *left = a, *right = b;

    return ascii_compare(*left, *right);
}

/* Copy the addresses in small letters to `text` and let `parts` point at the copies, sorted. */
static void
sort_in_small_letters(const struct slice *recipients, size_t count, struct slice *parts,
                      char *text)
{
    for (size_t i = 0; i < count; i++) {
        parts[i] = slice(text, recipients[i].len);
        for (size_t k = 0; k < recipients[i].len; k++)
            *text++ = ascii_lower(recipients[i].ptr[k]);
    }
    qsort(parts, count, sizeof *parts, by_address);
}

/* Leave one of each; how many are left. */
static size_t
drop_doubles(struct slice *parts, size_t count)
{
    size_t kept = 0;

    for (size_t i = 0; i < count; i++)
        if (kept == 0 || !slice_equal(parts[i], parts[kept - 1]))
            parts[kept++] = parts[i];
    return kept;
}

bool
loop_trace_hash(const struct keyed_hash_key *key, struct slice connector,
                const struct slice *recipients, size_t count, unsigned char hash[LOOP_TRACE_HASH])
{
    size_t octets = 0;
    for (size_t i = 0; i < count; i++)
        octets += recipients[i].len;

    /* One block: the connector and the recipients as parts, then the octets of the recipients. */
    struct slice *parts = mem_new((count + 1) * sizeof *parts + octets);
    if (parts == NULL)
        return false;
    parts[0] = connector;
    sort_in_small_letters(recipients, count, parts + 1, (char *)(parts + count + 1));
    count = drop_doubles(parts + 1, count);

    unsigned char whole[KEYED_HASH_SIZE];
    keyed_hash(key, parts, count + 1, whole);
    memcpy(hash, whole, LOOP_TRACE_HASH);
    mem_free(&parts);
    return true;
}

void
loop_trace_put(struct buf *out, struct slice gateway, struct slice connector,
               const unsigned char hash[LOOP_TRACE_HASH])
{
    static const char digits[] = "0123456789abcdef";
    char hex[2 * LOOP_TRACE_HASH];

    for (size_t i = 0; i < LOOP_TRACE_HASH; i++) {
        hex[2 * i] = digits[hash[i] >> 4];
        hex[2 * i + 1] = digits[hash[i] & 15];
    }
    buf_put_str(out, LOOP_TRACE_NAME ": g=");
    buf_put(out, gateway);
    buf_put_str(out, "; c=");
    buf_put(out, connector);
    buf_put_str(out, "; h=");
    buf_put(out, slice(hex, sizeof hex));
    buf_put_str(out, "\r\n");
}

static bool
is_fold(char c)
{
    return ascii_is_blank(c) || c == '\r' || c == '\n';
}

/* Without the blanks and line ends around it: a relay may have folded the field. */
static struct slice
trim_folds(struct slice s)
{
    while (s.len > 0 && is_fold(s.ptr[0]))
        slice_skip(&s, 1);
    while (s.len > 0 && is_fold(s.ptr[s.len - 1]))
        s.len--;
    return s;
}

static bool
is_name(struct slice s)
{
    for (size_t i = 0; i < s.len; i++)
        if (!ascii_is_print(s.ptr[i]) || s.ptr[i] == ' ')
            return false;
    return s.len > 0 && s.len <= NAME_LEN_MAX;
}

static bool
read_hash(struct slice hex, unsigned char hash[LOOP_TRACE_HASH])
{
    if (hex.len != 2 * LOOP_TRACE_HASH)
        return false;
    for (size_t i = 0; i < LOOP_TRACE_HASH; i++) {
        int high = ascii_hex_value(hex.ptr[2 * i]);
        int low = ascii_hex_value(hex.ptr[2 * i + 1]);
        if (high < 0 || low < 0)
            return false;
        hash[i] = (unsigned char)(high << 4 | low);
    }
    return true;
}

bool
loop_trace_parse(struct slice value, struct slice *connector, unsigned char hash[LOOP_TRACE_HASH])
{
    /* g, c and h in this order, each once: what loop_trace_put() writes and nothing else. */
    static const char *const names[] = {"g=", "c=", "h="};
    struct slice found[COUNT_OF(names)];

    for (size_t i = 0; i < COUNT_OF(names); i++) {
        size_t end = slice_find(value, ';');
        bool is_last = i + 1 == COUNT_OF(names);
        if (is_last != (end == value.len))
            return false;
        found[i] = trim_folds(slice_head(value, end));
        if (!slice_starts(found[i], slice_str(names[i])))
            return false;
        slice_skip(&found[i], 2);
        if (!is_name(found[i]))
            return false;
        value = slice_from(value, end + 1);
    }
    *connector = found[1];
    return read_hash(found[2], hash);
}
