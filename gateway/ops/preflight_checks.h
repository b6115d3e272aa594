/*
 * preflight_checks.h - what preflight comes to: for each forest a list of checks in plain words,
 * below each the lines that say of which server, why, and who has to do what. Pure.
 *
 * Takes    what doctor found at each server (ops/doctor.h), what this gateway's own doors and
 *          certificates are, what the running daemon said of itself.
 * Gives    checks in the order of a message's way: to the forest, then from it.
 * Follows  exchange-facts.md 1.3, 1.4, 2, 8. A sentence about a failure is route/diagnosis's or
 *          doctor's wherever there is one.
 */
#ifndef OPS_PREFLIGHT_CHECKS_H
#define OPS_PREFLIGHT_CHECKS_H

#include "gateway/base/arena.h"
#include "gateway/ops/doctor.h"
#include "gateway/ops/preflight_plan.h"
#include "tls/tls_chain.h"

enum preflight_kind {
    /* Mail to the forest: what its servers do. */
    PREFLIGHT_REACH,
    PREFLIGHT_ENCRYPTION,
    PREFLIGHT_THEIR_CERTIFICATE,
    PREFLIGHT_OFFERS,
    PREFLIGHT_LOGON,
    PREFLIGHT_NULL_SENDER,
    PREFLIGHT_SENDER,
    PREFLIGHT_DOMAIN,
    PREFLIGHT_STRANGERS,
    PREFLIGHT_STRANGERS_AFTER_LOGON,
    /* Mail from the forest: what this gateway does. */
    PREFLIGHT_DOOR,
    PREFLIGHT_OUR_CERTIFICATE,
    /* A marked message, when one was asked for. */
    PREFLIGHT_ROUND_TRIP_THERE,
    PREFLIGHT_ROUND_TRIP_BACK,
    /* The gateway as a whole. */
    PREFLIGHT_DAEMON,
    PREFLIGHT_KINDS,
};

/* Who has to act: any of these. */
enum preflight_who {
    WHO_GATEWAY = 1,
    WHO_EXCHANGE = 2,      /* the forest's side */
    WHO_NETWORK = 4,       /* firewalls and name servers between */
    WHO_OTHER_GATEWAY = 8, /* the forest's side, where a gateway stands in front of it */
};

struct preflight_line {
    struct preflight_line *next;
    enum doctor_state state;
    bool is_note;        /* worth reading though nothing is wrong */
    char subject[300];   /* of what: "hub1.fabrikam.example:25", "listener main" */
    char found[800];     /* printable */
    char advice[600];    /* "" = none */
    unsigned who;        /* of enum preflight_who; 0 = nobody */
    const char *command; /* to see more; NULL: none */
};

struct preflight_check {
    struct preflight_check *next;
    enum preflight_kind kind;
    const char *subject; /* of several of one kind: which domain or forest; NULL */
    char say[400];       /* "Mail for fabrikam.example is taken" */
    enum doctor_state state;
    struct preflight_line *lines, **lines_end;
};

enum preflight_verdict {
    PREFLIGHT_READY,
    PREFLIGHT_WARNINGS,
    PREFLIGHT_UNPROVEN, /* something that decides was not tried */
    PREFLIGHT_NOT_READY,
};

struct preflight_section {
    struct preflight_section *next;
    const struct forest *forest; /* NULL: the gateway itself */
    enum preflight_verdict verdict;
    struct preflight_check *checks, **checks_end;
};

struct preflight {
    struct preflight_section *sections, **sections_end;
    size_t connections, logons; /* of all servers */
    size_t trips;               /* marked messages that were sent */
    struct arena memory;
    bool no_memory; /* something is missing for want of it */
    struct preflight_section spare_section;
    struct preflight_check spare_check;
    struct preflight_line spare_line;
};

void preflight_init(struct preflight *p);
void preflight_fini(struct preflight *p);

/* ---- Building; never NULL, and no_memory instead ---- */

struct preflight_section *preflight_add_section(struct preflight *p, const struct forest *f);
struct preflight_check *preflight_add_check(struct preflight *p, struct preflight_section *s,
                                            enum preflight_kind kind, const char *subject,
                                            const char *fmt, ...) PRINTF_LIKE(5, 6);
/* found is cut to its room and made printable. The check is as bad as its worst line, unless its
 * state is set afterwards. */
struct preflight_line *preflight_add_line(struct preflight *p, struct preflight_check *check,
                                          enum doctor_state state, unsigned who,
                                          const char *subject, const char *fmt, ...)
    PRINTF_LIKE(6, 7);
void preflight_advise(struct preflight_line *line, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* "%s" of a printf, in the memory of p; NULL when there is none. */
const char *preflight_text(struct preflight *p, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* ---- Servers: preflight_servers.c ---- */

/* One server of a call, and what came of it. */
struct preflight_answer {
    const struct preflight_call *call;
    const struct server *server;
    const struct doctor_checks *checks; /* NULL: it was not looked at */
    const char *why_not;                /* then, in words */
    const struct probe_result *session; /* the one that went as mail would; NULL: none did */
    bool logs_on;                       /* account and password were given to the doctor */
    /* Which server refused this account and password, so that they were not tried here: a
     * directory locks an account after a few of those. NULL: none did. */
    const struct server *refused_by;
};

/* The checks of the forest's servers. config_file: for the commands that are shown. */
void preflight_judge_servers(struct preflight *p, struct preflight_section *s,
                             const char *config_file, const struct preflight_answer *answers,
                             size_t answer_count);

/* Did the server refuse account and password, so that nobody should try them again? */
bool preflight_is_refused(const struct probe_result *session_or_null);

/* ---- This gateway: preflight_own.c ---- */

struct preflight_daemon {
    bool answered; /* its control socket did */
    char why[300]; /* it did not; or what it answered could not be read */
    bool draining;
    bool knows_source;     /* it said which text of the file is in force */
    bool same_source;      /* and it is this one */
    char refused_why[300]; /* of the last reload, if it was refused; else "" */
};

/* A listener as the file has it, and as it answered. */
struct preflight_door {
    const struct listener *listener;
    bool has_chain; /* the certificate's file could be read */
    struct tls_chain chain;
    char chain_error[240];
    const struct probe_result *seen; /* NULL: not looked at */
    enum tls_profile profile;        /* of seen's session */
};

void preflight_judge_doors(struct preflight *p, struct preflight_section *s,
                           const struct config *config, const struct preflight_door *doors,
                           const struct preflight_daemon *daemon, int64_t now_unix_s);
void preflight_judge_daemon(struct preflight *p, struct preflight_section *s,
                            const struct config *config, const struct preflight_daemon *daemon);

/* ---- The whole ---- */

void preflight_conclude(struct preflight *p); /* verdicts */
/* 0: every forest is ready; 1: one is not, or the gateway is not well. */
int preflight_status(const struct preflight *p);
size_t preflight_count(const struct preflight *p, enum preflight_verdict v); /* forests */

const char *preflight_kind_word(enum preflight_kind kind); /* "their-certificate" */
const char *preflight_verdict_text(enum preflight_verdict v);
const char *preflight_verdict_word(enum preflight_verdict v);

#endif
