#include "gateway/ops/probe_result.h"

#include <inttypes.h>
#include <stdio.h>

#include "gateway/base/ascii.h"
#include "gateway/base/clock.h"

enum { DAY_S = 24 * 3600 };

/* What cannot be told is worse than what is only nearly right. */
enum probe_state
probe_worse(enum probe_state a, enum probe_state b)
{
    static const unsigned char rank[] = {
        [PROBE_OK] = 0, [PROBE_WARNING] = 1, [PROBE_UNKNOWN] = 2, [PROBE_CRITICAL] = 3};
    return rank[b] > rank[a] ? b : a;
}

const char *
probe_state_text(enum probe_state state)
{
    static const char *const texts[] = {
        [PROBE_OK] = "OK",
        [PROBE_WARNING] = "WARNING",
        [PROBE_CRITICAL] = "CRITICAL",
        [PROBE_UNKNOWN] = "UNKNOWN",
    };
    return texts[state];
}

const char *
probe_kind_label(enum probe_kind kind)
{
    static const char *const labels[PROBE_KINDS] = {
        [PROBE_RESOLVE] = "resolve",
        [PROBE_CONNECT] = "connect",
        [PROBE_BANNER] = "banner",
        [PROBE_EHLO] = "ehlo",
        [PROBE_STARTTLS] = "starttls",
        [PROBE_TLS] = "tls",
        [PROBE_CERTIFICATE] = "certificate",
        [PROBE_EHLO_TLS] = "ehlo_tls",
        [PROBE_AUTH] = "auth",
        [PROBE_MAIL] = "mail",
        [PROBE_RCPT] = "rcpt",
        [PROBE_RSET] = "rset",
        [PROBE_QUIT] = "quit",
        [PROBE_TIME] = "time",
    };
    return labels[kind];
}

/* Of which transaction a step of this kind is now. */
static size_t
mail_of(const struct probe_result *r, enum probe_kind kind)
{
    return kind == PROBE_MAIL || kind == PROBE_RCPT || kind == PROBE_RSET ? r->mail : 0;
}

const struct probe_step *
probe_find_step(const struct probe_result *r, enum probe_kind kind, size_t mail)
{
    for (size_t i = 0; i < r->step_count; i++)
        if (r->steps[i].kind == kind && r->steps[i].mail == mail)
            return &r->steps[i];
    return NULL;
}

struct probe_step *
probe_begin_step(struct probe_result *r, enum probe_kind kind, uint64_t us)
{
    size_t mail = mail_of(r, kind), i = 0;
    while (i < r->step_count &&
           (kind == PROBE_RCPT || r->steps[i].kind != kind || r->steps[i].mail != mail))
        i++;
    struct probe_step *step = &r->steps[i];
    must(i < PROBE_STEPS_MAX);
    if (i == r->step_count)
        r->steps[r->step_count++].us = 0;
    *step = (struct probe_step){.kind = kind, .mail = mail, .us = step->us + us};
    return step;
}

void
probe_note_hello(struct probe_result *r, bool in_tls, struct slice line)
{
    char *list = r->hello[in_tls];
    size_t used = strlen(list), room = PROBE_HELLO_MAX - 1 - used;
    if (room < 2)
        return;
    if (used > 0)
        list[used++] = '\n';
    for (size_t i = 0; i < line.len && used + 1 < PROBE_HELLO_MAX; i++)
        list[used++] = ascii_is_print(line.ptr[i]) ? line.ptr[i] : '?';
    list[used] = '\0';
}

static enum probe_state
state_of_reply(enum probe_kind kind, const struct reply *r)
{
    bool ourselves = r->local && r->enhanced[0] != 0 && r->enhanced[1] == 3;
    if (ourselves)
        return PROBE_UNKNOWN;
    if (reply_is_success(r))
        return PROBE_OK;
    if (kind == PROBE_QUIT)
        return PROBE_WARNING; /* all that matters was well */
    if (r->local || !reply_is_transient(r) || kind == PROBE_STARTTLS)
        return PROBE_CRITICAL;
    return PROBE_WARNING;
}

static void
put_reply(struct probe_step *step, const struct reply *r, const char *about)
{
    struct buf text;
    buf_init(&text, sizeof step->text - 1);
    buf_printf(&text, "%.150s%s", about, about[0] != '\0' ? ": " : "");
    if (r->local)
        buf_put(&text, slice(r->text, r->len));
    else
        reply_put(&text, r);
    slice_copy_text(step->text, sizeof step->text, buf_slice(&text));
    buf_fini(&text);
}

void
probe_note(struct probe_result *r, enum probe_kind kind, uint64_t us,
           const struct smtp_outcome *outcome, const char *about)
{
    struct probe_step *step = probe_begin_step(r, kind, us);
    step->state = state_of_reply(kind, &outcome->reply);
    step->code = outcome->reply.local ? 0 : outcome->reply.code;
    put_reply(step, &outcome->reply, about);
    if (step->state != PROBE_OK)
        memcpy(step->advice, diagnosis_of(outcome, &r->context).text, sizeof step->advice);
}

static int64_t
whole_days(int64_t seconds)
{
    return seconds / DAY_S - (seconds % DAY_S < 0);
}

void
probe_judge_certificate(struct probe_result *r, const struct tls_identity *who,
                        int64_t now_unix_s, const struct probe_limits *limits)
{
    char date[CLOCK_TEXT];
    r->has_certificate = true;
    r->certificate = *who;
    r->days = whole_days(who->not_after_unix_s - now_unix_s);
    clock_iso(who->not_after_unix_s * 1000, date);

    struct probe_step *step = probe_begin_step(r, PROBE_CERTIFICATE, 0);
    if (limits->critical_days != PROBE_NEVER && r->days < limits->critical_days)
        step->state = PROBE_CRITICAL;
    else if (limits->warning_days != PROBE_NEVER && r->days < limits->warning_days)
        step->state = PROBE_WARNING;
    if (who->not_after_unix_s < now_unix_s)
        snprintf(step->text, sizeof step->text, "expired on %.10s", date);
    else
        snprintf(step->text, sizeof step->text, "expires on %.10s, in %" PRId64 " days", date,
                 r->days);
    if (step->state != PROBE_OK)
        snprintf(step->advice, sizeof step->advice, "%s",
                 "renew it before that day: Exchange 2007 then stops to offer STARTTLS, and no "
                 "mail passes");
}

void
probe_judge_time(struct probe_result *r, const struct probe_limits *limits)
{
    uint64_t max_ms = 0;
    enum probe_state state = PROBE_OK;
    if (limits->critical_ms > 0 && r->us > limits->critical_ms * 1000) {
        max_ms = limits->critical_ms;
        state = PROBE_CRITICAL;
    } else if (limits->warning_ms > 0 && r->us > limits->warning_ms * 1000) {
        max_ms = limits->warning_ms;
        state = PROBE_WARNING;
    }
    if (state == PROBE_OK)
        return;
    struct probe_step *step = probe_begin_step(r, PROBE_TIME, 0);
    step->state = state;
    snprintf(step->text, sizeof step->text, "took %.3f s, more than %g s", (double)r->us / 1e6,
             (double)max_ms / 1e3);
}

enum probe_state
probe_state_of(const struct probe_result *r)
{
    enum probe_state worst = PROBE_OK;
    for (size_t i = 0; i < r->step_count; i++)
        worst = probe_worse(worst, r->steps[i].state);
    return worst;
}

const struct probe_step *
probe_worst_step(const struct probe_result *r)
{
    enum probe_state worst = probe_state_of(r);
    for (size_t i = 0; i < r->step_count && worst != PROBE_OK; i++)
        if (r->steps[i].state == worst)
            return &r->steps[i];
    return NULL;
}

bool
probe_time_of(const struct probe_result *r, enum probe_kind kind, uint64_t *us)
{
    bool found = false;
    *us = 0;
    for (size_t i = 0; i < r->step_count; i++) {
        if (r->steps[i].kind != kind || kind == PROBE_CERTIFICATE || kind == PROBE_TIME)
            continue;
        *us += r->steps[i].us;
        found = true;
    }
    return found;
}
