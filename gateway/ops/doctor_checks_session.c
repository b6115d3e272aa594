/* What happens in a session: its list, the logon, envelopes; and what nobody can see. Those
 * without a logon are in doctor_checks_stranger.c. */
#include "gateway/ops/doctor_checks_private.h"

/* ---- The list in TLS ---- */

static void
judge_tls_list(struct doctor_checks *c, const struct probe_result *r,
               const struct doctor_offers *offers)
{
    const struct probe_step *step = probe_find_step(r, PROBE_EHLO_TLS, 0);
    char list[700];
    struct buf text = {.data = list, .cap = sizeof list, .max = sizeof list - 1};
    if (step != NULL && step->state != PROBE_OK) {
        (void)doctor_add_step(c, GROUP_LOGON, "ehlo-tls", "EHLO in TLS", step);
        return;
    }
    doctor_put_list(&text, r->hello[1]);
    (void)doctor_add(c, GROUP_LOGON, "ehlo-tls", "EHLO in TLS", DOCTOR_OK, "%s%s",
                     text.len > 0 ? buf_text(&text) : "nothing is listed",
                     offers->ehlo.starttls ? " (STARTTLS again, which is odd and does no harm)"
                                           : "");
}

static const char *
what_of_auth(const struct doctor_offers *offers)
{
    if (!offers->ehlo.auth)
        return "AUTH is not offered at all";
    return offers->mechanisms[0] != '\0' ? "LOGIN is not among them: AUTH "
                                         : "AUTH is offered with an empty list";
}

static void
judge_auth_offer(struct doctor_checks *c, const struct doctor_wish *wish,
                 const struct doctor_offers *offers)
{
    bool needs_none = wish->connector != NULL && !wish->needs_credential;
    if (offers->ehlo.auth_login || offers->ehlo.auth_plain) {
        (void)doctor_add(
            c, GROUP_LOGON, "auth-offered", "AUTH", DOCTOR_OK, "%s offered (AUTH %s%s)",
            offers->ehlo.auth_login ? "LOGIN is" : "PLAIN without LOGIN is", offers->mechanisms,
            doctor_offers_has(offers, KEYWORD_AUTH_EQUALS) ? ", and AUTH=LOGIN" : "");
        return;
    }
    struct doctor_check *check =
        doctor_add(c, GROUP_LOGON, "auth-offered", "AUTH",
                   needs_none             ? DOCTOR_OK
                   : wish->has_credential ? DOCTOR_FAILED
                                          : DOCTOR_WARNING,
                   "%s%s%s", what_of_auth(offers), offers->mechanisms,
                   needs_none ? "; this send connector logs on nowhere" : "");
    if (!needs_none)
        doctor_diagnose(check, SMTP_STAGE_AUTH, "5.7.3", NULL);
}

/* ---- The logon ---- */

/* The step that mail would stumble over on its way to the logon; NULL: none. */
static const struct probe_step *
stumble_of(const struct probe_result *r)
{
    for (size_t i = 0; i < r->step_count; i++) {
        const struct probe_step *step = &r->steps[i];
        bool is_early = step->kind <= PROBE_EHLO_TLS;
        bool is_excused = step->kind == PROBE_TLS && step->state == PROBE_WARNING;
        if (is_early && !is_excused && step->state != PROBE_OK)
            return step;
    }
    return NULL;
}

static bool
has_failed(const struct doctor_checks *c, enum doctor_group group)
{
    for (size_t i = 0; i < c->count; i++)
        if (c->list[i].group == group && c->list[i].state == DOCTOR_FAILED)
            return true;
    return false;
}

/* The look may have gone well, and yet this session not: by the profile that is set, or because
 * the server takes no more connections. */
static void
judge_session(struct doctor_checks *c, const struct probe_result *session_or_null)
{
    const struct probe_step *step = session_or_null != NULL ? stumble_of(session_or_null) : NULL;
    if (step == NULL)
        return;
    bool is_told =
        step->kind == PROBE_TLS && (has_failed(c, GROUP_TLS) || has_failed(c, GROUP_CERTIFICATE));
    if (!is_told)
        (void)doctor_add_step(c, GROUP_LOGON, "session", "session", step);
}

static bool
is_refused(const struct probe_step *step_or_null)
{
    return step_or_null != NULL && step_or_null->state != PROBE_OK;
}

const char *
doctor_hindrance(const struct probe_result *session_or_null, size_t mail)
{
    const struct probe_result *r = session_or_null;
    const struct probe_step *stumble = r != NULL ? stumble_of(r) : NULL;
    if (r == NULL)
        return "there is no session that mail could use";
    if (stumble != NULL && stumble->kind == PROBE_TLS)
        return "TLS did not come about as it is asked for, and nothing is said without";
    if (is_refused(probe_find_step(r, PROBE_AUTH, 0)))
        return "the logon failed";
    if (is_refused(probe_find_step(r, PROBE_MAIL, mail)))
        return "the sender was refused";
    return "the session ended before that";
}

static void
judge_attempt(struct doctor_checks *c, const struct doctor_wish *wish,
              const struct doctor_evidence *e)
{
    const struct probe_step *step =
        e->session != NULL ? probe_find_step(e->session, PROBE_AUTH, 0) : NULL;
    if (!wish->has_credential) {
        (void)doctor_add(c, GROUP_LOGON, "logon", "logon", DOCTOR_NOT_TRIED,
                         wish->connector != NULL
                             ? "no credential of this connector is to be used"
                             : "no credential was given (--user and --password-file, or -c FILE "
                               "--connector NAME)");
        return;
    }
    if (doctor_withholds_password(wish, e)) {
        (void)doctor_add(c, GROUP_LOGON, "logon", "logon", DOCTOR_NOT_TRIED,
                         "the server needs profile exchange2003, which somebody in between could "
                         "make believe: with --profile exchange2003 (and --verify name) or --pin "
                         "the password is given");
        return;
    }
    if (step == NULL) {
        (void)doctor_add(c, GROUP_LOGON, "logon", "logon", DOCTOR_NOT_TRIED, "%s",
                         doctor_hindrance(e->session, DOCTOR_MAIL_SENDER));
        return;
    }
    struct doctor_check *check = doctor_add_step(c, GROUP_LOGON, "logon", "logon", step);
    if (check->state == DOCTOR_OK || !e->session->has_logged_on)
        return;
    slice_copy_text(check->found + strlen(check->found),
                    sizeof check->found - strlen(check->found),
                    slice_str("; it was tried once, and is not tried again"));
    if (check->advice[0] == '\0')
        doctor_advise(check, "whether the server counts this as a wrong password cannot be seen "
                             "from here: look into its log before the next try");
}

void
doctor_judge_logon(struct doctor_checks *c, const struct doctor_wish *wish,
                   const struct doctor_evidence *e)
{
    enum tls_profile profile;
    const struct probe_result *r = doctor_session(e, &profile);
    struct doctor_offers offers;
    if (r != NULL) {
        doctor_offers_read(&offers, r->hello[1]);
        judge_tls_list(c, r, &offers);
        if (offers.heard)
            judge_auth_offer(c, wish, &offers);
    } else {
        (void)doctor_add(c, GROUP_LOGON, "ehlo-tls", "EHLO in TLS", DOCTOR_NOT_TRIED,
                         "there is no TLS");
    }
    judge_session(c, e->session);
    judge_attempt(c, wish, e);
}

/* ---- The envelope ---- */

static void
judge_step(struct doctor_checks *c, const char *id, const char *label,
           const struct probe_result *session_or_null, enum probe_kind kind, size_t mail)
{
    const struct probe_step *step =
        session_or_null != NULL ? probe_find_step(session_or_null, kind, mail) : NULL;
    if (step != NULL)
        (void)doctor_add_step(c, GROUP_ENVELOPE, id, label, step);
    else
        (void)doctor_add(c, GROUP_ENVELOPE, id, label, DOCTOR_NOT_TRIED, "%s",
                         doctor_hindrance(session_or_null, DOCTOR_MAIL_SENDER));
}

bool
doctor_is_at_home(const struct probe_step *rcpt)
{
    return rcpt->code == 550 && strstr(rcpt->text, " 5.1.1 ") != NULL;
}

static void
judge_recipient(struct doctor_checks *c, const struct doctor_wish *wish,
                const struct probe_result *session_or_null)
{
    const struct probe_step *step =
        session_or_null != NULL ? probe_find_step(session_or_null, PROBE_RCPT, DOCTOR_MAIL_SENDER)
                                : NULL;
    if (step != NULL && wish->is_recipient_guessed && doctor_is_at_home(step)) {
        (void)doctor_add(c, GROUP_ENVELOPE, "recipient", "recipient", DOCTOR_OK,
                         "%s: the domain is at home there, the address (a guess of ours) is not",
                         step->text);
        return;
    }
    judge_step(c, "recipient", "recipient", session_or_null, PROBE_RCPT, DOCTOR_MAIL_SENDER);
}

void
doctor_judge_envelope(struct doctor_checks *c, const struct doctor_wish *wish,
                      const struct doctor_evidence *e)
{
    if (!wish->has_envelope) {
        (void)doctor_add(c, GROUP_ENVELOPE, "envelope", "envelope", DOCTOR_NOT_TRIED,
                         "no addresses were given (--from and --to, or a connector of a forest)");
    } else if (e->session != NULL && !doctor_asks_envelope(wish, e)) {
        (void)doctor_add(c, GROUP_ENVELOPE, "envelope", "envelope", DOCTOR_NOT_TRIED,
                         "without the logon, what it says to sender and recipient would mean "
                         "nothing");
        doctor_judge_stranger(c, wish, e->stranger);
    } else {
        judge_step(c, "null-sender", "null sender", e->session, PROBE_MAIL, DOCTOR_MAIL_NULL);
        judge_step(c, "sender", "sender", e->session, PROBE_MAIL, DOCTOR_MAIL_SENDER);
        judge_recipient(c, wish, e->session);
        doctor_judge_stranger(c, wish, e->stranger);
    }
    (void)doctor_add(c, GROUP_ENVELOPE, "limits", "limits", DOCTOR_NOT_TRIED,
                     "connections from one address (Exchange 2007: 20), recipients of a message, "
                     "messages and minutes of a connection: they show in use only");
}
