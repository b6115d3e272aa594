/*
 * preflight_plan.h - what preflight asks whom: of each send connector that reaches a forest, the
 * envelopes for one session with each of its servers. Pure.
 *
 * Takes    the configuration, and which forests and connectors are meant.
 * Gives    forests and calls in the order of the file; each question knows the transaction, and
 *          the recipient in it, that answers it.
 * Order    the senders first: a server of Exchange 2007 ends a session after five refusals, and
 *          there are more domains than forests. Domains are asked with the null sender, which no
 *          right of a sender can hold up. The stranger comes last.
 */
#ifndef OPS_PREFLIGHT_PLAN_H
#define OPS_PREFLIGHT_PLAN_H

#include "gateway/base/arena.h"
#include "gateway/ops/probe.h"

enum preflight_about {
    ASK_NULL_SENDER,
    ASK_SENDER, /* of another forest */
    ASK_DOMAIN, /* of a forest that the connector reaches */
    ASK_NOBODY, /* a domain of no forest, behind the logon */
};

struct preflight_question {
    enum preflight_about about;
    const struct forest *forest; /* whose sender or domain; NULL: nobody's */
    const char *domain;          /* as the file has it, "*.contoso.example" */
    size_t mail;
    size_t rcpt;      /* of ASK_DOMAIN and ASK_NOBODY: which recipient of that transaction */
    bool is_left_out; /* more than one session is asked for */
};

struct preflight_call {
    const struct send_connector *send;
    struct probe_mail *mails; /* as doctor_settings has them */
    size_t mail_count;
    struct preflight_question *questions;
    size_t question_count;
};

struct preflight_plan {
    const struct config *config;
    const struct forest **forests;
    size_t forest_count;
    struct preflight_call *calls;
    size_t call_count;
};

struct preflight_wish {
    const char **forests; /* by name; none: all */
    size_t forest_count;
    const char **connectors; /* send connectors, by name; none: all that reach those forests */
    size_t connector_count;
    bool no_auth;
    uint64_t timeout_ms; /* of each connection */
    uint64_t run_ms;     /* after this much of it all, no further server is begun with */
};

/* memory and config must stay. False: ERR_CONFIG, a name that is not in the file, or of a
 * connector that reaches none of the forests; ERR_NOMEM. */
MUST_USE bool preflight_plan_make(const struct config *config, const struct preflight_wish *wish,
                                  struct arena *memory, struct preflight_plan *out,
                                  struct err *err);

#endif
