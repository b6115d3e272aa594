#include "gateway/relay/inbound_private.h"

#include <unistd.h>

#include "gateway/base/clock.h"
#include "gateway/base/mem.h"

/* From connect to a finished AUTH: long enough for a slow Exchange, short for a slot holder. */
enum { GREET_MS = 5 * 60 * 1000 };

const char *
inbound_client(const struct inbound *s)
{
    return s->conn ? conn_peer_text(s->conn) : "?";
}

/* ---- The end ---- */

static const char *
connector_name(const struct inbound *s)
{
    return s->connector ? s->connector->name : NULL;
}

/* A balancer or monitor that only looks: it is counted, but leaves no line. */
static bool
is_probe(const struct inbound *s)
{
    const struct config *c = s->runtime->config;
    for (size_t i = 0; i < c->probe_network_count; i++) {
        if (network_holds(&c->probe_networks[i], conn_peer(s->conn)))
            return s->message_count == 0;
    }
    return false;
}

static void
log_closed(const struct inbound *s)
{
    if (is_probe(s))
        return;
    const struct tls_filter *tls = conn_tls(s->conn);
    struct log_line line;
    log_begin(&line, s->worker->shop->log, EV_session_closed, s->id);
    log_str(&line, "client", inbound_client(s));
    log_str(&line, "connector", connector_name(s));
    log_str(&line, "account", s->account ? s->account->name : NULL);
    log_str(&line, "tls", tls && tls_filter_is_open(tls) ? tls_filter_version(tls) : "none");
    log_num(&line, "messages", s->message_count);
    log_str(&line, "why", s->close_why ? s->close_why : "cut");
    log_end(&line);
}

static void
leave_worker(struct inbound *s)
{
    struct worker *w = s->worker;
    if (s->next != NULL)
        s->next->prev = s->prev;
    *(s->prev ? &s->prev->next : &w->sessions) = s->next;
    w->session_count--;
    counter_sub(
        metrics_series(w->shop->metrics, METRIC_smtp_sessions_open, s->listener->name, NULL), 1);
}

static void
enter_worker(struct inbound *s)
{
    struct worker *w = s->worker;
    struct metrics *m = w->shop->metrics;
    s->next = w->sessions;
    if (s->next != NULL)
        s->next->prev = s;
    w->sessions = s;
    w->session_count++;
    counter_add(metrics_series(m, METRIC_smtp_sessions_total, s->listener->name, NULL), 1);
    counter_add(metrics_series(m, METRIC_smtp_sessions_open, s->listener->name, NULL), 1);
}

/* The session is over. Last line of whoever calls it. */
static void
end(struct inbound *s, bool now)
{
    struct worker *w = s->worker;
    log_closed(s);
    leave_worker(s);
    inbound_drop_transaction(s);
    inbound_forget_auth(s);
    inbound_forget_custody(s);
    conn_close(&s->conn, now);
    smtp_server_free(&s->engine);
    timer_free(&s->timer);
    runtime_unref(&s->runtime);
    mem_free(&s);
    if (w->draining)
        worker_look_idle(w);
}

/* ---- Carrying ---- */

static void
write_output(struct inbound *s)
{
    struct slice out = slice_head(smtp_server_output(s->engine), conn_room(s->conn));
    if (out.len > 0 && conn_write(s->conn, out))
        smtp_server_sent(s->engine, out.len);
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
    if (conn_start_tls_server(s->conn, runtime_listener_tls(s->runtime, s->listener), &err))
        return true;
    log_begin(&line, s->worker->shop->log, EV_tls_failed, s->id);
    log_str(&line, "client", inbound_client(s));
    log_str(&line, "connector", connector_name(s));
    log_str(&line, "why", err.text);
    log_end(&line);
    return false;
}

/* Answer what can be answered at once. False: the session waits (for octets, the handshake, a
 * password check, a commit) or is over (close_why is set). */
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
        if (s->auth_job != NULL)
            return false;
        inbound_ask_auth(s, q);
        return s->auth_job == NULL;
    case SMTP_ASK_MAIL:
        inbound_ask_mail(s, &q->mail);
        return true;
    case SMTP_ASK_RCPT:
        inbound_ask_rcpt(s, &q->rcpt);
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
    never("smtp_ask has ten values");
}

static const struct reply *
draining_reply(struct reply *room)
{
    *room = reply_make(421, "4.3.2", "Service not available, closing transmission channel");
    return room;
}

/* Carry octets to the engine and answers to its questions until it needs the outside. May end s:
 * nothing behind a call of this. */
static void
drive(struct inbound *s, struct slice *in)
{
    if (s->driving)
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
            smtp_server_shut(s->engine, draining_reply(&room));
        }
        smtp_server_feed(s->engine, in, now);
        write_output(s);
    } while (answer_question(s));
    write_output(s);
    s->driving = false;
    if (s->close_why != NULL) {
        end(s, false);
        return;
    }
    timer_set(s->timer, smtp_server_wake_ms(s->engine));
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

static void
on_input(void *owner, struct slice *in)
{
    drive(owner, in);
}

static void
on_drained(void *owner)
{
    inbound_go_on(owner);
}

static void
on_timer(void *context)
{
    struct slice nothing = {NULL, 0};
    drive(context, &nothing);
}

static void
on_tls(void *owner)
{
    struct inbound *s = owner;
    const struct tls_filter *tls = conn_tls(s->conn);
    struct log_line line;
    log_begin(&line, s->worker->shop->log, EV_tls_accepted, s->id);
    log_str(&line, "client", inbound_client(s));
    log_str(&line, "connector", connector_name(s));
    log_str(&line, "version", tls_filter_version(tls));
    log_str(&line, "cipher", tls_filter_cipher(tls));
    log_str(&line, "resumed", tls_filter_is_resumed(tls) ? "yes" : "no");
    log_end(&line);
    counter_add(
        metrics_series(s->worker->shop->metrics, METRIC_smtp_tls_total, s->listener->name, "ok"),
        1);
    smtp_server_tls_done(s->engine, loop_now_ms(s->worker->loop));
    inbound_go_on(s);
}

static void
on_end(void *owner, const struct err *why)
{
    struct inbound *s = owner;
    if (why->kind == ERR_TLS) {
        struct log_line line;
        log_begin(&line, s->worker->shop->log, EV_tls_failed, s->id);
        log_str(&line, "client", inbound_client(s));
        log_str(&line, "connector", connector_name(s));
        log_str(&line, "why", why->text);
        log_end(&line);
        counter_add(metrics_series(s->worker->shop->metrics, METRIC_smtp_tls_total,
                                   s->listener->name, "failed"),
                    1);
    }
    s->close_why = why->kind == ERR_TLS ? "TLS failed" : "client closed the connection";
    end(s, true);
}

/* ---- The beginning ---- */

/* Why this client gets no session; code 0: it gets one. */
static struct reply
find_connector(struct inbound *s)
{
    const struct config *c = s->runtime->config;
    accept_find(c, s->listener, conn_peer(s->conn), &s->candidates);
    if (s->candidates.count == 0)
        return reply_make(554, "5.7.1", "No receive connector for %s", inbound_client(s));
    if (s->worker->session_count >= c->limit_sessions)
        return reply_make(421, "4.3.2", "Too many connections, closing transmission channel");

    const struct receive_connector *first = s->candidates.list[0];
    size_t of_client = 0, of_connector = 0;
    for (const struct inbound *other = s->worker->sessions; other != NULL; other = other->next) {
        if (other->candidates.count == 0 || other->candidates.network != s->candidates.network)
            continue;
        of_connector++;
        of_client += strcmp(inbound_client(other), inbound_client(s)) == 0;
    }
    if (of_connector >= first->connections || of_client >= first->connections_per_client)
        return reply_make(421, "4.3.2",
                          "The maximum number of concurrent server connections has exceeded a "
                          "per-source limit, closing transmission channel");
    /* Without accounts to tell them apart there is only one. */
    if (s->candidates.count == 1)
        s->connector = first;
    return (struct reply){0};
}

/* Before AUTH all candidates count: TLS is the same in all (config_check), sizes the largest. */
static struct smtp_server_settings
settings_of(const struct inbound *s)
{
    const struct config *c = s->runtime->config;
    const struct receive_connector *first = s->candidates.list[0];
    struct smtp_server_settings settings = {
        .hostname = slice_str(c->hostname),
        .client_text = slice_str(inbound_client(s)),
        .tls_offered = true,
        .tls_required = first->tls_require,
        .tls_clear_reply = first->tls_clear_reply,
        .auth_required = true,
        .recipients_max = c->limit_recipients,
        .normalise_bare_newline = first->bare_newline == BARE_NEWLINE_NORMALISE,
        .idle_ms = c->session_idle_ms,
        .greet_ms = GREET_MS,
    };
    for (size_t i = 0; i < s->candidates.count; i++) {
        const struct receive_connector *r = s->candidates.list[i];
        settings.auth_offered = settings.auth_offered || r->account_count > 0;
        settings.auth_required = settings.auth_required && r->auth_required;
        if (r->message_size > settings.size_max)
            settings.size_max = r->message_size;
    }
    return settings;
}

static void
log_refused(const struct inbound *s, const struct reply *refusal)
{
    struct log_line line;
    log_begin(&line, s->worker->shop->log, EV_session_refused, s->id);
    log_str(&line, "listener", s->listener->name);
    log_str(&line, "client", inbound_client(s));
    log_str(&line, "why", refusal->text);
    log_end(&line);
    counter_add(metrics_series(s->worker->shop->metrics, METRIC_smtp_sessions_refused_total,
                               s->listener->name, NULL),
                1);
}

static bool
make_engine(struct inbound *s)
{
    struct reply refusal = find_connector(s);
    if (refusal.code == 0 && s->worker->draining)
        draining_reply(&refusal);
    if (refusal.code != 0) {
        log_refused(s, &refusal);
        s->engine = smtp_server_new_refusing(&refusal, slice_str(s->runtime->config->hostname));
        return s->engine != NULL;
    }
    const struct smtp_server_settings settings = settings_of(s);
    s->engine = smtp_server_new(&settings, loop_now_ms(s->worker->loop));
    return s->engine != NULL;
}

void
inbound_open(struct worker *w, const struct listener *listener, int fd)
{
    static const struct conn_events events = {on_input, on_drained, on_tls, on_end};
    struct err err;
    struct inbound *s = mem_new(sizeof *s);
    if (s == NULL) {
        close(fd);
        return;
    }
    s->worker = w;
    s->listener = listener;
    s->runtime = runtime_ref(w->runtime);
    s->id = id_next(spool_ids(w->shop->spool), clock_unix_ms());
    s->timer = timer_new(w->loop, on_timer, s);
    s->conn = conn_of_fd(w->loop, fd, &events, s, &err);
    if (s->timer == NULL || s->conn == NULL || !make_engine(s)) {
        conn_close(&s->conn, true);
        timer_free(&s->timer);
        runtime_unref(&s->runtime);
        mem_free(&s);
        return;
    }
    enter_worker(s);
    struct log_line line;
    log_begin(&line, w->shop->log, EV_session_opened, s->id);
    log_str(&line, "listener", listener->name);
    log_str(&line, "client", inbound_client(s));
    log_end(&line);
    struct slice nothing = {NULL, 0};
    drive(s, &nothing);
}

void
inbound_drain(struct inbound *s)
{
    s->draining = true;
    inbound_go_on(s);
}

void
inbound_cut(struct inbound *s)
{
    s->close_why = "the gateway stops";
    end(s, true);
}

struct inbound *
inbound_after(const struct inbound *s)
{
    return s->next;
}
