/*
 * credentials.h - what the process knows of the accounts that it logs on with at other servers:
 * who may try one now, and how often all its workers together send a password that is wrong.
 *
 * Why      directories lock an account after a few wrong passwords (three is a usual number), and
 *          several send connectors, servers, workers and quiet looks may use the same one.
 * Key      user name (without case) and password. A bare name, without DOMAIN\ or @domain, is one
 *          of the forest that the connector leads to. A changed password is another credential,
 *          of which nothing is known: it is tried at once.
 * Rule     A credential that no server has accepted yet, or that was refused last, is tried by
 *          one connection at a time in the whole process; an accepted one by
 *          CREDENTIAL_TRIES_MAX, each at another server, which is also how many can meet the
 *          change of a password. A server that refused it does not see it again before
 *          CREDENTIAL_SERVER_MS. Refused by one server although it was accepted last: it may be
 *          that server, so one more may try it; refused there too, by more servers than can be
 *          remembered, or never accepted: nobody tries it for CREDENTIAL_REFUSED_MS.
 * Lease    Who may try holds one, from AUTH to its answer; it lapses: a server that never answers
 *          does not keep the account from others for long.
 * Keeps    a keyed hash, no password. Bounds: CREDENTIALS_MAX, CREDENTIAL_SERVERS_MAX; the one
 *          that was used longest ago gives way.
 *
 * Thread safe. A zero id (no credential) and NULL for the table are always allowed, and nothing
 * is remembered of them.
 */
#ifndef RELAY_CREDENTIALS_H
#define RELAY_CREDENTIALS_H

#include <stdint.h>

#include "config/config.h"
#include "gateway/base/must.h"
#include "gateway/base/slice.h"

enum {
    CREDENTIALS_MAX = 512,
    CREDENTIAL_TRIES_MAX = 2,
    CREDENTIAL_SERVERS_MAX = 8, /* that refuse one credential */
    CREDENTIAL_SERVER_TEXT = 64,
    CREDENTIAL_LEASE_MS = 60 * 1000,
    /* The slow retry of a wrong password: directories forget one after 30 minutes. */
    CREDENTIAL_REFUSED_MS = 31 * 60 * 1000,
    /* At the server that refused it: another one has its turn first. */
    CREDENTIAL_SERVER_MS = CREDENTIAL_REFUSED_MS + 60 * 1000,
};

struct credentials;

struct credential_id {
    unsigned char octets[32];
};

/* NULL: out of memory. */
struct credentials *credentials_new(void);
void credentials_free(struct credentials **c);

/* Of this connector; zero with auth: none. */
struct credential_id credential_id_of(const struct credentials *c, const struct config *config,
                                      const struct send_connector *connector);
bool credential_is_same(const struct credential_id *a, const struct credential_id *b);

/* A server that said no; its name is the caller's, who always gives an address the same. */
struct credential_refusal {
    char server[CREDENTIAL_SERVER_TEXT]; /* "" = unused */
    uint64_t until_ms;
};

struct credential_state {
    bool is_proven;            /* accepted by a server, and not refused since */
    uint64_t refused_until_ms; /* everywhere; 0 = not refused */
    char refused_by[64];       /* the send connector that met the refusal */
    int64_t worked_unix_s;     /* the last logon; 0 = none in this process */
    struct credential_refusal refusals[CREDENTIAL_SERVERS_MAX];
};
struct credential_state credential_state(struct credentials *c, const struct credential_id *id);
/* Until when this server must not be asked; may be past. */
uint64_t credential_refused_until(const struct credential_state *s, const char *server);

/* May a connection log on now? Then it has a lease, *lease != 0, to be given to one of the three
 * below. Without a credential *lease is 0, and that is fine too. */
MUST_USE bool credential_begin(struct credentials *c, const struct credential_id *id,
                               const char *server, uint64_t now_ms, uint64_t *lease);

/* This server accepted it. What another one refused meanwhile stays refused there. */
void credential_worked(struct credentials *c, const struct credential_id *id, const char *server,
                       uint64_t lease, uint64_t now_ms, int64_t now_unix_s);
/* This server said, to this send connector, that it is wrong. */
void credential_refused(struct credentials *c, const struct credential_id *id, const char *server,
                        uint64_t lease, const char *connector, uint64_t now_ms);
/* Mail waits for that. True once, until it has worked again, also where it was refused: raise the
 * alarm. */
bool credential_take_alarm(struct credentials *c, const struct credential_id *id);
/* The connection ended before the logon did. */
void credential_dropped(struct credentials *c, const struct credential_id *id, uint64_t lease);

/* An operator says that it is right again (queue retry). */
void credential_forgive(struct credentials *c, const struct credential_id *id);

#endif
