/*
 * smtp_server_verbs.c - which verb may come when, and the verbs that need no file of their own.
 */
#include "gateway/base/ascii.h"
#include "gateway/mail/smtp_server_private.h"

static void
do_rset(struct smtp_server *s, struct slice args)
{
    if (!server_takes_nothing(s, args))
        return;
    server_say(s, "250 2.0.0 Resetting");
    if (smtp_server_in_transaction(s))
        server_drop_transaction(s);
}

static void
do_noop(struct smtp_server *s, struct slice args)
{
    (void)args; /* RFC 5321 4.1.1.9 allows any */
    server_say(s, "250 2.0.0 OK");
}

static void
do_vrfy(struct smtp_server *s, struct slice args)
{
    (void)args; /* who is there is said at RCPT only, to those who may know */
    server_say(s, "252 2.1.5 Cannot VRFY user");
}

static void
do_help(struct smtp_server *s, struct slice args)
{
    (void)args;
    server_say(s, "214 2.0.0 Commands: EHLO HELO STARTTLS AUTH MAIL RCPT DATA BDAT RSET "
                  "NOOP VRFY HELP QUIT");
}

static void
do_quit(struct smtp_server *s, struct slice args)
{
    if (server_takes_nothing(s, args))
        server_close(s, SMTP_END_QUIT, "221 2.0.0 Service closing transmission channel");
}

static void
do_off(struct smtp_server *s, struct slice args)
{
    (void)args;
    server_refuse(s, "502 5.3.3 Command not implemented");
}

static void
do_unknown(struct smtp_server *s, struct slice args)
{
    (void)args;
    server_refuse(s, "500 5.3.3 Unrecognized command");
}

/*
 * Which verb may come in which state (RFC 5321 4.1.4, RFC 3207 4, RFC 4954 4).
 *
 *   DO   its function            HEL  503 5.5.2 Send hello first
 *   TLS  530 5.7.0 TLS first     LOG  530 5.7.1 Client was not authenticated
 *   SEQ  503 5.5.1 Bad sequence  RCP  503 5.5.2 Need rcpt command
 *
 * NOT_OFFERED is a verb that other servers have and we do not, UNKNOWN is anything else. Every
 * cell is a test (test_smtp_server_verbs.c).
 */
enum cell { DO, HEL, TLS, LOG, SEQ, RCP };

/* clang-format off */
#define VERBS(ROW)                                                           \
    /*  verb         function         new  tls  auth rdy  mail rcpt chunks */ \
    ROW(EHLO,        server_ehlo,     DO,  DO,  DO,  DO,  DO,  DO,  DO)      \
    ROW(HELO,        server_helo,     DO,  DO,  DO,  DO,  DO,  DO,  DO)      \
    ROW(STARTTLS,    server_starttls, HEL, DO,  DO,  DO,  SEQ, SEQ, SEQ)     \
    ROW(AUTH,        server_auth,     HEL, TLS, DO,  DO,  SEQ, SEQ, SEQ)     \
    ROW(MAIL,        server_mail,     HEL, TLS, LOG, DO,  SEQ, SEQ, SEQ)     \
    ROW(RCPT,        server_rcpt,     HEL, TLS, LOG, SEQ, DO,  DO,  SEQ)     \
    ROW(XEXCH50,     server_exch50,   HEL, DO,  DO,  DO,  DO,  DO,  SEQ)     \
    ROW(DATA,        server_data,     HEL, TLS, LOG, SEQ, RCP, DO,  SEQ)     \
    ROW(BDAT,        server_bdat,     HEL, TLS, LOG, SEQ, RCP, DO,  DO)      \
    ROW(VRFY,        do_vrfy,         HEL, TLS, LOG, DO,  DO,  DO,  DO)      \
    ROW(RSET,        do_rset,         DO,  DO,  DO,  DO,  DO,  DO,  DO)      \
    ROW(NOOP,        do_noop,         DO,  DO,  DO,  DO,  DO,  DO,  DO)      \
    ROW(HELP,        do_help,         DO,  DO,  DO,  DO,  DO,  DO,  DO)      \
    ROW(QUIT,        do_quit,         DO,  DO,  DO,  DO,  DO,  DO,  DO)      \
    ROW(NOT_OFFERED, do_off,          DO,  DO,  DO,  DO,  DO,  DO,  DO)      \
    ROW(UNKNOWN,     do_unknown,      DO,  DO,  DO,  DO,  DO,  DO,  DO)
/* clang-format on */

static const struct {
    void (*run)(struct smtp_server *s, struct slice args);
    enum cell in[SERVER_VERB_STATES];
} verbs[SMTP_VERBS] = {
#define ROW(verb, function, ...) [SMTP_##verb] = {function, {__VA_ARGS__}},
    VERBS(ROW)
#undef ROW
};

/* The usual ones first. */
static const struct {
    const char *name;
    enum smtp_verb verb;
} names[] = {
    {"RCPT", SMTP_RCPT},
    {"MAIL", SMTP_MAIL},
    {"DATA", SMTP_DATA},
    {"BDAT", SMTP_BDAT},
    {"EHLO", SMTP_EHLO},
    {"QUIT", SMTP_QUIT},
    {"RSET", SMTP_RSET},
    {"STARTTLS", SMTP_STARTTLS},
    {"AUTH", SMTP_AUTH},
    {"NOOP", SMTP_NOOP},
    {"HELO", SMTP_HELO},
    {"HELP", SMTP_HELP},
    {"VRFY", SMTP_VRFY},
    {"XEXCH50", SMTP_XEXCH50},
    /* Exchange's and other servers' (exchange-facts.md 3.7). */
    {"EXPN", SMTP_NOT_OFFERED},
    {"ETRN", SMTP_NOT_OFFERED},
    {"TURN", SMTP_NOT_OFFERED},
    {"ATRN", SMTP_NOT_OFFERED},
    {"SEND", SMTP_NOT_OFFERED},
    {"SOML", SMTP_NOT_OFFERED},
    {"SAML", SMTP_NOT_OFFERED},
    {"X-EXPS", SMTP_NOT_OFFERED},
    {"X-LINK2STATE", SMTP_NOT_OFFERED},
    {"X-ANONYMOUSTLS", SMTP_NOT_OFFERED},
    {"XRDST", SMTP_NOT_OFFERED},
    {"XSHADOW", SMTP_NOT_OFFERED},
};

static enum smtp_verb
verb_named(const struct smtp_server *s, struct slice name)
{
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        if (!ascii_is(name, names[i].name))
            continue;
        if (names[i].verb == SMTP_XEXCH50 && !s->settings.exch50_offered)
            return SMTP_UNKNOWN; /* as servers say that never had it */
        return names[i].verb;
    }
    return SMTP_UNKNOWN;
}

/* Cut the verb off the front of *line; what is left are its arguments. */
static struct slice
take_verb(struct slice *line)
{
    size_t n = 0;

    while (n < line->len && !ascii_is_blank(line->ptr[n]))
        n++;
    struct slice verb = slice_head(*line, n);
    /* Clients of the days of "AUTH=LOGIN" send it back as they read it. */
    if (ascii_starts(verb, "AUTH="))
        verb = slice_head(verb, 4);
    *line = ascii_trim(slice_from(*line, verb.len < n ? verb.len + 1 : n));
    return verb;
}

static const char *
refusal_of(const struct smtp_server *s, enum cell cell)
{
    switch (cell) {
    case HEL:
        return "503 5.5.2 Send hello first";
    case TLS:
        return s->settings.tls_clear_reply == 454
                   ? "454 4.7.0 Must issue a STARTTLS command first"
                   : "530 5.7.0 Must issue a STARTTLS command first";
    case LOG:
        return "530 5.7.1 Client was not authenticated";
    case SEQ:
        return "503 5.5.1 Bad sequence of commands";
    case RCP:
        return "503 5.5.2 Need rcpt command";
    case DO:
        break;
    }
    never("DO is no refusal");
}

/* RCPT, DATA and BDAT may have been pipelined behind a MAIL that was refused, and RCPT and BDAT
 * as many as there are recipients and chunks: the client could not know. No mistake of its own.
 */
static void
refuse_verb(struct smtp_server *s, enum smtp_verb verb, struct slice args, const char *line)
{
    if (verb == SMTP_BDAT)
        server_refuse_bdat(s, args, line);
    else if (verb == SMTP_RCPT || verb == SMTP_DATA)
        server_say(s, line);
    else
        server_refuse(s, line);
}

/* A first response may stand in the line of AUTH, and is as long as any other line of the
 * exchange. That a BDAT is too long is seen when its number is looked for. */
static bool
is_too_long(enum smtp_verb verb, size_t len)
{
    return len > COMMAND_LINE_MAX && verb != SMTP_AUTH && verb != SMTP_BDAT;
}

void
server_command(struct smtp_server *s, struct slice line)
{
    struct slice args = line;
    enum smtp_verb verb = verb_named(s, take_verb(&args));
    enum cell cell = verbs[verb].in[s->state];

    s->said[verb]++;
    if (is_too_long(verb, line.len))
        server_refuse(s, "500 5.5.2 Line too long");
    else if (cell != DO)
        refuse_verb(s, verb, args, refusal_of(s, cell));
    else
        verbs[verb].run(s, args);
}

bool
server_takes_nothing(struct smtp_server *s, struct slice args)
{
    if (args.len == 0)
        return true;
    server_refuse(s, "501 5.5.4 Invalid arguments");
    return false;
}

void
server_refused_line(struct smtp_server *s, struct slice line)
{
    struct slice args = line;
    enum smtp_verb verb = verb_named(s, take_verb(&args));

    s->said[verb]++;
    if (verb == SMTP_QUIT)
        server_close(s, SMTP_END_REFUSED, "221 2.0.0 Service closing transmission channel");
    else
        server_refuse(s, "503 5.5.1 Bad sequence of commands");
}

uint32_t
smtp_server_said(const struct smtp_server *s, enum smtp_verb verb)
{
    return s->said[verb];
}

const char *
smtp_verb_text(enum smtp_verb verb)
{
    if (verb == SMTP_NOT_OFFERED)
        return "not-offered";
    for (size_t i = 0; i < COUNT_OF(names); i++)
        if (names[i].verb == verb)
            return names[i].name;
    return "unknown";
}
