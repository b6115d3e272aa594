/*
 * bounce.h - a verdict becomes a message: the delivery report (RFC 3464) to the sender, routed
 * like mail and committed together with the outcome that it tells of.
 *
 * Follows  RFC 3461 5.2 (NOTIFY: who gets which report); design.md 6.3, 10 (an unroutable report
 *          is held and alarmed); exchange-facts.md 5.5.
 * Refuses  a report about a message with the null sender: there is never a DSN for a DSN.
 */
#ifndef RELAY_BOUNCE_H
#define RELAY_BOUNCE_H

#include "gateway/mail/dsn.h"
#include "gateway/mail/smtp_client.h"
#include "gateway/relay/worker.h"

/* One recipient of the report. */
struct bounce_row {
    uint32_t index; /* in the envelope */
    enum dsn_action action;
    bool expired;              /* 4.4.7 instead of the reply's own code */
    const char *server;        /* who said it, or NULL: nobody was reached */
    const struct reply *reply; /* the last words, the peer's or ours; NULL: none */
    enum smtp_stage stage;     /* where it was said, if there is a server */
};

struct bounce {
    struct spool_draft *draft; /* NULL: no report is to be made */
    struct parcel *parcel;     /* its envelope; body is set when recorded */
    enum dsn_action action;    /* the most important that it tells of */
    uint64_t wait_ms;          /* not 0: its sender has had too many; who failed waits so long */
};

/* Make the report about those of the rows that the sender wants to hear of (NOTIFY). True without
 * a draft: there are none, or the sender is null. False (no memory, no room): who failed must
 * stay open. True with wait_ms: there is a failure to tell, but not now (report_limit.h): who
 * failed becomes RECIPIENT_RETURNING with the last words, due then. */
MUST_USE bool bounce_make(struct worker *w, const struct parcel *about,
                          const struct bounce_row *rows, size_t row_count, struct bounce *out,
                          struct err *err);

/* It is durable: log it and send it on its way. */
void bounce_done(struct worker *w, struct bounce *b, const struct envelope *about);
/* It is not wanted any more. */
void bounce_drop(struct bounce *b);

#endif
