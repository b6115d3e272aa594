#include "gateway/ops/doctor.h"

#include "gateway/base/mem.h"

static struct doctor_evidence
evidence_of(const struct doctor *d)
{
    struct doctor_evidence e = {0};
    e.modern = probe_results(d->look.modern);
    e.modern_count = probe_count(d->look.modern);
    if (d->look.lowered != NULL) {
        e.lowered = probe_results(d->look.lowered);
        e.lowered_count = probe_count(d->look.lowered);
    }
    e.vouched = d->vouched != NULL ? probe_results(d->vouched)[0] : NULL;
    e.session = d->session != NULL ? probe_results(d->session)[0] : NULL;
    e.stranger = d->stranger != NULL ? probe_results(d->stranger)[0] : NULL;
    return e;
}

static struct probe_settings
common_settings(const struct doctor_settings *s)
{
    struct probe_settings common = s->look;
    common.every_address = false;
    common.server_name = s->wish.name;
    common.limits =
        (struct probe_limits){.warning_days = PROBE_NEVER, .critical_days = PROBE_NEVER};
    return common;
}

/* ---- The connections ---- */

/* One more connection, to the address that the look found. */
static bool
call(const struct probe_settings *settings, const struct tls_client_settings *trust,
     const struct probe_result *at, struct probe **out, struct err *err)
{
    const struct probe_target target = {at->address, at->port};
    struct probe_settings s = *settings;
    struct tls_context *tls = NULL;
    TRY(tls_context_new_client(trust, &tls, err));
    s.tls = tls;
    s.profile = trust->profile;
    bool ok = probe_run(&s, &target, 1, out, err);
    tls_context_unref(&tls);
    return ok;
}

static bool
look_at(struct doctor *d, const struct doctor_settings *s, struct err *err)
{
    struct probe_settings settings = common_settings(s);
    settings.every_address = true;
    return look_run(&settings, &s->target, &d->look, err);
}

/* Does the chain end at a trusted root, whatever name it is for? */
static bool
ask_for_chain(struct doctor *d, const struct doctor_settings *s, const struct probe_result *at,
              struct err *err)
{
    const struct doctor_evidence e = evidence_of(d);
    const struct tls_client_settings trust = {
        .profile = doctor_profile_needed(&s->wish, &e),
        .trust = TLS_TRUST_CA,
        .ca_file = s->ca_file,
    };
    struct probe_settings settings = common_settings(s);
    settings.tls_required = true;
    return call(&settings, &trust, at, &d->vouched, err);
}

/* As mail would go there; the only one that logs on. */
static bool
go_as_mail(struct doctor *d, const struct doctor_settings *s, const struct probe_result *at,
           struct err *err)
{
    const struct doctor_wish *wish = &s->wish;
    const struct doctor_evidence e = evidence_of(d);
    const struct tls_client_settings trust = {
        .profile = wish->has_profile ? wish->profile : doctor_profile_needed(wish, &e),
        .trust = wish->trust,
        .ca_file =
            wish->trust == TLS_TRUST_NAME || wish->trust == TLS_TRUST_CA ? s->ca_file : NULL,
        .pins = wish->pins,
        .pin_count = wish->pin_count,
    };
    struct probe_settings settings = common_settings(s);
    settings.tls_required = wish->tls_required;
    if (wish->has_credential && !doctor_withholds_password(wish, &e)) {
        settings.user = s->user;
        settings.password = s->password;
    }
    if (doctor_asks_envelope(wish, &e)) {
        settings.mail_count = s->mail_count;
        memcpy(settings.mails, s->mails, s->mail_count * sizeof *s->mails);
    }
    return call(&settings, &trust, at, &d->session, err);
}

/* Without logon, for a domain of nobody. */
static bool
go_as_stranger(struct doctor *d, const struct doctor_settings *s, const struct probe_result *at,
               struct err *err)
{
    const struct doctor_evidence e = evidence_of(d);
    struct tls_client_settings trust = {.trust = TLS_TRUST_NONE};
    struct probe_settings settings = common_settings(s);
    (void)doctor_session(&e, &trust.profile);
    settings.mail_count = 1;
    settings.mails[0] =
        (struct probe_mail){.from = s->mails[DOCTOR_MAIL_SENDER].from, .to_count = 1};
    settings.mails[0].to[0].address = slice_str(DOCTOR_NOBODY);
    return call(&settings, &trust, at, &d->stranger, err);
}

/* ---- The books ---- */

static void
count(struct doctor *d, const struct probe *p_or_null)
{
    for (size_t i = 0; p_or_null != NULL && i < probe_count(p_or_null); i++) {
        const struct probe_result *r = probe_results(p_or_null)[i];
        const struct probe_step *step = probe_find_step(r, PROBE_CONNECT, 0);
        d->connections += step != NULL && step->state == PROBE_OK;
        d->logons += r->has_logged_on;
    }
}

static void
conclude(struct doctor *d, const struct doctor_settings *s)
{
    const struct doctor_evidence e = evidence_of(d);
    d->primary = doctor_primary(&e);
    doctor_judge(&d->checks, &s->wish, &e);
    count(d, d->look.modern);
    count(d, d->look.lowered);
    count(d, d->vouched);
    count(d, d->session);
    count(d, d->stranger);
}

static bool
answers(const struct probe_result *r_or_null)
{
    const struct probe_step *step =
        r_or_null != NULL ? probe_find_step(r_or_null, PROBE_EHLO, 0) : NULL;
    return step != NULL && step->state == PROBE_OK;
}

static bool
examine(struct doctor *d, const struct doctor_settings *s, struct err *err)
{
    enum tls_profile profile;
    TRY(look_at(d, s, err));
    const struct doctor_evidence e = evidence_of(d);
    const struct probe_result *in_tls = doctor_session(&e, &profile);
    const struct probe_result *at = in_tls != NULL ? in_tls : doctor_primary(&e);
    bool in_clear = in_tls == NULL && !s->wish.tls_required && answers(at);
    if (in_tls != NULL)
        TRY(ask_for_chain(d, s, at, err));
    if (in_tls != NULL || in_clear)
        TRY(go_as_mail(d, s, at, err));
    if ((in_tls != NULL || in_clear) && s->wish.has_envelope)
        TRY(go_as_stranger(d, s, at, err));
    conclude(d, s);
    return true;
}

bool
doctor_run(const struct doctor_settings *settings, struct doctor **out, struct err *err)
{
    struct doctor *d = mem_new(sizeof *d);
    if (d == NULL)
        return err_set(err, ERR_NOMEM, "out of memory");
    if (!examine(d, settings, err)) {
        doctor_free(&d);
        return false;
    }
    *out = d;
    return true;
}

void
doctor_free(struct doctor **doctor)
{
    struct doctor *d = *doctor;
    if (d == NULL)
        return;
    look_fini(&d->look);
    probe_free(&d->vouched);
    probe_free(&d->session);
    probe_free(&d->stranger);
    mem_free(doctor);
}
