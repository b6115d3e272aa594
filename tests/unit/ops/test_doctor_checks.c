/* The checks, each row a server: what its steps were, and the one check that the row is about. */
#include "gateway/ops/doctor_checks.h"

#include <stdio.h>

#include "gateway/base/mem.h"
#include "gateway/net/resolve.h"
#include "tests/kit/masked.h"
#include "tests/kit/test.h"

#define TODAY 1800000000
#define DAY (24 * 3600)

/* What a row changes of a server that is well. "" and 0: nothing. */
struct story {
    const char *say;
    const char *clear, *in_tls; /* EHLO lists */
    const char *banner;         /* text behind 220 */
    const char *no_tls;         /* the handshake fails, in every profile */
    bool lowered_only, weak, wrong_name, old_renegotiation, other_pin, self_signed;
    const char *chain;             /* the chain is refused */
    enum tls_trouble_kind trouble; /* of a handshake or chain that failed */
    int days;                      /* left, plus one */
    short auth, mail, rcpt;        /* replies in the session */
    short stranger_mail, stranger_rcpt;
    enum tls_trust trust;
    enum { ASKED_NOTHING, ASKED_MODERN, ASKED_LOWERED } profile;
    bool no_credential, by_connector, tls_optional, guessed;
    uint64_t message_size;
    /* and what is to be found */
    const char *check;
    enum doctor_state state;
    const char *found, *advice;
};

#define GOOD_CLEAR "h\nSIZE 10485760\nPIPELINING\n8BITMIME\nSTARTTLS\nAUTH NTLM"
#define GOOD_TLS "h\nSIZE 10485760\nPIPELINING\n8BITMIME\nAUTH NTLM LOGIN"

/* clang-format off */
static const struct story stories[] = {
    {"well", .check = "banner", .state = DOCTOR_OK, .found = "Exchange 2007 or later, by its shape"},
    {"well", .check = "starttls", .state = DOCTOR_OK, .found = "offered"},
    {"well", .check = "tls", .state = DOCTOR_OK, .found = "with profile modern"},
    {"well", .check = "logon", .state = DOCTOR_OK, .found = "kim: 235"},
    {"well", .check = "open-relay", .state = DOCTOR_OK, .found = "no: "},
    {"well", .check = "limits", .state = DOCTOR_NOT_TRIED, .found = "they show in use only"},

    {"Windows 2003 with Exchange", .banner = "h Microsoft ESMTP MAIL Service, Version: 6.0.3790.1",
     .clear = GOOD_CLEAR "\nX-LINK2STATE\nXEXCH50", .check = "banner", .state = DOCTOR_OK, .found = "and Exchange in it"},
    {"Windows 2003 alone", .banner = "h Microsoft ESMTP MAIL Service, Version: 6.0.3790.1",
     .check = "banner", .state = DOCTOR_OK, .found = "without Exchange"},
    {"masked", .banner = "********", .check = "banner", .state = DOCTOR_WARNING, .found = "overwritten", .advice = "inspection off"},

    {"no STARTTLS", .clear = "h\n8BITMIME", .check = "starttls", .state = DOCTOR_FAILED, .found = "not offered", .advice = "12014"},
    {"no STARTTLS where none is needed", .clear = "h\n8BITMIME", .tls_optional = true, .check = "starttls", .state = DOCTOR_WARNING,
     .found = "not offered", .advice = "12014"},
    {"an expired certificate", .clear = "h\n8BITMIME\nX-ANONYMOUSTLS", .check = "starttls", .state = DOCTOR_FAILED,
     .found = "while X-ANONYMOUSTLS is", .advice = "New-ExchangeCertificate"},
    {"an inspected list", .clear = "h\n" MASKED_STARTTLS, .check = "inspection", .state = DOCTOR_FAILED, .found = MASKED_STARTTLS,
     .advice = "inspection off"},
    {"LOGIN in clear", .clear = GOOD_CLEAR "\nAUTH=LOGIN", .check = "password-in-clear", .state = DOCTOR_WARNING,
     .found = "AUTH LOGIN is offered before TLS", .advice = "BasicAuthRequireTLS"},
    {"PLAIN in clear", .clear = "h\nSTARTTLS\nAUTH PLAIN", .check = "password-in-clear", .state = DOCTOR_WARNING,
     .found = "AUTH PLAIN is offered before TLS", .advice = "BasicAuthRequireTLS"},
    {"NTLM in clear", .check = "password-in-clear", .state = DOCTOR_OK, .found = "no password"},
    {"the list in TLS counts", .in_tls = "h\nCHUNKING\n8BITMIME\nAUTH LOGIN", .check = "extensions", .state = DOCTOR_OK,
     .found = "there: 8BITMIME, CHUNKING; missing: PIPELINING (slower)"},
    {"no 8BITMIME", .in_tls = "h\nAUTH LOGIN", .check = "extensions", .state = DOCTOR_WARNING, .found = "there: nothing",
     .advice = "8BITMIME"},
    {"a smaller SIZE", .message_size = 20971520, .check = "size", .state = DOCTOR_WARNING,
     .found = "up to 10485760 octets, but our limits.message_size is 20971520", .advice = "MaxMessageSize"},
    {"the same SIZE", .message_size = 10485760, .check = "size", .state = DOCTOR_OK, .found = "no less than"},
    {"no SIZE", .in_tls = "h\nAUTH LOGIN", .check = "size", .state = DOCTOR_OK, .found = "not offered"},
    {"SIZE 0", .in_tls = "h\nSIZE 0\nAUTH LOGIN", .check = "size", .state = DOCTOR_OK, .found = "without a value"},
    {"verbs of Exchange", .in_tls = GOOD_TLS "\nX-EXPS NTLM\nXEXCH50", .check = "exchange-verbs", .state = DOCTOR_OK,
     .found = "XEXCH50, X-EXPS: "},

    {"no session", .no_tls = "alert", .check = "tls", .state = DOCTOR_FAILED, .found = "alert", .advice = "forestgate doctor tries it"},
    {"no session for want of a cipher", .no_tls = "closed", .trouble = TLS_TROUBLE_NO_ANSWER, .check = "tls", .state = DOCTOR_FAILED,
     .found = "closed", .advice = "install KB 948963"},
    {"no session", .no_tls = "x", .check = "certificate", .state = DOCTOR_NOT_TRIED, .found = "no TLS"},
    {"no session", .no_tls = "x", .check = "logon", .state = DOCTOR_NOT_TRIED, .found = "no session that mail could use"},

    {"modern", .check = "profile", .state = DOCTOR_OK, .found = "modern"},
    {"modern, asked for", .profile = ASKED_MODERN, .check = "profile", .state = DOCTOR_OK, .found = "modern"},
    {"lowered without need", .profile = ASKED_LOWERED, .check = "profile", .state = DOCTOR_WARNING, .found = "not needed",
     .advice = "remove profile"},
    {"lowered with need", .lowered_only = true, .profile = ASKED_LOWERED, .check = "profile", .state = DOCTOR_OK,
     .found = "nothing newer than TLS 1.0"},
    {"not lowered", .lowered_only = true, .profile = ASKED_MODERN, .check = "profile", .state = DOCTOR_FAILED,
     .found = "exchange2003 is needed", .advice = "write profile: exchange2003"},
    {"to be lowered", .lowered_only = true, .check = "profile", .state = DOCTOR_WARNING, .found = "exchange2003 is needed",
     .advice = "write profile: exchange2003"},
    {"weak, by chain", .weak = true, .profile = ASKED_MODERN, .check = "profile", .state = DOCTOR_FAILED, .found = "a short key",
     .advice = "write profile"},
    {"weak, by pin", .weak = true, .trust = TLS_TRUST_PIN, .profile = ASKED_MODERN, .check = "profile", .state = DOCTOR_OK, .found = "modern"},
    {"old renegotiation", .lowered_only = true, .old_renegotiation = true, .check = "renegotiation", .state = DOCTOR_OK,
     .found = "RFC 5746 is not known there"},

    {"another name", .wrong_name = true, .check = "certificate-name", .state = DOCTOR_FAILED, .found = "is for a.example, not for hub1.example",
     .advice = "is for a.example, not for hub1.example"},
    {"another name, pinned", .wrong_name = true, .trust = TLS_TRUST_PIN, .check = "certificate-name", .state = DOCTOR_OK,
     .found = "not what we verify it by"},
    {"expired", .days = -1, .check = "certificate-expiry", .state = DOCTOR_FAILED, .found = "expired on", .advice = "renew"},
    {"expired, pinned", .days = -1, .trust = TLS_TRUST_PIN, .check = "certificate-expiry", .state = DOCTOR_WARNING, .found = "expired on",
     .advice = "renew"},
    {"29 days", .days = 30, .check = "certificate-expiry", .state = DOCTOR_WARNING, .found = "in 29 days", .advice = "renew"},
    {"30 days", .days = 31, .check = "certificate-expiry", .state = DOCTOR_OK, .found = "in 30 days"},
    {"no chain", .chain = "is issued by X", .check = "certificate-chain", .state = DOCTOR_FAILED, .found = "issued by X", .advice = "verify"},
    {"self-signed", .chain = "is self-signed", .self_signed = true, .trouble = TLS_TROUBLE_SELF_SIGNED, .check = "certificate-chain", .state = DOCTOR_FAILED,
     .found = "self-signed", .advice = "set verify: pin and pins: [\"sha256:"},
    {"no chain, pinned", .chain = "is self-signed", .trust = TLS_TRUST_PIN, .check = "certificate-chain", .state = DOCTOR_OK,
     .found = "not what we verify it by"},
    {"weak", .weak = true, .check = "certificate-key", .state = DOCTOR_WARNING, .found = "2048 bits, signed with RSA-SHA1", .advice = "2048"},
    {"weak and known", .weak = true, .profile = ASKED_LOWERED, .check = "certificate-key", .state = DOCTOR_OK, .found = "weak"},
    {"unverified", .trust = TLS_TRUST_NONE, .check = "verify", .state = DOCTOR_WARNING, .found = "none", .advice = "verify: pin"},
    {"no pin", .check = "pin", .state = DOCTOR_OK, .found = "tls: { verify: pin, pins: [\"sha256:"},
    {"the pin", .trust = TLS_TRUST_PIN, .check = "pin", .state = DOCTOR_OK, .found = ", as pinned"},
    {"another pin", .trust = TLS_TRUST_PIN, .other_pin = true, .check = "pin", .state = DOCTOR_FAILED, .found = "changed from sha256:",
     .advice = "pin changed from sha256:"},

    {"LOGIN", .check = "auth-offered", .state = DOCTOR_OK, .found = "LOGIN is offered (AUTH NTLM LOGIN)"},
    {"both forms", .in_tls = "h\n8BITMIME\nAUTH=LOGIN\nAUTH LOGIN", .check = "auth-offered", .state = DOCTOR_OK, .found = "and AUTH=LOGIN"},
    {"PLAIN alone", .in_tls = "h\nAUTH PLAIN", .check = "auth-offered", .state = DOCTOR_OK, .found = "PLAIN without LOGIN"},
    {"NTLM alone", .in_tls = "h\nAUTH NTLM GSSAPI", .check = "auth-offered", .state = DOCTOR_FAILED,
     .found = "LOGIN is not among them: AUTH NTLM GSSAPI", .advice = "Require basic authentication"},
    {"an empty list", .in_tls = "h\nAUTH", .check = "auth-offered", .state = DOCTOR_FAILED, .found = "an empty list", .advice = "Require basic"},
    {"no AUTH", .in_tls = "h\n8BITMIME", .check = "auth-offered", .state = DOCTOR_FAILED, .found = "not offered at all", .advice = "Require basic"},
    {"no AUTH and nobody knows", .in_tls = "h\n8BITMIME", .no_credential = true, .check = "auth-offered", .state = DOCTOR_WARNING,
     .found = "not offered at all", .advice = "Require basic"},
    {"no AUTH and none wanted", .in_tls = "h\n8BITMIME", .no_credential = true, .by_connector = true, .check = "auth-offered",
     .state = DOCTOR_OK, .found = "logs on nowhere"},
    {"STARTTLS again", .in_tls = GOOD_TLS "\nSTARTTLS", .check = "ehlo-tls", .state = DOCTOR_OK, .found = "STARTTLS again"},
    {"no credential", .no_credential = true, .check = "logon", .state = DOCTOR_NOT_TRIED, .found = "no credential was given"},
    {"535", .auth = 535, .check = "logon", .state = DOCTOR_FAILED, .found = "is not tried again", .advice = "ms-Exch-SMTP-Submit"},
    {"lowered unasked", .lowered_only = true, .check = "logon", .state = DOCTOR_NOT_TRIED, .found = "--profile exchange2003"},
    {"lowered unasked", .lowered_only = true, .check = "envelope", .state = DOCTOR_NOT_TRIED, .found = "without the logon"},
    {"lowered and asked for", .lowered_only = true, .profile = ASKED_LOWERED, .check = "logon", .state = DOCTOR_OK, .found = "235"},
    {"lowered and pinned", .lowered_only = true, .trust = TLS_TRUST_PIN, .check = "logon", .state = DOCTOR_OK, .found = "235"},
    {"454", .auth = 454, .check = "logon", .state = DOCTOR_WARNING, .found = "454", .advice = "domain controller"},

    {"sender refused", .mail = 550, .check = "sender", .state = DOCTOR_FAILED, .found = "550"},
    {"sender later", .mail = 452, .check = "sender", .state = DOCTOR_WARNING, .found = "452"},
    {"null sender", .check = "null-sender", .state = DOCTOR_OK, .found = "250"},
    {"recipient refused", .rcpt = 550, .check = "recipient", .state = DOCTOR_FAILED, .found = "550 5.1.1", .advice = "GALSync"},
    {"recipient guessed", .rcpt = 550, .guessed = true, .check = "recipient", .state = DOCTOR_OK, .found = "at home there"},
    {"after a failed logon", .auth = 535, .check = "recipient", .state = DOCTOR_NOT_TRIED, .found = "the logon failed"},
    {"strangers are refused", .stranger_mail = 530, .check = "anonymous", .state = DOCTOR_OK, .found = "no sender is taken"},
    {"strangers are refused", .stranger_mail = 530, .check = "open-relay", .state = DOCTOR_OK, .found = "no: "},
    {"strangers are heard", .stranger_mail = 250, .stranger_rcpt = 550, .check = "anonymous", .state = DOCTOR_OK, .found = "a sender is taken"},
    {"strangers are heard", .stranger_mail = 250, .stranger_rcpt = 550, .check = "open-relay", .state = DOCTOR_OK, .found = "no: "},
    {"an open relay", .stranger_mail = 250, .stranger_rcpt = 250, .check = "open-relay", .state = DOCTOR_FAILED, .found = "domain of nobody",
     .advice = "ANONYMOUS LOGON"},
    {"strangers later", .stranger_mail = 452, .check = "anonymous", .state = DOCTOR_NOT_TRIED, .found = "from anybody"},
    {"strangers later", .stranger_mail = 452, .check = "open-relay", .state = DOCTOR_NOT_TRIED, .found = "from anybody"},
    {"one stranger refused", .stranger_mail = 550, .check = "anonymous", .state = DOCTOR_OK, .found = "not this sender"},
    {"one stranger refused", .stranger_mail = 550, .check = "open-relay", .state = DOCTOR_NOT_TRIED, .found = "--from"},
    {"strangers' recipient later", .stranger_mail = 250, .stranger_rcpt = 450, .check = "open-relay", .state = DOCTOR_NOT_TRIED,
     .found = "so it may"},
    {"trusted by address", .stranger_mail = 250, .stranger_rcpt = 250, .no_credential = true, .by_connector = true, .check = "open-relay",
     .state = DOCTOR_WARNING, .found = "domain of nobody", .advice = "RemoteIPRanges"},
};
/* clang-format on */

static void
note(struct probe_result *r, enum probe_kind kind, enum smtp_stage stage, int code,
     const char *about)
{
    const char *enhanced = kind == PROBE_RCPT && code == 550 ? "5.1.1" : NULL;
    struct smtp_outcome o = {.reply = reply_make(code, enhanced, "said"), .stage = stage};
    probe_note(r, kind, 1000, &o, about);
}

static void
note_trouble(struct probe_result *r, enum probe_kind kind, enum smtp_stage stage,
             const char *enhanced, const char *text)
{
    struct smtp_outcome o = {.reply = reply_make(451, enhanced, "%s", text), .stage = stage};
    o.reply.local = true;
    probe_note(r, kind, 1000, &o, "");
}

/* A handshake that failed. */
static void
note_handshake(struct probe_result *r, const struct story *s, const char *text)
{
    const struct tls_trouble trouble = {.kind = s->trouble, .has_pin = true};
    r->context.trouble = &trouble;
    note_trouble(r, PROBE_TLS, SMTP_STAGE_TLS, "4.7.5", text);
    r->context.trouble = NULL;
}

static void
note_certificate(struct probe_result *r, const struct story *s)
{
    static const struct probe_limits limits = {.warning_days = PROBE_NEVER,
                                               .critical_days = PROBE_NEVER};
    int days = s->days != 0 ? s->days - 1 : 90;
    struct tls_identity who = {.subject = "CN=a.example",
                               .issuer = "CN=Root",
                               .names = "a.example",
                               .signature = "RSA-SHA1",
                               .key_bits = 2048,
                               .is_weak = s->weak,
                               .self_signed = s->self_signed,
                               .not_after_unix_s = TODAY + (int64_t)days * DAY + 1};
    memset(who.pin, 'p', sizeof who.pin);
    probe_judge_certificate(r, &who, TODAY, &limits);
    r->has_name = !s->wrong_name;
    r->renegotiates_securely = !s->old_renegotiation;
}

static struct probe_result *
new_result(const struct story *s)
{
    struct probe_result *r = mem_new(sizeof *r);
    assert_non_null(r);
    slice_copy_text(r->server, sizeof r->server, slice_str("hub1.example"));
    slice_copy_text(r->address, sizeof r->address, slice_str("10.1.1.1"));
    r->port = 25;
    (void)probe_begin_step(r, PROBE_RESOLVE, 1);
    (void)probe_begin_step(r, PROBE_CONNECT, 1);
    note(r, PROBE_BANNER, SMTP_STAGE_BANNER, 220, "");
    snprintf(r->steps[2].text, sizeof r->steps[2].text, "220 %s",
             s->banner ? s->banner : "h Microsoft ESMTP MAIL Service ready at");
    note(r, PROBE_EHLO, SMTP_STAGE_EHLO, 250, "");
    slice_copy_text(r->hello[0], PROBE_HELLO_MAX, slice_str(s->clear ? s->clear : GOOD_CLEAR));
    return r;
}

static bool
offers_tls(const struct story *s)
{
    return s->clear == NULL || strstr(s->clear, "STARTTLS") != NULL;
}

/* As far as EHLO in TLS, or the handshake that fails. */
static struct probe_result *
new_look(const struct story *s, bool lowered)
{
    struct probe_result *r = new_result(s);
    if (!offers_tls(s)) {
        note_trouble(r, PROBE_STARTTLS, SMTP_STAGE_STARTTLS, "4.7.4", "not offered");
        return r;
    }
    note(r, PROBE_STARTTLS, SMTP_STAGE_STARTTLS, 220, "");
    if (s->no_tls != NULL || (s->lowered_only && !lowered)) {
        note_handshake(r, s, s->no_tls ? s->no_tls : "version");
        return r;
    }
    (void)probe_begin_step(r, PROBE_TLS, 1);
    snprintf(r->tls_version, sizeof r->tls_version, lowered ? "TLSv1" : "TLSv1.3");
    note_certificate(r, s);
    note(r, PROBE_EHLO_TLS, SMTP_STAGE_EHLO, 250, "");
    slice_copy_text(r->hello[1], PROBE_HELLO_MAX, slice_str(s->in_tls ? s->in_tls : GOOD_TLS));
    return r;
}

static struct probe_result *
new_session(const struct story *s)
{
    struct probe_result *r = new_look(s, s->lowered_only);
    r->has_logged_on = !s->no_credential;
    if (!s->no_credential)
        note(r, PROBE_AUTH, SMTP_STAGE_AUTH, s->auth ? s->auth : 235, "kim");
    if (s->auth != 0)
        return r;
    note(r, PROBE_MAIL, SMTP_STAGE_MAIL, 250, "<>");
    r->mail = DOCTOR_MAIL_SENDER;
    note(r, PROBE_MAIL, SMTP_STAGE_MAIL, s->mail ? s->mail : 250, "a@a.example");
    if (s->mail == 0)
        note(r, PROBE_RCPT, SMTP_STAGE_RCPT, s->rcpt ? s->rcpt : 250, "b@b.example");
    return r;
}

static struct probe_result *
new_stranger(const struct story *s)
{
    struct probe_result *r = new_look(s, s->lowered_only);
    note(r, PROBE_MAIL, SMTP_STAGE_MAIL, s->stranger_mail ? s->stranger_mail : 530, "a");
    if (s->stranger_rcpt != 0)
        note(r, PROBE_RCPT, SMTP_STAGE_RCPT, s->stranger_rcpt, "nobody");
    return r;
}

static struct probe_result *
new_vouched(const struct story *s)
{
    struct probe_result *r = new_look(s, s->lowered_only);
    if (s->chain != NULL)
        note_handshake(r, s, s->chain);
    return r;
}

static void
judge(struct doctor_checks *out, const struct story *s)
{
    static unsigned char pin[1][32];
    memset(pin, s->other_pin ? 'q' : 'p', sizeof pin);
    const struct doctor_wish wish = {
        .server = "hub1.example",
        .name = "hub1.example",
        .connector = s->by_connector ? "hubs" : NULL,
        .trust = s->trust,
        .pins = (const unsigned char(*)[32])pin,
        .pin_count = s->trust == TLS_TRUST_PIN,
        .tls_required = !s->tls_optional,
        .has_profile = s->profile != ASKED_NOTHING,
        .profile = s->profile == ASKED_LOWERED ? TLS_EXCHANGE2003 : TLS_MODERN,
        .needs_credential = !s->no_credential,
        .has_credential = !s->no_credential,
        .has_envelope = true,
        .is_recipient_guessed = s->guessed,
        .message_size = s->message_size,
        .warning_days = 30,
    };
    struct probe_result *modern = new_look(s, false), *lowered = new_look(s, true);
    bool works = s->no_tls == NULL && offers_tls(s);
    struct probe_result *vouched = works ? new_vouched(s) : NULL;
    struct probe_result *session = works ? new_session(s) : NULL;
    struct probe_result *stranger = works ? new_stranger(s) : NULL;
    const struct probe_result *m = modern, *l = lowered;
    const struct doctor_evidence e = {
        .modern = &m,
        .modern_count = 1,
        .lowered = &l,
        .lowered_count = s->lowered_only || s->no_tls != NULL,
        .vouched = vouched,
        .session = session,
        .stranger = stranger,
    };
    doctor_judge(out, &wish, &e);
    mem_free(&modern);
    mem_free(&lowered);
    mem_free(&vouched);
    mem_free(&session);
    mem_free(&stranger);
}

static const struct doctor_check *
find(const struct doctor_checks *c, const char *id)
{
    for (size_t i = 0; i < c->count; i++)
        if (strcmp(c->list[i].id, id) == 0)
            return &c->list[i];
    return NULL;
}

static void
every_story_has_its_check(void **state)
{
    (void)state;
    struct doctor_checks *c = mem_new(sizeof *c);
    assert_non_null(c);
    for (size_t i = 0; i < COUNT_OF(stories); i++) {
        const struct story *s = &stories[i];
        judge(c, s);
        const struct doctor_check *check = find(c, s->check);
        if (check == NULL)
            fail_row(s->say, "no check %s", s->check);
        else if (check->state != s->state || strstr(check->found, s->found) == NULL ||
                 strstr(check->advice, s->advice ? s->advice : "") == NULL)
            fail_row(s->say, "%s: %s: %s > %s", s->check, doctor_state_text(check->state),
                     check->found, check->advice);
    }
    mem_free(&c);
}

/* Whoever reads "FAILED" wants to know what to do. */
static void
what_is_not_well_comes_with_advice(void **state)
{
    (void)state;
    struct doctor_checks *c = mem_new(sizeof *c);
    assert_non_null(c);
    for (size_t i = 0; i < COUNT_OF(stories); i++) {
        judge(c, &stories[i]);
        for (size_t k = 0; k < c->count; k++) {
            const struct doctor_check *check = &c->list[k];
            bool said = check->state < DOCTOR_WARNING || check->advice[0] != '\0' ||
                        strcmp(check->id, "sender") == 0; /* a reply without any words */
            if (!said || strlen(check->advice) + 1 == sizeof check->advice)
                fail_row(stories[i].say, "%s: %s", check->id, check->advice);
        }
    }
    mem_free(&c);
}

static void
the_worst_check_is_the_exit_status(void **state)
{
    (void)state;
    struct doctor_checks *c = mem_new(sizeof *c);
    assert_non_null(c);
    judge(c, &(struct story){.say = "well"});
    assert_null(doctor_worst_check(c));
    assert_int_equal(doctor_checks_state(c), PROBE_OK);
    assert_int_equal(doctor_checks_count(c, DOCTOR_NOT_TRIED), 1);
    judge(c, &(struct story){.say = "a warning", .days = 2});
    assert_int_equal(doctor_checks_state(c), PROBE_WARNING);
    judge(c, &(struct story){.say = "both", .days = 2, .auth = 535});
    assert_int_equal(doctor_checks_state(c), PROBE_CRITICAL);
    assert_string_equal(doctor_worst_check(c)->id, "logon");
    mem_free(&c);
}

/* More addresses than a name may have, each with the longest of everything. */
static void
all_checks_have_room(void **state)
{
    (void)state;
    const struct story long_story = {.say = "long", .lowered_only = true, .weak = true};
    struct doctor_checks *c = mem_new(sizeof *c);
    struct probe_result *r = new_look(&long_story, true);
    const struct probe_result *list[RESOLVE_MAX];
    assert_non_null(c);
    for (size_t i = 0; i < COUNT_OF(list); i++)
        list[i] = r;
    memset(r->certificate.names, 'n', sizeof r->certificate.names - 1);
    memset(r->hello[1] + 2, 'A', PROBE_HELLO_MAX - 3);
    r->hello[1][1] = '\n';
    const struct doctor_wish wish = {.server = "s", .name = "n", .tls_required = true};
    const struct doctor_evidence e = {.modern = list,
                                      .modern_count = COUNT_OF(list),
                                      .lowered = list,
                                      .lowered_count = COUNT_OF(list)};
    doctor_judge(c, &wish, &e);
    assert_in_range(c->count, RESOLVE_MAX, DOCTOR_CHECKS_MAX);
    mem_free(&r);
    mem_free(&c);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_story_has_its_check),
        cmocka_unit_test(what_is_not_well_comes_with_advice),
        cmocka_unit_test(the_worst_check_is_the_exit_status),
        cmocka_unit_test(all_checks_have_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
