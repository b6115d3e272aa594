/*
 * monitor.h - health and metrics over HTTP; libmicrohttpd lives here and nowhere else.
 *
 *     /livez             200: the loop turns
 *     /readyz            200: can take custody (spool writable, room, no high back pressure, not
 *                        draining); else 503 with the reason
 *     /readyz?forest=F   200: there is a way to that forest (readiness.h); 503 with the reason;
 *                        404: no such forest
 *     /status            how everything is, as JSON (status.h)
 *     /metrics           Prometheus' text format
 *
 * /readyz never depends on a route, or a balancer would take a working queue away. When nothing
 * fresh is known of a route its servers are asked quietly, and the answer waits for that, at most
 * 5 s; any number of askers share one look.
 *
 * No authority is decided here: bind it to loopback or a monitoring network.
 */
#ifndef OPS_MONITOR_H
#define OPS_MONITOR_H

#include "config/config.h"
#include "gateway/relay/crew.h"

struct monitor;

/* endpoint NULL: no monitor, *out is NULL and true. */
MUST_USE bool monitor_new(const struct endpoint *endpoint, struct crew *crew,
                          struct monitor **out, struct err *err);
void monitor_free(struct monitor **m);

#endif
