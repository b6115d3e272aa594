/*
 * smtp_server_hello.c - EHLO, HELO and STARTTLS: how a session begins, and begins anew.
 */
#include "gateway/mail/smtp_server_private.h"

/* AUTH in clear is refused where TLS is required, so it is not offered there either. */
static bool
offers_auth(const struct smtp_server *s)
{
    return s->settings.auth_offered && (s->tls || !s->settings.tls_required);
}

/* The line that Exchange begins its list with. */
static void
put_greeting(struct smtp_server *s, const char *code)
{
    buf_put_str(&s->out, code);
    buf_put(&s->out, s->settings.hostname);
    buf_put_str(&s->out, " Hello [");
    buf_put(&s->out, s->settings.client_text);
    server_say(s, "]");
}

static void
put_size(struct smtp_server *s)
{
    buf_put_str(&s->out, "250-SIZE");
    if (s->settings.size_max > 0) {
        buf_put_char(&s->out, ' ');
        buf_put_num(&s->out, s->settings.size_max);
    }
    server_say(s, "");
}

/* In Exchange 2007's order. Neither STARTTLS nor AUTH is the last line: that one has a blank in
 * place of the '-', and some clients and probes look for "250-STARTTLS" and "250-AUTH" to the
 * letter. */
static void
put_extensions(struct smtp_server *s)
{
    const struct smtp_server_settings *o = &s->settings;
    const struct {
        bool offered;
        const char *line;
    } list[] = {
        {true, "PIPELINING"},
        {true, "DSN"},
        {true, "ENHANCEDSTATUSCODES"},
        {o->tls_offered && !s->tls, "STARTTLS"},
        {offers_auth(s), "AUTH LOGIN PLAIN"},
        {offers_auth(s), "AUTH=LOGIN"}, /* Outlook Express 4, Exchange 5.0 */
        {true, "8BITMIME"},
        {o->binarymime_offered, "BINARYMIME"},
        {true, "CHUNKING"},
        {o->smtputf8_offered, "SMTPUTF8"},
        {o->exch50_offered && s->authenticated, "XEXCH50"},
    };
    size_t last = COUNT_OF(list) - 1;

    put_size(s);
    while (!list[last].offered)
        last--;
    for (size_t i = 0; i <= last; i++) {
        if (!list[i].offered)
            continue;
        buf_put_str(&s->out, i < last ? "250-" : "250 ");
        server_say(s, list[i].line);
    }
}

/* RFC 5321 4.1.4: a hello resets, whatever it said before. False, after a 501: it is none. */
static bool
got_hello(struct smtp_server *s, struct slice name, bool esmtp)
{
    if (!domain_is_hello(name)) {
        server_refuse(s, "501 5.5.4 Invalid domain name");
        return false;
    }
    buf_clear(&s->hello);
    buf_put(&s->hello, name);
    s->esmtp = esmtp;
    if (smtp_server_in_transaction(s))
        server_drop_transaction(s);
    else
        server_move(s, server_resting_state(s));
    return true;
}

void
server_ehlo(struct smtp_server *s, struct slice args)
{
    if (!got_hello(s, args, true))
        return;
    put_greeting(s, "250-");
    put_extensions(s);
}

void
server_helo(struct smtp_server *s, struct slice args)
{
    if (got_hello(s, args, false))
        put_greeting(s, "250 ");
}

/* RFC 3207 4.2. The 220 is the last that we say in clear; what the client sent behind the command
 * could be anybody's and is thrown away. */
void
server_starttls(struct smtp_server *s, struct slice args)
{
    if (!server_takes_nothing(s, args))
        return;
    if (!s->settings.tls_offered) {
        server_refuse(s, "502 5.3.3 Command not implemented");
        return;
    }
    if (s->tls) {
        server_refuse(s, "503 5.5.1 Bad sequence of commands");
        return;
    }
    server_say(s, "220 2.0.0 SMTP server ready");
    s->injected_octets += s->behind->len;
    slice_skip(s->behind, s->behind->len);
    server_move(s, SERVER_HANDSHAKE);
    server_ask(s, SMTP_ASK_STARTTLS);
}

/* The counts of errors and failed logons stay: they are not what the client said but what it
 * did, and a handshake must not buy three more guesses. */
void
smtp_server_tls_done(struct smtp_server *s, uint64_t now_ms)
{
    must(s->question.ask == SMTP_ASK_STARTTLS);
    server_close_question(s);
    buf_clear(&s->hello);
    s->esmtp = false;
    s->authenticated = false;
    s->tls = true;
    s->clock_restarts = false;
    s->heard_ms = now_ms;
    server_move(s, SERVER_NEW);
    server_settle(s);
}
