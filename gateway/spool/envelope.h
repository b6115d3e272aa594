/*
 * envelope.h - what is known of a message beside its octets: sender, recipients, times, attempts.
 *
 * In memory a struct whose slices live in one arena; on disk a versioned, self-describing record:
 * a newer version than ours is left alone, one that does not decode goes to quarantine.
 */
#ifndef SPOOL_ENVELOPE_H
#define SPOOL_ENVELOPE_H

#include <stdint.h>

#include "gateway/base/arena.h"
#include "gateway/base/buf.h"
#include "gateway/base/err.h"

enum recipient_state {
    RECIPIENT_WAITING,   /* due at due_unix_ms, through connector */
    RECIPIENT_DELIVERED, /* the next hop took it */
    RECIPIENT_BOUNCED,   /* refused; the report was made in the same commit */
    RECIPIENT_EXPIRED,   /* as bounced, for time */
    RECIPIENT_HELD,      /* an unroutable report: waits until it expires */
};

struct envelope_recipient {
    struct slice address;
    enum recipient_state state;
    struct slice connector;  /* send connector as last resolved; "" = unreachable or held */
    uint32_t attempts;       /* counted for message-level failures */
    int64_t due_unix_ms;     /* not before; 0 = at once */
    struct slice last_error; /* the peer's words or ours; "" = none yet */
};

enum envelope_auth {
    ENVELOPE_AUTH_UNSAID,    /* no AUTH= came */
    ENVELOPE_AUTH_ANONYMOUS, /* AUTH=<> came, or the sender was marked external */
    ENVELOPE_AUTH_NAMED,     /* AUTH=<auth> came from a session that may say so */
};

struct envelope {
    uint64_t id;
    int64_t received_unix_ms;
    uint64_t size;      /* of the body, octets */
    bool is_8bit;       /* BODY=8BITMIME was said */
    bool is_report;     /* made here: a DSN (null sender) */
    bool delay_noticed; /* the 4 h notice was made */
    struct slice from;  /* "" = null sender */
    enum envelope_auth auth;
    struct slice auth_name;
    struct slice receive_connector; /* "" for our own reports */
    struct slice account;
    struct slice client;     /* address text of the client */
    struct slice message_id; /* of the header, for logs; may be "" */
    struct envelope_recipient *recipients;
    size_t recipient_count;
};

/* Encode into out (appended). */
void envelope_encode(const struct envelope *e, struct buf *out);

/* Decode; slices are copied into the arena. ERR_SYNTAX: not a record of ours; ERR_STATE: newer
 * version; ERR_NOMEM. */
MUST_USE bool envelope_decode(struct slice record, struct arena *arena, struct envelope *out,
                              struct err *err);

/* How many recipients are WAITING or HELD. 0: the message may go. */
size_t envelope_open_count(const struct envelope *e);

#endif
