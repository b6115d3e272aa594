/*
 * clerk.h - asks the spool for changes and waits until they are durable. For threads that may
 * block: the tools' side of spool.h.
 */
#ifndef OPS_CLERK_H
#define OPS_CLERK_H

#include "gateway/spool/spool.h"

struct clerk;

/* NULL: out of memory. One thread uses it. When *give_up is set it waits no longer: what was
 * asked last may still happen, and ERR_CLOSED says so. */
struct clerk *clerk_new(struct spool *s, const _Atomic bool *give_up);
void clerk_free(struct clerk **c);

/* As the functions of spool.h say; false: the answer's err. */
MUST_USE bool clerk_edit(struct clerk *c, const struct spool_edit *edit, size_t *changed,
                         struct err *err);
MUST_USE bool clerk_suspend_queue(struct clerk *c, struct slice queue, bool suspended,
                                  struct err *err);
MUST_USE bool clerk_record(struct clerk *c, struct spool_change *change, struct err *err);
/* *id: of the message that came into custody. */
MUST_USE bool clerk_commit(struct clerk *c, struct spool_draft **take, struct envelope *e,
                           uint64_t *id, struct err *err);

#endif
