/*
 * dsn_options.h - what a sender asks of reports about its message (RFC 3461 4.1, 4.3).
 *
 * ENVID and ORCPT go from hop to hop as they came, in xtext: they are copied, not understood,
 * except where a report shows them.
 */
#ifndef MAIL_DSN_OPTIONS_H
#define MAIL_DSN_OPTIONS_H

enum {
    DSN_ENVID_MAX = 100, /* octets of xtext (RFC 3461 4.4) */
    DSN_ORCPT_MAX = 500, /* octets with the type (RFC 3461 4.2) */
};

/* RET= of MAIL. */
enum dsn_return { DSN_RETURN_UNSAID, DSN_RETURN_FULL, DSN_RETURN_HEADERS };

/* NOTIFY= of RCPT: a set, NEVER alone. UNSAID: failure and, as we do, delay. */
enum dsn_notify {
    DSN_NOTIFY_UNSAID = 0,
    DSN_NOTIFY_NEVER = 1,
    DSN_NOTIFY_SUCCESS = 2,
    DSN_NOTIFY_FAILURE = 4,
    DSN_NOTIFY_DELAY = 8,
};

#endif
