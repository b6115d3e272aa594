/*
 * dsn.h - delivery reports as text (RFC 3464 in RFC 3462's multipart/report): plain words first,
 * then the facts for machines, then the header section of the original.
 *
 * Takes    what is known of the message and of each recipient.
 * Gives    the whole report as an RFC 5322 message with CRLF, ready for the spool.
 * Follows  RFC 3464, 3462, 3834 (Auto-Submitted); enhanced codes as exchange-facts.md 5.5.
 * Touches  nothing; hostile octets of peers are made harmless.
 */
#ifndef MAIL_DSN_H
#define MAIL_DSN_H

#include <stdint.h>

#include "gateway/mail/reply.h"

enum dsn_kind { DSN_FAILURE, DSN_DELAY };

struct dsn_recipient {
    struct slice address;
    bool expired;              /* 4.4.7, whatever was said last */
    struct slice remote_host;  /* "hub1.fabrikam.example[10.2.0.1]:25"; "" = nobody was reached */
    const struct reply *reply; /* the last words, the peer's or ours; NULL: see last_error */
    struct slice last_error;   /* the last words of an earlier attempt, as text; "" = none */
    int64_t retry_until_unix_ms; /* DSN_DELAY: when we give up */
};

struct dsn {
    enum dsn_kind kind;
    struct slice hostname;   /* ours: Reporting-MTA, and the right side of Message-ID */
    struct slice postmaster; /* From: */
    struct slice id;         /* queue id of the report: Message-ID and boundary */
    int64_t now_unix_ms;
    struct slice sender;     /* To: the envelope sender of the original, never null */
    struct slice message_id; /* of the original; "" = it had none */
    int64_t arrived_unix_ms; /* the original, here */
    const struct dsn_recipient *recipients;
    size_t recipient_count; /* 1 or more */
    struct slice
        original_header; /* header fields of the original with CRLF, maybe cut; "" = none */
};

/* Append the report; ask buf_ok() afterwards. */
void dsn_put(struct buf *out, const struct dsn *dsn);

/* Does the report hold octets over 127 (from original_header)? Then it goes as BODY=8BITMIME. */
bool dsn_is_8bit(struct slice report);

#endif
