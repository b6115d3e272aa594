/*
 * doctor_checks.h - what the looks at a server come to: a list of checks, each with what was
 * found and, where it is not well, a sentence with cause and remedy. Pure.
 *
 * Takes    the results of a few connections (ops/probe_result.h) and what was asked for.
 * Gives    checks in the order of a conversation. What could not be looked at is there too, with
 *          the reason: nobody should take silence for health.
 * Follows  exchange-facts.md 2, 3, 8. Sentences about a step that failed are route/diagnosis's;
 *          those here are about what only several steps together tell.
 */
#ifndef OPS_DOCTOR_CHECKS_H
#define OPS_DOCTOR_CHECKS_H

#include "gateway/ops/doctor_findings.h"
#include "gateway/ops/look.h"
#include "gateway/ops/probe_result.h"

enum doctor_state { DOCTOR_OK, DOCTOR_NOT_TRIED, DOCTOR_WARNING, DOCTOR_FAILED };

enum doctor_group {
    GROUP_REACH,
    GROUP_HELLO,
    GROUP_TLS,
    GROUP_CERTIFICATE,
    GROUP_LOGON,
    GROUP_ENVELOPE,
    GROUPS,
};

struct doctor_check {
    enum doctor_group group;
    const char *id;    /* "certificate-expiry": for machines */
    const char *label; /* "expiry": for people, below the group's title; static */
    char subject[64];  /* of several checks of one kind: which; "" = the only one */
    enum doctor_state state;
    bool is_verbatim; /* found is to be copied: one line, however long */
    char found[800];  /* printable */
    char advice[600]; /* "" = none */
};

enum { DOCTOR_CHECKS_MAX = 48 };

struct doctor_checks {
    struct doctor_check list[DOCTOR_CHECKS_MAX];
    size_t count;
    enum doctor_product product;
    bool has_profile; /* a session came about: the profile that it takes */
    enum tls_profile profile;
};

/* What was asked for, as far as the checks look at it. */
struct doctor_wish {
    const char *server;    /* as asked for, without port */
    const char *name;      /* that its certificate must have */
    const char *connector; /* NULL: a server was named, and options */
    enum tls_trust trust;
    const unsigned char (*pins)[32];
    size_t pin_count;
    bool tls_required;
    bool has_profile; /* one was asked for, by connector or option; else any will do */
    enum tls_profile profile;
    bool needs_credential; /* mail logs on there; has_credential: and so shall we */
    bool has_credential;
    bool has_envelope; /* --from and --to, or a connector from which they follow */
    bool is_recipient_guessed;
    uint64_t message_size; /* of limits; 0 = not known */
    int warning_days;
};

/* Which transactions the checks are about, by their place in probe_settings.mails: the null
 * sender, and a sender with (the first of) its recipients. */
enum doctor_mail { DOCTOR_MAIL_NULL, DOCTOR_MAIL_SENDER, DOCTOR_MAILS };

struct doctor_evidence {
    const struct probe_result *const *modern; /* a result an address */
    size_t modern_count;
    const struct probe_result *const *lowered; /* the same with profile exchange2003, or none */
    size_t lowered_count;
    const struct probe_result *vouched; /* a chain was asked for, of any name; NULL: not made */
    const struct probe_result *session; /* as mail would go; NULL: not made */
    const struct probe_result
        *stranger; /* without logon, to a domain of nobody; NULL: not made */
};

void doctor_judge(struct doctor_checks *out, const struct doctor_wish *wish,
                  const struct doctor_evidence *e);

/* Of all of them; a check that was not tried says nothing. The value is an exit status. */
enum probe_state doctor_checks_state(const struct doctor_checks *c);
size_t doctor_checks_count(const struct doctor_checks *c, enum doctor_state state);
const struct doctor_check *doctor_worst_check(const struct doctor_checks *c); /* NULL: all well */

const char *doctor_state_text(enum doctor_state state); /* "not tried" */
const char *doctor_group_title(enum doctor_group g);    /* "The certificate" */
const char *doctor_group_word(enum doctor_group g);     /* "certificate": for machines */

/* ---- The evidence, as the runner of the looks must know it too ---- */

/* The first address that took a connection, or the first of all; NULL: none. */
const struct probe_result *doctor_primary(const struct doctor_evidence *e);

/* The look that had a session, in modern rather than lowered; NULL: none had. */
const struct probe_result *doctor_session(const struct doctor_evidence *e,
                                          enum tls_profile *profile);

/* The profile in which mail can go there: lowered also for a certificate that is too weak for
 * modern when its chain is what counts. */
enum tls_profile doctor_profile_needed(const struct doctor_wish *wish,
                                       const struct doctor_evidence *e);

/* A profile that is lowered because of what was seen on the wire, and not because somebody asked
 * for it, gets no password: its certificates can be forged. A pin cannot. */
bool doctor_withholds_password(const struct doctor_wish *wish, const struct doctor_evidence *e);

/* Why the session did not come as far as a logon, or to an address of this transaction. */
const char *doctor_hindrance(const struct probe_result *session_or_null, size_t mail);

/* Of an address that we made up, "no such user" says that the domain is at home there. */
bool doctor_is_at_home(const struct probe_step *rcpt);

/* Are sender and recipient asked for? Not as somebody who should have logged on and did not. */
bool doctor_asks_envelope(const struct doctor_wish *wish, const struct doctor_evidence *e);

#endif
