/*
 * envelope.h - what is known of a message beside its octets: sender, recipients, times, attempts.
 *
 * In memory a struct whose slices live in one arena; on disk a versioned, self-describing record:
 *
 *     "FGE" version, length, id, received, size, marks, how many destinations and recipients
 *     destinations   send connector and first due time: all that an index or a tally needs,
 *                    so that it is read in place, without the rest
 *     fields         tag, length, bytes; a field that is empty is left out
 *     recipients     tag, length, (state, attempts, due, three texts, notify, orcpt, tried,
 *                    moved from)
 *
 * All numbers are big-endian. Written is version 3. Version 2 knew neither when a recipient was
 * last tried nor where it waited before; version 1 no DSN options, no SMTPUTF8 and no binary
 * content either. They read as messages without. A record of a newer version is told apart from a
 * broken one.
 */
#ifndef SPOOL_ENVELOPE_H
#define SPOOL_ENVELOPE_H

#include <stdint.h>

#include "gateway/base/arena.h"
#include "gateway/base/buf.h"
#include "gateway/base/err.h"
#include "gateway/mail/smtp_server.h"

enum {
    ENVELOPE_CONNECTOR_MAX = 63,   /* octets of a connector's name */
    ENVELOPE_ERROR_MAX = 1000,     /* octets of last_error that are kept */
    ENVELOPE_CRASHES_POISON = 2,   /* as Exchange's PoisonThreshold (exchange-facts.md 5.4) */
    ENVELOPE_RECORD_MAX = 13 << 20 /* octets of a record: 5000 recipients with the longest
                                      address, connectors, ORCPT and error (2316 octets each with
                                      its destination), and 1 MiB for all else */
};

/* The queues of mail that no send connector has. A connector cannot have such a name. */
#define QUEUE_UNREACHABLE "" /* no route in the configuration in force */
#define QUEUE_HELD "(held)"  /* reports of our own without a route: they wait until they expire */
#define QUEUE_POISON "(poison)"       /* in flight at two crashes: suspended for good */
#define QUEUE_RETURNING "(returning)" /* removed by an operator: the report is to be made */

enum recipient_state {
    RECIPIENT_WAITING,   /* due at due_unix_ms, through connector */
    RECIPIENT_DELIVERED, /* the next hop took it */
    RECIPIENT_BOUNCED,   /* refused; the report was made in the same commit */
    RECIPIENT_EXPIRED,   /* as bounced, for time */
    RECIPIENT_HELD,      /* an unroutable report: waits until it expires */
    RECIPIENT_SUSPENDED, /* by an operator, or as poison: neither tried nor expired until resumed */
    RECIPIENT_RETURNING, /* removed by an operator, and the sender is to be told: as QUEUE_RETURNING */
    RECIPIENT_REMOVED, /* by an operator, without a report */
};

struct envelope_recipient {
    struct slice address;
    enum recipient_state state;
    struct slice connector;  /* send connector as last resolved; "" = unreachable or held */
    uint32_t attempts;       /* counted for message-level failures */
    int64_t due_unix_ms;     /* not before; 0 = at once */
    struct slice last_error; /* the peer's words or ours; "" = none yet */
    unsigned notify;         /* of enum dsn_notify */
    struct slice orcpt;      /* RFC 3461: type and xtext as it came; "" = none */
    int64_t tried_unix_ms;   /* the last attempt; 0 = none yet */
    struct slice moved_from; /* the connector that it waited for before a change of the
                                configuration; "" = none */
};

enum envelope_auth {
    ENVELOPE_AUTH_UNSAID,    /* no AUTH= came */
    ENVELOPE_AUTH_ANONYMOUS, /* AUTH=<> came, or the sender was marked external */
    ENVELOPE_AUTH_NAMED,     /* AUTH=<auth> came from a session that may say so */
};

struct envelope {
    uint64_t id;
    int64_t received_unix_ms;
    uint64_t size;                 /* of the body, octets */
    enum smtp_body_type body_type; /* what the content is, whatever MAIL called it */
    bool has_bare;                 /* it has CR, LF or NUL that DATA cannot carry */
    bool is_unended;               /* its last line has no CRLF */
    bool utf8;                     /* SMTPUTF8 was said: addresses or header fields need it */
    bool keeps_reserved;           /* a right let a field of Exchange's own in: look on leaving */
    bool is_report;                /* made here: a DSN (null sender) */
    bool delay_noticed;            /* the 4 h notice was made */
    uint8_t crashes;               /* of ours, while it was in flight; two make it poison */
    struct slice from;             /* "" = null sender */
    enum envelope_auth auth;
    struct slice auth_name;
    struct slice receive_connector; /* "" for our own reports */
    struct slice account;
    struct slice client;     /* address text of the client */
    struct slice message_id; /* of the header, for logs; may be "" */
    enum dsn_return dsn_return;
    struct slice envid;     /* RFC 3461: xtext as it came; "" = none */
    struct slice exch50;    /* what came by XEXCH50, opaque; "" = none ... */
    uint32_t exch50_number; /* ... and the second number of that command */
    struct envelope_recipient *recipients;
    size_t recipient_count;
};

/* Encode into out (appended). Not buf_ok(out): out of memory, or more than its maximum. */
void envelope_encode(const struct envelope *e, struct buf *out);

/* Decode; slices point into one copy of the record in the arena. ERR_SYNTAX: not a record of
 * ours; ERR_STATE: newer version; ERR_NOMEM. */
MUST_USE bool envelope_decode(struct slice record, struct arena *arena, struct envelope *out,
                              struct err *err);

/* Would it decode? Keeps nothing, needs no memory. */
MUST_USE bool envelope_check(struct slice record, struct err *err);

/* Is its end still to come? WAITING, HELD, SUSPENDED, RETURNING. */
bool envelope_is_open(const struct envelope_recipient *r);

/* How many recipients are open. 0: the message may go. */
size_t envelope_open_count(const struct envelope *e);

/* In which queue an open recipient is: a send connector's name, or one of QUEUE_* above. */
struct slice envelope_queue(const struct envelope *e, const struct envelope_recipient *r);

/* Where a message waits: one for each queue that its open recipients are in. */
struct envelope_destination {
    struct slice connector; /* as envelope_queue() says */
    int64_t due_unix_ms;    /* the first of its recipients; never negative; INT64_MAX: all that
                               are in this queue are suspended */
};

/* What the front of a record says, read in place: slices point into the record. */
struct envelope_front {
    uint64_t id;
    int64_t received_unix_ms; /* never negative */
    uint64_t size;
    struct slice destinations; /* for envelope_next_destination() */
};

/* Errors as envelope_decode(). */
MUST_USE bool envelope_read_front(struct slice record, struct envelope_front *out,
                                  struct err *err);

/* The next one; false at the end. */
bool envelope_next_destination(struct slice *rest, struct envelope_destination *out);

#endif
