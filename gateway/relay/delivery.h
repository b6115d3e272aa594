/*
 * delivery.h - one message on its way through one send connector: which of its recipients go
 * there and are still open, and what an attempt made of them.
 *
 * Lives in exactly one place at a time: the outlet's ready list, an outbound connection, or the
 * wait for the spool to record its outcomes.
 */
#ifndef RELAY_DELIVERY_H
#define RELAY_DELIVERY_H

#include "gateway/mail/smtp_client.h"
#include "gateway/relay/parcel.h"

struct delivery {
    struct delivery *next; /* in the ready list */
    struct delivery *prev;
    struct delivery *same_hash; /* in the outlet's table of ids */
    uint64_t id;
    struct parcel *parcel; /* NULL: only the id is kept, read it when its turn comes */
    uint32_t *open;        /* indexes into the envelope; open_count of them */
    size_t open_count;
    uint64_t generation;    /* of the configuration by which the attempt goes where it goes */
    int64_t tried_unix_ms;  /* when the attempt began */
    unsigned servers_tried; /* of this attempt: each failed while it had the message */
    uint32_t in_flight;     /* its place in in_flight.h; 0: it has none */
    bool queued;            /* in the ready list */
};

struct delivery *delivery_new(uint64_t id, struct parcel *parcel_or_null);
void delivery_free(struct delivery **d);

/* Read the message if only its id is here, and find the recipients that wait for this connector
 * and are due. True with open_count 0: there is nothing to do (any more). */
MUST_USE bool delivery_open(struct delivery *d, struct spool *spool, struct slice connector,
                            int64_t now_unix_ms, struct err *err);

/* After delivery_open(): when the first of the recipients that were not due yet is; INT64_MAX:
 * there is none. */
int64_t delivery_later_due(const struct delivery *d, struct slice connector);

/* The n-th open recipient. */
struct envelope_recipient *delivery_recipient(const struct delivery *d, size_t n);

/* Keep only those open recipients for which keep[n] is set. */
void delivery_keep(struct delivery *d, const bool *keep);

/* Octets of memory that the message holds while it waits. */
size_t delivery_octets(const struct delivery *d);

#endif
