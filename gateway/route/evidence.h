/*
 * evidence.h - is there a way to a server, judged by what happened there? Pure; times are
 * monotonic milliseconds, 0 = never.
 *
 * A recent success that nothing contradicts is believed, and so is a recent failure. What is
 * older than `fresh_ms` is no evidence any more: somebody has to look (relay/outlet_check.c).
 */
#ifndef ROUTE_EVIDENCE_H
#define ROUTE_EVIDENCE_H

#include <stddef.h>
#include <stdint.h>

#include "gateway/base/buf.h"

/* Of one address of a server. */
struct evidence {
    uint64_t delivered_ms; /* it took a message */
    uint64_t ready_ms;     /* a connection became ready for mail, or was found so by a look */
    uint64_t failed_ms;    /* a connection failed, or a whole server's refusal of mail */
};

enum belief {
    BELIEF_UP,
    BELIEF_DOWN,
    BELIEF_UNKNOWN, /* nothing fresh is known */
};

enum belief evidence_belief(const struct evidence *e, uint64_t now_ms, uint64_t fresh_ms);

/* Of a send connector: one usable server is enough. */
struct connector_evidence {
    bool is_suspended;
    bool logon_refused;       /* its name or password was refused: mail would be, too */
    uint64_t names_failed_ms; /* no server's name could be resolved */
    const struct evidence *servers;
    size_t server_count; /* 0: no address is known */
};
enum belief evidence_of_connector(const struct connector_evidence *c, uint64_t now_ms,
                                  uint64_t fresh_ms);

/* The newest of it: "delivered 12 s ago", "EHLO ok 3 s ago", "failed 5 min ago", "nothing known".
 */
void evidence_put(struct buf *out, const struct evidence *e, uint64_t now_ms);

const char *belief_text(enum belief b); /* "up", "down", "unknown" */

#endif
