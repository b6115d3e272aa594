/*
 * smtp_client.h - the sending conversation: one connection, any number of messages.
 *
 * Takes    octets of the server, transactions, body octets when it asks, and the time.
 * Gives    octets for the server and one open task at a time; for each transaction the outcome of
 *          every recipient as a reply, the server's own or a local one in the same shape.
 * Follows  RFC 5321 4.5.3.2 (timeouts), 2920 (one flight of MAIL, RCPT..., DATA; replies are read
 *          while it writes), 3207 (EHLO anew after TLS), 4954 (AUTH LOGIN in two steps, the
 *          safest with Exchange: exchange-facts.md 3.4; PLAIN when only that is offered), 1870,
 *          3030 (BDAT, for content that DATA cannot carry and for no other: some Exchange servers
 *          dislike it, exchange-facts.md 3.8), 3461 (DSN), 6531 (SMTPUTF8).
 * Refuses  to send a password or mail in clear where TLS is required, whatever the server says:
 *          STARTTLS missing or refused ends the connection with that cause.
 * Touches  no socket, file, clock or TLS; no heap per message once its buffers have grown.
 */
#ifndef MAIL_SMTP_CLIENT_H
#define MAIL_SMTP_CLIENT_H

#include <stdint.h>

#include "gateway/mail/ehlo.h"
#include "gateway/mail/reply.h"
#include "gateway/mail/smtp_server.h"

struct smtp_client;

/* Where in the conversation something was said or went wrong: verdicts depend on it. */
enum smtp_stage {
    SMTP_STAGE_CONNECT, /* before there is a connection: for the caller, never said by the engine
                         */
    SMTP_STAGE_BANNER,
    SMTP_STAGE_EHLO,
    SMTP_STAGE_STARTTLS, /* the command or its absence */
    SMTP_STAGE_TLS,      /* handshake and verification; local */
    SMTP_STAGE_AUTH,
    SMTP_STAGE_MAIL,
    SMTP_STAGE_RCPT,
    SMTP_STAGE_DATA,    /* the reply to DATA, BDAT or XEXCH50 itself, and while content is sent */
    SMTP_STAGE_CONTENT, /* the reply to the message: to the final dot, or to a whole chunk */
    SMTP_STAGE_IDLE,    /* between messages, RSET and QUIT too */
};

/* The slices must outlive the engine. */
struct smtp_client_settings {
    struct slice hello; /* our name */
    bool tls_required;  /* false: TLS if offered, clear otherwise */
    struct slice user;  /* "" = no AUTH */
    struct slice password;
    /* Every reply, before it has any effect, with what it is a reply to; the password is never in
     * it. May be NULL. Not the place to call the engine. */
    void (*on_reply)(void *context, enum smtp_stage stage, const struct reply *r);
    /* Each line of the reply to EHLO, the first one (the server's name) too: what struct ehlo
     * makes of it is not all that a diagnosis wants to know. Octets as they came. May be NULL. */
    void (*on_hello_line)(void *context, struct slice line);
    void *context;
};

/* The closed list of tasks. */
enum smtp_task {
    SMTP_TASK_WAIT,     /* nothing to do but send output and feed input */
    SMTP_TASK_STARTTLS, /* shake hands now, then smtp_client_tls_done() */
    SMTP_TASK_READY,    /* give it a transaction (smtp_client_send) or let it quit, or wait */
    SMTP_TASK_BODY,     /* give body octets (smtp_client_body) until smtp_client_body_end() */
    SMTP_TASK_DONE,     /* the transaction's outcomes are all there: read them, then
                           smtp_client_next(); the connection is READY again or FAILED */
    SMTP_TASK_FAILED,   /* the connection cannot be used any more: smtp_client_failure(). An
                           unfinished transaction has its outcomes too. Close; the output may
                           hold a QUIT that can be sent before if nothing hinders. */
    SMTP_TASK_CLOSED,   /* after our QUIT: close */
};

struct smtp_outcome {
    struct reply reply;
    enum smtp_stage stage;
};

struct smtp_to {
    struct slice address; /* without <> */
    unsigned notify;      /* of enum dsn_notify; said when DSN is offered */
    struct slice orcpt;   /* type and xtext; "" = none */
};

enum { SMTP_EXCH50_MAX = 64 * 1024 };

/* What became of a blob. */
enum smtp_exch50_end {
    SMTP_EXCH50_NONE,        /* there was none, or it was not yet its turn */
    SMTP_EXCH50_TAKEN,       /* 2xx */
    SMTP_EXCH50_NOT_OFFERED, /* or only to those who log on */
    SMTP_EXCH50_RECIPIENTS,  /* one of them was refused */
    SMTP_EXCH50_REFUSED,     /* 504, 505 and the like */
    SMTP_EXCH50_CLOSED,      /* the server said 421 to the verb: mostly for reasons of its own */
    SMTP_EXCH50_HUNG,        /* the connection ended over it, also with the 421 of a server that
                                waited for the blob: go without next time */
};

struct smtp_transaction {
    struct slice from;        /* "" = null sender; no <> */
    const struct smtp_to *to; /* recipients */
    size_t to_count;          /* 1 or more; 0 may be when only the envelope is tried */
    uint64_t size; /* octets, for SIZE= when offered; 0 = unknown. Exact for has_bare and
                      is_unended, whose octets are counted. */
    enum smtp_body_type body; /* BODY=8BITMIME is said when offered and this says so */
    bool has_bare;            /* CR, LF or NUL that DATA cannot carry: BDAT, or 5.6.3 here */
    bool is_unended; /* no CRLF at its end: BDAT where offered, else DATA, and it gains one */
    uint64_t lead;   /* by BDAT the first so many octets go as a chunk of their own, and the rest
                        when it was taken; less than size, 0 = all at once. A server that offers
                        BDAT and does not know it reads the chunk as commands: these must be
                        octets that nobody else wrote. They should end a line. */
    bool utf8;       /* addresses or header fields need SMTPUTF8: offered, or 5.6.7 here */
    enum dsn_return dsn_return; /* this and envid are said when DSN is offered */
    struct slice envid;         /* xtext; "" = none */
    struct slice exch50;        /* goes by XEXCH50 when that is offered to us, who logged on, and
                                   all recipients are taken; "" = none. It never costs the message.
                                   At most SMTP_EXCH50_MAX octets. */
    uint32_t exch50_number;     /* the second number of that command */
    bool auth_anonymous;        /* AUTH=<> is said when the server offers AUTH */
    struct slice auth;          /* or AUTH=<this>, xtext-encoded here; "" = none */
    bool envelope_only; /* would they be taken? MAIL, RCPT and RSET, each when the one before is
                           answered; never DATA. A success in outcomes is then of RCPT. */
    struct smtp_outcome *outcomes; /* to_count of them, filled here; the caller's memory */
};

/* NULL: out of memory. */
struct smtp_client *smtp_client_new(const struct smtp_client_settings *settings, uint64_t now_ms);
void smtp_client_free(struct smtp_client **c);

/* Use all of *in. With empty *in: look at the clock. */
void smtp_client_feed(struct smtp_client *c, struct slice *in, uint64_t now_ms);

enum smtp_task smtp_client_task(const struct smtp_client *c);

void smtp_client_tls_done(struct smtp_client *c, uint64_t now_ms);

/* Begin a message when READY. *t is copied; what it points to must stay until SMTP_TASK_DONE or
 * FAILED was seen. */
void smtp_client_send(struct smtp_client *c, const struct smtp_transaction *t, uint64_t now_ms);

/* Message octets in pieces of any size; by DATA they are dot-stuffed into the output. The engine
 * takes what its output has room for and advances *octets. What makes the server take the
 * message, the final dot or the last octet of a chunk, is said only with the end. */
void smtp_client_body(struct smtp_client *c, struct slice *octets, uint64_t now_ms);
void smtp_client_body_end(struct smtp_client *c, uint64_t now_ms);

/* The message cannot be read any more (our disk): the connection is given up so that the server
 * throws the half away; outcomes are this local reply. */
void smtp_client_abort(struct smtp_client *c, const struct reply *why);

void smtp_client_next(struct smtp_client *c);

/* The connection broke below us (closed, reset, TLS): everything unfinished gets this. */
void smtp_client_lost(struct smtp_client *c, const struct reply *why);

/* Say QUIT when READY. */
void smtp_client_quit(struct smtp_client *c, uint64_t now_ms);

/* After FAILED: what the connection died of and where. */
const struct smtp_outcome *smtp_client_failure(const struct smtp_client *c);

struct slice smtp_client_output(const struct smtp_client *c);
void smtp_client_sent(struct smtp_client *c, size_t n);

/* When to feed with nothing so that timeouts happen (RFC 5321 4.5.3.2); UINT64_MAX = never: how
 * long a connection is kept idle is not decided here. */
uint64_t smtp_client_wake_ms(const struct smtp_client *c);

enum smtp_stage smtp_client_stage(const struct smtp_client *c);

/* The server's SIZE limit; 0 = none said. */
uint64_t smtp_client_size_max(const struct smtp_client *c);
/* Of the last EHLO. */
const struct ehlo *smtp_client_offers(const struct smtp_client *c);
bool smtp_client_is_authenticated(const struct smtp_client *c);
struct slice smtp_client_banner_name(const struct smtp_client *c); /* for logs */

/* A device in between overwrites what the two sides say (exchange-facts.md 3.2); for diagnosis.
 */
bool smtp_client_is_masked(const struct smtp_client *c);

/* Of the transaction under way, or of the last one. */
enum smtp_exch50_end smtp_client_exch50(const struct smtp_client *c);

/* True between the final dot (the last octet of a chunk) and its reply: a crash now may mean a
 * second delivery. */
bool smtp_client_is_in_doubt(const struct smtp_client *c);

#endif
