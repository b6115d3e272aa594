/*
 * probe_kind.h - how far a probe went: what a load balancer or monitor looked at, told by what
 * its session did and by nothing else. Pure.
 */
#ifndef MAIL_PROBE_KIND_H
#define MAIL_PROBE_KIND_H

#include "gateway/mail/smtp_server.h"

struct probe_deeds {
    bool no_client; /* its PROXY header said so: the balancer's own check */
    bool timed_out;
    bool was_reset;
    uint32_t said[SMTP_VERBS];
};

/* A closed list; the furthest step counts. */
enum probe_kind {
    PROBE_PROXY_LOCAL, /* whatever it did then */
    PROBE_TRANSACTION, /* MAIL, RCPT or DATA, but no mail */
    PROBE_AUTH,
    PROBE_STARTTLS,
    PROBE_HELLO,
    PROBE_COMMANDS, /* others, without a hello */
    PROBE_RESET,    /* said nothing and cut the connection */
    PROBE_SILENT,   /* said nothing until it was closed */
    PROBE_CONNECT,  /* said nothing and closed */
};
enum probe_kind probe_kind_of(const struct probe_deeds *deeds);

/* "proxy-local", "transaction", ... */
const char *probe_kind_text(enum probe_kind kind);

#endif
