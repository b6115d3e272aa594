/* What happens in a session: its list, the logon, envelopes; and what nobody can see. */
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
    bool needs_none = wish->connector != NULL && !wish->has_credential;
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

/* Why the session did not come as far as this step; "" = it did. */
static void
put_hindrance(struct buf *out, const struct probe_result *session_or_null)
{
    const struct probe_step *worst =
        session_or_null != NULL ? probe_worst_step(session_or_null) : NULL;
    if (session_or_null == NULL)
        buf_put_str(out, "there is no session that mail could use");
    else if (worst != NULL && worst->kind == PROBE_TLS)
        buf_put_str(out,
                    "TLS did not come about as it is asked for, and nothing is said without");
    else
        buf_put_str(out, "the session ended before that");
}

static void
add_not_reached(struct doctor_checks *c, enum doctor_group group, const char *id,
                const char *label, const struct probe_result *session_or_null)
{
    char why[160];
    struct buf text = {.data = why, .cap = sizeof why, .max = sizeof why - 1};
    put_hindrance(&text, session_or_null);
    (void)doctor_add(c, group, id, label, DOCTOR_NOT_TRIED, "%s", buf_text(&text));
}

static void
judge_attempt(struct doctor_checks *c, const struct doctor_wish *wish,
              const struct probe_result *session_or_null)
{
    const struct probe_step *step =
        session_or_null != NULL ? probe_find_step(session_or_null, PROBE_AUTH, 0) : NULL;
    if (!wish->has_credential) {
        (void)doctor_add(c, GROUP_LOGON, "logon", "logon", DOCTOR_NOT_TRIED,
                         wish->connector != NULL
                             ? "no credential of this connector is to be used"
                             : "no credential was given (--user and --password-file, or -c FILE "
                               "--connector NAME)");
        return;
    }
    if (step == NULL) {
        add_not_reached(c, GROUP_LOGON, "logon", "logon", session_or_null);
        return;
    }
    struct doctor_check *check = doctor_add_step(c, GROUP_LOGON, "logon", "logon", step);
    if (check->state != DOCTOR_OK && step->code / 100 == 5)
        slice_copy_text(check->found + strlen(check->found),
                        sizeof check->found - strlen(check->found),
                        slice_str("; it was tried once, and is not tried again"));
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
    judge_attempt(c, wish, e->session);
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
        add_not_reached(c, GROUP_ENVELOPE, id, label, session_or_null);
}

/* Of an address that we made up, "no such user" says that the domain is at home there. */
static void
judge_recipient(struct doctor_checks *c, const struct doctor_wish *wish,
                const struct probe_result *session_or_null)
{
    const struct probe_step *step =
        session_or_null != NULL ? probe_find_step(session_or_null, PROBE_RCPT, DOCTOR_MAIL_SENDER)
                                : NULL;
    if (step != NULL && wish->is_recipient_guessed && step->code == 550 &&
        strstr(step->text, " 5.1.1 ") != NULL) {
        (void)doctor_add(c, GROUP_ENVELOPE, "recipient", "recipient", DOCTOR_OK,
                         "%s: the domain is at home there, the address (a guess of ours) is not",
                         step->text);
        return;
    }
    judge_step(c, "recipient", "recipient", session_or_null, PROBE_RCPT, DOCTOR_MAIL_SENDER);
}

static void
judge_open_relay(struct doctor_checks *c, const struct doctor_wish *wish,
                 const struct probe_step *rcpt_or_null)
{
    struct doctor_check *check;
    if (rcpt_or_null == NULL || rcpt_or_null->code / 100 != 2) {
        (void)doctor_add(c, GROUP_ENVELOPE, "open-relay", "open relay", DOCTOR_OK,
                         "no: without a logon it takes nothing for a domain of nobody%s%s",
                         rcpt_or_null != NULL ? ": " : "",
                         rcpt_or_null != NULL ? rcpt_or_null->text : "");
        return;
    }
    bool is_by_address = wish->connector != NULL && !wish->has_credential;
    check = doctor_add(c, GROUP_ENVELOPE, "open-relay", "open relay",
                       is_by_address ? DOCTOR_WARNING : DOCTOR_FAILED,
                       "without a logon it takes mail for a domain of nobody: %s",
                       rcpt_or_null->text);
    if (is_by_address)
        doctor_advise(check,
                      "the gateway's address alone must be trusted so: look at "
                      "RemoteIPRanges of the receive connector (Externally Secured), or at "
                      "the list under Access, Relay of the virtual server (2000/2003)");
    else
        doctor_advise(check,
                      "whoever reaches this server can send to the whole world: take "
                      "ms-Exch-SMTP-Accept-Any-Recipient from ANONYMOUS LOGON on the "
                      "receive connector (Exchange 2007), or the addresses from the list "
                      "under Access, Relay (2000/2003); if only this gateway's address may, "
                      "it is Externally Secured and needs no logon");
}

static void
judge_stranger(struct doctor_checks *c, const struct doctor_wish *wish,
               const struct probe_result *r_or_null)
{
    const struct probe_step *mail =
        r_or_null != NULL ? probe_find_step(r_or_null, PROBE_MAIL, 0) : NULL;
    if (mail == NULL || mail->code == 0) {
        add_not_reached(c, GROUP_ENVELOPE, "anonymous", "anonymous", r_or_null);
        add_not_reached(c, GROUP_ENVELOPE, "open-relay", "open relay", r_or_null);
        return;
    }
    if (mail->code / 100 == 2)
        (void)doctor_add(c, GROUP_ENVELOPE, "anonymous", "anonymous", DOCTOR_OK,
                         "without a logon a sender is taken, as by a server for the Internet: %s",
                         mail->text);
    else
        (void)doctor_add(c, GROUP_ENVELOPE, "anonymous", "anonymous", DOCTOR_OK,
                         "without a logon no sender is taken: %s", mail->text);
    judge_open_relay(c, wish, probe_find_step(r_or_null, PROBE_RCPT, 0));
}

void
doctor_judge_envelope(struct doctor_checks *c, const struct doctor_wish *wish,
                      const struct doctor_evidence *e)
{
    if (!wish->has_envelope) {
        (void)doctor_add(c, GROUP_ENVELOPE, "envelope", "envelope", DOCTOR_NOT_TRIED,
                         "no addresses were given (--from and --to, or a connector of a forest)");
    } else {
        judge_step(c, "null-sender", "null sender", e->session, PROBE_MAIL, DOCTOR_MAIL_NULL);
        judge_step(c, "sender", "sender", e->session, PROBE_MAIL, DOCTOR_MAIL_SENDER);
        judge_recipient(c, wish, e->session);
        judge_stranger(c, wish, e->stranger);
    }
    (void)doctor_add(c, GROUP_ENVELOPE, "limits", "limits", DOCTOR_NOT_TRIED,
                     "connections from one address (Exchange 2007: 20), recipients of a message, "
                     "messages and minutes of a connection: they show in use only");
}
