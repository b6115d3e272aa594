#include "gateway/relay/inbound_private.h"

#include <errno.h>

static void
write_output(struct inbound *s)
{
    struct slice out = slice_head(smtp_server_output(s->engine), conn_room(s->conn));
    if (out.len == 0 || !conn_write(s->conn, out))
        return;
    protocol_session_server(s->protocol, out);
    smtp_server_sent(s->engine, out.len);
}

/* All candidates agree on it; a probe that has none would like the modern one. */
static enum tls_profile_name
profile_of(const struct inbound *s)
{
    return s->candidates.count > 0 ? s->candidates.list[0]->tls_profile : TLS_PROFILE_MODERN;
}

static bool
start_tls(struct inbound *s)
{
    struct err err;
    size_t injected = smtp_server_injected_octets(s->engine);
    struct log_line line;
    if (injected > 0) {
        log_begin(&line, s->worker->shop->log, EV_starttls_injection, s->id);
        log_str(&line, "client", inbound_client(s));
        log_num(&line, "octets", injected);
        log_end(&line);
        counter_add(metrics_series(s->worker->shop->metrics, METRIC_starttls_injections_total,
                                   s->listener->name, NULL),
                    1);
    }
    if (conn_start_tls_server(s->conn,
                              runtime_listener_tls(s->runtime, s->listener, profile_of(s)), &err))
        return true;
    log_begin(&line, s->worker->shop->log, EV_tls_failed, s->id);
    log_str(&line, "client", inbound_client(s));
    log_str(&line, "connector", inbound_connector_name(s));
    log_str(&line, "why", err.text);
    log_end(&line);
    return false;
}

void
inbound_answer(struct inbound *s, const struct reply *r)
{
    smtp_server_answer(s->engine, r, loop_now_ms(s->worker->loop));
}

/* Answer what can be answered at once. False: the session waits (for octets, the handshake, a
 * password check, a check of the sender, a commit) or is over (close_why is set). */
static bool
answer_question(struct inbound *s)
{
    const struct smtp_question *q = smtp_server_question(s->engine);
    switch (q->ask) {
    case SMTP_ASK_NOTHING:
        return false;
    case SMTP_ASK_STARTTLS:
        if (conn_tls(s->conn) == NULL && !start_tls(s))
            s->close_why = "TLS could not be started";
        return false;
    case SMTP_ASK_AUTH:
        if (s->auth_job != NULL || s->auth_due_ms > 0)
            return false;
        inbound_ask_auth(s, q);
        return s->auth_job == NULL;
    case SMTP_ASK_MAIL:
        if (s->spf_query != NULL || inbound_must_slow(s))
            return false;
        inbound_ask_mail(s, &q->mail);
        return s->spf_query == NULL;
    case SMTP_ASK_RCPT:
        inbound_ask_rcpt(s, &q->rcpt);
        return true;
    case SMTP_ASK_EXCH50:
        inbound_ask_exch50(s, q->exch50.blob, q->exch50.number);
        return true;
    case SMTP_ASK_DATA:
        inbound_ask_data(s);
        return true;
    case SMTP_ASK_BODY:
        inbound_ask_body(s, q->body);
        return true;
    case SMTP_ASK_MESSAGE:
        if (s->custody != NULL)
            return false;
        inbound_ask_message(s);
        return s->custody == NULL;
    case SMTP_ASK_RESET:
        inbound_drop_transaction(s);
        smtp_server_did_reset(s->engine);
        return true;
    case SMTP_ASK_CLOSE:
        s->close_why = q->close_why;
        return false;
    }
    never("smtp_ask has eleven values");
}

const struct reply *
inbound_draining_reply(struct reply *room)
{
    *room = reply_make(421, "4.3.2", "Service not available, closing transmission channel");
    return room;
}

/* When to go on by ourselves: an answer that is held back, or the engine's next timeout. */
static uint64_t
wake_ms(const struct inbound *s)
{
    if (s->auth_due_ms > 0)
        return s->auth_due_ms;
    return s->mail_due_ms > 0 ? s->mail_due_ms : smtp_server_wake_ms(s->engine);
}

/* Carry octets to the engine and answers to its questions until it needs the outside. May end s:
 * nothing behind a call of this. */
static void
drive(struct inbound *s, struct slice *in)
{
    if (s->driving || s->engine == NULL)
        return;
    s->driving = true;
    struct slice nothing = {NULL, 0};
    uint64_t now = loop_now_ms(s->worker->loop);
    do {
        /* A client that does not read is not listened to, but its time still runs out. */
        if (conn_room(s->conn) == 0)
            in = &nothing;
        if (s->draining && !smtp_server_in_transaction(s->engine)) {
            struct reply room;
            smtp_server_shut(s->engine, inbound_draining_reply(&room));
        }
        struct slice offered = *in;
        smtp_server_feed(s->engine, in, now);
        protocol_session_client(s->protocol, slice_head(offered, offered.len - in->len));
        write_output(s);
    } while (answer_question(s));
    write_output(s);
    s->driving = false;
    if (s->close_why != NULL) {
        inbound_end(s, false);
        return;
    }
    timer_set(s->timer, wake_ms(s));
}

void
inbound_go_on(struct inbound *s)
{
    struct slice nothing = {NULL, 0};
    if (s->driving)
        return;
    struct conn *conn = s->conn;
    conn_resume(conn); /* what the client had sent meanwhile is offered again */
    drive(s, &nothing);
}

/* The first octets. A header that nobody asked for is answered like any other nonsense. */
static void
look_at_first(struct inbound *s, struct slice in)
{
    s->heard = true;
    if (*s->balancer == '\0' && !s->no_client && proxy_header_begins(in))
        inbound_log_header(s, "it sent a PROXY header, and proxy_protocol of the listener does "
                              "not name its address");
}

static void
on_input(void *owner, struct slice *in)
{
    struct inbound *s = owner;
    if (s->proxy != NULL && !inbound_read_header(s, in))
        return;
    if (!s->heard)
        look_at_first(s, *in);
    drive(s, in);
}

static void
on_drained(void *owner)
{
    inbound_go_on(owner);
}

void
inbound_on_timer(void *context)
{
    struct inbound *s = context;
    struct slice nothing = {NULL, 0};
    if (s->proxy != NULL) {
        inbound_header_timeout(s);
        return;
    }
    if (s->auth_due_ms > 0 && loop_now_ms(s->worker->loop) >= s->auth_due_ms)
        inbound_answer_late(s);
    drive(s, &nothing);
}

static void
on_tls(void *owner)
{
    struct inbound *s = owner;
    const struct tls_filter *tls = conn_tls(s->conn);
    struct log_line line;
    log_begin(&line, s->worker->shop->log, EV_tls_accepted, s->id);
    log_str(&line, "client", inbound_client(s));
    log_str(&line, "connector", inbound_connector_name(s));
    log_str(&line, "version", tls_filter_version(tls));
    log_str(&line, "cipher", tls_filter_cipher(tls));
    log_str(&line, "resumed", tls_filter_is_resumed(tls) ? "yes" : "no");
    log_end(&line);
    counter_add(
        metrics_series(s->worker->shop->metrics, METRIC_smtp_tls_total, s->listener->name, "ok"),
        1);
    protocol_session_note(s->protocol, tls_filter_version(tls));
    smtp_server_tls_done(s->engine, loop_now_ms(s->worker->loop));
    inbound_go_on(s);
}

static void
on_end(void *owner, const struct err *why)
{
    struct inbound *s = owner;
    s->was_reset = why->sys == ECONNRESET || why->sys == EPIPE;
    s->tls_failed = why->kind == ERR_TLS;
    if (s->tls_failed) {
        struct log_line line;
        inbound_log(s, &line, EV_tls_failed);
        log_str(&line, "client", inbound_client(s));
        log_str(&line, "connector", inbound_connector_name(s));
        log_str(&line, "why", why->text);
        log_end(&line);
        counter_add(metrics_series(s->worker->shop->metrics, METRIC_smtp_tls_total,
                                   s->listener->name, "failed"),
                    1);
    }
    s->close_why = why->kind == ERR_TLS ? "TLS failed" : "client closed the connection";
    if (s->proxy != NULL && !s->probe)
        inbound_log_header(s, "it went away before its PROXY header");
    inbound_end(s, true);
}

const struct conn_events inbound_events = {on_input, on_drained, on_tls, on_end};

void
inbound_begin(struct inbound *s)
{
    struct slice nothing = {NULL, 0};
    drive(s, &nothing);
}

void
inbound_drain(struct inbound *s)
{
    s->draining = !s->refused; /* who was told no needs no farewell */
    inbound_go_on(s);
}

void
inbound_cut(struct inbound *s)
{
    s->close_why = "the gateway stops";
    s->cut = true;
    inbound_end(s, true);
}

struct inbound *
inbound_after(const struct inbound *s)
{
    return s->next;
}
