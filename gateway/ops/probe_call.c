#include "gateway/ops/probe_call_private.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>

#include "gateway/base/clock.h"
#include "gateway/base/mem.h"

static void dial(struct probe_call *c);

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
    probe_call_note_local(c, stage, enhanced, text);
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
    if (c->mails_asked == s->mail_count) {
        c->quitting = true;
        smtp_client_quit(c->engine, clock_ms());
        return;
    }
    const struct probe_mail *mail = &s->mails[c->mails_asked];
    const struct smtp_transaction only = {
        .from = slice_str(mail->from),
        .to = mail->to,
        .to_count = mail->to_count,
        .envelope_only = true,
        .outcomes = c->outcomes,
    };
    c->result->mail = c->mails_asked++;
    c->rcpt_count = 0;
    smtp_client_send(c->engine, &only, clock_ms());
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
            probe_call_note_failure(c);
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
on_tls(void *owner)
{
    struct probe_call *c = owner;
    c->phase = PHASE_TALK;
    probe_call_note_tls(c);
    probe_call_note_session(c);
    smtp_client_tls_done(c->engine, clock_ms());
    drive(c);
}

static void
on_end(void *owner, const struct err *why)
{
    struct probe_call *c = owner;
    bool in_handshake = c->phase == PHASE_HANDSHAKE;
    struct reply lost = reply_make(451, "4.4.2", "%s", why->text);
    if (in_handshake)
        probe_call_note_tls_failure(c, why->text);
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
        .on_reply = probe_call_on_reply,
        .on_hello_line = probe_call_on_hello_line,
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
    struct probe_step *step = probe_begin_step(c->result, PROBE_CONNECT, probe_call_lap(c));
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
    result->context.user = settings->user;
    result->context.is_exchange2003 = settings->profile == TLS_EXCHANGE2003;
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
