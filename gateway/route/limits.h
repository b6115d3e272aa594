/*
 * limits.h - health and concurrency of one server of a send connector: slow start, back-off,
 * restore. Pure; a hand-wound clock drives it in tests.
 *
 * Follows  exchange-facts.md section 10 rows 46, 47: on 421 4.3.2 fewer connections, not a
 *          failure.
 *
 * Healthy  failures is 0: 1, 2, 4 ... max connections, doubled by each message taken.
 * Failed   failures counts up: no connection until blocked_until_ms, then one as a probe. The
 *          first success restores it, at two connections.
 * Lowered  told that we are too many: a short pause, then half of what was open, for a while.
 */
#ifndef ROUTE_LIMITS_H
#define ROUTE_LIMITS_H

#include <stdint.h>

#include "gateway/spool/timetable.h"

struct server_limits {
    uint32_t max;      /* configured connections */
    uint32_t allowed;  /* now: 1, 2, 4 ... max */
    uint32_t open;     /* connections that exist (also those being made) */
    uint32_t failures; /* in a row; 0 = healthy */
    uint64_t blocked_until_ms;
    uint32_t lowered; /* no more than this until lowered_until_ms */
    uint64_t lowered_until_ms;
};

/* After 421 4.3.2: no new connection for the pause, and only half as many for the time. */
enum { LIMITS_PAUSE_MS = 10 * 1000, LIMITS_LOWERED_MS = 5 * 60 * 1000 };

void server_limits_init(struct server_limits *l, uint32_t max);

/* Another configuration, the same server: what is known of its health stays. */
void server_limits_set_max(struct server_limits *l, uint32_t max);

/* May one more connection be opened at this time? A server that failed is probed by one. */
bool server_limits_may_open(const struct server_limits *l, uint64_t now_ms);
void server_limits_opened(struct server_limits *l);
void server_limits_closed(struct server_limits *l);

/* A message was taken, or the connection became ready: healthy. True: it had failed before. */
bool server_limits_succeeded(struct server_limits *l);

/* The server, not a message, was the trouble. Connections that die together are one failure: what
 * is reported while it is blocked changes nothing. */
void server_limits_failed(struct server_limits *l, struct timetable connection, uint64_t salt,
                          uint64_t now_ms);

/* 421 4.3.2: half the connections, for a while. Call it before server_limits_closed(): the one
 * that was refused counts. */
void server_limits_too_many(struct server_limits *l, uint64_t now_ms);

/* forestgate queue retry: forget the wait. */
void server_limits_unblock(struct server_limits *l);

#endif
