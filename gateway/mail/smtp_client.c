#include "gateway/mail/smtp_client.h"

#include "gateway/base/mem.h"
#include "gateway/mail/smtp_client_private.h"

static void
on_reply_line(void *context, struct slice text)
{
    struct smtp_client *c = context;
    if (c->state == CLIENT_EHLO && c->settings.on_hello_line != NULL)
        c->settings.on_hello_line(c->settings.context, text);
    if (c->state == CLIENT_EHLO && c->replies.lines > 1)
        ehlo_take_line(&c->offers, text);
}

struct smtp_client *
smtp_client_new(const struct smtp_client_settings *settings, uint64_t now_ms)
{
    struct smtp_client *c = mem_new(sizeof *c);
    if (c == NULL)
        return NULL;
    c->settings = *settings;
    c->state = CLIENT_BANNER;
    reply_reader_init(&c->replies);
    c->replies.on_line = on_reply_line;
    c->replies.context = c;
    buf_init(&c->out, OUTPUT_MAX);
    c->now_ms = now_ms;
    client_wait_anew(c);
    return c;
}

void
smtp_client_free(struct smtp_client **client)
{
    struct smtp_client *c = *client;
    if (c == NULL)
        return;
    client_clear_output(c);
    buf_fini(&c->out);
    reply_reader_fini(&c->replies);
    mem_free(client);
}

static void
got_reply(struct smtp_client *c, struct reply *r)
{
    enum smtp_stage stage = smtp_client_stage(c);
    bool is_shown = r->code >= 400 || c->settings.on_reply != NULL;
    if (is_shown && (stage == SMTP_STAGE_AUTH || c->authenticated))
        client_hide_secret(c, r);
    if (c->settings.on_reply != NULL)
        c->settings.on_reply(c->settings.context, stage, r);
    if (r->code == 421 && c->state != CLIENT_QUIT) {
        if (c->state == CLIENT_EXCH50)
            c->flight.exch50 = SMTP_EXCH50_CLOSED;
        client_fail(c, r);
        return;
    }
    switch (c->state) {
    case CLIENT_BANNER:
        client_got_banner(c, r);
        return;
    case CLIENT_EHLO:
    case CLIENT_HELO:
        client_got_hello(c, r);
        return;
    case CLIENT_STARTTLS:
        client_got_starttls(c, r);
        return;
    case CLIENT_LOGIN:
    case CLIENT_NAME:
    case CLIENT_SECRET:
    case CLIENT_CANCEL:
        client_got_auth(c, r);
        return;
    case CLIENT_FLIGHT:
        client_got_flight(c, r);
        return;
    case CLIENT_EXCH50:
    case CLIENT_BLOB:
        client_got_exch50(c, r);
        return;
    case CLIENT_LEAD:
        client_got_lead(c, r);
        return;
    case CLIENT_BODY:
    case CLIENT_DOT:
        client_got_content(c, r);
        return;
    case CLIENT_QUIT:
        client_move(c, CLIENT_CLOSED);
        return;
    case CLIENT_READY:
    case CLIENT_DONE:
        client_fail_unexpected(c);
        return;
    case CLIENT_HANDSHAKE:
    case CLIENT_CLOSED:
    case CLIENT_FAILED:
    case CLIENT_STATES:
        break;
    }
    never("a reply is read where none is expected");
}

static bool
is_deaf(const struct smtp_client *c)
{
    return c->state == CLIENT_HANDSHAKE || client_is_over(c) || c->doomed;
}

void
smtp_client_feed(struct smtp_client *c, struct slice *in, uint64_t now_ms)
{
    c->now_ms = now_ms;
    if (in->len == 0)
        client_look_at_clock(c);
    while (in->len > 0) {
        if (is_deaf(c)) {
            slice_skip(in, in->len);
            return;
        }
        enum reply_parse parse = reply_read(&c->replies, in);
        if (parse == REPLY_BAD)
            client_fail_local(c, "4.5.0", "Malformed reply to %s", client_awaited_text(c));
        else if (parse == REPLY_DONE)
            got_reply(c, &c->replies.reply);
        client_check_output(c);
    }
}

void
smtp_client_tls_done(struct smtp_client *c, uint64_t now_ms)
{
    must(c->state == CLIENT_HANDSHAKE);
    c->now_ms = now_ms;
    c->tls = true;
    client_say_hello(c);
    client_check_output(c);
}

void
smtp_client_send(struct smtp_client *c, const struct smtp_transaction *t, uint64_t now_ms)
{
    c->now_ms = now_ms;
    client_take_off(c, t);
    client_check_output(c);
}

void
smtp_client_lost(struct smtp_client *c, const struct reply *why)
{
    if (c->doomed)
        return;
    struct reply local = *why;
    local.local = true;
    client_fail(c, &local);
}

void
smtp_client_abort(struct smtp_client *c, const struct reply *why)
{
    smtp_client_lost(c, why);
}

void
smtp_client_next(struct smtp_client *c)
{
    must(c->state == CLIENT_DONE);
    client_move(c, CLIENT_READY);
    if (c->doomed)
        client_move(c, CLIENT_FAILED);
}

void
smtp_client_quit(struct smtp_client *c, uint64_t now_ms)
{
    must(c->state == CLIENT_READY);
    c->now_ms = now_ms;
    client_say(c, "QUIT", slice("", 0));
    client_move(c, CLIENT_QUIT);
    client_check_output(c);
}

const struct smtp_outcome *
smtp_client_failure(const struct smtp_client *c)
{
    return &c->failure;
}

struct slice
smtp_client_output(const struct smtp_client *c)
{
    return buf_slice(&c->out);
}

void
smtp_client_sent(struct smtp_client *c, size_t n)
{
    c->moved = true;
    buf_drop(&c->out, n);
    if (c->out.len == 0)
        client_clear_output(c);
    if (c->state == CLIENT_FLIGHT) {
        client_fly(c);
        client_check_output(c);
    }
}

uint64_t
smtp_client_wake_ms(const struct smtp_client *c)
{
    return c->deadline_ms;
}

uint64_t
smtp_client_size_max(const struct smtp_client *c)
{
    return c->offers.size_max;
}

const struct ehlo *
smtp_client_offers(const struct smtp_client *c)
{
    return &c->offers;
}

bool
smtp_client_is_authenticated(const struct smtp_client *c)
{
    return c->authenticated;
}

bool
smtp_client_is_masked(const struct smtp_client *c)
{
    return c->masked || c->offers.masked;
}

struct slice
smtp_client_banner_name(const struct smtp_client *c)
{
    return slice(c->banner_name, c->banner_name_len);
}

enum smtp_exch50_end
smtp_client_exch50(const struct smtp_client *c)
{
    return c->flight.exch50;
}

bool
smtp_client_is_in_doubt(const struct smtp_client *c)
{
    return c->state == CLIENT_DOT && c->flight.accepted > 0 && c->out.len == 0;
}
