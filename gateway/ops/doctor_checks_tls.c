/* The session, the profile that it needs, and whose certificate it is. */
#include <inttypes.h>
#include <stdio.h>

#include "gateway/base/clock.h"
#include "gateway/ops/doctor_checks_private.h"

static const char *
profile_text(enum tls_profile profile)
{
    return profile == TLS_EXCHANGE2003 ? "exchange2003" : "modern";
}

/* ---- The session ---- */

/* The handshake that failed, by the wider of the two profiles; NULL: none was tried. */
static const struct probe_step *
failed_handshake(const struct doctor_evidence *e)
{
    const struct probe_result *const *list = e->lowered_count > 0 ? e->lowered : e->modern;
    size_t count = e->lowered_count > 0 ? e->lowered_count : e->modern_count;
    for (size_t i = 0; i < count; i++) {
        const struct probe_step *step = probe_find_step(list[i], PROBE_TLS, 0);
        if (step != NULL && step->state != PROBE_OK)
            return step;
    }
    return NULL;
}

/* What diagnosis.h says when a handshake dies of this. */
static void
diagnose_handshake(struct doctor_check *check, const struct tls_trouble *trouble)
{
    const struct diagnosis_context context = {.trouble = trouble};
    doctor_diagnose(check, SMTP_STAGE_TLS, "4.7.5", &context);
}

static void
judge_no_session(struct doctor_checks *c, const struct doctor_evidence *e)
{
    const struct probe_step *step = failed_handshake(e);
    if (step == NULL) {
        (void)doctor_add(c, GROUP_TLS, "tls", "session", DOCTOR_NOT_TRIED,
                         "the server did not let us get so far");
        return;
    }
    struct doctor_check *check = doctor_add_step(c, GROUP_TLS, "tls", "session", step);
    check->state = DOCTOR_FAILED;
}

static const char *
why_lowered(const struct doctor_wish *wish, const struct probe_result *r, enum tls_profile seen)
{
    bool by_chain = wish->trust == TLS_TRUST_NAME || wish->trust == TLS_TRUST_CA;
    if (seen == TLS_EXCHANGE2003 && strcmp(r->tls_version, "TLSv1.2") != 0)
        return "it speaks nothing newer than TLS 1.0 or 1.1";
    if (seen == TLS_EXCHANGE2003 && !r->renegotiates_securely)
        return "it does not know secure renegotiation (RFC 5746)";
    if (by_chain && r->certificate.is_weak)
        return "its certificate has a short key or is signed with SHA-1";
    return "it takes none of today's ciphers";
}

static void
judge_profile(struct doctor_checks *c, const struct doctor_wish *wish,
              const struct doctor_evidence *e)
{
    enum tls_profile seen, needed = doctor_profile_needed(wish, e);
    const struct probe_result *r = doctor_session(e, &seen);
    struct doctor_check *check;
    if (needed == TLS_MODERN && (!wish->has_profile || wish->profile == TLS_MODERN)) {
        (void)doctor_add(c, GROUP_TLS, "profile", "profile", DOCTOR_OK,
                         "modern, which is what a send connector has without profile");
        return;
    }
    if (needed == TLS_MODERN) {
        check = doctor_add(c, GROUP_TLS, "profile", "profile", DOCTOR_WARNING,
                           "exchange2003 is set and is not needed: modern is enough");
        doctor_advise(check, "remove profile: exchange2003 from tls of this send connector; it "
                             "lets through what is no longer safe");
        return;
    }
    const char *why = why_lowered(wish, r, seen);
    if (wish->has_profile && wish->profile == TLS_EXCHANGE2003) {
        (void)doctor_add(c, GROUP_TLS, "profile", "profile", DOCTOR_OK,
                         "exchange2003, and it is needed: %s", why);
        return;
    }
    check = doctor_add(c, GROUP_TLS, "profile", "profile",
                       wish->has_profile ? DOCTOR_FAILED : DOCTOR_WARNING,
                       "exchange2003 is needed: %s", why);
    doctor_advise(check, "write profile: exchange2003 under tls of the send connector to this "
                         "server, until it is replaced");
}

static void
judge_renegotiation(struct doctor_checks *c, const struct probe_result *r)
{
    if (r->renegotiates_securely)
        (void)doctor_add(c, GROUP_TLS, "renegotiation", "renegotiation", DOCTOR_OK,
                         "cannot be abused (RFC 5746, or TLS 1.3)");
    else
        (void)doctor_add(c, GROUP_TLS, "renegotiation", "renegotiation", DOCTOR_OK,
                         "RFC 5746 is not known there, as on Windows Server 2003; we never "
                         "renegotiate");
}

void
doctor_judge_tls(struct doctor_checks *c, const struct doctor_wish *wish,
                 const struct doctor_evidence *e)
{
    enum tls_profile profile;
    const struct probe_result *r = doctor_session(e, &profile);
    if (r == NULL) {
        judge_no_session(c, e);
        return;
    }
    (void)doctor_add(c, GROUP_TLS, "tls", "session", DOCTOR_OK, "%s %s, with profile %s",
                     r->tls_version, r->tls_cipher, profile_text(profile));
    judge_profile(c, wish, e);
    judge_renegotiation(c, r);
}

/* ---- The certificate ---- */

static void
judge_names(struct doctor_checks *c, const struct doctor_wish *wish, const struct probe_result *r)
{
    const struct tls_identity *who = &r->certificate;
    const char *names = who->names[0] != '\0' ? who->names : who->subject;
    if (r->has_name) {
        (void)doctor_add(c, GROUP_CERTIFICATE, "certificate-name", "name", DOCTOR_OK, "is for %s",
                         names);
        return;
    }
    bool matters = wish->trust == TLS_TRUST_NAME;
    struct doctor_check *check =
        doctor_add(c, GROUP_CERTIFICATE, "certificate-name", "name",
                   matters ? DOCTOR_FAILED : DOCTOR_OK, "is for %s, not for %s%s", names,
                   wish->name, matters ? "" : "; the name is not what we verify it by");
    struct tls_trouble trouble = {.kind = TLS_TROUBLE_NAME};
    slice_copy_text(trouble.wanted, sizeof trouble.wanted, slice_str(wish->name));
    slice_copy_text(trouble.names, sizeof trouble.names, slice_str(names));
    if (matters)
        diagnose_handshake(check, &trouble);
}

static void
judge_expiry(struct doctor_checks *c, const struct doctor_wish *wish,
             const struct probe_result *r)
{
    bool by_chain = wish->trust == TLS_TRUST_NAME || wish->trust == TLS_TRUST_CA;
    char date[CLOCK_TEXT];
    struct doctor_check *check;
    clock_iso(r->certificate.not_after_unix_s * 1000, date);
    if (r->days >= wish->warning_days) {
        (void)doctor_add(c, GROUP_CERTIFICATE, "certificate-expiry", "expiry", DOCTOR_OK,
                         "expires on %.10s, in %" PRId64 " days", date, r->days);
        return;
    }
    if (r->days < 0)
        check = doctor_add(c, GROUP_CERTIFICATE, "certificate-expiry", "expiry",
                           by_chain ? DOCTOR_FAILED : DOCTOR_WARNING, "expired on %.10s", date);
    else
        check = doctor_add(c, GROUP_CERTIFICATE, "certificate-expiry", "expiry", DOCTOR_WARNING,
                           "expires on %.10s, in %" PRId64 " days", date, r->days);
    doctor_advise(check, "renew it (Exchange 2007: New-ExchangeCertificate, then "
                         "Enable-ExchangeCertificate -Services SMTP): an Exchange 2007 whose "
                         "certificate has expired stops to offer STARTTLS, and no mail passes");
}

/* The handshake that verified the chain: made for this alone, or else that of the session. */
static const struct probe_result *
who_verified(const struct doctor_evidence *e, bool session_verifies)
{
    if (e->vouched != NULL && probe_find_step(e->vouched, PROBE_TLS, 0) != NULL)
        return e->vouched;
    if (session_verifies && e->session != NULL && look_has_session(e->session))
        return e->session;
    return NULL;
}

static void
judge_chain(struct doctor_checks *c, const struct doctor_wish *wish,
            const struct doctor_evidence *e)
{
    bool matters = wish->trust == TLS_TRUST_NAME || wish->trust == TLS_TRUST_CA;
    const struct probe_result *r = who_verified(e, matters);
    if (r == NULL) {
        (void)doctor_add(c, GROUP_CERTIFICATE, "certificate-chain", "chain", DOCTOR_NOT_TRIED,
                         "no second session came about");
        return;
    }
    const struct probe_step *step = probe_find_step(r, PROBE_TLS, 0);
    if (step->state == PROBE_OK) {
        (void)doctor_add(c, GROUP_CERTIFICATE, "certificate-chain", "chain", DOCTOR_OK,
                         "ends at a root that we trust; issued by %s", r->certificate.issuer);
        return;
    }
    if (!matters) {
        (void)doctor_add(c, GROUP_CERTIFICATE, "certificate-chain", "chain", DOCTOR_OK,
                         "%s; the chain is not what we verify it by", step->text);
        return;
    }
    struct doctor_check *check =
        doctor_add_step(c, GROUP_CERTIFICATE, "certificate-chain", "chain", step);
    check->state = DOCTOR_FAILED;
}

static void
judge_key(struct doctor_checks *c, const struct doctor_wish *wish, const struct probe_result *r)
{
    const struct tls_identity *who = &r->certificate;
    bool asked_for = wish->has_profile && wish->profile == TLS_EXCHANGE2003;
    struct doctor_check *check = doctor_add(
        c, GROUP_CERTIFICATE, "certificate-key", "key",
        who->is_weak && !asked_for ? DOCTOR_WARNING : DOCTOR_OK, "%d bits, signed with %s%s%s",
        who->key_bits, who->signature, who->self_signed ? ", by itself" : "",
        who->is_weak ? "; weak, and taken with profile exchange2003 or by its pin alone" : "");
    if (check->state != DOCTOR_OK)
        doctor_advise(check, "give it a key of 2048 bits and a signature with SHA-256 when it is "
                             "renewed, if the server's Windows knows that");
}

static void
judge_pin(struct doctor_checks *c, const struct doctor_wish *wish, const struct probe_result *r,
          enum tls_profile profile)
{
    char line[256], now[80], before[80], others[40] = "";
    struct buf yaml = {.data = line, .cap = sizeof line, .max = sizeof line - 1};
    struct buf pin = {.data = now, .cap = sizeof now, .max = sizeof now - 1};
    struct buf old = {.data = before, .cap = sizeof before, .max = sizeof before - 1};
    bool found = false;
    for (size_t i = 0; i < wish->pin_count; i++)
        found = found || memcmp(wish->pins[i], r->certificate.pin, 32) == 0;
    tls_pin_put(&pin, r->certificate.pin);
    look_put_yaml(&yaml, r, profile);
    if (wish->pin_count == 0) {
        doctor_add(c, GROUP_CERTIFICATE, "pin", "pin", DOCTOR_OK, "%s", buf_text(&yaml))
            ->is_verbatim = true;
        return;
    }
    if (found) {
        (void)doctor_add(c, GROUP_CERTIFICATE, "pin", "pin", DOCTOR_OK, "%s, as pinned",
                         buf_text(&pin));
        return;
    }
    tls_pin_put(&old, wish->pins[0]);
    if (wish->pin_count > 1)
        snprintf(others, sizeof others, " (and %zu more)", wish->pin_count - 1);
    struct doctor_check *check =
        doctor_add(c, GROUP_CERTIFICATE, "pin", "pin", DOCTOR_FAILED, "changed from %s%s to %s",
                   buf_text(&old), others, buf_text(&pin));
    struct tls_trouble trouble = {.kind = TLS_TROUBLE_PIN, .has_pin = true};
    memcpy(trouble.pin, r->certificate.pin, sizeof trouble.pin);
    memcpy(trouble.pinned, wish->pins[0], sizeof trouble.pinned);
    trouble.pinned_count = wish->pin_count;
    diagnose_handshake(check, &trouble);
}

/* "none": nobody is asked who he is. */
static void
judge_trust(struct doctor_checks *c, const struct doctor_wish *wish)
{
    if (wish->trust != TLS_TRUST_NONE)
        return;
    struct doctor_check *check =
        doctor_add(c, GROUP_CERTIFICATE, "verify", "verify", DOCTOR_WARNING,
                   "none: whoever answers in this server's place gets the mail");
    doctor_advise(check,
                  "write verify: pin and the pin below under tls of the send connector; it "
                  "needs no authority");
}

void
doctor_judge_certificate(struct doctor_checks *c, const struct doctor_wish *wish,
                         const struct doctor_evidence *e)
{
    enum tls_profile profile;
    const struct probe_result *r = doctor_session(e, &profile);
    if (r == NULL) {
        (void)doctor_add(c, GROUP_CERTIFICATE, "certificate", "certificate", DOCTOR_NOT_TRIED,
                         "%s",
                         failed_handshake(e) != NULL
                             ? "there is no TLS session; what failed in it stands above"
                             : "none was shown: there is no TLS");
        return;
    }
    judge_names(c, wish, r);
    judge_expiry(c, wish, r);
    judge_chain(c, wish, e);
    judge_key(c, wish, r);
    judge_trust(c, wish);
    judge_pin(c, wish, r, profile);
}
