#include "gateway/relay/returning.h"

#include "gateway/base/clock.h"
#include "gateway/base/mem.h"
#include "gateway/relay/giveup.h"

enum { LOOK_MAX = 64 };

static bool
give_back(struct worker *w, struct parcel *p)
{
    const struct envelope *e = &p->envelope;
    uint32_t *indexes = mem_new(e->recipient_count * sizeof *indexes);
    size_t count = 0;
    for (size_t i = 0; indexes != NULL && i < e->recipient_count; i++)
        if (e->recipients[i].state == RECIPIENT_RETURNING)
            indexes[count++] = (uint32_t)i;
    bool ok = count > 0 && give_up(w, p, indexes, count, false, NULL);
    mem_free(&indexes);
    return ok;
}

/* Those that are being recorded already stay in the queue until they are. */
bool
returning_look(struct worker *w)
{
    struct spool_place page[LOOK_MAX];
    struct spool_place from_start = {INT64_MIN, 0};
    struct err err;
    int64_t next;
    if (w->index != 0)
        return false;
    size_t n = spool_due(w->shop->spool, slice_str(QUEUE_RETURNING), from_start, clock_unix_ms(),
                         page, LOOK_MAX, &next);
    for (size_t i = 0; i < n; i++) {
        struct parcel *p = NULL;
        if (give_up_has(w, page[i].id) || !parcel_load(w->shop->spool, page[i].id, &p, &err))
            continue;
        (void)give_back(w, p); /* no memory, or no room: it is looked at again */
        parcel_unref(&p);
    }
    return n == LOOK_MAX;
}
