/*
 * resolve.h - names to addresses through libunbound, which lives here and nowhere else.
 *
 * Takes    a host name, or an address as text (answered without DNS).
 * Gives    addresses, IPv4 before IPv6 (the servers we speak to are old), each sorted, at most
 * 16; from the hosts file, the servers of the zone, or the configured (else the system's)
 *          servers. Its cache honours the TTLs.
 * Follows  dependencies.md 4. No DNSSEC: the names of private forests are not signed, and their
 *          servers answer for zones whose parents deny them.
 * Bounds   a deadline of our own: 5 s for each look-up, then ERR_TIMEOUT. Once IPv4 addresses are
 *          there, a server that is silent about IPv6 is given 1 s more.
 */
#ifndef NET_RESOLVE_H
#define NET_RESOLVE_H

#include <sys/socket.h>

#include "config/config.h"
#include "gateway/net/loop.h"

enum { RESOLVE_MAX = 16 };

struct resolver;
struct resolve_query;

/* Of config: dns_servers, dns_zones; both are copied. The hosts file and the system's resolv.conf
 * are read now: a new configuration means a new resolver. Either may be absent. The servers of a
 * zone must know its names themselves; they are not asked to look elsewhere. */
MUST_USE bool resolver_new(struct loop *l, const struct config *config, struct resolver **out,
                           struct err *err);

/* The same with other files than /etc/hosts and /etc/resolv.conf. */
MUST_USE bool resolver_new_from(struct loop *l, const struct config *config, const char *hosts,
                                const char *resolv_conf, struct resolver **out, struct err *err);

/* Queries under way end with ERR_CLOSED (records: RECORDS_CLOSED), from the loop. */
void resolver_free(struct resolver **r);

/* on_done gets count addresses (port set), or count 0 and the reason: ERR_DNS "no such name",
 * "no address", "server failure"; ERR_TIMEOUT; ERR_CLOSED. Always from the loop, and *out is no
 * more then. False: ERR_NOMEM, or ERR_DNS when host cannot be a name. */
MUST_USE bool resolve_start(struct resolver *r, const char *host, uint16_t port,
                            void (*on_done)(void *context, const struct sockaddr_storage *list,
                                            size_t count, const struct err *err_or_null),
                            void *context, struct resolve_query **out, struct err *err);
/* No answer will come any more. *q is NULL afterwards. */
void resolve_cancel(struct resolve_query **q);

#endif
