/*
 * recipient.h - recipient -> forest or address space -> send connector, with the reason of each
 * step. Pure.
 *
 * Follows  design.md 5, 10 (own forest, shared name space); exchange-facts.md 5.1, 5.2: exact >
 *          longest "*." > "*", then cost, then name.
 */
#ifndef ROUTE_RECIPIENT_H
#define ROUTE_RECIPIENT_H

#include "gateway/route/accept.h"

enum { ROUTE_STEPS = 8 };

struct route_step {
    char text[160];
    struct where where;
};

struct route {
    struct decision d;           /* 250 2.1.5, or 550 5.7.1 Unable to relay, 550 5.4.6 ... */
    const struct forest *forest; /* NULL: by address space */
    const struct send_connector *connector; /* NULL: no route */
    char address[572]; /* the recipient as it goes on: <postmaster> is replaced */
    struct route_step steps[ROUTE_STEPS]; /* only filled when explain is asked for */
    size_t step_count;
};

/*
 * from     the connector of the session, or NULL for the gateway's own reports (no own-forest
 * rule, no allow_from then) explain  also fill the steps
 * A receive connector with accept-any-recipient may use every address space.
 *
 * <postmaster> becomes the configuration's postmaster and is routed like any mail, except that
 * the own-forest rule does not apply: it is addressed to the gateway, which must take it (RFC
 * 5321 4.5.1).
 *
 * A shared name space ends at the authoritative forest, also when another one covers the domain
 * more closely as internal-relay. A domain that is internal-relay and has no authority goes to
 * the forest that lists it.
 *
 * hairpin: allow takes the first of the forest's connectors of which no server, where it is
 * written as an address, lies in the networks that the mail came from. Names are known only after
 * resolving: whoever connects asks accept_network() again.
 */
void route_recipient(const struct config *config, const struct receive_connector *from,
                     struct address to, bool explain, struct route *out);

#endif
