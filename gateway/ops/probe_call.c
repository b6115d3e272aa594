#include "gateway/ops/probe_call.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>

#include "gateway/base/clock.h"
#include "gateway/base/mem.h"
#include "gateway/net/conn.h"
#include "gateway/net/timer.h"

enum phase { PHASE_CONNECT, PHASE_TALK, PHASE_HANDSHAKE, PHASE_OVER };

struct probe_call {
    const struct probe_settings *settings;
    struct probe_result *result;
    struct loop *loop;
    struct timer *timer;
    struct conn *conn;
    struct smtp_client *engine; /* NULL until connected */
    enum phase phase;
    const struct sockaddr_storage *addresses;
    size_t address_count;
    size_t address;       /* the one that is tried */
    char dead_ends[256];  /* addresses before it, and why not */
    uint64_t begun_us;    /* all of it */
    uint64_t mark_us;     /* this step */
    uint64_t deadline_ms; /* of all */
    uint64_t attempt_ms;  /* of the present address */
    bool asked;           /* the envelope */
    bool quitting;
    size_t rcpt_count; /* answered */
    struct smtp_outcome outcomes[PROBE_TO_MAX];
    void (*on_over)(void *context);
    void *context;
};

static void dial(struct probe_call *c);

/* ---- Steps ---- */

/* How long it is since the last step. */
static uint64_t
lap(struct probe_call *c)
{
    uint64_t now = clock_us();
    uint64_t us = now - c->mark_us;
    c->mark_us = now;
    return us;
}

static enum probe_kind
kind_of(const struct probe_call *c, enum smtp_stage stage)
{
    switch (stage) {
    case SMTP_STAGE_CONNECT:
        return PROBE_CONNECT;
    case SMTP_STAGE_BANNER:
        return PROBE_BANNER;
    case SMTP_STAGE_EHLO:
        return c->result->tls_version[0] != '\0' ? PROBE_EHLO_TLS : PROBE_EHLO;
    case SMTP_STAGE_STARTTLS:
        return PROBE_STARTTLS;
    case SMTP_STAGE_TLS:
        return PROBE_TLS;
    case SMTP_STAGE_AUTH:
        return PROBE_AUTH;
    case SMTP_STAGE_MAIL:
        return PROBE_MAIL;
    case SMTP_STAGE_RCPT:
        return PROBE_RCPT;
    case SMTP_STAGE_DATA:
    case SMTP_STAGE_CONTENT:
    case SMTP_STAGE_IDLE:
        break;
    }
    return c->quitting ? PROBE_QUIT : PROBE_RSET;
}

/* Whom the next reply is about. */
static const char *
subject_of(const struct probe_call *c, enum probe_kind kind)
{
    const struct probe_settings *s = c->settings;
    if (kind == PROBE_AUTH)
        return s->user;
    if (kind == PROBE_MAIL)
        return s->from[0] != '\0' ? s->from : "<>";
    if (kind == PROBE_RCPT && c->rcpt_count < s->to_count)
        return s->to[c->rcpt_count].address.ptr;
    return "";
}

static void
on_reply(void *context, enum smtp_stage stage, const struct reply *r)
{
    struct probe_call *c = context;
    struct smtp_outcome outcome = {.reply = *r, .stage = stage};
    enum probe_kind kind = kind_of(c, stage);
    if (r->code / 100 == 3)
        return; /* a question in the middle of AUTH; anywhere else the engine knows better */
    probe_note(c->result, kind, lap(c), &outcome, subject_of(c, kind));
    c->rcpt_count += kind == PROBE_RCPT;
}

static void
note_local(struct probe_call *c, enum smtp_stage stage, const char *enhanced, const char *text)
{
    struct smtp_outcome outcome = {.stage = stage};
    enum probe_kind kind = kind_of(c, stage);
    outcome.reply = reply_make(451, enhanced, "%s", text);
    outcome.reply.local = true;
    probe_note(c->result, kind, lap(c), &outcome, subject_of(c, kind));
}

/* Version and cipher are agreed on by the time that a certificate comes, refused or not. */
static void
note_session(struct probe_call *c)
{
    const struct tls_filter *tls = conn_tls(c->conn);
    struct probe_result *r = c->result;
    struct tls_identity who;
    if (!tls_identity_of_peer(tls, &who))
        return;
    slice_copy_text(r->tls_version, sizeof r->tls_version, slice_str(tls_filter_version(tls)));
    slice_copy_text(r->tls_cipher, sizeof r->tls_cipher, slice_str(tls_filter_cipher(tls)));
    slice_copy_text(r->tls_verified, sizeof r->tls_verified, slice_str(tls_filter_verified(tls)));
    probe_judge_certificate(r, &who, clock_unix_ms() / 1000, &c->settings->limits);
}

/* ---- Ends ---- */

/* Last line of whoever calls it. */
static void
over(struct probe_call *c, bool now)
{
    c->phase = PHASE_OVER;
    c->result->us = clock_us() - c->begun_us;
    probe_judge_time(c->result, &c->settings->limits);
    timer_set(c->timer, UINT64_MAX);
    conn_close(&c->conn, now);
    smtp_client_free(&c->engine);
    c->on_over(c->context);
}

static void
fail_here(struct probe_call *c, enum smtp_stage stage, const char *enhanced, const char *text)
{
    note_local(c, stage, enhanced, text);
    over(c, true);
}

/* ---- The conversation ---- */

static void
arm(struct probe_call *c)
{
    uint64_t wake = c->phase == PHASE_CONNECT ? c->attempt_ms : c->deadline_ms;
    if (c->phase == PHASE_TALK && smtp_client_wake_ms(c->engine) < wake)
        wake = smtp_client_wake_ms(c->engine);
    timer_set(c->timer, wake);
}

static void
write_output(struct probe_call *c)
{
    if (c->conn == NULL || c->phase != PHASE_TALK)
        return;
    struct slice out = slice_head(smtp_client_output(c->engine), conn_room(c->conn));
    if (out.len > 0 && conn_write(c->conn, out))
        smtp_client_sent(c->engine, out.len);
}

static void
shake_hands(struct probe_call *c)
{
    const struct probe_settings *s = c->settings;
    const char *host = s->server_name != NULL ? s->server_name : c->result->server;
    struct err err;
    if (c->phase == PHASE_HANDSHAKE)
        return;
    c->phase = PHASE_HANDSHAKE;
    /* Without a key no session is kept or resumed: the certificate comes each time. */
    if (conn_start_tls_client(c->conn, s->tls, host, slice("", 0), &err))
        arm(c);
    else
        fail_here(c, SMTP_STAGE_TLS, "4.3.0", err.text);
}

static void
ask_or_quit(struct probe_call *c)
{
    const struct probe_settings *s = c->settings;
    if (s->from == NULL || c->asked) {
        c->quitting = true;
        smtp_client_quit(c->engine, clock_ms());
        return;
    }
    const struct smtp_transaction only = {
        .from = slice_str(s->from),
        .to = s->to,
        .to_count = s->to_count,
        .envelope_only = true,
        .outcomes = c->outcomes,
    };
    c->asked = true;
    smtp_client_send(c->engine, &only, clock_ms());
}

/* A refusal is a step already; what the engine found out by itself becomes one. */
static void
note_failure(struct probe_call *c)
{
    const struct smtp_outcome *why = smtp_client_failure(c->engine);
    enum probe_kind kind = kind_of(c, why->stage);
    if (why->reply.local)
        probe_note(c->result, kind, lap(c), why, subject_of(c, kind));
}

static void
drive(struct probe_call *c)
{
    for (;;) {
        write_output(c);
        switch (smtp_client_task(c->engine)) {
        case SMTP_TASK_WAIT:
            arm(c);
            return;
        case SMTP_TASK_STARTTLS:
            shake_hands(c);
            return;
        case SMTP_TASK_READY:
            ask_or_quit(c);
            break;
        case SMTP_TASK_DONE:
            smtp_client_next(c->engine);
            break;
        case SMTP_TASK_FAILED:
            note_failure(c);
            over(c, c->conn == NULL || conn_pending(c->conn) == 0); /* is there a QUIT to say? */
            return;
        case SMTP_TASK_CLOSED:
            over(c, false);
            return;
        case SMTP_TASK_BODY:
            never("an envelope alone has no body");
        }
    }
}

/* ---- What happens ---- */

static void
on_input(void *owner, struct slice *in)
{
    struct probe_call *c = owner;
    smtp_client_feed(c->engine, in, clock_ms());
    drive(c);
}

static void
on_drained(void *owner)
{
    struct probe_call *c = owner;
    if (c->phase == PHASE_TALK)
        drive(c);
}

static void
note_tls(struct probe_call *c)
{
    const struct tls_filter *tls = conn_tls(c->conn);
    struct probe_step *step = probe_begin_step(c->result, PROBE_TLS, lap(c));
    const char *warning = tls_filter_warning(tls);
    const char *verified = tls_filter_verified(tls);
    snprintf(step->text, sizeof step->text, "%s %s, %s%s%s%s", tls_filter_version(tls),
             tls_filter_cipher(tls),
             strcmp(verified, "none") == 0 ? "the certificate was not verified" : "verified by ",
             strcmp(verified, "none") == 0 ? "" : verified, warning != NULL ? "; " : "",
             warning != NULL ? warning : "");
    if (warning != NULL)
        step->state = PROBE_WARNING;
}

static void
on_tls(void *owner)
{
    struct probe_call *c = owner;
    c->phase = PHASE_TALK;
    note_tls(c);
    note_session(c);
    smtp_client_tls_done(c->engine, clock_ms());
    drive(c);
}

static void
on_end(void *owner, const struct err *why)
{
    struct probe_call *c = owner;
    bool in_handshake = c->phase == PHASE_HANDSHAKE;
    struct reply lost = reply_make(451, "4.4.2", "%s", why->text);
    if (in_handshake) {
        note_local(c, SMTP_STAGE_TLS, "4.7.5", why->text);
        note_session(c);
    }
    c->conn = NULL; /* frees itself */
    if (in_handshake) {
        over(c, true);
        return;
    }
    smtp_client_lost(c->engine, &lost);
    drive(c);
}

static void
begin_talk(struct probe_call *c)
{
    const struct probe_settings *s = c->settings;
    const struct smtp_client_settings settings = {
        .hello = slice_str(s->hello),
        .tls_required = s->tls_required,
        .user = slice_str(s->user),
        .password = slice_str(s->password),
        .on_reply = on_reply,
        .context = c,
    };
    c->engine = smtp_client_new(&settings, clock_ms());
    if (c->engine == NULL) {
        fail_here(c, SMTP_STAGE_BANNER, "4.3.0", "out of memory");
        return;
    }
    c->phase = PHASE_TALK;
    if (s->proxy_header)
        (void)conn_write(c->conn, slice_str("PROXY UNKNOWN\r\n")); /* there is room for it */
    drive(c);
}

/* ---- Connecting ---- */

static bool
is_last_address(const struct probe_call *c)
{
    return c->address + 1 == c->address_count;
}

/* This address is a dead end; perhaps there is another. */
static void
next_address(struct probe_call *c, const char *why)
{
    if (is_last_address(c)) {
        char text[sizeof c->dead_ends + 240];
        snprintf(text, sizeof text, "%s%s", why, c->dead_ends);
        fail_here(c, SMTP_STAGE_CONNECT, "4.4.1", text);
        return;
    }
    size_t used = strlen(c->dead_ends);
    snprintf(c->dead_ends + used, sizeof c->dead_ends - used, "; before that %s: %s",
             c->result->address, why);
    c->address++;
    dial(c);
}

static void
on_connected(void *owner, const struct err *err_or_null)
{
    struct probe_call *c = owner;
    if (err_or_null != NULL) {
        c->conn = NULL;
        next_address(c, err_or_null->text);
        return;
    }
    struct probe_step *step = probe_begin_step(c->result, PROBE_CONNECT, lap(c));
    snprintf(step->text, sizeof step->text, "%s%s", c->result->address, c->dead_ends);
    begin_talk(c);
}

static void
name_address(struct probe_call *c)
{
    const struct sockaddr_storage *a = &c->addresses[c->address];
    const void *octets = a->ss_family == AF_INET6
                             ? (const void *)&((const struct sockaddr_in6 *)a)->sin6_addr
                             : (const void *)&((const struct sockaddr_in *)a)->sin_addr;
    inet_ntop(a->ss_family, octets, c->result->address, sizeof c->result->address);
}

/* Nobody waits for one address so long that there is no time left for the next. */
static void
dial(struct probe_call *c)
{
    static const struct conn_events events = {on_input, on_drained, on_tls, on_end};
    const struct sockaddr *to = (const struct sockaddr *)&c->addresses[c->address];
    uint64_t now = loop_now_ms(c->loop);
    uint64_t left = c->deadline_ms > now ? c->deadline_ms - now : 0;
    struct err err;
    c->phase = PHASE_CONNECT;
    c->attempt_ms = now + left / (c->address_count - c->address);
    name_address(c);
    c->conn = conn_dial(c->loop, to, &events, on_connected, c, &err);
    if (c->conn == NULL)
        next_address(c, err.text);
    else
        arm(c);
}

/* ---- Time ---- */

static void
out_of_time(struct probe_call *c)
{
    char text[80];
    snprintf(text, sizeof text, "no answer; gave up %g s after the beginning",
             (double)c->settings->timeout_ms / 1e3);
    if (c->phase == PHASE_HANDSHAKE)
        fail_here(c, SMTP_STAGE_TLS, "4.4.1", text);
    else
        fail_here(c, smtp_client_stage(c->engine), "4.4.1", text);
}

static void
on_timer(void *context)
{
    struct probe_call *c = context;
    uint64_t now = loop_now_ms(c->loop);
    if (c->phase == PHASE_CONNECT && now >= c->attempt_ms) {
        conn_close(&c->conn, true);
        next_address(c, "no answer");
    } else if (now >= c->deadline_ms) {
        out_of_time(c);
    } else {
        struct slice nothing = {NULL, 0};
        smtp_client_feed(c->engine, &nothing, clock_ms());
        drive(c);
    }
}

/* ---- Birth ---- */

/* From the loop: whoever made the call has returned. */
static void
on_first_timer(void *context)
{
    struct probe_call *c = context;
    if (c->phase == PHASE_CONNECT && c->conn == NULL)
        dial(c);
    else
        on_timer(c);
}

struct probe_call *
probe_call_new(struct loop *loop, const struct probe_settings *settings,
               const struct sockaddr_storage *addresses, size_t count, uint64_t begun_us,
               struct probe_result *result, void (*on_over)(void *context), void *context)
{
    must(count > 0);
    struct probe_call *c = mem_new(sizeof *c);
    if (c == NULL)
        return NULL;
    c->settings = settings;
    c->result = result;
    c->loop = loop;
    c->addresses = addresses;
    c->address_count = count;
    c->begun_us = begun_us;
    c->mark_us = clock_us();
    c->deadline_ms = begun_us / 1000 + settings->timeout_ms;
    c->on_over = on_over;
    c->context = context;
    c->timer = timer_new(loop, on_first_timer, c);
    if (c->timer == NULL) {
        mem_free(&c);
        return NULL;
    }
    timer_set(c->timer, 0); /* dial in the next turn */
    return c;
}

void
probe_call_free(struct probe_call **call)
{
    struct probe_call *c = *call;
    if (c == NULL)
        return;
    must(c->phase == PHASE_OVER);
    timer_free(&c->timer);
    mem_free(call);
}
