/*
 * outbound.h - one connection to a server: engine (mail/smtp_client.h) and bytes (net/conn.h),
 * kept open from message to message.
 *
 * Each octet of policy lives elsewhere: which message comes next and what an outcome means is the
 * outlet's; this file only carries.
 *
 * The final dot of a message is held back until the outcomes of the one before are recorded: a
 * crash can repeat at most one transaction per open connection (design.md 6.3). For the same
 * reason a connection that is over keeps its place among those of its server until they are.
 */
#ifndef RELAY_OUTBOUND_H
#define RELAY_OUTBOUND_H

#include "gateway/relay/outlet_private.h"

/* A failure of ours, or of the connection, in the shape of a reply. */
struct reply outbound_local_reply(int code, const char *enhanced, const char *text);

/* Dial the lane. It enters itself in the outlet's list; when there is no way there at all, the
 * lane has failed. False: out of memory. */
bool outbound_open(struct outlet *o, struct lane *lane);
/* Only look: it takes no mail, tells outlet_checked() once what it found, and says QUIT. */
bool outbound_open_quiet(struct outlet *o, struct lane *lane);

/* Idle and willing to take a delivery? */
bool outbound_is_ready(const struct outbound *b);
/* Begin this delivery (d is taken; its open_count > 0). */
void outbound_send(struct outbound *b, struct delivery **take_d);

/* The outcomes of one message before are on disk, or there was nothing to record. May end b. */
void outbound_recorded(struct outbound *b);

/* What this server said shows that it, or the connector, is not fit for mail now: count it once
 * for this connection, which takes no further message. */
void outbound_server_failed(struct outbound *b, const struct smtp_outcome *why);

/* Say QUIT when idle, else after the current message; one that is only being made ends here. */
void outbound_retire(struct outbound *b);
/* Cut the connection; a delivery under way gets a local outcome. */
void outbound_cut(struct outbound *b);

/* Of a look: whether it was to log on, and whether it ended before mail would have given up. */
bool outbound_may_log_on(const struct outbound *b);
bool outbound_lost_patience(const struct outbound *b);

/* For sentences about its failure: a device in between rewrites SMTP; why there is no TLS session
 * (NULL: the handshake did not fail). */
bool outbound_is_masked(const struct outbound *b);
const struct tls_trouble *outbound_trouble(const struct outbound *b);

struct lane *outbound_lane(const struct outbound *b);
struct outbound *outbound_after(const struct outbound *b);
/* Names a connection for as long as the process runs. */
uint64_t outbound_serial(const struct outbound *b);

/* What the delivery line says of the connection. */
struct outbound_facts {
    char server[128]; /* "hub1.fabrikam.example[10.2.0.1]:25" */
    const char *tls;  /* NULL, as the next two: in clear */
    const char *cipher;
    const char *verified;
    int64_t peer_expires_unix_s; /* 0: no certificate */
    struct hop_offers offers;    /* known while the engine lives */
    bool offers_dsn;             /* likewise: it reports deliveries itself (RFC 3461) */
};
struct outbound_facts outbound_facts(const struct outbound *b);

#endif
