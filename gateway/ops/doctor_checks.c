#include "gateway/ops/doctor_checks.h"

#include <stdarg.h>
#include <stdio.h>

#include "gateway/base/ascii.h"
#include "gateway/ops/doctor_checks_private.h"

/* ---- Words ---- */

const char *
doctor_state_text(enum doctor_state state)
{
    static const char *const texts[] = {
        [DOCTOR_OK] = "ok",
        [DOCTOR_NOT_TRIED] = "not tried",
        [DOCTOR_WARNING] = "warning",
        [DOCTOR_FAILED] = "FAILED",
    };
    return texts[state];
}

static const struct {
    const char *word, *title;
} groups[GROUPS] = {
    [GROUP_REACH] = {"reach", "Reaching the server"},
    [GROUP_HELLO] = {"hello", "What it offers"},
    [GROUP_TLS] = {"tls", "TLS"},
    [GROUP_CERTIFICATE] = {"certificate", "Its certificate"},
    [GROUP_LOGON] = {"logon", "Logging on"},
    [GROUP_ENVELOPE] = {"envelope", "Would it take mail? (asked, never sent)"},
};

const char *
doctor_group_title(enum doctor_group g)
{
    return groups[g].title;
}

const char *
doctor_group_word(enum doctor_group g)
{
    return groups[g].word;
}

/* ---- The list ---- */

static void
make_printable(char *text)
{
    for (; *text != '\0'; text++)
        if (!ascii_is_print(*text))
            *text = '?';
}

struct doctor_check *
doctor_add(struct doctor_checks *c, enum doctor_group group, const char *id, const char *label,
           enum doctor_state state, const char *fmt, ...)
{
    must(c->count < DOCTOR_CHECKS_MAX);
    struct doctor_check *check = &c->list[c->count++];
    va_list args;
    *check = (struct doctor_check){.group = group, .id = id, .label = label, .state = state};
    va_start(args, fmt);
    vsnprintf(check->found, sizeof check->found, fmt, args);
    va_end(args);
    make_printable(check->found);
    return check;
}

void
doctor_advise(struct doctor_check *check, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    vsnprintf(check->advice, sizeof check->advice, fmt, args);
    va_end(args);
    make_printable(check->advice);
}

void
doctor_diagnose(struct doctor_check *check, enum smtp_stage stage, const char *enhanced,
                const struct diagnosis_context *context_or_null)
{
    struct smtp_outcome outcome = {.reply = reply_make(451, enhanced, "-"), .stage = stage};
    outcome.reply.local = true;
    doctor_advise(check, "%s", diagnosis_of(&outcome, context_or_null).text);
}

enum doctor_state
doctor_state_of_step(const struct probe_step *step)
{
    switch (step->state) {
    case PROBE_OK:
        return DOCTOR_OK;
    case PROBE_WARNING:
        return DOCTOR_WARNING;
    case PROBE_CRITICAL:
    case PROBE_UNKNOWN:
        break;
    }
    return DOCTOR_FAILED;
}

struct doctor_check *
doctor_add_step(struct doctor_checks *c, enum doctor_group group, const char *id,
                const char *label, const struct probe_step *step)
{
    struct doctor_check *check =
        doctor_add(c, group, id, label, doctor_state_of_step(step), "%s", step->text);
    if (step->advice[0] != '\0')
        doctor_advise(check, "%s", step->advice);
    return check;
}

size_t
doctor_checks_count(const struct doctor_checks *c, enum doctor_state state)
{
    size_t n = 0;
    for (size_t i = 0; i < c->count; i++)
        n += c->list[i].state == state;
    return n;
}

const struct doctor_check *
doctor_worst_check(const struct doctor_checks *c)
{
    const struct doctor_check *worst = NULL;
    for (size_t i = 0; i < c->count; i++)
        if (c->list[i].state >= DOCTOR_WARNING &&
            (worst == NULL || c->list[i].state > worst->state))
            worst = &c->list[i];
    return worst;
}

enum probe_state
doctor_checks_state(const struct doctor_checks *c)
{
    const struct doctor_check *worst = doctor_worst_check(c);
    if (worst == NULL)
        return PROBE_OK;
    return worst->state == DOCTOR_FAILED ? PROBE_CRITICAL : PROBE_WARNING;
}

/* ---- The evidence ---- */

const struct probe_result *
doctor_primary(const struct doctor_evidence *e)
{
    for (size_t i = 0; i < e->modern_count; i++) {
        const struct probe_step *step = probe_find_step(e->modern[i], PROBE_CONNECT, 0);
        if (step != NULL && step->state == PROBE_OK)
            return e->modern[i];
    }
    return e->modern_count > 0 ? e->modern[0] : NULL;
}

const struct probe_result *
doctor_session(const struct doctor_evidence *e, enum tls_profile *profile)
{
    return look_find_session(e->modern, e->modern_count, e->lowered, e->lowered_count, profile);
}

static bool
has_session(const struct doctor_evidence *e)
{
    enum tls_profile profile;
    return doctor_session(e, &profile) != NULL;
}

enum tls_profile
doctor_profile_needed(const struct doctor_wish *wish, const struct doctor_evidence *e)
{
    enum tls_profile profile;
    const struct probe_result *r = doctor_session(e, &profile);
    bool by_chain = wish->trust == TLS_TRUST_NAME || wish->trust == TLS_TRUST_CA;
    return r != NULL && by_chain && r->certificate.is_weak ? TLS_EXCHANGE2003 : profile;
}

bool
doctor_withholds_password(const struct doctor_wish *wish, const struct doctor_evidence *e)
{
    bool by_chain = wish->trust == TLS_TRUST_NAME || wish->trust == TLS_TRUST_CA;
    return wish->has_credential && by_chain && !wish->has_profile &&
           doctor_profile_needed(wish, e) == TLS_EXCHANGE2003 && has_session(e);
}

bool
doctor_asks_envelope(const struct doctor_wish *wish, const struct doctor_evidence *e)
{
    bool logs_on = wish->has_credential && !doctor_withholds_password(wish, e);
    return wish->has_envelope && (logs_on || !wish->needs_credential);
}

/* ---- The whole ---- */

void
doctor_judge(struct doctor_checks *out, const struct doctor_wish *wish,
             const struct doctor_evidence *e)
{
    *out = (struct doctor_checks){.count = 0};
    out->has_profile = doctor_session(e, &out->profile) != NULL;
    out->profile = doctor_profile_needed(wish, e);
    doctor_judge_reach(out, wish, e);
    doctor_judge_hello(out, wish, e);
    doctor_judge_tls(out, wish, e);
    doctor_judge_certificate(out, wish, e);
    doctor_judge_logon(out, wish, e);
    doctor_judge_envelope(out, wish, e);
}
