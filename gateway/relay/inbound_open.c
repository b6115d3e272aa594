#include "gateway/relay/inbound_private.h"

#include <unistd.h>

#include "gateway/base/clock.h"
#include "gateway/base/mem.h"

/* From connect to a finished AUTH: long enough for a slow Exchange, short for a slot holder. */
enum { GREET_MS = 5 * 60 * 1000 };

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
        inbound_draining_reply(&refusal);
    if (refusal.code != 0) {
        log_refused(s, &refusal);
        s->engine = smtp_server_new_refusing(&refusal, slice_str(s->runtime->config->hostname),
                                             loop_now_ms(s->worker->loop));
        return s->engine != NULL;
    }
    const struct smtp_server_settings settings = settings_of(s);
    s->engine = smtp_server_new(&settings, loop_now_ms(s->worker->loop));
    return s->engine != NULL;
}

void
inbound_open(struct worker *w, const struct listener *listener, int fd)
{
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
    s->timer = timer_new(w->loop, inbound_on_timer, s);
    s->conn = conn_of_fd(w->loop, fd, &inbound_events, s, &err);
    if (s->timer == NULL || s->conn == NULL || !make_engine(s)) {
        conn_close(&s->conn, true);
        timer_free(&s->timer);
        runtime_unref(&s->runtime);
        mem_free(&s);
        return;
    }
    inbound_enter_worker(s);
    struct log_line line;
    log_begin(&line, w->shop->log, EV_session_opened, s->id);
    log_str(&line, "listener", listener->name);
    log_str(&line, "client", inbound_client(s));
    log_end(&line);
    inbound_begin(s);
}
