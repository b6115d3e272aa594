/*
 * doctor.h - everything that can be learnt about a server from outside, in a few connections.
 *
 * Takes    a server, and the trust, credential and addresses with which mail would go there.
 * Makes    one connection to each address (and one more to each in profile exchange2003, where a
 *          handshake failed), then one that asks for the chain, one as mail would go, and one as
 *          a stranger: one after the other, each bounded by look.timeout_ms.
 * Logs on  at most once: directories lock an account whose password is tried again and again. The
 *          password goes only where the handshake succeeded under the given trust.
 * Leaves   nothing: MAIL and RCPT are followed by RSET, DATA is never said.
 */
#ifndef OPS_DOCTOR_H
#define OPS_DOCTOR_H

#include "gateway/ops/doctor_checks.h"
#include "gateway/ops/probe.h"

/* A domain that belongs to nobody (RFC 2606): who takes mail for it relays for everybody. */
#define DOCTOR_NOBODY "probe@forestgate-open-relay-test.invalid"

struct doctor_settings {
    struct doctor_wish wish;
    struct probe_target target;
    struct probe_settings look; /* hello, proxy_header, family, names, timeout_ms */
    const char *ca_file;        /* NULL: the system's roots */
    const char *user;           /* NULL: no logon */
    const char *password;
    /* With wish.has_envelope: those of enum doctor_mail, which the checks are about, then any
     * more for the caller to judge, all in the session that logs on. Lent. */
    const struct probe_mail *mails;
    size_t mail_count;
};

struct doctor {
    struct doctor_checks checks;
    const struct probe_result *primary; /* whom the checks are about */
    size_t connections;                 /* that were taken */
    size_t logons;                      /* that were answered: 0 or 1 */
    struct look look;
    struct probe *vouched, *session, *stranger;
};

/* False: as probe_run(), or ERR_TLS, ERR_IO: the ca file cannot be used. */
MUST_USE bool doctor_run(const struct doctor_settings *settings, struct doctor **out,
                         struct err *err);
void doctor_free(struct doctor **d);

#endif
