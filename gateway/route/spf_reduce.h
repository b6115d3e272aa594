/*
 * spf_reduce.h - a record as one client meets it: the same result in fewer terms. Pure.
 *
 * libspf2 holds 511 octets of compiled terms (63 times ip4) and leaves out the rest without a
 * word, "-all" included; it refuses ip4:0.0.0.0/0, and it takes redirect where it stands instead
 * of last. So addresses are compared here: terms of other addresses go, the first of the client's
 * own becomes that one address, and redirect stands at the end, or nowhere beside "all" (RFC 7208
 * 5.6, 6.1). Either modifier given twice is an error that it does not see (RFC 7208 6): then the
 * whole becomes spf_record_invalid.
 */
#ifndef ROUTE_SPF_REDUCE_H
#define ROUTE_SPF_REDUCE_H

#include <sys/socket.h>

#include "gateway/base/buf.h"

/* record: one that spf_record_vet found good. client: not IPv4 in IPv6's clothes. Terms that are
 * not as RFC 7208 wants them stay for the library to find. The result is 64 octets longer at
 * most.
 */
void spf_reduce(struct buf *out, struct slice record, const struct sockaddr *client);

/* How many terms of the record the library must know after it has compiled it: all but the
 * modifiers, redirect being none in its eyes. */
unsigned spf_mechanisms(struct slice record);

#endif
