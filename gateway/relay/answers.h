/*
 * answers.h - what the spool still owes us: each commit or record carries a token, and the answer
 * finds its continuation by it, never by a pointer.
 */
#ifndef RELAY_ANSWERS_H
#define RELAY_ANSWERS_H

#include "gateway/spool/spool.h"

struct answers;

typedef void answer_fn(void *context, const struct spool_answer *answer);

struct answers *answers_new(void);
/* Continuations still expected are called with ERR_CLOSED, so that they free what they own. */
void answers_free(struct answers **a);

/* A token for one answer; 0 when out of memory (then do not commit). Context is kept alive by the
 * continuation's owner until fn is called, exactly once. */
uint64_t answers_expect(struct answers *a, answer_fn *fn, void *context);

/* Take a token back before it was given to the spool. */
void answers_forget(struct answers *a, uint64_t token);

/* Call the continuation of each answer that is there. */
void answers_collect(struct answers *a, struct spool_client *client);

/* How many are owed. */
size_t answers_owed(const struct answers *a);

#endif
