/*
 * roundtrip.h - marked messages that an operator sends to see a way whole: there, and the
 * delivery report of the far Exchange back. One table for the process.
 *
 * Rule     What proves the way there is the delivery of the marked message by its queue id; the
 *          way back, a message without a sender that a server of the far forest brought for the
 *          same address since then. Content is never read: what the report says is in the
 *          mailbox.
 * Hot path whoever delivers asks roundtrip_note() for each recipient; with an empty table that is
 *          one relaxed load.
 * Bounds   ROUNDTRIPS_MAX at once; one that is over gives way to a new one, and each is forgotten
 *          after ROUNDTRIP_KEPT_MS, and with the process. Thread safe.
 */
#ifndef RELAY_ROUNDTRIP_H
#define RELAY_ROUNDTRIP_H

#include "config/config.h"
#include "gateway/base/err.h"
#include "gateway/mail/address.h"
#include "gateway/spool/envelope.h"

struct worker;

enum {
    ROUNDTRIPS_MAX = 8,
    ROUNDTRIP_AGAIN_MS = 2 * 60 * 1000, /* after this, one to the same effect replaces it */
    ROUNDTRIP_KEPT_MS = 15 * 60 * 1000,
    ROUNDTRIP_TOKEN = 17, /* 16 hexadecimal digits */
    ROUNDTRIP_ADDRESS = 330,
    ROUNDTRIP_WORDS = 600,
};

enum roundtrip_there {
    ROUNDTRIP_UNDER_WAY, /* not delivered yet, and nobody said anything about this message */
    ROUNDTRIP_DELIVERED,
    ROUNDTRIP_DEFERRED,
    ROUNDTRIP_ENDED, /* bounced, expired, or never taken into custody */
};

enum roundtrip_back {
    ROUNDTRIP_NOT_SEEN,
    ROUNDTRIP_CAME,
    ROUNDTRIP_OWN_REPORT, /* none will: the far server has no DSN, so this gateway reports */
};

struct roundtrip {
    char token[ROUNDTRIP_TOKEN];
    uint64_t id; /* of the marked message; 0 = not known yet */
    uint64_t began_ms;
    char from[ROUNDTRIP_ADDRESS], to[ROUNDTRIP_ADDRESS];
    char forest[64]; /* TO's */
    enum roundtrip_there there;
    char there_words[ROUNDTRIP_WORDS]; /* the server's, or the cause; "" = none yet */
    enum roundtrip_back back;
    char back_words[ROUNDTRIP_WORDS]; /* of the server that took the report */
};

struct roundtrips;

struct roundtrips *roundtrips_new(void);
void roundtrips_free(struct roundtrips **t);

/* A new entry; *token names it. False (ERR_LIMIT): too many are under way, or one that
 * could not be told apart on its way back. */
MUST_USE bool roundtrip_enter(struct roundtrips *t, const char *from, const char *to,
                              const char *forest, uint64_t now_ms, char token[ROUNDTRIP_TOKEN],
                              struct err *err);
/* The marked message has this id; 0: it could not be taken into custody, and why. */
void roundtrip_taken(struct roundtrips *t, const char *token, uint64_t id, const char *why);

/* One recipient in one attempt, for roundtrip_note(). */
struct roundtrip_event {
    const struct envelope *envelope;
    const struct envelope_recipient *recipient;
    const char *outcome; /* of its delivery line: "delivered", "deferred", "bounced", "expired" */
    struct slice words;  /* what was said */
    bool offers_dsn;     /* the server; when not, this gateway reports itself */
};

/* t may be NULL. */
void roundtrip_note(struct roundtrips *t, const struct config *config,
                    const struct roundtrip_event *event);

/* A copy of an entry. False: none of that name (any more). */
MUST_USE bool roundtrip_look(struct roundtrips *t, struct slice token, uint64_t now_ms,
                             struct roundtrip *out);

/* ---- roundtrip_send.c ---- */

/*
 * Send a marked message from a mailbox of one forest to a mailbox of another. On the worker's
 * thread; it comes into custody as any message does, and the answer is looked for with the token.
 * False: ERR_CONFIG, an address that is none, of no forest, or both of one; ERR_LIMIT, as above;
 * ERR_FULL, ERR_IO, ERR_NOMEM, the spool takes nothing.
 */
MUST_USE bool roundtrip_send(struct worker *w, struct slice from, struct slice to,
                             char token[ROUNDTRIP_TOKEN], struct err *err);

#endif
