/*
 * probe_result.h - what the probe of one server came to: its steps, its certificate, how bad it
 * is.
 *
 * Takes    replies and causes as they come, with what each took; limits for time and expiry.
 * Gives    a state for each step, in the order in which they happened. Pure.
 * Follows  the exit statuses of monitoring plugins, and what a relay can make of a failure: a
 *          refusal for good, no TLS, no trust, no answer are CRITICAL; a 4xx is WARNING, the
 *          server itself says that it passes, but for STARTTLS: without TLS nothing goes.
 */
#ifndef OPS_PROBE_RESULT_H
#define OPS_PROBE_RESULT_H

#include "gateway/mail/smtp_client.h"
#include "gateway/route/diagnosis.h"
#include "tls/tls_identity.h"

/* The values are exit statuses. */
enum probe_state { PROBE_OK, PROBE_WARNING, PROBE_CRITICAL, PROBE_UNKNOWN };

enum probe_kind {
    PROBE_RESOLVE,
    PROBE_CONNECT,
    PROBE_BANNER,
    PROBE_EHLO,
    PROBE_STARTTLS,
    PROBE_TLS,
    PROBE_CERTIFICATE, /* its expiry; took no time */
    PROBE_EHLO_TLS,
    PROBE_AUTH,
    PROBE_MAIL,
    PROBE_RCPT,
    PROBE_RSET,
    PROBE_QUIT,
    PROBE_TIME, /* all of them together took too long */
    PROBE_KINDS,
};

enum {
    PROBE_TO_MAX = 16,    /* recipients of a transaction */
    PROBE_MAILS_MAX = 16, /* transactions: MAIL, its RCPT, RSET */
    PROBE_STEPS_MAX = PROBE_KINDS + PROBE_MAILS_MAX * (2 + PROBE_TO_MAX),
    PROBE_HELLO_MAX = 2048,
};

struct probe_step {
    enum probe_kind kind;
    enum probe_state state;
    size_t mail;                    /* MAIL, RCPT, RSET: of which transaction, from 0 */
    uint64_t us;                    /* how long it took */
    short code;                     /* of the server's reply; 0: it gave none */
    char text[700];                 /* its reply, or what went wrong; one printable line */
    char advice[DIAGNOSIS_MAX + 1]; /* cause and remedy; "" = none */
};

struct probe_result {
    char server[256]; /* as given, without port */
    uint16_t port;
    char address[64]; /* "" = none known */
    uint64_t us;      /* all of it */
    struct probe_step steps[PROBE_STEPS_MAX];
    size_t step_count;
    size_t mail; /* the transaction that is under way: what further steps are of */
    struct diagnosis_context context; /* what advice may go by, as far as it is known by now */

    /* What EHLO listed, before TLS and in it: a line each, printable, the first one (the server's
     * name) too; "" = not heard. */
    char hello[2][PROBE_HELLO_MAX];

    char tls_version[16]; /* "" = no TLS came about; also when the certificate was refused */
    char tls_cipher[64];
    char tls_verified[8];       /* "name", "ca", "pin", "none" */
    bool renegotiates_securely; /* RFC 5746; with a session only */
    bool has_certificate;
    bool has_name; /* the certificate is for the name that was asked for */
    struct tls_identity certificate;
    int64_t days; /* whole days until it expires; below 0: it has */

    bool has_logged_on; /* AUTH was said; it may count as a try, whatever came of it */
};

enum { PROBE_NEVER = INT32_MIN };

struct probe_limits {
    uint64_t warning_ms, critical_ms; /* for all of it; 0 = none */
    int warning_days, critical_days;  /* fewer are bad; PROBE_NEVER = not looked at */
};

enum probe_state probe_worse(enum probe_state a, enum probe_state b);
const char *probe_state_text(enum probe_state state); /* "CRITICAL" */
const char *probe_kind_label(enum probe_kind kind);   /* "ehlo_tls": for machines */

/* A step of this kind is there from now on, OK and without text. One step for each kind (of MAIL
 * and RSET: in each transaction), but for RCPT; where there is one already (EHLO, then HELO), the
 * time adds up and the last one counts. */
struct probe_step *probe_begin_step(struct probe_result *r, enum probe_kind kind, uint64_t us);

/* The server's reply, or what went wrong in the shape of one. about: whom a RCPT named, "" = not
 * worth saying. */
void probe_note(struct probe_result *r, enum probe_kind kind, uint64_t us,
                const struct smtp_outcome *outcome, const char *about);

/* One more line of an EHLO list. */
void probe_note_hello(struct probe_result *r, bool in_tls, struct slice line);

/* The first step of this kind (of transaction `mail`), or NULL. */
const struct probe_step *probe_find_step(const struct probe_result *r, enum probe_kind kind,
                                         size_t mail);

/* The certificate is known: days, and a step when there are too few. */
void probe_judge_certificate(struct probe_result *r, const struct tls_identity *who,
                             int64_t now_unix_s, const struct probe_limits *limits);

/* It is over, and took r->us. */
void probe_judge_time(struct probe_result *r, const struct probe_limits *limits);

enum probe_state probe_state_of(const struct probe_result *r);

/* What to name first; NULL: all is well. */
const struct probe_step *probe_worst_step(const struct probe_result *r);

/* All steps of this kind together; false: there was none, or it took no time of its own. */
bool probe_time_of(const struct probe_result *r, enum probe_kind kind, uint64_t *us);

#endif
