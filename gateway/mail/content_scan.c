#include "gateway/mail/content_scan.h"

#include <stdint.h>

/* Eight octets at a time: the whole of every message comes by here. */
static bool
has_high_octet(struct slice octets)
{
    uint64_t any = 0, word;
    const char *at = octets.ptr, *end = octets.ptr + octets.len;

    for (; end - at >= (ptrdiff_t)sizeof word; at += sizeof word) {
        memcpy(&word, at, sizeof word);
        any |= word;
    }
    for (; at < end; at++)
        any |= (unsigned char)*at;
    return (any & UINT64_C(0x8080808080808080)) != 0;
}

/* Line by line: no CR before the last octet of a line, and that one a CR. *behind_cr: what comes
 * stands behind a CR, and at the end: what comes next will. */
static bool
has_bare_newline(struct slice octets, bool *behind_cr)
{
    const char *at = octets.ptr, *end = octets.ptr + octets.len;

    while (at < end) {
        if (*behind_cr && *at != '\n')
            return true;
        const char *lf = memchr(at, '\n', (size_t)(end - at));
        const char *stop = lf != NULL ? lf : end;
        const char *cr = memchr(at, '\r', (size_t)(stop - at));
        if (cr != NULL && cr + 1 < stop)
            return true;
        bool ends_in_cr = cr != NULL || (stop == at && *behind_cr);
        if (lf != NULL && !ends_in_cr)
            return true;
        *behind_cr = lf == NULL && ends_in_cr;
        at = lf != NULL ? lf + 1 : end;
    }
    return false;
}

void
content_scan_take(struct content_scan *scan, struct slice octets)
{
    if (octets.len == 0)
        return;
    scan->has_8bit = scan->has_8bit || has_high_octet(octets);
    scan->has_bare = scan->has_bare || memchr(octets.ptr, '\0', octets.len) != NULL ||
                     has_bare_newline(octets, &scan->behind_cr);
    scan->last[0] = octets.len > 1 ? octets.ptr[octets.len - 2] : scan->last[1];
    scan->last[1] = octets.ptr[octets.len - 1];
    scan->is_begun = true;
}

void
content_scan_end(struct content_scan *scan)
{
    scan->has_bare = scan->has_bare || scan->behind_cr;
}

bool
content_scan_is_unended(const struct content_scan *scan)
{
    return scan->is_begun && !(scan->last[0] == '\r' && scan->last[1] == '\n');
}

bool
content_has_bare(struct slice octets)
{
    struct content_scan scan = {0};
    content_scan_take(&scan, octets);
    content_scan_end(&scan);
    return scan.has_bare;
}
