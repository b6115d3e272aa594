/*
 * inbound_private.h - the inside of a session, shared by the inbound_*.c files.
 */
#ifndef RELAY_INBOUND_PRIVATE_H
#define RELAY_INBOUND_PRIVATE_H

#include "gateway/mail/smtp_server.h"
#include "gateway/net/conn.h"
#include "gateway/relay/inbound.h"
#include "gateway/relay/intake.h"
#include "gateway/route/accept.h"
#include "gateway/route/recipient.h"

struct auth_job;
struct custody;

/* One mail transaction, from MAIL to the reply after the final dot. */
struct transaction {
    struct parcel *parcel; /* its envelope fills up */
    size_t recipient_room;
    struct intake *intake; /* from DATA on; owns the draft */
};

struct inbound {
    struct inbound *next; /* of the same worker */
    struct inbound *prev;
    struct worker *worker;
    struct runtime *runtime;
    const struct listener *listener;
    uint64_t id;
    struct conn *conn;
    struct smtp_server *engine;
    struct timer *timer;

    struct accept_candidates candidates;
    const struct receive_connector *connector; /* the only candidate, or the account's */
    const struct account *account;             /* NULL: not logged on */
    struct auth_job *auth_job;                 /* a password is being checked */
    struct inbound *auth_next;                 /* who waits for the same check */
    struct custody *custody;                   /* a commit is under way */

    struct transaction transaction;
    uint64_t message_count;
    const char *close_why;
    bool draining;
    bool driving; /* on the stack: what inner calls leave behind is done there */
};

/* Ask the engine on: after an answer that came later. */
void inbound_go_on(struct inbound *s);

/* ---- inbound.c: carries octets; whom the conn tells */
extern const struct conn_events inbound_events;
void inbound_on_timer(void *s);
void inbound_begin(struct inbound *s); /* the first octets of ours; may end the session */
const struct reply *inbound_draining_reply(struct reply *room);

/* ---- inbound_end.c: the list of sessions, the end and its line */
void inbound_enter_worker(struct inbound *s);
void inbound_end(struct inbound *s, bool now);               /* last line of whoever calls it */
const char *inbound_client(const struct inbound *s);         /* its address as text */
const char *inbound_connector_name(const struct inbound *s); /* NULL: not known yet */

/* ---- inbound_auth.c: answers now or later */
void inbound_ask_auth(struct inbound *s, const struct smtp_question *q);
void inbound_forget_auth(struct inbound *s); /* the session ends meanwhile */

/* ---- inbound_mail.c: answer now, but for the message */
void inbound_ask_mail(struct inbound *s, const struct smtp_mail *mail);
void inbound_ask_rcpt(struct inbound *s, const struct smtp_rcpt *rcpt);
void inbound_ask_data(struct inbound *s);
void inbound_ask_body(struct inbound *s, struct slice octets);
void inbound_ask_message(struct inbound *s);
void inbound_drop_transaction(struct inbound *s);
void
inbound_forget_custody(struct inbound *s); /* the session ends meanwhile; the message stays */

#endif
