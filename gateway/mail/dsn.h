/*
 * dsn.h - delivery reports as text (RFC 3464 in RFC 3462's multipart/report): plain words first,
 * then the facts for machines, then the original or its header section.
 *
 * Takes    what is known of the message and of each recipient.
 * Gives    the whole report as an RFC 5322 message with CRLF, ready for the spool, but for the
 *          octets of the original: the caller puts them between the two parts.
 * Follows  RFC 3461 5.2, 6 (who gets which report; ENVID, ORCPT, RET), 3464, 3462, 3834
 *          (Auto-Submitted), 6533 (addresses in UTF-8); enhanced codes as exchange-facts.md 5.5.
 * Touches  nothing; hostile octets of peers are made harmless.
 */
#ifndef MAIL_DSN_H
#define MAIL_DSN_H

#include <stdint.h>

#include "gateway/mail/dsn_options.h"
#include "gateway/mail/reply.h"

/* What is told of a recipient, the most important first: a report of several is named after the
 * first of these. */
enum dsn_action {
    DSN_FAILED,
    DSN_DELAYED,
    DSN_RELAYED, /* taken by a server that does not report deliveries itself */
};

/* Did the sender ask for it, or leave it to us? notify: of enum dsn_notify. */
bool dsn_is_wanted(unsigned notify, enum dsn_action action);

struct dsn_recipient {
    struct slice address;
    struct slice orcpt; /* ORCPT= as it came; "" = none */
    enum dsn_action action;
    bool expired;              /* 4.4.7, whatever was said last */
    struct slice remote_host;  /* "hub1.fabrikam.example[10.2.0.1]:25"; "" = nobody was reached */
    const struct reply *reply; /* the last words, the peer's or ours; NULL: see last_error */
    struct slice last_error;   /* the last words of an earlier attempt, as text; "" = none */
    struct slice diagnosis;    /* cause and remedy in one sentence, no full stop; "" = none */
    int64_t retry_until_unix_ms; /* DSN_DELAYED: when we give up */
};

/* What of the original the caller puts between head and end. */
enum dsn_original {
    DSN_ORIGINAL_NONE,
    DSN_ORIGINAL_HEADER, /* whole header fields, each with CRLF */
    DSN_ORIGINAL_WHOLE,  /* for failures, when RET=FULL asked for it (RFC 3461 6.2) */
};

struct dsn {
    struct slice hostname;   /* ours: Reporting-MTA, and the right side of Message-ID */
    struct slice postmaster; /* From: */
    struct slice id;         /* queue id of the report: Message-ID */
    struct slice boundary;   /* 1 to 60 letters and digits that nobody could foresee when the
                                original was written: it is not searched for them */
    int64_t now_unix_ms;
    struct slice sender;     /* To: the envelope sender of the original, never null */
    struct slice message_id; /* of the original; "" = it had none */
    struct slice envid;      /* ENVID= as it came; "" = none */
    int64_t arrived_unix_ms; /* the original, here */
    const struct dsn_recipient *recipients;
    size_t recipient_count; /* 1 or more */
    enum dsn_original original;
    bool original_is_8bit; /* it holds octets over 127. A header is put in quoted-printable then,
                              so that the report can go back any way; the whole as it is. */
    bool original_is_utf8; /* it came by SMTPUTF8 */
    bool utf8;             /* the report itself goes by SMTPUTF8: the sender's address needs it */
};

/* Does the report hold octets over 127? Then it goes as BODY=8BITMIME. */
bool dsn_is_8bit(const struct dsn *dsn);

/* Append the report up to where the original begins, and what stands behind it; ask buf_ok()
 * afterwards. */
void dsn_put_head(struct buf *out, const struct dsn *dsn);
void dsn_put_end(struct buf *out, const struct dsn *dsn);

#endif
