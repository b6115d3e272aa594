/*
 * smtp_server_private.h - the inside of the receiving conversation, for its own files only:
 *
 *   smtp_server.c        birth, input, output, time, answers
 *   smtp_server_state.c  the state, the open question, the end
 *   smtp_server_verbs.c  the table: which verb may come when; the small verbs
 *   smtp_server_hello.c  EHLO, HELO, STARTTLS
 *   smtp_server_auth.c   AUTH
 *   smtp_server_mail.c   MAIL, RCPT
 *   smtp_server_exch50.c XEXCH50
 *   smtp_server_data.c   DATA and the content
 *   smtp_server_bdat.c   BDAT and its chunks
 */
#ifndef MAIL_SMTP_SERVER_PRIVATE_H
#define MAIL_SMTP_SERVER_PRIVATE_H

#include "gateway/mail/dot.h"
#include "gateway/mail/line.h"
#include "gateway/mail/pace.h"
#include "gateway/mail/smtp_server.h"

enum {
    COMMAND_LINE_MAX = 2048, /* RFC 5321 4.5.3.1.4: 512, and room for the parameters */
    SASL_LINE_MAX = 12288,   /* RFC 4954 4 */
    CREDENTIAL_MAX = 256,    /* octets of a name, and of a password: as long as Windows allows */
    HELLO_MAX = 255,
    CLIENT_TEXT_MAX = 64,
    OUTPUT_MAX = 16384,
    OUTPUT_RESERVE = 1280, /* a reply, and a farewell behind it; two times 512, and some */
    OUTPUT_FIRST = 1024,   /* kept by an idle session: holds all of a usual dialogue */
    OUTPUT_KEEP = 4096,    /* more than this is given back when it is on the wire */
    ERRORS_MAX = 10,
    FAILED_LOGONS_MAX = 3,
    REFUSED_MS = 5000, /* to say QUIT */
};

/*
 *              hello                      MAIL        RCPT        DATA
 *   NEW ----> TLS_DUE, AUTH_DUE, READY ----> MAIL ----> RCPT ----> CONTENT
 *    ^           |    SASL (and back)  <------+----------+-----------+
 *    |           v STARTTLS            <------+----------+-----------+
 *    +------ HANDSHAKE                        |   BDAT   +----> CHUNK <---> CHUNKS
 *    any ----> OVER                         RSET, hello, a reply to the content
 *                                           RCPT <---> EXCH50
 */
enum server_state {
    SERVER_NEW,      /* greeted, or TLS is new: the client has not said hello */
    SERVER_TLS_DUE,  /* hello said in clear where TLS is required */
    SERVER_AUTH_DUE, /* hello said, TLS as it must be; a logon is required */
    SERVER_READY,    /* mail may come; no transaction is open */
    SERVER_MAIL,     /* a sender was taken */
    SERVER_RCPT,     /* ... and at least one recipient */
    SERVER_CHUNKS,   /* ... and at least one chunk, and none of them was the last */

    SERVER_VERB_STATES, /* up to here the next line is a command */

    SERVER_SASL = SERVER_VERB_STATES, /* the next line is a response to a challenge */
    SERVER_EXCH50,                    /* 354 was said: so many octets are a blob */
    SERVER_CONTENT,                   /* 354 was said: octets are content up to CRLF.CRLF */
    SERVER_CHUNK,                     /* so many octets are content */
    SERVER_REFUSED,                   /* the banner was a refusal: only QUIT is of use */
    SERVER_HANDSHAKE, /* 220 to STARTTLS was said: no octet is for us until TLS is there */
    SERVER_OVER,      /* closing: nothing is read any more */
    SERVER_STATES,
};

enum sasl_step { SASL_LOGIN_NAME, SASL_LOGIN_PASSWORD, SASL_PLAIN };

struct sasl {
    enum sasl_step step;
    struct buf secret; /* decoded responses; never moves, wiped at the end of each exchange */
    size_t name_len;   /* of LOGIN: the name is the first so many octets of secret */
};

struct content {
    struct dot_reader dots;
    bool chunked;    /* by BDAT: dots is not used */
    uint64_t octets; /* so far */
    struct pace pace;
    bool refused; /* by the gateway; refusal says how */
    struct reply refusal;
};

/* What XEXCH50 said, and what came of it. */
struct exch50 {
    struct buf blob; /* freed with the answer */
    uint64_t left;   /* octets that have not come yet */
    uint32_t number;
    bool done; /* once a transaction */
};

/* What BDAT said. While octets are left, in whatever state, no line is read. */
struct chunk {
    uint64_t size;
    uint64_t left; /* octets that have not come yet */
    bool last;
    const char *refusal; /* static text; all octets are thrown away, then this is said */
};

struct smtp_server {
    struct smtp_server_settings settings;
    enum server_state state; /* changed by server_move() only */
    struct smtp_question question;

    struct line_reader lines;
    struct slice *behind; /* while a line is handled: the input behind it */
    struct buf held;      /* the command that a question is about; it outlives the input */
    struct buf out;       /* replies */
    size_t out_sent;      /* octets of out that are on the wire */

    struct buf hello; /* what the client calls itself */
    bool esmtp;       /* it said EHLO */
    bool tls;
    bool authenticated;
    struct sasl sasl;
    uint32_t recipients;        /* taken in this transaction */
    uint32_t recipients_before; /* said[SMTP_RCPT] when it began */
    bool utf8;                  /* SMTPUTF8 */
    bool binary;                /* BODY=BINARYMIME: DATA cannot carry it */
    struct exch50 exch50;
    struct content content;
    struct chunk chunk;

    uint64_t started_ms;
    uint64_t line_ms;    /* when the line began that is half here ... */
    bool in_line;        /* ... if there is one */
    uint64_t waiting_ms; /* content: waiting up to here is told to the pace */
    uint64_t heard_ms;   /* since when the client keeps us waiting */
    bool clock_restarts; /* ... or: since the next call that knows the time */
    bool proven;         /* it logged on or its sender was taken: greet_ms is over */
    unsigned errors;     /* protocol errors since the last message or logon */
    unsigned failed_logons;
    size_t injected_octets;
    uint32_t said[SMTP_VERBS];

    bool shut_due; /* say farewell as soon as the protocol allows it */
    struct reply farewell;
    enum smtp_end end;
};

/* The only assignment to the state. */
void server_move(struct smtp_server *s, enum server_state to);

/* Where the client stands after hello, outside a transaction. */
enum server_state server_resting_state(const struct smtp_server *s);

/* Open a question; and close it, whichever it is: nothing of it stays, for its slices point to
 * what is gone or wiped. */
void server_ask(struct smtp_server *s, enum smtp_ask ask);
void server_close_question(struct smtp_server *s);

/* Put one reply line, "250 2.0.0 OK" without CRLF, into the output. */
void server_say(struct smtp_server *s, const char *line);
void server_say_reply(struct smtp_server *s, const struct reply *reply);

/* The same for a mistake of the client against the protocol. The tenth since the last message or
 * logon is followed by 421 and the end. Refused addresses, sizes and recipients are no such
 * mistakes: a sender of mail to a thousand people has a thousand chances for those. */
void server_refuse(struct smtp_server *s, const char *line);

/* Say line (unless NULL) and close; an open transaction is reset first. */
void server_close(struct smtp_server *s, enum smtp_end end, const char *line);

/* The transaction that is open ends without a message: back to READY, the gateway is told. */
void server_drop_transaction(struct smtp_server *s);

/* What may be due after each command and each answer: a farewell, or the end because a reply was
 * lost. */
void server_settle(struct smtp_server *s);

/* A whole line in a state that reads commands (smtp_server_verbs.c). */
void server_command(struct smtp_server *s, struct slice line);

/* A whole line of a client that is refused. */
void server_refused_line(struct smtp_server *s, struct slice line);

/* False, after a 501, when a verb that takes no arguments has some. */
MUST_USE bool server_takes_nothing(struct smtp_server *s, struct slice args);

/* One verb each; args is trimmed. */
void server_ehlo(struct smtp_server *s, struct slice args);
void server_helo(struct smtp_server *s, struct slice args);
void server_starttls(struct smtp_server *s, struct slice args);
void server_auth(struct smtp_server *s, struct slice args);
void server_mail(struct smtp_server *s, struct slice args);
void server_rcpt(struct smtp_server *s, struct slice args);
void server_exch50(struct smtp_server *s, struct slice args);
void server_data(struct smtp_server *s, struct slice args);
void server_bdat(struct smtp_server *s, struct slice args);

/* BDAT where it may not come: line is said behind the octets of the chunk. */
void server_refuse_bdat(struct smtp_server *s, struct slice args, const char *line);

/* A BDAT whose length cannot be told: close, before its octets are taken for commands. */
void server_close_lost(struct smtp_server *s);

/* A response to a challenge; and: the exchange is over, its secrets are wiped. */
void server_sasl_line(struct smtp_server *s, struct slice line);
void server_sasl_end(struct smtp_server *s);

/* Are the next octets content or a blob, or is more content due? */
bool server_is_in_content(const struct smtp_server *s);

/* A message begins, by BDAT or by DATA. */
void server_begin_content(struct smtp_server *s, bool chunked);

/* Use octets of *in as content; as a blob; as a piece of a chunk, also of one that is thrown
 * away. And: the gateway took a piece of a chunk. */
void server_content(struct smtp_server *s, struct slice *in);
void server_blob(struct smtp_server *s, struct slice *in);
void server_chunk(struct smtp_server *s, struct slice *in);
void server_chunk_taken(struct smtp_server *s);

/* The answer to the question of this name came; the question is closed already. */
void server_got_auth(struct smtp_server *s, const struct reply *reply);
void server_got_mail(struct smtp_server *s, const struct reply *reply);
void server_got_rcpt(struct smtp_server *s, const struct reply *reply);
void server_got_exch50(struct smtp_server *s, const struct reply *reply);
void server_got_data(struct smtp_server *s, const struct reply *reply);
void server_got_chunks_data(struct smtp_server *s, const struct reply *reply);
void server_got_message(struct smtp_server *s, const struct reply *reply);

#endif
