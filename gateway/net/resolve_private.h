/*
 * resolve_private.h - the resolver as its own files see it:
 *
 *   resolve.c          the resolver; host names to addresses, two questions each
 *   resolve_records.c  the records of one type
 *   resolve_setup.c    libunbound's context
 */
#ifndef NET_RESOLVE_PRIVATE_H
#define NET_RESOLVE_PRIVATE_H

#include <unbound.h>

#include "gateway/net/loop_private.h"
#include "gateway/net/resolve.h"
#include "gateway/net/resolve_records.h"
#include "gateway/net/timer.h"

enum {
    DNS_IN = 1,
    DNS_NOERROR = 0,
    DNS_NAME_LONGEST = 255, /* RFC 1035 2.3.4 */
};

struct resolver {
    struct loop *loop;
    struct ub_ctx *ub;
    struct watch *watch;
    uint64_t answer_ms;
    uint64_t second_answer_ms;
    LIST_HEAD(, records_query) queries;
};

/* They end with RECORDS_CLOSED, from the loop. */
void resolve_close_records(struct resolver *r);

/* A context with one helper thread, ready for ub_resolve_async(). Any thread. */
MUST_USE bool resolve_setup(const struct config *config, const char *hosts,
                            const char *resolv_conf, struct ub_ctx **out, struct err *err);

/* Its end: waits for the helper thread. */
void resolve_unmake(struct ub_ctx *ctx);

/* Other deadlines than resolve.h promises: for tests. */
void resolver_set_deadlines(struct resolver *r, uint64_t answer_ms, uint64_t second_answer_ms);

#endif
