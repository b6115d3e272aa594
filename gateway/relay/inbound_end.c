#include "gateway/relay/inbound_private.h"

#include "gateway/base/mem.h"
#include "gateway/relay/tls_census.h"

const char *
inbound_client(const struct inbound *s)
{
    return s->conn ? conn_peer_text(s->conn) : "?";
}

const char *
inbound_connector_name(const struct inbound *s)
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
    log_str(&line, "connector", inbound_connector_name(s));
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

void
inbound_enter_worker(struct inbound *s)
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

void
inbound_end(struct inbound *s, bool now)
{
    struct worker *w = s->worker;
    log_closed(s);
    if (s->connector != NULL)
        tls_census_count(w->shop->metrics, TLS_RECEIVE, s->connector->name,
                         s->connector->tls_profile, conn_tls(s->conn));
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
