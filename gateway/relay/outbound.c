#include "gateway/relay/outbound_private.h"

#include <stdio.h>

#include "gateway/base/clock.h"
#include "gateway/base/mem.h"
#include "gateway/relay/tls_census.h"

enum {
    CONNECT_MS = 30 * 1000, /* TCP: a dead address must not hold up its neighbour for minutes */
    LOOK_CONNECT_MS = 2 * 1000, /* a look: one lost packet is sent again within it */
};

struct reply
outbound_local_reply(int code, const char *enhanced, const char *text)
{
    struct reply r = reply_make(code, enhanced, "%s", text);
    r.local = true;
    return r;
}

/* ---- Ends ---- */

static void
unlink_self(struct outbound *b)
{
    struct outbound **at = &b->outlet->connections;
    while (*at != b)
        at = &(*at)->next;
    *at = b->next;
    b->outlet->connection_count--;
    if (!b->was_ready && !b->is_quiet)
        b->outlet->making_count--;
    if (b->outlet->check.connection == b)
        b->outlet->check.connection = NULL;
    server_limits_closed(&b->lane->limits);
    outlet_notice_connections(b->outlet, b->lane);
}

/* Leave the outlet, free everything. Last line of whoever calls it. */
static void
leave(struct outbound *b)
{
    struct outlet *o = b->outlet;
    unlink_self(b);
    timer_free(&b->timer);
    buf_fini(&b->prefix);
    mem_free(&b->outcomes);
    mem_free(&b->addresses);
    mem_free(&b->to);
    mem_free(&b->scratch);
    runtime_unref(&b->runtime);
    mem_free(&b);
    outlet_pump(o);
    outlet_check_go(o);
    if (o->retiring || o->worker->draining)
        worker_outlet_ebbs(o->worker);
}

static void
hang_up(struct outbound *b, bool now)
{
    must(b->d == NULL);
    if (b->over)
        return;
    b->over = true;
    outbound_logon_over(b);
    counter_sub(b->outlet->count.open, 1);
    timer_set(b->timer, UINT64_MAX);
    conn_close(&b->conn, now);
    protocol_session_close(&b->protocol, NULL);
    smtp_client_free(&b->engine);
}

/* The connection is over. Its place among the connections of the server is free only when its
 * outcomes are recorded: else a server that hangs up behind each message could have taken any
 * number that a crash would repeat. Last line of whoever calls it. */
static void
end(struct outbound *b, bool now)
{
    hang_up(b, now);
    if (b->unrecorded > 0)
        outlet_pump(b->outlet);
    else
        leave(b);
}

void
outbound_recorded(struct outbound *b)
{
    must(b->unrecorded > 0);
    b->unrecorded--;
    if (b->over && b->unrecorded == 0)
        leave(b);
    else if (b->engine != NULL && b->d != NULL && b->body_done)
        outbound_drive(b);
}

void
outbound_server_failed(struct outbound *b, const struct smtp_outcome *why)
{
    b->retiring = true;
    if (b->failed_counted)
        return;
    b->failed_counted = true;
    if (why->stage == SMTP_STAGE_AUTH && verdict_of(why).consequence == CONSEQUENCE_SUSPEND)
        outbound_logon_refused(b);
    if (b->is_quiet)
        outlet_checked(b->outlet, b, why);
    else
        outlet_server_failed(b->outlet, b->lane, b, why);
}

/* The connection broke below us, maybe before there was an engine. Ends b. */
static void
lost(struct outbound *b, const struct reply *why, enum smtp_stage stage)
{
    if (b->engine != NULL && stage != SMTP_STAGE_TLS) {
        smtp_client_lost(b->engine, why);
        outbound_drive(b);
        return;
    }
    struct smtp_outcome outcome = {.reply = *why, .stage = stage};
    outbound_server_failed(b, &outcome);
    end(b, true);
}

/* ---- The clock ---- */

void
outbound_wait_for(struct outbound *b, enum waits_for what, uint64_t ms)
{
    b->waits_for = what;
    b->deadline_ms = loop_now_ms(b->outlet->worker->loop) + ms;
}

void
outbound_lap(struct outbound *b, enum delivery_stage stage)
{
    uint64_t now_us = clock_us();
    histogram_add(b->outlet->count.stages[stage], now_us - b->lap_us);
    b->lap_us = now_us;
}

static void
arm(struct outbound *b)
{
    uint64_t wake = b->engine ? smtp_client_wake_ms(b->engine) : UINT64_MAX;
    if (b->waits_for != WAITS_FOR_SERVER && b->deadline_ms < wake)
        wake = b->deadline_ms;
    if (b->is_quiet && b->opened_ms + b->outlet->check.patience_ms < wake)
        wake = b->opened_ms + b->outlet->check.patience_ms;
    timer_set(b->timer, wake);
}

static void
got_deadline(struct outbound *b)
{
    struct reply r;
    switch (b->waits_for) {
    case WAITS_FOR_CONNECT:
        b->lost_patience = b->is_quiet;
        r = outbound_local_reply(451, "4.4.1",
                                 "The server did not answer the connection in time");
        lost(b, &r, SMTP_STAGE_CONNECT);
        return;
    case WAITS_FOR_TLS:
        r = outbound_local_reply(451, "4.4.1", "The TLS handshake took too long");
        lost(b, &r, SMTP_STAGE_TLS);
        return;
    case WAITS_FOR_LOGON:
        outbound_drive(b);
        return;
    case WAITS_FOR_WORK:
        b->retiring = true;
        outbound_drive(b);
        return;
    case WAITS_FOR_QUIT:
        end(b, true);
        return;
    case WAITS_FOR_SERVER:
        never("the engine keeps its own deadlines");
    }
}

/* A look has its own patience: somebody waits for the answer. */
static void
looked_too_long(struct outbound *b)
{
    struct smtp_outcome why = {
        .reply = outbound_local_reply(451, "4.4.1", "The server took too long to answer a look"),
        .stage = b->engine ? smtp_client_stage(b->engine) : SMTP_STAGE_CONNECT,
    };
    b->lost_patience = true;
    if (!b->was_ready)
        outbound_server_failed(b, &why);
    end(b, true);
}

static void
on_timer(void *context)
{
    struct outbound *b = context;
    uint64_t now = loop_now_ms(b->outlet->worker->loop);
    if (b->is_quiet && now >= b->opened_ms + b->outlet->check.patience_ms) {
        looked_too_long(b);
        return;
    }
    if (b->waits_for != WAITS_FOR_SERVER && now >= b->deadline_ms) {
        got_deadline(b);
        return;
    }
    if (b->engine == NULL)
        return;
    struct slice nothing = {NULL, 0};
    smtp_client_feed(b->engine, &nothing, now);
    outbound_drive(b);
}

/* ---- The conversation ---- */

void
outbound_drive(struct outbound *b)
{
    enum outbound_step s;
    if (b->driving)
        return;
    b->driving = true;
    while ((s = outbound_step(b)) == STEP_AGAIN)
        continue;
    b->driving = false;
    if (s == STEP_OVER)
        end(b, false); /* what the engine still had to say, a QUIT, is worth a flush */
    else
        arm(b);
}

static void
on_input(void *owner, struct slice *in)
{
    struct outbound *b = owner;
    if (b->engine == NULL)
        return;
    struct slice offered = *in;
    smtp_client_feed(b->engine, in, loop_now_ms(b->outlet->worker->loop));
    protocol_session_server(b->protocol, slice_head(offered, offered.len - in->len));
    outbound_drive(b);
}

static void
on_drained(void *owner)
{
    struct outbound *b = owner;
    if (b->engine != NULL)
        outbound_drive(b);
}

static void
on_tls(void *owner)
{
    struct outbound *b = owner;
    b->waits_for = WAITS_FOR_SERVER;
    tls_census_count(b->outlet->worker->shop->metrics, TLS_SEND, b->connector->name,
                     b->connector->tls_profile, conn_tls(b->conn));
    outbound_lap(b, DELIVERY_TLS);
    outlet_met_tls(b->outlet, b->lane, b);
    protocol_session_note(b->protocol, tls_filter_version(conn_tls(b->conn)));
    smtp_client_tls_done(b->engine, loop_now_ms(b->outlet->worker->loop));
    outbound_drive(b);
}

static void
on_end(void *owner, const struct err *why)
{
    struct outbound *b = owner;
    bool tls = b->waits_for == WAITS_FOR_TLS;
    if (tls)
        (void)tls_filter_trouble(conn_tls(b->conn), &b->trouble);
    b->conn = NULL; /* frees itself */
    struct reply r = outbound_local_reply(451, tls ? "4.7.5" : "4.4.2", why->text);
    lost(b, &r, tls ? SMTP_STAGE_TLS : SMTP_STAGE_CONNECT);
}

static void
open_protocol(struct outbound *b)
{
    const struct protocol_peer peer = {
        .is_server = true,
        .connectors = {b->outlet->name},
        .connector_count = 1,
        .address = (const struct sockaddr *)&b->lane->addr,
        .remote = b->server_text,
        .local = "",
        .id = b->serial,
    };
    b->protocol = protocol_session_open(b->outlet->worker->shop->protocol_log, &peer,
                                        loop_now_ms(b->outlet->worker->loop));
}

static void
talk(struct outbound *b)
{
    outbound_plan_logon(b);
    bool logs_on = b->may_log_on;
    const struct smtp_client_settings settings = {
        .hello = slice_str(b->runtime->config->hostname),
        .tls_required = b->connector->tls_require,
        .user = logs_on ? slice_str(b->connector->auth_user) : slice(NULL, 0),
        .password = logs_on ? slice_str(b->connector->auth_password) : slice(NULL, 0),
    };
    b->engine = smtp_client_new(&settings, loop_now_ms(b->outlet->worker->loop));
    if (b->engine == NULL) {
        struct reply r = outbound_local_reply(451, "4.3.0", "Out of memory");
        lost(b, &r, SMTP_STAGE_CONNECT);
        return;
    }
    open_protocol(b);
    outbound_drive(b);
}

static void
on_connected(void *owner, const struct err *err_or_null)
{
    struct outbound *b = owner;
    b->waits_for = WAITS_FOR_SERVER;
    if (err_or_null != NULL) {
        struct reply r = outbound_local_reply(451, "4.4.1", err_or_null->text);
        b->conn = NULL;
        lost(b, &r, SMTP_STAGE_CONNECT);
        return;
    }
    outbound_lap(b, DELIVERY_CONNECT);
    talk(b);
}

static struct smtp_outcome
no_way_there(const struct err *err)
{
    return (struct smtp_outcome){
        .reply = outbound_local_reply(451, "4.4.1", err->text),
        .stage = SMTP_STAGE_CONNECT,
    };
}

/* *out stays NULL when the way there is closed at once, or without memory (false). */
static bool
open_one(struct outlet *o, struct lane *lane, bool is_quiet, struct err *err,
         struct outbound **out)
{
    static const struct conn_events events = {on_input, on_drained, on_tls, on_end};
    struct outbound *b = mem_new(sizeof *b);
    *out = NULL;
    if (b == NULL)
        return false;
    b->outlet = o;
    b->is_quiet = is_quiet;
    b->runtime = runtime_ref(o->runtime);
    b->connector = o->connector;
    b->lane = lane;
    b->serial = id_next(spool_ids(o->worker->shop->spool), clock_unix_ms());
    b->opened_ms = loop_now_ms(o->worker->loop);
    b->lap_us = clock_us();
    outbound_wait_for(b, WAITS_FOR_CONNECT, is_quiet ? LOOK_CONNECT_MS : CONNECT_MS);
    buf_init(&b->prefix, OUTBOUND_PREFIX_MAX);
    snprintf(b->server_text, sizeof b->server_text, "%.60s%s", lane->host, lane->name);
    b->timer = timer_new(o->worker->loop, on_timer, b);
    if (b->timer != NULL)
        b->conn = conn_dial(o->worker->loop, (const struct sockaddr *)&lane->addr, &events,
                            on_connected, b, err);
    if (b->conn == NULL) {
        bool has_memory = b->timer != NULL && err->kind != ERR_NOMEM;
        timer_free(&b->timer);
        runtime_unref(&b->runtime);
        mem_free(&b);
        return has_memory;
    }
    server_limits_opened(&lane->limits);
    outlet_notice_connections(o, lane);
    b->next = o->connections;
    o->connections = b;
    o->connection_count++;
    if (!is_quiet)
        o->making_count++;
    counter_add(o->count.open, 1);
    arm(b);
    *out = b;
    return true;
}

bool
outbound_open(struct outlet *o, struct lane *lane)
{
    struct err err;
    struct outbound *b;
    if (!open_one(o, lane, false, &err, &b))
        return false;
    if (b == NULL) {
        struct smtp_outcome why = no_way_there(&err);
        outlet_server_failed(o, lane, NULL, &why);
    }
    return true;
}

bool
outbound_open_quiet(struct outlet *o, struct lane *lane)
{
    struct err err;
    if (!open_one(o, lane, true, &err, &o->check.connection))
        return false;
    if (o->check.connection == NULL) {
        struct smtp_outcome why = no_way_there(&err);
        outlet_look_failed(o, lane, NULL, &why);
    }
    return true;
}

void
outbound_retire(struct outbound *b)
{
    b->retiring = true;
    if (b->driving || b->over)
        return;
    if (!b->was_ready)
        end(b, true);
    else if (b->d == NULL && smtp_client_task(b->engine) == SMTP_TASK_READY)
        outbound_drive(b);
}

void
outbound_cut(struct outbound *b)
{
    struct reply r = outbound_local_reply(451, "4.3.2", "The gateway is stopping");
    if (b->d != NULL)
        outbound_give_back(b);
    if (b->engine != NULL)
        smtp_client_lost(b->engine, &r);
    hang_up(b, true);
    leave(b);
}
