/*
 * smtp_client_private.h - the inside of the sending conversation, for its own files only:
 *
 *   smtp_client.c          birth, input, output: what the caller sees
 *   smtp_client_state.c    the state, its deadlines, and the ways to end
 *   smtp_client_hello.c    banner, EHLO, STARTTLS: until we know whom we talk to
 *   smtp_client_auth.c     AUTH
 *   smtp_client_flight.c   MAIL, RCPT, DATA and their replies
 *   smtp_client_exch50.c   XEXCH50, behind the recipients and before the content
 *   smtp_client_content.c  the message itself and the reply to it
 */
#ifndef MAIL_SMTP_CLIENT_PRIVATE_H
#define MAIL_SMTP_CLIENT_PRIVATE_H

#include "gateway/mail/ehlo.h"
#include "gateway/mail/smtp_client.h"
#include "gateway/mail/stuffer.h"

enum {
    OUTPUT_MAX = 128 * 1024,
    COMMANDS_MAX = 64 * 1024, /* no further command is put behind so much unsent output */
    BANNER_NAME_MAX = 255,
};

/* RFC 5321 4.5.3.2, and where it says nothing: STARTTLS, AUTH and RSET as the commands beside
 * them. QUIT is a courtesy, nobody waits long for it. */
enum {
    MINUTE_MS = 60 * 1000,
    COMMAND_WAIT_MS = 5 * MINUTE_MS,
    DATA_WAIT_MS = 2 * MINUTE_MS,
    BLOCK_WAIT_MS = 3 * MINUTE_MS,
    CONTENT_WAIT_MS = 10 * MINUTE_MS,
    QUIT_WAIT_MS = 10 * 1000,
};

/*
 *   BANNER --> EHLO --> HELO ----------------------------+
 *               ^ |                                      |
 *               | +---> STARTTLS --> HANDSHAKE           |
 *               |           |            |               v
 *               +-----------+------------+  +---------> READY --> FLIGHT --> BODY --> DOT
 *                 |                         |            | ^         |                 |
 *                 +--> LOGIN --> NAME --> SECRET         | +--DONE<--+-----------------+
 *                                 CANCEL                 v           EXCH50 and BLOB: from
 *   any --> FAILED                                      QUIT --> CLOSED    FLIGHT and back
 *                                                                       LEAD: from BODY and back
 */
enum client_state {
    CLIENT_BANNER,    /* connected; nothing said */
    CLIENT_EHLO,      /* EHLO said */
    CLIENT_HELO,      /* HELO said, because EHLO was refused and nothing more is needed */
    CLIENT_STARTTLS,  /* STARTTLS said */
    CLIENT_HANDSHAKE, /* it was taken: no octet is for us until TLS is there */
    CLIENT_LOGIN,     /* AUTH LOGIN said */
    CLIENT_NAME,      /* ... and the user's name */
    CLIENT_SECRET,    /* the password said, by LOGIN or PLAIN */
    CLIENT_CANCEL,    /* '*' said to a challenge that we do not understand */
    CLIENT_READY,     /* no transaction; nothing is unanswered */
    CLIENT_FLIGHT,    /* commands of a transaction are being said and answered */
    CLIENT_EXCH50,    /* XEXCH50 said */
    CLIENT_BLOB,      /* ... and what it carries, or a part of that */
    CLIENT_BODY,   /* 354 came for recipients that were taken, or BDAT was said: so is the message
                    */
    CLIENT_LEAD,   /* the first chunk was said; the rest waits for its reply */
    CLIENT_DOT,    /* its end was said, or the lone dot for a message without recipients */
    CLIENT_DONE,   /* the transaction has its outcomes */
    CLIENT_QUIT,   /* QUIT said */
    CLIENT_CLOSED, /* QUIT answered, or nobody there to answer */
    CLIENT_FAILED, /* failure says why */
    CLIENT_STATES,
};

/*
 * A transaction's commands are numbered: RSET, MAIL, RCPT for each recipient, DATA (RSET when
 * only the envelope is tried). Two cursors run over them, `said` ahead of `answered`: by any
 * distance with PIPELINING, else by one. The flight ends before DATA when it must be known first
 * who was taken: a chunk cannot be taken back (RFC 3030 4.2), nor a blob of XEXCH50.
 */
enum { STEP_RSET, STEP_MAIL, STEP_FIRST_RCPT };

struct flight {
    struct smtp_transaction mail;
    size_t said;     /* the next command to say */
    size_t answered; /* the next command to be answered */
    size_t end; /* where it ends: behind the last, or earlier when there is no point in more */
    size_t accepted; /* recipients */
    bool refused;    /* MAIL was: what follows only needs to be read */
    bool go;         /* 354 came */
    bool by_chunk;   /* the content goes by BDAT */
    bool blob_due;   /* ... and before it a blob by XEXCH50 */
    enum smtp_exch50_end exch50;
    struct stuffer stuffer;
    uint64_t chunk_left; /* octets of this chunk that have not come from the caller ... */
    uint64_t chunk_next; /* ... and those of the one behind it */
    char held;           /* the last of all, said with the end */
};

struct smtp_client {
    struct smtp_client_settings settings;
    enum client_state state; /* changed by client_move() only */
    struct reply_reader replies;
    struct buf out;
    struct ehlo offers;
    char banner_name[BANNER_NAME_MAX];
    size_t banner_name_len;
    bool masked; /* here or in an EHLO list */
    bool tls;
    bool authenticated;
    bool secret_said; /* out holds or held a password */
    bool reset_due;   /* the server still has a half transaction: RSET before the next */
    struct flight flight;
    struct smtp_outcome failure;
    bool doomed; /* failed behind DONE: the state follows with smtp_client_next() */

    uint64_t now_ms;
    uint64_t deadline_ms;
    bool moved; /* octets went out since the deadline was set */
};

/* The only assignment to the state. Sets the deadline. */
void client_move(struct smtp_client *c, enum client_state to);

/* FAILED or CLOSED. */
bool client_is_over(const struct smtp_client *c);

/* Something was heard, or the body went on: the deadline begins anew. */
void client_wait_anew(struct smtp_client *c);

/* Has the server kept us waiting too long? */
void client_look_at_clock(struct smtp_client *c);

/* "MAIL", "the end of the message": what the next reply is a reply to. */
const char *client_awaited_text(const struct smtp_client *c);

/* Put a command and CRLF. */
void client_say(struct smtp_client *c, const char *command, struct slice argument);

/* Empty the output, and overwrite it if there was a password in it. */
void client_clear_output(struct smtp_client *c);

/* Output that did not fit into memory is a hole in the conversation, and the end of it. */
void client_check_output(struct smtp_client *c);

/* The connection is over: what is unfinished gets this reply. */
void client_fail(struct smtp_client *c, const struct reply *why);

/* The same, in words of ours: 451 and this enhanced code. */
void client_fail_local(struct smtp_client *c, const char *enhanced, const char *fmt, ...)
    PRINTF_LIKE(3, 4);

/* The same where the server can still be told QUIT before we close. `at`: what it was about. */
void client_give_up(struct smtp_client *c, enum smtp_stage at, const struct reply *why);

/* A reply that makes no sense here. Ends the connection. */
void client_fail_unexpected(struct smtp_client *c);

/* A reply of the server in the states named (client_got_... react). r is c->replies.reply. */
void client_got_banner(struct smtp_client *c, const struct reply *r);
void client_got_hello(struct smtp_client *c, const struct reply *r);
void client_got_starttls(struct smtp_client *c, const struct reply *r);
void client_got_auth(struct smtp_client *c, const struct reply *r);
/* Our own password never leaves with a reply. */
void client_hide_secret(const struct smtp_client *c, struct reply *r);
void client_got_flight(struct smtp_client *c, const struct reply *r);
void client_got_lead(struct smtp_client *c, const struct reply *r);
void client_got_content(struct smtp_client *c, const struct reply *r);

/* Say EHLO. */
void client_say_hello(struct smtp_client *c);

/* The server is known, by EHLO or HELO, and TLS is as it will be: log on, or be ready. */
void client_authenticate(struct smtp_client *c);

/* Begin a transaction. */
void client_take_off(struct smtp_client *c, const struct smtp_transaction *t);

/* Say as many of its commands as may be said; go on when all are answered. */
void client_fly(struct smtp_client *c);

/* The stage that the next reply to the flight is about. */
enum smtp_stage client_flight_stage(const struct smtp_client *c);
bool client_flight_awaits_rset(const struct smtp_client *c);

/* All recipients without a refusal of their own get this outcome. */
void client_settle(struct smtp_client *c, const struct reply *reply, enum smtp_stage stage);

/* The flight got its 354: the content comes, or the lone dot. */
void client_begin_content(struct smtp_client *c);
/* Say BDAT: the content comes behind it. */
void client_begin_chunk(struct smtp_client *c);

/* Say XEXCH50. */
void client_begin_exch50(struct smtp_client *c);
void client_got_exch50(struct smtp_client *c, const struct reply *r);

#endif
