/*
 * monitor.h - /livez, /readyz and /metrics over HTTP; libmicrohttpd lives here and nowhere else.
 *
 *     /livez     200: the loop turns
 *     /readyz    200: can take custody (spool writable, room, not draining); 503 with the reason.
 *                It never depends on a route, or a balancer would take a working queue away.
 *     /metrics   Prometheus' text format
 *
 * No authority is decided here: bind it to loopback or a monitoring network.
 */
#ifndef OPS_MONITOR_H
#define OPS_MONITOR_H

#include "config/config.h"
#include "gateway/relay/worker.h"

struct monitor;

/* endpoint NULL: no monitor, *out is NULL and true. */
MUST_USE bool monitor_new(const struct endpoint *endpoint, struct worker *worker,
                          struct monitor **out, struct err *err);
void monitor_free(struct monitor **m);

#endif
