#include "gateway/relay/inbound_private.h"

#include <stdio.h>
#include <unistd.h>

#include "gateway/base/clock.h"
#include "gateway/base/mem.h"
#include "gateway/relay/exch50.h"
#include "gateway/route/rights.h"

enum {
    /* From connect to a finished AUTH: long enough for a slow Exchange, short for a slot holder.
     */
    GREET_MS = 5 * 60 * 1000,
    HANDSHAKE_MS = 60 * 1000,
    /* So many are told no at the same time and may say QUIT; beyond, connections are just closed:
     * those who are refused must not fill the gateway either. */
    REFUSED_MAX = 256,
};

/* ---- Who may come ---- */

static struct admission_visit
visit_of(const struct inbound *s)
{
    return (struct admission_visit){
        .config = s->runtime->config,
        .connector = s->candidates.count > 0 ? s->candidates.list[0] : NULL,
        .network = s->candidates.network,
        .client = conn_peer(s->conn),
        .probe = s->probe,
    };
}

/* Why not: for the metrics and for the client, in Exchange's words where it has some. */
struct refusal {
    const char *reason;
    struct reply reply;
};

static struct refusal
refusal_of(enum admission_verdict verdict)
{
    static const char busy[] =
        "The maximum number of concurrent server connections has exceeded a "
        "per-source limit, closing transmission channel";
    static const char *const reasons[ADMISSION_VERDICTS] = {
        [ADMISSION_BLOCKED] = "blocked",     [ADMISSION_SESSIONS] = "sessions",
        [ADMISSION_CONNECTOR] = "connector", [ADMISSION_NETWORK] = "network",
        [ADMISSION_CLIENT] = "client",
    };
    struct refusal r = {.reason = reasons[verdict]};
    if (verdict == ADMISSION_BLOCKED)
        r.reply =
            reply_make(421, "4.7.0", "Too many failed logons from your address, try again later");
    else if (verdict == ADMISSION_SESSIONS)
        r.reply = reply_make(421, "4.3.2", "Too many connections, closing transmission channel");
    else if (verdict != ADMISSION_GRANTED)
        r.reply = reply_make(421, "4.3.2", "%s", busy);
    return r;
}

/* Probes without a receive connector may look at everything but bring no mail. */
static bool
may_look(struct inbound *s)
{
    if (s->no_mail == NULL)
        s->no_mail = "No receive connector takes mail from this address";
    return s->probe || s->no_client;
}

/* Before a logon says which of several candidates it is, the first one's limits hold for all. */
static struct refusal
judge(struct inbound *s)
{
    struct refusal r = {.reason = NULL};
    accept_find(s->runtime->config, s->listener, conn_peer(s->conn), &s->candidates);
    if (s->worker->draining) {
        r.reason = "draining";
        (void)inbound_draining_reply(&r.reply);
        return r;
    }
    if (s->candidates.count == 0 && !may_look(s)) {
        r.reason = "no-connector";
        r.reply = reply_make(554, "5.7.1", "No receive connector for %s", inbound_client(s));
        return r;
    }
    const struct admission_visit visit = visit_of(s);
    r = refusal_of(admission_enter(s->worker->shop->admission, &visit,
                                   loop_now_ms(s->worker->loop), &s->ticket));
    /* Without accounts to tell them apart there is only one. */
    if (r.reason == NULL && s->candidates.count == 1)
        s->connector = s->candidates.list[0];
    return r;
}

/* ---- What a session is told ---- */

static bool
has_accounts(const struct config *c, const struct listener *listener)
{
    for (size_t i = 0; i < c->receive_count; i++)
        for (size_t k = 0; k < c->receive[i].listen_count; k++)
            if (c->receive[i].listen[k] == listener && c->receive[i].account_count > 0)
                return true;
    return false;
}

/* A probe that only looks sees what the clients of this listener see; its MAIL is refused in so
 * many words, not for want of a logon. */
static void
set_for_looking(const struct inbound *s, struct smtp_server_settings *settings)
{
    const struct config *c = s->runtime->config;
    settings->tls_required = true;
    settings->tls_clear_reply = 530;
    settings->auth_offered = has_accounts(c, s->listener);
    settings->auth_required = false;
    settings->size_max = c->limit_message_size;
}

/* Before AUTH all candidates count: TLS is the same in all (config_check), sizes the largest. */
static void
set_for_candidates(const struct inbound *s, struct smtp_server_settings *settings)
{
    const struct receive_connector *first = s->candidates.list[0];
    settings->tls_required = first->tls_require;
    settings->tls_clear_reply = first->tls_clear_reply;
    settings->auth_required = true;
    settings->normalise_bare_newline = first->bare_newline == BARE_NEWLINE_NORMALISE;
    for (size_t i = 0; i < s->candidates.count; i++) {
        const struct receive_connector *r = s->candidates.list[i];
        settings->auth_offered = settings->auth_offered || r->account_count > 0;
        settings->auth_required = settings->auth_required && r->auth_required;
        settings->exch50_offered =
            settings->exch50_offered || (r->rights & RIGHT_ACCEPT_EXCH50) != 0;
        uint64_t size = rights_message_size(s->runtime->config, r);
        if (size > settings->size_max)
            settings->size_max = size;
    }
}

static bool
someone_takes_utf8(const struct config *c)
{
    for (size_t i = 0; i < c->send_count; i++)
        if (c->send[i].smtputf8)
            return true;
    return false;
}

static struct smtp_server_settings
settings_of(const struct inbound *s)
{
    const struct config *c = s->runtime->config;
    struct smtp_server_settings settings = {
        .hostname = slice_str(c->hostname),
        .client_text = slice_str(inbound_client(s)),
        .tls_offered = true,
        .recipients_max = c->limit_recipients,
        .idle_ms = c->session_idle_ms,
        .greet_ms = GREET_MS,
        .command_ms = c->command_ms,
        .handshake_ms = HANDSHAKE_MS,
        .data_rate = c->data_rate,
        .binarymime_offered = s->binary_offered,
        .smtputf8_offered = someone_takes_utf8(c),
        .exch50_max = EXCH50_MAX,
    };
    if (s->candidates.count > 0)
        set_for_candidates(s, &settings);
    else
        set_for_looking(s, &settings);
    return settings;
}

/* ---- The beginning ---- */

/* That an address is blocked was said when the block began. */
static void
log_refused(const struct inbound *s, const struct refusal *refusal)
{
    struct log_line line;
    struct log *log = s->worker->shop->log;
    if (strcmp(refusal->reason, "blocked") == 0)
        log_begin_quiet(&line, log, EV_session_refused, s->id);
    else
        inbound_log(s, &line, EV_session_refused);
    log_str(&line, "listener", s->listener->name);
    log_str(&line, "client", inbound_client(s));
    log_str(&line, "why", refusal->reply.text);
    log_end(&line);
    counter_add(metrics_series(s->worker->shop->metrics, METRIC_smtp_sessions_refused_total,
                               s->listener->name, refusal->reason),
                1);
}

static bool
refuse(struct inbound *s, const struct refusal *refusal)
{
    log_refused(s, refusal);
    s->refused = true;
    if (s->worker->refused_count++ >= REFUSED_MAX)
        return false;
    s->engine = smtp_server_new_refusing(&refusal->reply, slice_str(s->runtime->config->hostname),
                                         loop_now_ms(s->worker->loop));
    return s->engine != NULL;
}

static void
log_opened(const struct inbound *s)
{
    struct log_line line;
    log_begin(&line, s->worker->shop->log, EV_session_opened, s->id);
    log_str(&line, "listener", s->listener->name);
    log_str(&line, "client", inbound_client(s));
    log_str(&line, "balancer", *s->balancer ? s->balancer : NULL);
    log_end(&line);
}

void
inbound_note_ended_blocks(struct worker *w)
{
    char client[ADMISSION_TEXT];
    while (admission_take_ended(w->shop->admission, loop_now_ms(w->loop), client)) {
        struct log_line line;
        log_begin(&line, w->shop->log, EV_auth_unblocked, 0);
        log_str(&line, "client", client);
        log_end(&line);
    }
}

static void
open_protocol(struct inbound *s)
{
    char remote[INET6_ADDRSTRLEN + 8];
    snprintf(remote, sizeof remote, "%s:%u", conn_peer_text(s->conn), conn_peer_port(s->conn));
    struct protocol_peer peer = {
        .connector_count = s->candidates.count,
        .address = conn_peer(s->conn),
        .remote = remote,
        .local = s->listener->address.text,
        .id = s->id,
    };
    for (size_t i = 0; i < s->candidates.count; i++)
        peer.connectors[i] = s->candidates.list[i]->name;
    s->protocol =
        protocol_session_open(s->worker->shop->protocol_log, &peer, loop_now_ms(s->worker->loop));
}

bool
inbound_greet(struct inbound *s)
{
    inbound_note_ended_blocks(s->worker);
    s->probe = config_is_probe(s->runtime->config, conn_peer(s->conn));
    const struct refusal refusal = judge(s);
    if (refusal.reason != NULL)
        return refuse(s, &refusal);
    inbound_count_in(s);
    s->binary_offered =
        !board_someone_lacks_binary(s->worker->shop->board, loop_now_ms(s->worker->loop));
    const struct smtp_server_settings settings = settings_of(s);
    s->engine = smtp_server_new(&settings, loop_now_ms(s->worker->loop));
    if (s->engine == NULL)
        return false;
    open_protocol(s);
    log_opened(s);
    return true;
}

static struct inbound *
new_session(struct worker *w, const struct listener *listener, int fd)
{
    struct err err;
    struct inbound *s = mem_new(sizeof *s);
    if (s == NULL) {
        close(fd);
        return NULL;
    }
    s->worker = w;
    s->listener = listener;
    s->runtime = runtime_ref(w->runtime);
    s->id = id_next(spool_ids(w->shop->spool), clock_unix_ms());
    s->timer = timer_new(w->loop, inbound_on_timer, s);
    s->conn = conn_of_fd(w->loop, fd, &inbound_events, s, &err);
    if (s->timer != NULL && s->conn != NULL)
        return s;
    conn_close(&s->conn, true);
    timer_free(&s->timer);
    runtime_unref(&s->runtime);
    mem_free(&s);
    return NULL;
}

void
inbound_open(struct worker *w, const struct listener *listener, int fd)
{
    struct inbound *s = new_session(w, listener, fd);
    if (s == NULL)
        return;
    inbound_enter_list(s);
    s->probe = config_is_probe(s->runtime->config, conn_peer(s->conn));
    bool wants_header = inbound_wants_header(s);
    if (wants_header ? !inbound_await_header(s) : !inbound_greet(s))
        inbound_end(s, true);
    else if (!wants_header)
        inbound_begin(s);
}
