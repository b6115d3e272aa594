/*
 * parcel.h - a message in custody as it travels between workers: id, envelope, octets. Immutable
 * and reference-counted; what becomes of it is recorded in the spool, never here.
 */
#ifndef RELAY_PARCEL_H
#define RELAY_PARCEL_H

#include "gateway/spool/spool.h"

struct parcel {
    _Atomic unsigned refs;
    struct arena arena; /* owns what envelope points to */
    struct envelope envelope;
    struct body *body;
    bool was_read; /* by parcel_load(): of a moment that may be over, not fresh from a commit */
};

/* An empty one with one reference, to be filled while a message comes; NULL: out of memory. */
struct parcel *parcel_new(void);

/* The message as it is in the spool now. ERR_STATE: it is not there any more. */
MUST_USE bool parcel_load(struct spool *spool, uint64_t id, struct parcel **out, struct err *err);

struct parcel *parcel_ref(struct parcel *p);
void parcel_unref(struct parcel **p);

#endif
