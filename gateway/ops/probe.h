/*
 * probe.h - SMTP servers as a client sees them: how far one gets, and how long each step takes.
 *
 * Takes    servers, and the policy, trust and credential of a send connector.
 * Gives    a probe_result for each server, or for each of its addresses.
 * Follows  the sending conversation (mail/smtp_client), with envelopes alone: no mail is left
 *          behind, and whoever still answers hears QUIT. A password goes only where the handshake
 *          succeeded under the given trust, as everywhere.
 * Bounds   timeout_ms for a server from its name to its QUIT, whatever it does; 64 KiB of
 *          handshake; replies as mail/reply.h bounds them. Closing takes 5 s more at most.
 *
 * Servers are probed at the same time, on a loop of their own; returns when all is over.
 */
#ifndef OPS_PROBE_H
#define OPS_PROBE_H

#include "config/config.h"
#include "gateway/base/err.h"
#include "gateway/ops/probe_result.h"

/* A transaction that is tried: MAIL, RCPT, RSET. */
struct probe_mail {
    const char *from; /* "" = null sender */
    struct smtp_to to[PROBE_TO_MAX];
    size_t to_count;
};

struct probe_settings {
    const char *hello;
    bool tls_required;        /* false: TLS if offered */
    struct tls_context *tls;  /* lent */
    enum tls_profile profile; /* of tls, for advice */
    const char *server_name;  /* to verify, and SNI; NULL: the server's host */
    const char *user;         /* NULL: no AUTH */
    const char *password;
    struct probe_mail mails[PROBE_MAILS_MAX]; /* one after the other, in one session */
    size_t mail_count;
    bool proxy_header;          /* "PROXY UNKNOWN" first: the listener expects one */
    int family;                 /* AF_INET, AF_INET6; AF_UNSPEC: both */
    bool every_address;         /* each address of a name is a server; else the first that takes
                                   the connection counts */
    const struct config *names; /* its dns: settings; NULL: the system's name servers */
    uint64_t timeout_ms;
    struct probe_limits limits;
};

struct probe_target {
    const char *host; /* a name, or an address as text */
    uint16_t port;
};

struct probe;

/* False: nothing could be probed (ERR_NOMEM, ERR_IO, ERR_DNS: no usable resolv.conf). */
MUST_USE bool probe_run(const struct probe_settings *settings, const struct probe_target *targets,
                        size_t target_count, struct probe **out, struct err *err);
void probe_free(struct probe **p);

/* In the order of the targets, then of their addresses. */
size_t probe_count(const struct probe *p);
const struct probe_result *const *probe_results(const struct probe *p);

#endif
