/*
 * room.h - is there room for new mail, on disk and in the store?
 *
 * A reserve of both is kept, so that outcomes can still be recorded when accepting has stopped.
 * Whoever asks measures, once a second or after a part of the reserve was written, so an idle
 * spool notices too when there is room again. Any thread.
 */
#ifndef SPOOL_ROOM_H
#define SPOOL_ROOM_H

#include "gateway/spool/spool_store.h"

struct room;

/* folder: a descriptor on the disk in question, borrowed. */
struct room *room_new(struct spool_store *store, int folder, uint64_t reserve, struct log *log);
void room_free(struct room **r);

bool room_is_left(struct room *r);

/* Octets of disk, or of the store's map if that is less, as last measured; the reserve is part of
 * it. */
uint64_t room_left(struct room *r);

/* As spool_load(). A disk that cannot be measured has nothing free. */
struct spool_load room_load(const struct room *r, bool exact);

/* Octets were written: part of what says when to measure. */
void room_used(struct room *r, uint64_t octets);

/* The disk or the store said that it is full: believe it until the next measurement. */
void room_was_refused(struct room *r, const struct err *why);

#endif
