/*
 * inbound_private.h - the inside of a session, shared by the inbound_*.c files.
 */
#ifndef RELAY_INBOUND_PRIVATE_H
#define RELAY_INBOUND_PRIVATE_H

#include <netinet/in.h>

#include "gateway/mail/proxy_header.h"
#include "gateway/mail/smtp_server.h"
#include "gateway/net/conn.h"
#include "gateway/relay/inbound.h"
#include "gateway/relay/intake.h"
#include "gateway/relay/protocol_log.h"
#include "gateway/route/accept.h"
#include "gateway/route/recipient.h"

struct auth_job;
struct custody;
struct spf_finding;
struct spf_query;

/* One mail transaction, from MAIL to the reply after the final dot. */
struct transaction {
    struct parcel *parcel; /* its envelope fills up */
    size_t recipient_room;
    struct intake *intake;    /* from DATA on; owns the draft */
    uint64_t octets;          /* of the content so far */
    struct spf_finding *spf;  /* NULL: the sender was not checked */
    enum smtp_body_type body; /* what MAIL announced ... */
    uint64_t size;            /* ... 0: nothing */
};

struct inbound {
    struct inbound *next; /* of the same worker */
    struct inbound *prev;
    struct worker *worker;
    struct runtime *runtime;
    const struct listener *listener;
    uint64_t id;
    struct conn *conn;
    struct smtp_server *engine; /* NULL: the PROXY header has not come */
    struct timer *timer;
    struct protocol_session *protocol; /* NULL: it is not written down */

    struct proxy_reader *proxy;      /* a PROXY header is awaited ... */
    bool proxy_late;                 /* ... and did not come in time */
    char balancer[INET6_ADDRSTRLEN]; /* who sent the header, or "" */
    enum proxy_client proxy_client;  /* what it said ... */
    bool no_client;                  /* ... that the balancer speaks for itself */

    struct admission_ticket ticket;
    bool probe;   /* of monitor.probe_networks */
    bool refused; /* never was a session: told no, waits for QUIT */
    bool heard;   /* the client has sent something */
    bool tls_failed;
    bool was_reset;
    bool cut;            /* by us, without a word */
    bool binary_offered; /* BINARYMIME stood in our EHLO: the client may say it of anything */
    const char *no_mail; /* why MAIL is refused whoever logs on; NULL: it is not */

    struct accept_candidates candidates;       /* none: a probe that only looks */
    const struct receive_connector *connector; /* the only candidate, or the account's */
    const struct account *account;             /* NULL: not logged on */
    struct auth_job *auth_job;                 /* a password is being checked */
    struct inbound *auth_next;                 /* who waits for the same check */
    uint64_t auth_due_ms;                      /* a wrong password is answered then; 0: none */
    uint64_t mail_due_ms;        /* MAIL is answered then (back pressure); 0: none */
    struct spf_query *spf_query; /* the sender is being checked, since then */
    uint64_t spf_since_ms;
    struct custody *custody; /* a commit is under way */

    struct transaction transaction;
    uint64_t message_count;
    const char *close_why;
    bool draining;
    bool driving; /* on the stack: what inner calls leave behind is done there */
};

/* Ask the engine on: after an answer that came later. */
void inbound_go_on(struct inbound *s);

/* To the open question, now. */
void inbound_answer(struct inbound *s, const struct reply *r);

/* ---- inbound.c: carries octets; whom the conn tells */
extern const struct conn_events inbound_events;
void inbound_on_timer(void *s);
void inbound_begin(struct inbound *s); /* the first octets of ours; may end the session */
const struct reply *inbound_draining_reply(struct reply *room);

/* ---- inbound_open.c: who may come. False, after all it could do: no memory for a session */
MUST_USE bool inbound_greet(struct inbound *s);

/* ---- inbound_proxy.c: what comes before the session when a balancer is in between */
bool inbound_wants_header(const struct inbound *s);
MUST_USE bool inbound_await_header(struct inbound *s); /* false: out of memory */
/* True: the header is there and the session has begun; the rest of *in is its first octets.
 * False: not yet, or s has ended. */
MUST_USE bool inbound_read_header(struct inbound *s, struct slice *in);
void inbound_header_timeout(struct inbound *s); /* s has ended */
void inbound_log_header(const struct inbound *s, const char *why);

/* ---- inbound_end.c: the list of sessions, the end and its line */
void inbound_enter_list(struct inbound *s);
void inbound_count_in(struct inbound *s);
/* A line about the session, at the debug level as long as it is a probe's that brought no mail.
 */
void inbound_log(const struct inbound *s, struct log_line *line, enum log_event event);
void inbound_end(struct inbound *s, bool now);               /* last line of whoever calls it */
const char *inbound_client(const struct inbound *s);         /* its address as text */
const char *inbound_connector_name(const struct inbound *s); /* NULL: not known yet */

/* ---- inbound_auth.c: answers now or later */
void inbound_ask_auth(struct inbound *s, const struct smtp_question *q);
void inbound_answer_late(struct inbound *s); /* auth_due_ms has come */
void inbound_forget_auth(struct inbound *s); /* the session ends meanwhile */

/* ---- inbound_sender.c: answers now, or when the check of the sender is done */
/* Back pressure: has the answer to the open MAIL to wait (any longer)? */
bool inbound_must_slow(struct inbound *s);
void inbound_ask_mail(struct inbound *s, const struct smtp_mail *mail);
/* The connector's limit, which is known when the logon said which one it is: the engine's is that
 * of all candidates. */
bool inbound_takes_size(const struct inbound *s, uint64_t octets, struct reply *refusal);
/* The check is done. finding: taken; NULL when there is no memory for one. */
void inbound_sender_checked(struct inbound *s, const struct smtp_mail *mail,
                            struct spf_finding *take_finding);

/* ---- inbound_spf.c: what SPF says about the sender */
/* True: inbound_sender_checked() is called for it, perhaps later, perhaps before this returns.
 * False: it is not to be checked. */
bool inbound_check_sender(struct inbound *s, const struct smtp_mail *mail);
/* It should be, to be enforced, and cannot now: the worker makes as many checks as it may. */
bool inbound_check_must_wait(const struct inbound *s);
void inbound_forget_check(struct inbound *s);              /* the session ends meanwhile */
const char *inbound_spf_name(const struct spf_finding *f); /* "pass"; NULL of NULL */
struct reply inbound_spf_reply(const struct inbound *s, const struct spf_finding *f);
void inbound_put_spf(const struct inbound *s,
                     struct buf *out); /* its header fields, or nothing */

/* ---- inbound_rcpt.c: answers now */
void inbound_ask_rcpt(struct inbound *s, const struct smtp_rcpt *rcpt);

/* ---- inbound_mail.c: answer now, but for the message */
void inbound_ask_data(struct inbound *s);
void inbound_ask_body(struct inbound *s, struct slice octets);
void inbound_ask_message(struct inbound *s);
void inbound_drop_transaction(struct inbound *s);

/* ---- inbound_exch50.c: answers now */
void inbound_ask_exch50(struct inbound *s, struct slice blob, uint32_t number);
/* The recipients are no longer those that the blob came for. */
void inbound_spoil_exch50(struct inbound *s);
void
inbound_forget_custody(struct inbound *s); /* the session ends meanwhile; the message stays */

#endif
