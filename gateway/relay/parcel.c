#include "gateway/relay/parcel.h"

#include "gateway/base/mem.h"

/* 5 000 recipients of 571 octets with their connector, and some room. What was taken must be
 * readable when its record holds last errors too (ENVELOPE_RECORD_MAX). */
enum {
    PARCEL_ARENA_MAX = 8 * 1024 * 1024,
    PARCEL_LOADED_MAX = PARCEL_ARENA_MAX + 2 * ENVELOPE_RECORD_MAX,
};

struct parcel *
parcel_new(void)
{
    struct parcel *p = mem_new(sizeof *p);
    if (p == NULL)
        return NULL;
    atomic_store(&p->refs, 1);
    arena_init(&p->arena, PARCEL_ARENA_MAX);
    return p;
}

bool
parcel_load(struct spool *spool, uint64_t id, struct parcel **out, struct err *err)
{
    struct parcel *p = parcel_new();
    if (p == NULL)
        return err_set(err, ERR_NOMEM, "out of memory");
    p->arena.max = PARCEL_LOADED_MAX;
    if (!spool_read(spool, id, &p->arena, &p->envelope, err) ||
        !spool_body(spool, id, &p->body, err)) {
        parcel_unref(&p);
        return false;
    }
    p->was_read = true;
    *out = p;
    return true;
}

struct parcel *
parcel_ref(struct parcel *p)
{
    atomic_fetch_add_explicit(&p->refs, 1, memory_order_relaxed);
    return p;
}

void
parcel_unref(struct parcel **ref)
{
    struct parcel *p = *ref;
    *ref = NULL;
    if (p == NULL || atomic_fetch_sub(&p->refs, 1) > 1)
        return;
    body_unref(&p->body);
    arena_fini(&p->arena);
    mem_free(&p);
}
