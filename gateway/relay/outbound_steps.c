#include "gateway/relay/outbound_private.h"

#include "gateway/base/mem.h"

enum {
    HANDSHAKE_MS = 60 * 1000, /* TLS */
    QUIT_MS = 10 * 1000,      /* we do not wait long for the answer to QUIT */
};

/* A kept connection that the server had closed already when our MAIL came: nobody failed, and the
 * message goes through another one. */
static bool
was_stale(const struct outbound *b, const struct smtp_outcome *why)
{
    return why->reply.local && why->stage == SMTP_STAGE_MAIL && b->sent_count > 1;
}

/* Some Exchange servers hang on a chunk whose data has no CRLF at its end
 * (exchange-facts.md 3.8): where a connection died over one, the next one goes by DATA and gains
 * its CRLF. Mostly it is the server that loses patience, with a 421: 5 minutes of silence (3.5)
 * are less than the 10 that we wait here. */
static void
note_unended(const struct outbound *b, const struct smtp_outcome *why)
{
    const struct envelope *e = &b->d->parcel->envelope;
    bool died = why->reply.local || why->reply.code == 421;
    if (died && why->stage == SMTP_STAGE_CONTENT && e->is_unended && !e->has_bare)
        b->lane->avoids.unended = true;
}

/* Whose fault is the end of the connection? Not the server's: our trouble with a message (4.3.x:
 * disk, memory), and its refusal of a message in the middle of the content, behind which we have
 * to hang up: else whoever can send such mail could keep all other mail from it. */
static bool
is_about_message(const struct smtp_outcome *why)
{
    if (why->stage < SMTP_STAGE_MAIL)
        return false;
    if (why->reply.local)
        return why->reply.enhanced[1] == 3;
    return verdict_of(why).scope < SCOPE_SERVER;
}

/* The engine has given up the connection. */
static enum outbound_step
step_failed(struct outbound *b)
{
    const struct smtp_outcome why = *smtp_client_failure(b->engine);
    bool stale = was_stale(b, &why);
    if (b->d != NULL) {
        outbound_note_exch50(b);
        note_unended(b, &why);
    }
    if (b->d != NULL && stale)
        outbound_give_back(b);
    else if (b->d != NULL)
        outbound_settle(b);
    /* A server may end an idle connection whenever it likes; that is no failure. */
    if (!stale && !is_about_message(&why) && why.stage != SMTP_STAGE_IDLE &&
        b->waits_for != WAITS_FOR_QUIT)
        outbound_server_failed(b, &why);
    return STEP_OVER;
}

static bool
should_retire(const struct outbound *b, uint64_t now)
{
    return b->retiring || b->sent_count >= b->connector->messages_per_connection ||
           now - b->opened_ms >= b->connector->connection_age_ms;
}

static void
log_connected(const struct outbound *b)
{
    struct outbound_facts facts = outbound_facts(b);
    struct log_line line;
    log_begin(&line, b->outlet->worker->shop->log, EV_server_connected, 0);
    log_str(&line, "connector", b->outlet->name);
    log_str(&line, "server", facts.server);
    log_str(&line, "tls", facts.tls);
    log_str(&line, "cipher", facts.cipher);
    log_str(&line, "verified", facts.verified);
    log_str(&line, "account", b->connector->auth_user);
    log_end(&line);
}

/* Ready for the first or the next message. */
static enum outbound_step
step_ready(struct outbound *b, uint64_t now)
{
    outbound_logon_worked(b);
    if (!b->was_ready)
        outbound_lap(b, conn_tls(b->conn) != NULL ? DELIVERY_LOGON : DELIVERY_GREETING);
    if (!b->was_ready && b->is_quiet) {
        b->was_ready = true;
        b->retiring = true;
        outlet_checked(b->outlet, b, NULL);
    } else if (!b->was_ready) {
        b->was_ready = true;
        b->outlet->making_count--;
        counter_add(b->outlet->count.connected, 1);
        log_connected(b);
        outlet_server_works(b->outlet, b->lane, b);
    }
    if (should_retire(b, now)) {
        b->retiring = true;
        outbound_wait_for(b, WAITS_FOR_QUIT, QUIT_MS);
        smtp_client_quit(b->engine, now);
        return STEP_AGAIN;
    }
    struct delivery *d = outlet_next(b->outlet);
    if (d != NULL) {
        outbound_send(b, &d);
        return STEP_AGAIN;
    }
    if (b->waits_for != WAITS_FOR_WORK)
        outbound_wait_for(b, WAITS_FOR_WORK, b->connector->idle_ms);
    return STEP_WAIT;
}

static enum outbound_step
step_starttls(struct outbound *b)
{
    struct err err;
    char room[600];
    struct buf key = {.data = room, .cap = sizeof room, .max = sizeof room - 1};
    const char *host =
        b->connector->tls_server_name ? b->connector->tls_server_name : b->lane->host;
    if (b->waits_for == WAITS_FOR_TLS)
        return STEP_WAIT;
    /* Sessions are kept for connector, server and policy: a reload starts anew. */
    buf_printf(&key, "%s|%s|%d|%llu", b->outlet->name, b->server_text, b->connector->tls_verify,
               (unsigned long long)b->runtime->config->generation);
    outbound_lap(b, DELIVERY_GREETING);
    outbound_wait_for(b, WAITS_FOR_TLS, HANDSHAKE_MS);
    if (conn_start_tls_client(b->conn, runtime_send_tls(b->runtime, b->connector), host,
                              buf_slice(&key), &err))
        return STEP_WAIT;
    struct reply r = outbound_local_reply(451, "4.7.5", err.text);
    struct smtp_outcome outcome = {.reply = r, .stage = SMTP_STAGE_TLS};
    outbound_server_failed(b, &outcome);
    return STEP_OVER;
}

static void
write_output(struct outbound *b)
{
    if (b->conn == NULL)
        return;
    struct slice out = smtp_client_output(b->engine);
    out = slice_head(out, conn_room(b->conn));
    if (out.len == 0 || !conn_write(b->conn, out))
        return;
    protocol_session_client(b->protocol, out);
    smtp_client_sent(b->engine, out.len);
}

/* Without a word about the server, whom nobody asked: but a look has seen that it gets as far as
 * AUTH. */
static enum outbound_step
step_no_turn(struct outbound *b)
{
    b->may_log_on = false;
    if (b->is_quiet) {
        b->was_ready = true;
        outlet_checked(b->outlet, b, NULL);
    }
    return STEP_OVER;
}

enum outbound_step
outbound_step(struct outbound *b)
{
    uint64_t now = loop_now_ms(b->outlet->worker->loop);
    enum outbound_turn turn = outbound_turn_to_log_on(b);
    if (turn == TURN_LATER)
        return STEP_WAIT;
    if (turn == TURN_NEVER)
        return step_no_turn(b);
    write_output(b);
    switch (smtp_client_task(b->engine)) {
    case SMTP_TASK_WAIT:
        return STEP_WAIT;
    case SMTP_TASK_STARTTLS:
        return step_starttls(b);
    case SMTP_TASK_READY:
        return b->d == NULL ? step_ready(b, now) : STEP_WAIT;
    case SMTP_TASK_BODY:
        if (!b->in_content)
            outbound_lap(b, DELIVERY_ENVELOPE);
        b->in_content = true;
        return conn_room(b->conn) > 0 && outbound_give_body(b, now) ? STEP_AGAIN : STEP_WAIT;
    case SMTP_TASK_DONE:
        outbound_lap(b, b->in_content ? DELIVERY_CONTENT : DELIVERY_ENVELOPE);
        outbound_note_exch50(b);
        smtp_client_next(b->engine);
        outbound_settle(b);
        return STEP_AGAIN;
    case SMTP_TASK_FAILED:
        return step_failed(b);
    case SMTP_TASK_CLOSED:
        return STEP_OVER;
    }
    never("smtp_task has seven values");
}
