/*
 * smtp_server_state.c - where the conversation stands, what it asks, and how it ends.
 */
#include "gateway/mail/smtp_server_private.h"

#define BIT(state) (1U << (state))
#define RESTING (BIT(SERVER_TLS_DUE) | BIT(SERVER_AUTH_DUE) | BIT(SERVER_READY))

/* From each state, where one can get. SERVER_OVER can be got to from everywhere. */
static const unsigned moves[SERVER_STATES] = {
    [SERVER_NEW] = RESTING | BIT(SERVER_REFUSED),
    [SERVER_TLS_DUE] = RESTING | BIT(SERVER_HANDSHAKE),
    [SERVER_AUTH_DUE] = RESTING | BIT(SERVER_HANDSHAKE) | BIT(SERVER_SASL),
    [SERVER_READY] = RESTING | BIT(SERVER_HANDSHAKE) | BIT(SERVER_SASL) | BIT(SERVER_MAIL),
    [SERVER_MAIL] = BIT(SERVER_READY) | BIT(SERVER_RCPT),
    [SERVER_RCPT] = BIT(SERVER_READY) | BIT(SERVER_RCPT) | BIT(SERVER_EXCH50) |
                    BIT(SERVER_CONTENT) | BIT(SERVER_CHUNK),
    [SERVER_CHUNKS] = BIT(SERVER_READY) | BIT(SERVER_CHUNK),
    [SERVER_SASL] = BIT(SERVER_AUTH_DUE) | BIT(SERVER_READY),
    [SERVER_EXCH50] = BIT(SERVER_RCPT),
    [SERVER_CONTENT] = BIT(SERVER_READY),
    [SERVER_CHUNK] = BIT(SERVER_READY) | BIT(SERVER_CHUNKS),
    [SERVER_REFUSED] = 0,
    [SERVER_HANDSHAKE] = BIT(SERVER_NEW),
    [SERVER_OVER] = 0,
};

void
server_move(struct smtp_server *s, enum server_state to)
{
    must((moves[s->state] & BIT(to)) || to == SERVER_OVER);
    s->state = to;
}

enum server_state
server_resting_state(const struct smtp_server *s)
{
    if (s->settings.tls_required && !s->tls)
        return SERVER_TLS_DUE;
    if (s->settings.auth_required && !s->authenticated)
        return SERVER_AUTH_DUE;
    return SERVER_READY;
}

bool
server_is_in_content(const struct smtp_server *s)
{
    return s->state == SERVER_EXCH50 || s->state == SERVER_CONTENT || s->state == SERVER_CHUNK ||
           s->state == SERVER_CHUNKS;
}

bool
smtp_server_in_transaction(const struct smtp_server *s)
{
    return s->state == SERVER_MAIL || s->state == SERVER_RCPT || server_is_in_content(s);
}

void
server_ask(struct smtp_server *s, enum smtp_ask ask)
{
    must(s->question.ask == SMTP_ASK_NOTHING);
    s->question.ask = ask;
}

void
server_close_question(struct smtp_server *s)
{
    s->question = (struct smtp_question){.ask = SMTP_ASK_NOTHING};
}

/* For the log. */
static const char *const end_texts[] = {
    [SMTP_END_NONE] = "",
    [SMTP_END_QUIT] = "quit",
    [SMTP_END_REFUSED] = "refused",
    [SMTP_END_TIMEOUT] = "client timed out",
    [SMTP_END_SLOW] = "client sent too slowly",
    [SMTP_END_ERRORS] = "too many errors",
    [SMTP_END_LOGONS] = "too many failed logons",
    [SMTP_END_BEHIND_AUTH] = "input behind AUTH",
    [SMTP_END_BARE_LF] = "bare LF in a command",
    [SMTP_END_CHUNK] = "chunk of unknown size",
    [SMTP_END_SHUT] = "shut down",
    [SMTP_END_ANSWER] = "closed with 421",
    [SMTP_END_MEMORY] = "out of memory",
};

static void
ask_close(struct smtp_server *s)
{
    server_ask(s, SMTP_ASK_CLOSE);
    s->question.close_why = end_texts[s->end];
}

void
server_close(struct smtp_server *s, enum smtp_end end, const char *line)
{
    bool open = smtp_server_in_transaction(s) || s->question.ask == SMTP_ASK_RESET;

    if (line != NULL)
        server_say(s, line);
    server_sasl_end(s);
    server_move(s, SERVER_OVER);
    s->end = end;
    server_close_question(s);
    if (open)
        server_ask(s, SMTP_ASK_RESET);
    else
        ask_close(s);
}

void
server_drop_transaction(struct smtp_server *s)
{
    server_move(s, SERVER_READY);
    server_ask(s, SMTP_ASK_RESET);
}

void
server_settle(struct smtp_server *s)
{
    if (s->question.ask != SMTP_ASK_NOTHING)
        return;
    if (!buf_ok(&s->out)) {
        /* A reply is missing: all that follow would answer the wrong command. */
        server_close(s, SMTP_END_MEMORY, NULL);
    } else if (s->shut_due && s->state == SERVER_REFUSED) {
        server_close(s, SMTP_END_REFUSED, NULL);
    } else if (s->shut_due && !server_is_in_content(s)) {
        server_say_reply(s, &s->farewell);
        server_close(s, SMTP_END_SHUT, NULL);
    }
}

void
smtp_server_did_reset(struct smtp_server *s)
{
    must(s->question.ask == SMTP_ASK_RESET);
    server_close_question(s);
    s->clock_restarts = true;
    if (s->state == SERVER_OVER)
        ask_close(s);
    server_settle(s);
}

void
smtp_server_shut(struct smtp_server *s, const struct reply *reply)
{
    if (s->state == SERVER_OVER)
        return;
    s->farewell = *reply;
    s->shut_due = true;
    server_settle(s);
}

enum smtp_end
smtp_server_end(const struct smtp_server *s)
{
    return s->end;
}
