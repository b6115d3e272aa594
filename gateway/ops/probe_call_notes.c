/* What a probe's conversation comes to, step by step. */
#include "gateway/ops/probe_call_private.h"

#include <stdio.h>

#include "gateway/base/clock.h"

uint64_t
probe_call_lap(struct probe_call *c)
{
    uint64_t now = clock_us();
    uint64_t us = now - c->mark_us;
    c->mark_us = now;
    return us;
}

static bool
is_in_tls(const struct probe_call *c)
{
    return c->result->tls_version[0] != '\0';
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
        return is_in_tls(c) ? PROBE_EHLO_TLS : PROBE_EHLO;
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
    const struct probe_mail *mail = &s->mails[c->result->mail];
    if (kind == PROBE_MAIL)
        return mail->from[0] != '\0' ? mail->from : "<>";
    if (kind == PROBE_RCPT && c->rcpt_count < mail->to_count)
        return mail->to[c->rcpt_count].address.ptr;
    return "";
}

void
probe_call_on_reply(void *context, enum smtp_stage stage, const struct reply *r)
{
    struct probe_call *c = context;
    struct smtp_outcome outcome = {.reply = *r, .stage = stage};
    enum probe_kind kind = kind_of(c, stage);
    c->result->has_logged_on |= stage == SMTP_STAGE_AUTH;
    if (r->code / 100 == 3)
        return; /* a question in the middle of AUTH; anywhere else the engine knows better */
    probe_note(c->result, kind, probe_call_lap(c), &outcome, subject_of(c, kind));
    c->rcpt_count += kind == PROBE_RCPT;
}

void
probe_call_on_hello_line(void *context, struct slice line)
{
    struct probe_call *c = context;
    probe_note_hello(c->result, is_in_tls(c), line);
}

void
probe_call_note_local(struct probe_call *c, enum smtp_stage stage, const char *enhanced,
                      const char *text)
{
    struct smtp_outcome outcome = {.stage = stage};
    enum probe_kind kind = kind_of(c, stage);
    c->result->has_logged_on |= kind == PROBE_AUTH; /* and no answer came */
    outcome.reply = reply_make(451, enhanced, "%s", text);
    outcome.reply.local = true;
    probe_note(c->result, kind, probe_call_lap(c), &outcome, subject_of(c, kind));
}

void
probe_call_note_session(struct probe_call *c)
{
    const struct tls_filter *tls = conn_tls(c->conn);
    struct probe_result *r = c->result;
    struct tls_identity who;
    if (!tls_identity_of_peer(tls, &who))
        return;
    slice_copy_text(r->tls_version, sizeof r->tls_version, slice_str(tls_filter_version(tls)));
    slice_copy_text(r->tls_cipher, sizeof r->tls_cipher, slice_str(tls_filter_cipher(tls)));
    slice_copy_text(r->tls_verified, sizeof r->tls_verified, slice_str(tls_filter_verified(tls)));
    r->renegotiates_securely = tls_filter_renegotiates_securely(tls);
    r->has_name = tls_filter_peer_has_name(tls);
    probe_judge_certificate(r, &who, clock_unix_ms() / 1000, &c->settings->limits);
}

void
probe_call_note_failure(struct probe_call *c)
{
    const struct smtp_outcome *why = smtp_client_failure(c->engine);
    c->result->context.is_masked = smtp_client_is_masked(c->engine);
    enum probe_kind kind = kind_of(c, why->stage);
    bool is_offered = why->reply.enhanced[1] != 7 || why->reply.enhanced[2] != 3;
    c->result->has_logged_on |= kind == PROBE_AUTH && is_offered;
    if (why->reply.local)
        probe_note(c->result, kind, probe_call_lap(c), why, subject_of(c, kind));
}

void
probe_call_note_tls(struct probe_call *c)
{
    const struct tls_filter *tls = conn_tls(c->conn);
    struct probe_step *step = probe_begin_step(c->result, PROBE_TLS, probe_call_lap(c));
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

void
probe_call_note_tls_failure(struct probe_call *c, const char *why)
{
    const struct tls_filter *tls = conn_tls(c->conn);
    struct tls_trouble trouble;
    if (tls != NULL && tls_filter_trouble(tls, &trouble))
        c->result->context.trouble = &trouble;
    probe_call_note_local(c, SMTP_STAGE_TLS, "4.7.5", why);
    c->result->context.trouble = NULL;
    probe_call_note_session(c);
}
