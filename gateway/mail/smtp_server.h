/*
 * smtp_server.h - the receiving conversation (RFC 5321), from the first octet to the last.
 *
 * Takes    octets of the client, answers to its questions, and the time.
 * Gives    octets for the client and one open question at a time. Until the answer it uses no
 *          more input: replies keep the order of the commands by construction, pipelining works,
 *          back-pressure is free, and a decision may take as long as disk or hashing take.
 * Follows  RFC 5321, 1870 (SIZE), 2920 (PIPELINING), 3030 (CHUNKING, BINARYMIME), 3207
 *          (STARTTLS), 3461 (DSN), 4954 (AUTH), 6152 (8BITMIME), 6531 (SMTPUTF8), 2034; the
 *          words of exchange-facts.md 3.3.
 * Refuses  BDAT without a number in it, since nobody knows where the next command begins; line
 *          ends other than CRLF, lines over the limits, NUL in commands, AUTH and MAIL in
 *          clear where TLS is required, input behind AUTH in the same flight, and, after three
 *          failed logons or ten errors since the last message or logon (Exchange allows five in
 *          all), the client. Refused addresses, sizes and recipients are not counted, nor is
 *          what was pipelined behind a refused MAIL.
 * Touches  no socket, file, clock or TLS; no allocation per line or message.
 *
 * The gateway's loop, for each piece of input and after each answer:
 *
 *     smtp_server_feed(s, &in, now);            uses what it can
 *     send smtp_server_output(s);               then smtp_server_sent(s, n)
 *     answer smtp_server_question(s), if any;   then feed again with what is left of in
 *
 * A transaction begins with a 2xx to SMTP_ASK_MAIL and ends in one of three ways: the answer to
 * SMTP_ASK_MESSAGE, the question SMTP_ASK_RESET, or smtp_server_free().
 *
 * BINARYMIME, SMTPUTF8 and XEXCH50 are offered where the settings say so, which is the
 * gateway's to say: it must be able to honour it. X-LINK2STATE, X-EXPS, X-ANONYMOUSTLS, TURN,
 * ATRN, ETRN, XRDST and XSHADOW are for servers of one organization, and never offered.
 */
#ifndef MAIL_SMTP_SERVER_H
#define MAIL_SMTP_SERVER_H

#include <stdint.h>

#include "gateway/mail/address.h"
#include "gateway/mail/dsn_options.h"
#include "gateway/mail/reply.h"

struct smtp_server;

/* What this session is allowed and told; fixed before the first octet. Slices must outlive the
 * engine (they point into the configuration that the session holds a reference to). */
struct smtp_server_settings {
    struct slice hostname;       /* banner and EHLO; at most 255 octets */
    struct slice client_text;    /* "10.1.20.4", for "250-host Hello [..]"; at most 64 octets */
    bool tls_offered;            /* STARTTLS in EHLO before TLS */
    bool tls_required;           /* AUTH and MAIL in clear are refused ... */
    int tls_clear_reply;         /* ... with 530 5.7.0, or 454 4.7.0 */
    bool auth_offered;           /* AUTH LOGIN PLAIN and AUTH=LOGIN, once under TLS or when TLS is
                                    not required */
    bool auth_required;          /* MAIL before AUTH: 530 5.7.1 Client was not authenticated */
    uint64_t size_max;           /* SIZE, octets; 0 = no limit */
    uint32_t recipients_max;     /* beyond: 452 4.5.3 Too many recipients; 0 = no limit */
    bool normalise_bare_newline; /* else bare CR or LF in DATA: 550 5.6.0 after the final dot */
    bool binarymime_offered; /* BINARYMIME in EHLO; CHUNKING (BDAT) stands there in any case, and
                                BODY=BINARYMIME is understood whether it was offered or not */
    bool smtputf8_offered;   /* SMTPUTF8: addresses in UTF-8, when MAIL says so */
    bool exch50_offered;     /* XEXCH50, to clients that logged on; else nobody knows the verb */
    uint32_t exch50_max;     /* octets of its blob */
    uint64_t idle_ms;        /* silence of the client: 421 4.4.1; 0 = no limit */
    uint64_t command_ms; /* from the first octet of a line to its end: 421 4.4.1; 0 = no limit */
    uint64_t handshake_ms; /* from the 220 of STARTTLS to smtp_server_tls_done(); 0 = no limit */
    uint64_t data_rate;    /* octets of content a second, over pace.h's window: 421 4.4.2; 0 =
                              any */
    uint64_t greet_ms;     /* from connect to a finished AUTH or MAIL, however busy the client
                              is, handshake included: 421 4.4.1; 0 = no limit */
};

/* The closed list of questions. */
enum smtp_ask {
    SMTP_ASK_NOTHING,
    SMTP_ASK_STARTTLS, /* 220 is in the output. Flush it; what came behind the command was
                          consumed and thrown away (injected_octets). Shake hands, then
                          smtp_server_tls_done(). No answer. The deadline of the handshake is in
                          smtp_server_wake_ms(). */
    SMTP_ASK_AUTH,     /* name, password: 235 2.7.0, 535 5.7.3 or 454 4.7.0 */
    SMTP_ASK_MAIL,     /* mail: may this sender? 250 2.1.0 */
    SMTP_ASK_RCPT,     /* rcpt: whose is it? 250 2.1.5 */
    SMTP_ASK_EXCH50,   /* exch50: may this blob go with the message? Any reply; 250 takes it, and
                          the transaction goes on in any case */
    SMTP_ASK_DATA,     /* may the content come? 354 (the words are the engine's); anything else
                          refuses the transaction, and SMTP_ASK_RESET follows. Asked at DATA, or
                          at the first BDAT of a message (smtp_server_is_chunked()). */
    SMTP_ASK_BODY,     /* body: octets of the message, unstuffed, lines ended by CRLF; but chunked
                          content is as it came, with bare CR, bare LF and NUL. Answer with
                          smtp_server_took_body() */
    SMTP_ASK_MESSAGE,  /* the end of the content: 250 2.6.0 only when durable. Not asked for
                          content that is refused: bare CR or LF, NUL (these two not when it is
                          chunked), too large, or by the gateway. */
    SMTP_ASK_RESET, /* the transaction is over without a message (RSET, EHLO, QUIT, timeout, DATA
                       or content refused): drop what belongs to it; answer with
                       smtp_server_did_reset() */
    SMTP_ASK_CLOSE, /* flush the output and close; no answer */
};

enum smtp_body_type {
    SMTP_BODY_UNSAID,
    SMTP_BODY_7BIT,
    SMTP_BODY_8BITMIME,
    SMTP_BODY_BINARYMIME, /* RFC 3030 */
};

struct smtp_mail {
    struct address from;
    bool size_given;
    uint64_t size;
    enum smtp_body_type body;
    bool auth_given;   /* AUTH= was there (RFC 4954 5) */
    struct slice auth; /* decoded xtext; "<>" for AUTH=<> */
    bool utf8;         /* SMTPUTF8 (RFC 6531) */
    enum dsn_return dsn_return;
    struct slice envid; /* xtext as it came; "" = none */
};

struct smtp_rcpt {
    struct address to;  /* domain "" for <postmaster> */
    unsigned notify;    /* of enum dsn_notify */
    struct slice orcpt; /* "rfc822;" and xtext as it came; "" = none */
};

/* What Exchange 2000 to 2007 send beside a message: MAPI properties (exchange-facts.md 3.6). */
struct smtp_exch50 {
    struct slice blob; /* opaque; at least one octet, at most exch50_max */
    uint32_t number;   /* behind its length in the command; nobody wrote down what it means */
};

enum auth_mechanism { AUTH_LOGIN, AUTH_PLAIN };

struct smtp_question {
    enum smtp_ask ask;
    union {
        struct {
            enum auth_mechanism mechanism;
            struct slice name;     /* authentication identity as sent */
            struct slice password; /* wiped by the engine when the answer came */
        } auth;
        struct smtp_mail mail; /* slices valid until the answer, wherever the input is by then */
        struct smtp_rcpt rcpt;
        struct smtp_exch50 exch50; /* valid until the answer */
        struct slice body;         /* a slice of the input: that must stay where it is until
                                      smtp_server_took_body() */
        const char *close_why;     /* "quit", "client timed out", ... for the log; static text */
    };
};

/* NULL: out of memory. The 220 banner is in the output at once; or, with a refusal whose code is
 * 421 or 554, that one, hostname in front of its words. Who is refused may say QUIT within five
 * seconds, and is answered (RFC 5321 3.1); anything else is 503. */
struct smtp_server *smtp_server_new(const struct smtp_server_settings *settings, uint64_t now_ms);
struct smtp_server *smtp_server_new_refusing(const struct reply *refusal, struct slice hostname,
                                             uint64_t now_ms);
void smtp_server_free(struct smtp_server **s);

/* Use what can be used of *in and advance it. Stops early when a question is open: keep the rest
 * and offer it again after the answer. Stops also when so much output waits that the client must
 * read first: offer the rest again after smtp_server_sent(). Call with empty *in when
 * smtp_server_wake_ms() is reached. */
void smtp_server_feed(struct smtp_server *s, struct slice *in, uint64_t now_ms);

/* The open question. Asking again gives the same one. */
const struct smtp_question *smtp_server_question(const struct smtp_server *s);

/* Answer AUTH, MAIL, RCPT, EXCH50, DATA or MESSAGE. It is a bug to answer when none of these is
 * open. An answer of 421 closes. */
void smtp_server_answer(struct smtp_server *s, const struct reply *reply, uint64_t now_ms);
void smtp_server_took_body(struct smtp_server *s);
void smtp_server_did_reset(struct smtp_server *s);

/* While BODY comes: whatever follows is thrown away and the end of data gets this reply; no
 * SMTP_ASK_MESSAGE then. Called between a BODY question and its answer, at most once a message.
 */
void smtp_server_refuse_content(struct smtp_server *s, const struct reply *reply);

/* The handshake is done: the engine is new, nothing the client said before is known. Counted
 * errors and failed logons stay. */
void smtp_server_tls_done(struct smtp_server *s, uint64_t now_ms);

/* End from outside (drain, limits): says this 421 and closes as soon as the protocol allows it:
 * now, or after the open question, or after the reply to the content that is coming in. */
void smtp_server_shut(struct smtp_server *s, const struct reply *reply);

/* What to put on the wire now (borrowed until the next call), and: n octets of it are gone. */
struct slice smtp_server_output(const struct smtp_server *s);
void smtp_server_sent(struct smtp_server *s, size_t n);

/* When to feed with nothing so that timeouts happen. */
uint64_t smtp_server_wake_ms(const struct smtp_server *s);

/* How the conversation ended; a closed list. */
enum smtp_end {
    SMTP_END_NONE, /* not yet, or the client just went away */
    SMTP_END_QUIT,
    SMTP_END_REFUSED, /* smtp_server_new_refusing() */
    SMTP_END_TIMEOUT, /* silence, or one of the deadlines */
    SMTP_END_SLOW,    /* data_rate */
    SMTP_END_ERRORS,
    SMTP_END_LOGONS,
    SMTP_END_BEHIND_AUTH,
    SMTP_END_BARE_LF,
    SMTP_END_CHUNK,  /* BDAT without a number */
    SMTP_END_SHUT,   /* smtp_server_shut() */
    SMTP_END_ANSWER, /* an answer of the gateway was 421 */
    SMTP_END_MEMORY,
};
enum smtp_end smtp_server_end(const struct smtp_server *s);
uint64_t smtp_server_data_rate(const struct smtp_server *s); /* measured, when SMTP_END_SLOW */

/* What the client said: how many times each of SMTP_VERBS verbs, by the name that metrics give
 * it. The last two are verbs that are not offered here, and words that are none. */
enum smtp_verb {
    SMTP_EHLO,
    SMTP_HELO,
    SMTP_STARTTLS,
    SMTP_AUTH,
    SMTP_MAIL,
    SMTP_RCPT,
    SMTP_XEXCH50,
    SMTP_DATA,
    SMTP_BDAT,
    SMTP_VRFY,
    SMTP_RSET,
    SMTP_NOOP,
    SMTP_HELP,
    SMTP_QUIT,
    SMTP_NOT_OFFERED,
    SMTP_UNKNOWN,
    SMTP_VERBS,
};
uint32_t smtp_server_said(const struct smtp_server *s, enum smtp_verb verb);
const char *smtp_verb_text(enum smtp_verb verb);

/* Facts for logs and trace fields. */
struct slice smtp_server_hello(const struct smtp_server *s); /* "" before EHLO/HELO */
bool smtp_server_is_esmtp(const struct smtp_server *s);
bool smtp_server_in_transaction(const struct smtp_server *s);
bool smtp_server_refused_some(const struct smtp_server *s); /* RCPT of this transaction, by
                                                               whomever */
bool smtp_server_is_chunked(const struct smtp_server *s); /* DATA, BODY, MESSAGE: it is by BDAT */
size_t smtp_server_injected_octets(const struct smtp_server *s); /* thrown away behind STARTTLS */

#endif
