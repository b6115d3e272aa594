/*
 * verdict.h - what a failure means. The only place where an outcome gets its meaning; pure.
 *
 * Takes    what was said (or went wrong here, in the same shape) and at which stage.
 * Gives    scope: how far the trouble reaches; consequence: what to do. What to say about it is
 *          diagnosis.h.
 * Follows  design.md 6.4, 10 (verdicts); exchange-facts.md 3.3, 5.5, section 10.
 *
 * Only a refusal of a recipient or of the content bounces. What a server says before MAIL is its
 * own trouble or the connector's, and mail waits; so does a message whose sender may not send
 * there (a right is missing on the other side), and one that may have been taken (the connection
 * was lost between the final dot and its reply).
 *
 * A local reply (reply.local) tells what went wrong here by the subject of its enhanced code:
 *
 *     x.3.x  ourselves: our disk, our memory, the gateway stops
 *     x.4.x  the connection: no address, no answer, lost, timed out
 *     x.5.x  the peer's octets are no replies, or not in this place
 *     x.7.x  trust: STARTTLS or LOGIN is missing, the handshake or the certificate failed
 *
 * A local 5xx from MAIL on is meant as a peer's would be (552 5.3.4: more than the server's
 * SIZE).
 */
#ifndef ROUTE_VERDICT_H
#define ROUTE_VERDICT_H

#include "gateway/mail/smtp_client.h"

enum verdict_scope { SCOPE_RECIPIENT, SCOPE_MESSAGE, SCOPE_SERVER, SCOPE_CONNECTOR };

enum verdict_consequence {
    CONSEQUENCE_DELIVERED,
    CONSEQUENCE_NEXT_SERVER, /* try the next server now; when none is left: defer by the
                                connection timetable */
    CONSEQUENCE_DEFER,       /* try again by the message timetable */
    CONSEQUENCE_SPLIT,       /* 452 4.5.3: the rest at once, in another transaction; if that one
                                took no recipient at all: defer, or it would never end */
    CONSEQUENCE_BOUNCE,      /* a report to the sender */
    CONSEQUENCE_SUSPEND,     /* the connector waits: alarm, slow retry */
};

struct verdict {
    enum verdict_scope scope;
    enum verdict_consequence consequence;
    bool alarm;             /* an operator must do something */
    bool fewer_connections; /* 421 4.3.2: we opened too many; not a failure */
};

struct verdict verdict_of(const struct smtp_outcome *outcome);

/* Several different senders refused in a row (5.7.x at MAIL) make it the connector's trouble. */
enum { VERDICT_SENDERS_IN_A_ROW = 3 };

const char *verdict_scope_text(enum verdict_scope scope);
const char *verdict_consequence_text(enum verdict_consequence consequence);

#endif
