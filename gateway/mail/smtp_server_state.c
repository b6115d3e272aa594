/*
 * smtp_server_state.c - where the conversation stands, what it asks, and how it ends.
 */
#include "gateway/mail/smtp_server_private.h"

#define BIT(state) (1U << (state))
#define RESTING (BIT(SERVER_TLS_DUE) | BIT(SERVER_AUTH_DUE) | BIT(SERVER_READY))

/* From each state, where one can get. SERVER_OVER can be got to from everywhere. */
static const unsigned moves[SERVER_STATES] = {
    [SERVER_NEW] = RESTING,
    [SERVER_TLS_DUE] = RESTING | BIT(SERVER_HANDSHAKE),
    [SERVER_AUTH_DUE] = RESTING | BIT(SERVER_HANDSHAKE) | BIT(SERVER_SASL),
    [SERVER_READY] = RESTING | BIT(SERVER_HANDSHAKE) | BIT(SERVER_SASL) | BIT(SERVER_MAIL),
    [SERVER_MAIL] = BIT(SERVER_READY) | BIT(SERVER_RCPT),
    [SERVER_RCPT] = BIT(SERVER_READY) | BIT(SERVER_RCPT) | BIT(SERVER_CONTENT),
    [SERVER_SASL] = BIT(SERVER_AUTH_DUE) | BIT(SERVER_READY),
    [SERVER_CONTENT] = BIT(SERVER_READY),
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
smtp_server_in_transaction(const struct smtp_server *s)
{
    return s->state == SERVER_MAIL || s->state == SERVER_RCPT || s->state == SERVER_CONTENT;
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

static void
ask_close(struct smtp_server *s)
{
    server_ask(s, SMTP_ASK_CLOSE);
    s->question.close_why = s->close_why;
}

void
server_close(struct smtp_server *s, const char *why, const char *line)
{
    bool open = smtp_server_in_transaction(s) || s->question.ask == SMTP_ASK_RESET;

    if (line != NULL)
        server_say(s, line);
    server_sasl_end(s);
    server_move(s, SERVER_OVER);
    s->close_why = why;
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
        server_close(s, "out of memory", NULL);
    } else if (s->shut_due && s->state != SERVER_CONTENT) {
        server_say_reply(s, &s->farewell);
        server_close(s, "shut down", NULL);
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
