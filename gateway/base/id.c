#include "gateway/base/id.h"

#include "gateway/base/ascii.h"

enum { NODE_BITS = 10, SEQUENCE_BITS = 13 };

static const int64_t epoch_unix_ms = INT64_C(1704067200000); /* 2024-01-01 */
static const char alphabet[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

void
id_source_init(struct id_source *s, uint64_t node, uint64_t after)
{
    const uint64_t node_mask = (1U << NODE_BITS) - 1;
    s->node = node & node_mask;
    atomic_store(&s->last, (after & ~node_mask) | s->node);
}

static uint64_t
first_of(int64_t unix_ms)
{
    uint64_t since = unix_ms > epoch_unix_ms ? (uint64_t)(unix_ms - epoch_unix_ms) : 0;
    return since << (SEQUENCE_BITS + NODE_BITS);
}

uint64_t
id_last_of(int64_t unix_ms)
{
    return first_of(unix_ms + 1) - 1;
}

uint64_t
id_next(struct id_source *s, int64_t now_unix_ms)
{
    uint64_t fresh = first_of(now_unix_ms) | s->node;
    uint64_t last = atomic_load(&s->last);
    uint64_t next;
    do {
        next = fresh > last ? fresh : last + (1U << NODE_BITS);
    } while (!atomic_compare_exchange_weak(&s->last, &last, next));
    return next;
}

void
id_text(uint64_t id, char text[ID_TEXT])
{
    text[ID_TEXT - 1] = '\0';
    for (int i = ID_TEXT - 2; i >= 0; i--) {
        text[i] = alphabet[id & 31];
        id >>= 5;
    }
}

bool
id_parse(struct slice text, uint64_t *id)
{
    uint64_t n = 0;
    if (text.len != ID_TEXT - 1)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        const char *at = memchr(alphabet, ascii_upper(text.ptr[i]), sizeof alphabet - 1);
        if (at == NULL || (i == 0 && at - alphabet > 15))
            return false;
        n = n << 5 | (uint64_t)(at - alphabet);
    }
    *id = n;
    return true;
}
