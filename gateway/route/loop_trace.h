/*
 * loop_trace.h - the signed trace field (design.md 6.9, 10): a message that passes the same send
 * connector for the same recipients a second time is a loop.
 *
 *     X-Forestgate-Trace: g=<gateway id>; c=<send connector>; h=<128 bits of HMAC, hex>
 *
 * The hash is over the connector and the sorted recipients, keyed by the gateway's own secret:
 * nobody can forge one to make us refuse a message, or learn the recipients from it.
 */
#ifndef ROUTE_LOOP_TRACE_H
#define ROUTE_LOOP_TRACE_H

#include "gateway/base/buf.h"
#include "tls/keyed_hash.h"

enum { LOOP_TRACE_HASH = 16 };

#define LOOP_TRACE_NAME "X-Forestgate-Trace"

/* Recipients in any order; compared without case. False: out of memory. */
MUST_USE bool loop_trace_hash(const struct keyed_hash_key *key, struct slice connector,
                              const struct slice *recipients, size_t count,
                              unsigned char hash[LOOP_TRACE_HASH]);

/* Append the whole field with CRLF. gateway: our host name. */
void loop_trace_put(struct buf *out, struct slice gateway, struct slice connector,
                    const unsigned char hash[LOOP_TRACE_HASH]);

/* The hash and connector of a field value; false: not well-formed (then it is ignored). */
MUST_USE bool loop_trace_parse(struct slice value, struct slice *connector,
                               unsigned char hash[LOOP_TRACE_HASH]);

#endif
