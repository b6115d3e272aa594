/*
 * credentials.h - what the process knows of the accounts that it logs on with at other servers: a
 * password that one server refused is tried nowhere else, by no worker, until it may be right
 * again.
 *
 * Why      directories lock an account after a few wrong passwords (three is a usual number), and
 *          several send connectors, servers, workers and quiet looks may use the same one.
 * Key      user name (without case) and password. A bare name, without DOMAIN\ or @domain, is one
 *          of the forest that the connector leads to. A changed password is another credential,
 *          of which nothing is known: it is tried at once.
 * Rule     A credential that no server has accepted yet, or that was refused last, is tried by
 * one connection at a time in the whole process; an accepted one by CREDENTIAL_TRIES_MAX, which
 * is also how many can meet the change of a password. Refused: by none for CREDENTIAL_REFUSED_MS.
 * Who may try holds a lease, which lapses: a server that never answers does not keep the account
 * from others for long. Keeps    a keyed hash, no password. Bounds: CREDENTIALS_MAX; the one that
 * was used longest ago gives way.
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
    CREDENTIAL_LEASE_MS = 15 * 1000,        /* for a logon, from the connection on */
    CREDENTIAL_REFUSED_MS = 31 * 60 * 1000, /* the slow retry of a wrong password: directories
                                               forget one after 30 minutes */
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

struct credential_state {
    bool is_proven;            /* accepted by a server, and not refused since */
    uint64_t refused_until_ms; /* 0 = not refused */
    char refused_by[64];       /* the send connector that met the refusal */
    int64_t worked_unix_s;     /* the last logon; 0 = none in this process */
};
struct credential_state credential_state(struct credentials *c, const struct credential_id *id);

/* May a connection log on now? Then it has a lease, *lease != 0, to be given to one of the three
 * below. Without a credential *lease is 0, and that is fine too. */
MUST_USE bool credential_begin(struct credentials *c, const struct credential_id *id,
                               uint64_t now_ms, uint64_t *lease);

/* A server accepted it. */
void credential_worked(struct credentials *c, const struct credential_id *id, uint64_t lease,
                       int64_t now_unix_s);
/* A server said, to this send connector, that it is wrong. */
void credential_refused(struct credentials *c, const struct credential_id *id, uint64_t lease,
                        const char *connector, uint64_t now_ms);
/* Mail waits for that. True once, until it has worked again: raise the alarm. */
bool credential_take_alarm(struct credentials *c, const struct credential_id *id);
/* The connection ended before the logon did. */
void credential_dropped(struct credentials *c, const struct credential_id *id, uint64_t lease);

/* An operator says that it is right again (queue retry). */
void credential_forgive(struct credentials *c, const struct credential_id *id);

#endif
