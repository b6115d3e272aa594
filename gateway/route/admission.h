/*
 * admission.h - how many may come in, and who not for now: one per process, any thread.
 *
 * Counts   open sessions in all (limits.sessions), of a receive connector (connections), of each
 *          of its networks (connections_per_network) and of a client (connections_per_client). A
 *          client is an IPv4 address, or the /64 of an IPv6 address: who has one has them all.
 * Keeps    a few places for probes (limits.probe_sessions) beyond all of these but the last, so
 *          that a full gateway is busy to its load balancer and not dead, also when that lives
 *          in the network of a full connector.
 * Slows    wrong passwords: the second from a client within ten minutes is answered after 1 s,
 *          the next ones after 2, 4 and at most 8 s.
 * Blocks   a client after limits.auth_failures of them, for limits.auth_block. A success before
 *          forgives; a block ends by itself and leaves nothing behind, so that an Exchange server
 *          with a wrong stored password, and all behind the same address, are back when it is
 *          corrected. Open sessions go on, and may log on with the right password.
 * Exempts  probes (monitor.probe_networks) from slowing and blocking, and from nothing else.
 * Bounds   open sessions: a few entries each; failures: 4 096 clients, the oldest forgotten
 *          first. What a table knows a client by is a keyed hash: nobody can aim at a place.
 * Touches  no socket, file or clock: times are the caller's, of one clock that never goes back.
 */
#ifndef ROUTE_ADMISSION_H
#define ROUTE_ADMISSION_H

#include "config/config.h"
#include "gateway/base/must.h"

struct admission;

enum { ADMISSION_ID = 16, ADMISSION_COUNTS = 3, ADMISSION_TEXT = 64 };

struct admission *admission_new(void); /* NULL: out of memory */
void admission_free(struct admission **a);

/* Who comes, and under which configuration. */
struct admission_visit {
    const struct config *config;
    const struct receive_connector *connector; /* NULL: none, for probes that may only look */
    const struct network *network;             /* of the connector; NULL with it */
    const struct sockaddr *client;
    bool probe;
};

enum admission_verdict {
    ADMISSION_GRANTED,
    ADMISSION_BLOCKED,   /* too many wrong passwords */
    ADMISSION_SESSIONS,  /* limits.sessions are open, or memory is out */
    ADMISSION_CONNECTOR, /* connections */
    ADMISSION_NETWORK,   /* connections_per_network */
    ADMISSION_CLIENT,    /* connections_per_client */
    ADMISSION_VERDICTS,
};

/* What a session holds while it is open; zeros = nothing. */
struct admission_ticket {
    bool held;
    bool reserved; /* one of the places for probes */
    size_t id_count;
    unsigned char ids[ADMISSION_COUNTS][ADMISSION_ID];
};

/* Only with GRANTED the ticket holds something, to be given back by admission_leave(). */
enum admission_verdict admission_enter(struct admission *a, const struct admission_visit *visit,
                                       uint64_t now_ms, struct admission_ticket *ticket);
void admission_leave(struct admission *a, struct admission_ticket *ticket);

/* A wrong name or password. */
struct admission_penalty {
    uint64_t delay_ms; /* before it is answered */
    bool blocks;       /* this one began a block */
    uint32_t failures;
};
struct admission_penalty
admission_logon_failed(struct admission *a, const struct admission_visit *visit, uint64_t now_ms);
void admission_logon_succeeded(struct admission *a, const struct sockaddr *client);

/* One block that has ended since, as text ("10.1.20.4", "2001:db8::/64"): false when there is no
 * more. Cheap when there is none. */
bool admission_take_ended(struct admission *a, uint64_t now_ms, char client[ADMISSION_TEXT]);

#endif
