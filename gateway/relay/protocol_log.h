/*
 * protocol_log.h - conversations of chosen connectors and clients, line by line, as Exchange
 * 2007's protocol logs (exchange-facts.md 7.2): RECVyyyymmdd-n.log for sessions,
 * SENDyyyymmdd-n.log for connections to servers. Secrets are masked and content is counted
 * (mail/transcript.h).
 *
 * Switched at run time, for a connector by name or for clients and servers by network, for a
 * while. Off, it costs a test; only sessions that begin while it is on are written down.
 * Bounds  PROTOCOL_RULES_MAX switches; PROTOCOL_LINES_MAX lines of one session; files as
 * journal.h.
 */
#ifndef RELAY_PROTOCOL_LOG_H
#define RELAY_PROTOCOL_LOG_H

#include "config/config.h"
#include "gateway/base/buf.h"
#include "gateway/journal/journal.h"

enum { PROTOCOL_RULES_MAX = 64, PROTOCOL_LINES_MAX = 10000 };

struct protocol_log;

/* Where the files go, from the configuration; *out stays NULL when it names no folder. */
MUST_USE bool protocol_log_new(const struct config *config, struct log *log,
                               struct metrics *metrics, struct protocol_log **out,
                               struct err *err);
void protocol_log_free(struct protocol_log **l);

/* Switch on what `word` names, a connector of the configuration or a network, until now_ms +
 * for_ms. ERR_SYNTAX: it names neither; ERR_LIMIT. */
MUST_USE bool protocol_log_on(struct protocol_log *l, const struct config *config,
                              struct slice word, uint64_t for_ms, uint64_t now_ms,
                              struct err *err);
/* Switch it off again; "" = everything. How many switches were on. */
size_t protocol_log_off(struct protocol_log *l, struct slice word);
/* One line for each switch that is on. */
void protocol_log_list(struct protocol_log *l, uint64_t now_ms, struct buf *out);

/* ---- A session ---- */

struct protocol_session;

struct protocol_peer {
    bool is_server; /* we are the client: SEND */
    const char *connectors[RECEIVE_TIES_MAX];
    size_t connector_count;
    const struct sockaddr *address;
    const char *remote; /* "127.0.1.1:2525" */
    const char *local;
    uint64_t id;
};

/* NULL: nobody wants it written down (l may be NULL too), or no memory. */
struct protocol_session *protocol_session_open(struct protocol_log *l,
                                               const struct protocol_peer *peer, uint64_t now_ms);
/* Octets that passed, above TLS. All take NULL. */
void protocol_session_client(struct protocol_session *s, struct slice octets);
void protocol_session_server(struct protocol_session *s, struct slice octets);
void protocol_session_note(struct protocol_session *s, const char *text);
void protocol_session_close(struct protocol_session **s, const char *why);

#endif
