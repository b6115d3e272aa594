/*
 * resolve.h - names to addresses through libunbound, which lives here and nowhere else.
 *
 * Takes    a host name, or an address as text (answered without DNS).
 * Gives    addresses, IPv6 and IPv4, at most 16, from the hosts file, the per-zone servers, or
 * the configured (else the system's) servers; its cache honours the TTLs. Follows
 * dependencies.md 4. Deadline of our own: 5 s for each look-up, then ERR_TIMEOUT.
 */
#ifndef NET_RESOLVE_H
#define NET_RESOLVE_H

#include <sys/socket.h>

#include "config/config.h"
#include "gateway/net/loop.h"

enum { RESOLVE_MAX = 16 };

struct resolver;
struct resolve_query;

MUST_USE bool resolver_new(struct loop *l, const struct config *config, struct resolver **out,
                           struct err *err);
/* Queries under way end with ERR_CLOSED, from the loop. */
void resolver_free(struct resolver **r);

/* on_done gets count addresses (port set), or count 0 and the reason: ERR_DNS "no such name",
 * "no address", "server failure", ERR_TIMEOUT. Always from the loop. */
MUST_USE bool resolve_start(struct resolver *r, const char *host, uint16_t port,
                            void (*on_done)(void *context, const struct sockaddr_storage *list,
                                            size_t count, const struct err *err_or_null),
                            void *context, struct resolve_query **out, struct err *err);
/* No answer will come any more. *q is NULL afterwards. */
void resolve_cancel(struct resolve_query **q);

#endif
