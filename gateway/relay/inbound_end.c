#include "gateway/relay/inbound_private.h"

#include "gateway/base/mem.h"
#include "gateway/mail/probe_kind.h"
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

/* ---- What the log says ---- */

/* Somebody of monitor.probe_networks who only looks. Behaviour alone earns no exemption. */
static bool
is_probe(const struct inbound *s)
{
    return s->probe && s->message_count == 0;
}

void
inbound_log(const struct inbound *s, struct log_line *line, enum log_event event)
{
    struct log *log = s->worker->shop->log;
    if (is_probe(s))
        log_begin_quiet(line, log, event, s->id);
    else
        log_begin(line, log, event, s->id);
}

static enum smtp_end
end_of(const struct inbound *s)
{
    return s->engine != NULL ? smtp_server_end(s->engine) : SMTP_END_NONE;
}

/* A refusal, and a connection that never was a session for want of a header, had its line. */
static void
log_closed(const struct inbound *s)
{
    if (s->refused || s->engine == NULL)
        return;
    const struct tls_filter *tls = conn_tls(s->conn);
    struct log_line line;
    inbound_log(s, &line, EV_session_closed);
    log_str(&line, "client", inbound_client(s));
    log_str(&line, "balancer", *s->balancer ? s->balancer : NULL);
    log_str(&line, "connector", inbound_connector_name(s));
    log_str(&line, "account", s->account ? s->account->name : NULL);
    log_str(&line, "tls", tls && tls_filter_is_open(tls) ? tls_filter_version(tls) : "none");
    log_num(&line, "messages", s->message_count);
    log_str(&line, "why", s->close_why ? s->close_why : "cut");
    if (end_of(s) == SMTP_END_SLOW)
        log_num(&line, "rate", smtp_server_data_rate(s->engine));
    log_end(&line);
}

/* ---- What is counted ---- */

static counter *
series(const struct inbound *s, enum metric family, const char *value)
{
    return metrics_series(s->worker->shop->metrics, family, s->listener->name, value);
}

static const char *
outcome_of(const struct inbound *s)
{
    if (s->refused)
        return "refused";
    if (s->engine == NULL)
        return s->proxy != NULL ? "proxy" : "cut";
    if (s->tls_failed)
        return "tls";
    switch (smtp_server_end(s->engine)) {
    case SMTP_END_NONE:
        return s->cut ? "cut" : "closed";
    case SMTP_END_QUIT:
        return "quit";
    case SMTP_END_REFUSED:
        return "refused";
    case SMTP_END_TIMEOUT:
        return "timeout";
    case SMTP_END_SLOW:
        return "slow";
    case SMTP_END_ERRORS:
    case SMTP_END_BEHIND_AUTH:
    case SMTP_END_BARE_LF:
    case SMTP_END_CHUNK:
        return "errors";
    case SMTP_END_LOGONS:
        return "logons";
    case SMTP_END_SHUT:
        return "drained";
    case SMTP_END_ANSWER:
    case SMTP_END_MEMORY:
        return "cut";
    }
    never("smtp_end has twelve values");
}

static void
count_probe(const struct inbound *s)
{
    struct probe_deeds deeds = {
        .no_client = s->no_client,
        .was_reset = s->was_reset,
        .timed_out = end_of(s) == SMTP_END_TIMEOUT || s->proxy_late,
    };
    for (enum smtp_verb v = 0; s->engine != NULL && v < SMTP_VERBS; v++)
        deeds.said[v] = smtp_server_said(s->engine, v);
    counter_add(
        series(s, METRIC_smtp_probe_sessions_total, probe_kind_text(probe_kind_of(&deeds))), 1);
}

static void
count_session(const struct inbound *s)
{
    counter_add(series(s, METRIC_smtp_sessions_total, outcome_of(s)), 1);
    for (enum smtp_verb v = 0; s->engine != NULL && v < SMTP_VERBS; v++)
        if (smtp_server_said(s->engine, v) > 0)
            counter_add(series(s, METRIC_smtp_commands_total, smtp_verb_text(v)),
                        smtp_server_said(s->engine, v));
    if (is_probe(s))
        count_probe(s);
}

/* ---- The list, and the end ---- */

void
inbound_enter_list(struct inbound *s)
{
    struct worker *w = s->worker;
    s->next = w->sessions;
    if (s->next != NULL)
        s->next->prev = s;
    w->sessions = s;
}

static void
leave_list(struct inbound *s)
{
    if (s->next != NULL)
        s->next->prev = s->prev;
    *(s->prev ? &s->prev->next : &s->worker->sessions) = s->next;
}

void
inbound_count_in(struct inbound *s)
{
    s->worker->session_count++;
    counter_add(series(s, METRIC_smtp_sessions_open, NULL), 1);
}

static void
count_out(struct inbound *s)
{
    if (s->refused)
        s->worker->refused_count--;
    if (!s->ticket.held)
        return;
    admission_leave(s->worker->shop->admission, &s->ticket);
    s->worker->session_count--;
    counter_sub(series(s, METRIC_smtp_sessions_open, NULL), 1);
}

void
inbound_end(struct inbound *s, bool now)
{
    struct worker *w = s->worker;
    log_closed(s);
    if (s->connector != NULL)
        tls_census_count(w->shop->metrics, TLS_RECEIVE, s->connector->name,
                         s->connector->tls_profile, conn_tls(s->conn));
    count_session(s);
    count_out(s);
    leave_list(s);
    inbound_drop_transaction(s);
    inbound_forget_auth(s);
    inbound_forget_check(s);
    inbound_forget_custody(s);
    conn_close(&s->conn, now);
    protocol_session_close(&s->protocol, s->close_why);
    smtp_server_free(&s->engine);
    timer_free(&s->timer);
    runtime_unref(&s->runtime);
    mem_free(&s->proxy);
    mem_free(&s);
    if (w->draining)
        worker_look_idle(w);
}
