#include "gateway/relay/delivery.h"

#include "gateway/base/mem.h"

struct delivery *
delivery_new(uint64_t id, struct parcel *parcel_or_null)
{
    struct delivery *d = mem_new(sizeof *d);
    if (d == NULL)
        return NULL;
    d->id = id;
    if (parcel_or_null != NULL)
        d->parcel = parcel_ref(parcel_or_null);
    return d;
}

void
delivery_free(struct delivery **ref)
{
    struct delivery *d = *ref;
    *ref = NULL;
    if (d == NULL)
        return;
    must(!d->queued);
    parcel_unref(&d->parcel);
    mem_free(&d->open);
    mem_free(&d);
}

bool
delivery_open(struct delivery *d, struct spool *spool, struct slice connector,
              int64_t now_unix_ms, struct err *err)
{
    if (d->open != NULL)
        return true; /* another server of the same attempt: what is open is known */
    if (d->parcel == NULL)
        TRY(parcel_load(spool, d->id, &d->parcel, err));

    const struct envelope *e = &d->parcel->envelope;
    d->open = mem_new(e->recipient_count * sizeof *d->open);
    if (d->open == NULL)
        return err_set(err, ERR_NOMEM, "out of memory");
    for (size_t i = 0; i < e->recipient_count; i++) {
        const struct envelope_recipient *r = &e->recipients[i];
        if (r->state == RECIPIENT_WAITING && r->due_unix_ms <= now_unix_ms &&
            slice_equal(r->connector, connector))
            d->open[d->open_count++] = (uint32_t)i;
    }
    d->tried_unix_ms = now_unix_ms;
    return true;
}

int64_t
delivery_later_due(const struct delivery *d, struct slice connector)
{
    const struct envelope *e = &d->parcel->envelope;
    int64_t due = INT64_MAX;
    for (size_t i = 0; i < e->recipient_count; i++) {
        const struct envelope_recipient *r = &e->recipients[i];
        if (r->state == RECIPIENT_WAITING && r->due_unix_ms > d->tried_unix_ms &&
            r->due_unix_ms < due && slice_equal(r->connector, connector))
            due = r->due_unix_ms;
    }
    return due;
}

struct envelope_recipient *
delivery_recipient(const struct delivery *d, size_t n)
{
    must(n < d->open_count);
    return &d->parcel->envelope.recipients[d->open[n]];
}

void
delivery_keep(struct delivery *d, const bool *keep)
{
    size_t kept = 0;
    for (size_t n = 0; n < d->open_count; n++)
        if (keep[n])
            d->open[kept++] = d->open[n];
    d->open_count = kept;
}

size_t
delivery_octets(const struct delivery *d)
{
    return d->parcel ? (size_t)body_size(d->parcel->body) + d->parcel->arena.used : 0;
}
