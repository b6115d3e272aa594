#include "tests/bench/sink.h"

#include <sys/epoll.h>

#include "gateway/base/ascii.h"
#include "gateway/base/clock.h"
#include "gateway/base/mem.h"

static void
got_auth(struct session *c, struct slice name, struct slice password)
{
    const struct options *o = &c->sink->options;
    if (o->user != NULL && ascii_is(name, o->user) && slice_is(password, o->password))
        sink_answer(c, 235, "2.7.0", "Authentication successful");
    else
        sink_answer(c, 535, "5.7.3", "Authentication unsuccessful");
}

/* 220 leaves in clear, all that came behind STARTTLS is nothing, then octets are TLS. */
static void
got_starttls(struct session *c)
{
    if (c->wire.tls == NULL) {
        buf_clear(&c->wire.in);
        c->used = 0;
        c->wire.tls = tls_filter_new_server(c->sink->tls, &c->wire.out);
        must(c->wire.tls != NULL);
    } else if (tls_filter_is_open(c->wire.tls)) {
        c->sink->resumed += tls_filter_is_resumed(c->wire.tls);
        smtp_server_tls_done(c->engine, clock_ms());
    }
}

/* Deal with the open question. False: it stays open (or there is none). */
static bool
got_question(struct session *c)
{
    const struct smtp_question *q = smtp_server_question(c->engine);
    enum smtp_ask ask = q->ask;
    switch (ask) {
    case SMTP_ASK_NOTHING:
        return false;
    case SMTP_ASK_STARTTLS:
        got_starttls(c);
        return smtp_server_question(c->engine)->ask != SMTP_ASK_STARTTLS;
    case SMTP_ASK_AUTH:
        got_auth(c, q->auth.name, q->auth.password);
        break;
    case SMTP_ASK_MAIL:
        sink_got_mail(c);
        break;
    case SMTP_ASK_RCPT:
        sink_got_rcpt(c, &q->rcpt);
        break;
    case SMTP_ASK_EXCH50:
        never("the sink does not offer XEXCH50");
    case SMTP_ASK_DATA:
        sink_got_data_or_message(c, false);
        break;
    case SMTP_ASK_BODY:
        sink_got_body(c, q->body);
        break;
    case SMTP_ASK_MESSAGE:
        sink_got_data_or_message(c, true);
        break;
    case SMTP_ASK_RESET:
        c->in_transaction = false;
        smtp_server_did_reset(c->engine);
        break;
    case SMTP_ASK_CLOSE:
        c->is_gone = true;
        return false;
    }
    return !c->is_gone && c->wake_ms == 0;
}

static void
move_output(struct session *c)
{
    struct slice out = smtp_server_output(c->engine);
    if (out.len == 0)
        return;
    wire_put(&c->wire, out);
    smtp_server_sent(c->engine, out.len);
}

/* As far as input and answers go. */
static void
run(struct session *c)
{
    for (bool moved = true; moved && !c->is_gone && c->wake_ms == 0;) {
        struct slice in = slice_from(buf_slice(&c->wire.in), c->used);
        size_t offered = in.len;
        if (smtp_server_question(c->engine)->ask == SMTP_ASK_NOTHING && in.len > 0)
            smtp_server_feed(c->engine, &in, clock_ms());
        c->used += offered - in.len;
        move_output(c);
        moved = got_question(c) || offered > in.len;
        move_output(c);
    }
    if (c->wake_ms == 0) {
        buf_drop(&c->wire.in, c->used);
        c->used = 0;
    }
}

void
sink_end_session(struct session *c)
{
    struct sink *s = c->sink;
    if (c->in_transaction && !c->is_gone && !s->is_over)
        sink_write_hash_line(c, "cut", false);
    for (struct session **at = &s->sessions; *at; at = &(*at)->next) {
        if (*at == c) {
            *at = c->next;
            break;
        }
    }
    smtp_server_free(&c->engine);
    wire_fini(&c->wire);
    content_hash_fini(&c->hash);
    buf_fini(&c->recipients);
    mem_free(&c);
}

static void
go_on(struct session *c)
{
    run(c);
    bool is_fine = wire_flush(&c->wire, c->wake_ms == 0);
    if (!is_fine || c->is_gone || (c->wire.ended && c->wake_ms == 0))
        sink_end_session(c);
}

void
sink_begin_session(struct sink *s, int fd)
{
    struct session *c = mem_new(sizeof *c);
    must(c != NULL);
    c->sink = s;
    c->next = s->sessions;
    s->sessions = c;
    c->number = ++s->connections;
    c->opened_unix_ms = clock_unix_ms();
    if (s->first_unix_ms == 0)
        s->first_unix_ms = c->opened_unix_ms;
    wire_init(&c->wire, fd, s->epoll, c);
    content_hash_init(&c->hash);
    buf_init(&c->recipients, RECIPIENTS_MAX);
    c->engine = smtp_server_new(&s->settings, clock_ms());
    must(c->engine != NULL);
    go_on(c);
}

void
sink_on_event(struct session *c, uint32_t events)
{
    struct err err;
    if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0 && c->wake_ms == 0 &&
        !wire_read(&c->wire, &err)) {
        wire_flush(&c->wire, false); /* an alert, perhaps */
        sink_end_session(c);
        return;
    }
    go_on(c);
}

int
sink_wake_stalled(struct sink *s)
{
    uint64_t now = clock_ms();
    uint64_t wait = 1000;
    for (struct session *c = s->sessions, *next; c; c = next) {
        next = c->next;
        if (c->wake_ms == 0)
            continue;
        if (c->wake_ms <= now) {
            c->wake_ms = 0;
            go_on(c);
        } else if (c->wake_ms - now < wait) {
            wait = c->wake_ms - now;
        }
    }
    return (int)wait;
}
