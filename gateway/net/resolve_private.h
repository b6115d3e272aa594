/*
 * resolve_private.h - libunbound's context as resolve.c needs it.
 */
#ifndef NET_RESOLVE_PRIVATE_H
#define NET_RESOLVE_PRIVATE_H

#include <unbound.h>

#include "config/config.h"
#include "gateway/base/err.h"

/* A context with one helper thread, ready for ub_resolve_async(). Any thread. */
MUST_USE bool resolve_setup(const struct config *config, const char *hosts,
                            const char *resolv_conf, struct ub_ctx **out, struct err *err);

/* Its end: waits for the helper thread. */
void resolve_unmake(struct ub_ctx *ctx);

struct resolver;

/* Other deadlines than resolve.h promises: for tests. */
void resolver_set_deadlines(struct resolver *r, uint64_t answer_ms, uint64_t second_answer_ms);

#endif
