/*
 * diagnosis.h - what to say about a failure: one sentence with cause and remedy, for log, status,
 * queue and reports. Pure; what to do about it is verdict.h.
 *
 * Takes    what was said (or went wrong here, in the same shape), at which stage, and what is
 *          known of the server from before and from the failed connection.
 * Gives    a sentence of at most DIAGNOSIS_MAX octets, printable ASCII, without full stop; ""
 *          when there is nothing to add to the reply.
 * Follows  exchange-facts.md 2, 3.2, 3.3, 8 and the rows 7, 10, 11, 27-34, 45-47, 50 of its
 *          table; dependencies.md 3.2 for Windows Server 2003.
 *
 * For callers: fill what you know of struct diagnosis_context and leave the rest zero; NULL is a
 * context of which nothing is known. The sentence is then more general, never wrong. Show
 * diagnosis_put_line() where the reply is to be seen too, .text where it is shown elsewhere. With
 * tells_all, .text repeats all that a local reply says, and the reply need not be shown at all.
 */
#ifndef ROUTE_DIAGNOSIS_H
#define ROUTE_DIAGNOSIS_H

#include "gateway/mail/smtp_client.h"
#include "tls/tls_trouble.h"

enum {
    DIAGNOSIS_MAX = 300,
    DIAGNOSIS_LINE_MAX = REPLY_TEXT + 31, /* octets of diagnosis_put_line() at most */
};

/* Texts are lent, "" or NULL = not known; times are calendar seconds, 0 = never or not known. */
struct diagnosis_context {
    bool is_exchange2003; /* tls.profile of the send connector; false: modern */
    const char *user;     /* the account that we log on with */
    bool is_masked;       /* smtp_client_is_masked(): a device in between rewrites SMTP */
    const struct tls_trouble *trouble; /* of the handshake that failed; NULL: none did */
    int64_t now_unix_s;
    /* What earlier connections to this server came to. */
    int64_t tls_unix_s;     /* the last time that a TLS session was open: it offered STARTTLS */
    int64_t expires_unix_s; /* when the certificate that it showed then expires */
    int64_t logon_unix_s;   /* the last time that this account and password were accepted */
};

struct diagnosis {
    char text[DIAGNOSIS_MAX + 1];
    bool tells_all;
};

struct diagnosis diagnosis_of(const struct smtp_outcome *outcome,
                              const struct diagnosis_context *context_or_null);

/* Why mail waits when another send connector was told that the credential of both is wrong. */
struct diagnosis diagnosis_of_shared(const char *user, const char *refused_by);

/* Reply and sentence: "550 5.7.1 Unable to relay (the other forest ...)", "451 4.7.5 the server's
 * certificate ...". Long words of the peer give way, never the sentence; the line is a reply that
 * reply_read() takes, of at most REPLY_TEXT octets behind its codes. */
void diagnosis_put_line(struct buf *out, const struct reply *reply, const struct diagnosis *d);

#endif
