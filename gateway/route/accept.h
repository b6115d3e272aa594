/*
 * accept.h - may this client, this account, this sender? Decisions about the receiving side;
 * pure.
 *
 * Follows  design.md 5 (`receive`) and 6.6, 6.7; exchange-facts.md 1.3, 3.3 for the words.
 *
 * Every decision carries its reason and the configuration line that made it, because forestgate
 * explain prints exactly what the daemon does.
 */
#ifndef ROUTE_ACCEPT_H
#define ROUTE_ACCEPT_H

#include "config/config.h"
#include "gateway/mail/smtp_server.h"

enum { ACCEPT_CANDIDATES = RECEIVE_TIES_MAX };

/* The receive connectors of the narrowest network that holds the client on this listener. Several
 * only when their accounts tell them apart; they agree on TLS (config_check). */
struct accept_candidates {
    const struct receive_connector *list[ACCEPT_CANDIDATES];
    size_t count; /* 0: nobody may connect from there; beyond 16 the rest is left out */
    const struct network *network;
};
void accept_find(const struct config *config, const struct listener *listener,
                 const struct sockaddr *client, struct accept_candidates *out);

/* The account that owns this name (without case; DOMAIN\user, user@domain or what the file says)
 * and its connector; NULL: nobody. */
const struct account *accept_account(const struct accept_candidates *candidates,
                                     struct slice name,
                                     const struct receive_connector **connector);

/* An IP address written as text, with port 0; false: it is a name or nonsense. */
MUST_USE bool accept_address(const char *text, struct sockaddr_storage *out);

/* The narrowest of the connector's networks that holds this address, or NULL. Also asked of a
 * server that mail would go to: mail of a hairpin forest never goes back to where it came from
 * (design.md 10). */
const struct network *accept_network(const struct receive_connector *connector,
                                     const struct sockaddr *address);

bool accept_speaks_for(const struct receive_connector *connector, const struct forest *forest);

/* A decision: the reply, why in plain words, and which line of the file says so. */
struct decision {
    struct reply reply;
    char why[200];
    struct where where; /* line 0: no line, a default */
};
void decision_set(struct decision *d, struct reply reply, struct where where, const char *why,
                  ...) PRINTF_LIKE(4, 5);

enum sender_trust {
    SENDER_INSIDE,   /* belongs to a forest that the connector speaks for */
    SENDER_EXTERNAL, /* somebody else, or nobody: goes on as AUTH=<> */
    SENDER_ANY,      /* somebody else, or nobody, and accept-any-sender: as the client says */
    SENDER_NULL,     /* <>: reports; always accepted */
};

struct sender_decision {
    struct decision d;
    enum sender_trust trust;
    bool auth_anonymous; /* goes on with AUTH=<> (design.md 6.7: carried, never upgraded) */
    bool auth_named; /* AUTH=<name> goes on as it came: believed sender, authenticated session */
    const struct forest *forest; /* whose sender it is, or NULL */
};

/* By the rights of the connector: accept-authoritative-domain-sender, accept-any-sender and
 * accept-authentication-flag (rights.h).
 *
 * A domain's owners are the forests whose entry covers it most closely, as authoritative or
 * internal-relay (a shared name space has several; an external-relay domain is somebody else's).
 * A sender whose domain is missing or a literal is external. */
void accept_sender(const struct config *config, const struct receive_connector *connector,
                   const struct smtp_mail *mail, struct sender_decision *out);

#endif
