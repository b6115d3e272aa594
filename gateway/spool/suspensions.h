/*
 * suspensions.h - which queues an operator has suspended: kept in memory, read at start from the
 * store, changed by the committer once a change is durable. Any thread may ask.
 */
#ifndef SPOOL_SUSPENSIONS_H
#define SPOOL_SUSPENSIONS_H

#include "gateway/spool/spool_store.h"

enum { SUSPENSIONS_MAX = 1024 };

struct suspensions;

/* NULL: out of memory. */
struct suspensions *suspensions_new(void);
void suspensions_free(struct suspensions **s);

/* ERR_LIMIT: there are SUSPENSIONS_MAX; ERR_NOMEM. Nothing is changed then. */
MUST_USE bool suspensions_make_room(struct suspensions *s, struct slice queue, struct err *err);

/* For a suspension there must be room. */
void suspensions_set(struct suspensions *s, struct slice queue, bool suspended);

bool suspensions_has(struct suspensions *s, struct slice queue);

#endif
