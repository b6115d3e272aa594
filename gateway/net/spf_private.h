/*
 * spf_private.h - what tests need of a check under way.
 */
#ifndef NET_SPF_PRIVATE_H
#define NET_SPF_PRIVATE_H

#include "gateway/net/spf.h"

/* Another end than SPF_CHECK_MS, from now. */
void spf_set_deadline(struct spf_query *q, uint64_t check_ms);

#endif
