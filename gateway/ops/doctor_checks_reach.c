/* Name, connections, banner and EHLO list: what is seen before anything is agreed on. */
#include <inttypes.h>

#include "gateway/ops/doctor_checks_private.h"

static const struct diagnosis_context inspected = {.is_masked = true};

/* ---- Reaching it ---- */

static void
judge_name(struct doctor_checks *c, const struct doctor_wish *wish,
           const struct doctor_evidence *e)
{
    const struct probe_step *step =
        e->modern_count > 0 ? probe_find_step(e->modern[0], PROBE_RESOLVE, 0) : NULL;
    char list[600];
    struct buf text = {.data = list, .cap = sizeof list, .max = sizeof list - 1};
    if (step == NULL || step->state != PROBE_OK) {
        if (step != NULL)
            (void)doctor_add_step(c, GROUP_REACH, "name", "name", step);
        return;
    }
    if (strcmp(e->modern[0]->server, e->modern[0]->address) == 0) {
        (void)doctor_add(c, GROUP_REACH, "name", "name", DOCTOR_OK, "%s is an address",
                         wish->server);
        return;
    }
    for (size_t i = 0; i < e->modern_count; i++)
        buf_printf(&text, "%s%s", i > 0 ? ", " : "", e->modern[i]->address);
    (void)doctor_add(c, GROUP_REACH, "name", "name", DOCTOR_OK, "%s has %zu address%s: %s",
                     wish->server, e->modern_count, e->modern_count == 1 ? "" : "es",
                     buf_text(&text));
}

static bool
takes_connections(const struct probe_result *r)
{
    const struct probe_step *step = probe_find_step(r, PROBE_CONNECT, 0);
    return step != NULL && step->state == PROBE_OK;
}

/* While another one answers mail goes its way, a little later. */
static void
judge_address(struct doctor_checks *c, const struct probe_result *r, bool another_answers)
{
    const struct probe_step *step = probe_find_step(r, PROBE_CONNECT, 0);
    struct doctor_check *check;
    if (step == NULL)
        return;
    if (step->state == PROBE_OK) {
        check = doctor_add(c, GROUP_REACH, "connection", "connection", DOCTOR_OK,
                           "port %u answers after %" PRIu64 ".%03" PRIu64 " s", r->port,
                           step->us / 1000000, step->us / 1000 % 1000);
    } else {
        check = doctor_add_step(c, GROUP_REACH, "connection", "connection", step);
        if (another_answers)
            check->state = DOCTOR_WARNING;
    }
    slice_copy_text(check->subject, sizeof check->subject, slice_str(r->address));
}

static void
put_shape(struct buf *out, enum doctor_product product, const struct doctor_offers *offers)
{
    bool is_windows = product == PRODUCT_WINDOWS_2000 || product == PRODUCT_WINDOWS_2003;
    bool is_exchange = offers->ehlo.xexch50 || doctor_offers_has(offers, KEYWORD_X_LINK2STATE);
    buf_put_str(out, doctor_product_text(product));
    if (is_windows && offers->heard)
        buf_put_str(out, is_exchange
                             ? ", and Exchange in it (XEXCH50 or X-LINK2STATE is listed)"
                             : ", without Exchange (neither XEXCH50 nor X-LINK2STATE is listed)");
}

static void
judge_banner(struct doctor_checks *c, const struct probe_result *r)
{
    const struct probe_step *step = probe_find_step(r, PROBE_BANNER, 0);
    struct doctor_offers offers;
    char shape[160];
    struct buf text = {.data = shape, .cap = sizeof shape, .max = sizeof shape - 1};
    if (step == NULL || step->state != PROBE_OK) {
        if (step != NULL)
            (void)doctor_add_step(c, GROUP_REACH, "banner", "banner", step);
        else
            (void)doctor_add(c, GROUP_REACH, "banner", "banner", DOCTOR_NOT_TRIED,
                             "nothing answers");
        return;
    }
    struct slice banner = slice_from(slice_str(step->text), strlen("220 "));
    c->product = doctor_product_of(banner);
    doctor_offers_read(&offers, r->hello[0]);
    put_shape(&text, c->product, &offers);
    struct doctor_check *check =
        doctor_add(c, GROUP_REACH, "banner", "banner",
                   c->product == PRODUCT_MASKED ? DOCTOR_WARNING : DOCTOR_OK,
                   "%s, by its shape; a banner can be set to anything: \"%.400s\"",
                   buf_text(&text), step->text);
    if (c->product == PRODUCT_MASKED)
        doctor_diagnose(check, SMTP_STAGE_STARTTLS, "4.7.4", &inspected);
}

void
doctor_judge_reach(struct doctor_checks *c, const struct doctor_wish *wish,
                   const struct doctor_evidence *e)
{
    const struct probe_result *primary = doctor_primary(e);
    judge_name(c, wish, e);
    for (size_t i = 0; i < e->modern_count; i++)
        judge_address(c, e->modern[i], primary != NULL && takes_connections(primary));
    if (primary != NULL)
        judge_banner(c, primary);
}

/* ---- What it offers ---- */

static void
judge_clear_list(struct doctor_checks *c, const struct probe_result *r,
                 const struct doctor_offers *offers)
{
    char list[700];
    struct buf text = {.data = list, .cap = sizeof list, .max = sizeof list - 1};
    doctor_put_list(&text, r->hello[0]);
    (void)doctor_add(c, GROUP_HELLO, "ehlo", "EHLO in clear", DOCTOR_OK, "%s",
                     text.len > 0 ? buf_text(&text) : "nothing is listed");
    if (offers->masked[0] == '\0')
        return;
    struct doctor_check *check =
        doctor_add(c, GROUP_HELLO, "inspection", "inspection", DOCTOR_FAILED,
                   "the list has been overwritten on the way: \"%s\"", offers->masked);
    doctor_diagnose(check, SMTP_STAGE_STARTTLS, "4.7.4", &inspected);
}

/* Listed, but refused when it is said, is a step of its own. */
static void
judge_starttls(struct doctor_checks *c, const struct doctor_wish *wish,
               const struct probe_result *r, const struct doctor_offers *offers)
{
    const struct probe_step *step = probe_find_step(r, PROBE_STARTTLS, 0);
    if (offers->ehlo.starttls) {
        if (step != NULL && step->state != PROBE_OK)
            (void)doctor_add_step(c, GROUP_HELLO, "starttls", "STARTTLS", step);
        else
            (void)doctor_add(c, GROUP_HELLO, "starttls", "STARTTLS", DOCTOR_OK, "offered");
        return;
    }
    struct doctor_check *check =
        doctor_add(c, GROUP_HELLO, "starttls", "STARTTLS",
                   wish->tls_required ? DOCTOR_FAILED : DOCTOR_WARNING, "not offered%s",
                   doctor_offers_has(offers, KEYWORD_X_ANONYMOUSTLS)
                       ? ", while X-ANONYMOUSTLS is: the way of an expired certificate"
                       : "");
    if (doctor_offers_has(offers, KEYWORD_X_ANONYMOUSTLS))
        doctor_advise(check,
                      "the certificate of this Exchange 2007 or later has expired, or does "
                      "not carry the receive connector's FQDN (events 12014 and 12015 "
                      "there): renew it with New-ExchangeCertificate and enable it for SMTP "
                      "(Enable-ExchangeCertificate -Services SMTP)");
    else if (step != NULL && step->advice[0] != '\0')
        doctor_advise(check, "%s", step->advice);
}

static void
judge_clear_password(struct doctor_checks *c, const struct doctor_offers *offers)
{
    if (!offers->ehlo.auth_login && !offers->ehlo.auth_plain) {
        (void)doctor_add(c, GROUP_HELLO, "password-in-clear", "AUTH in clear", DOCTOR_OK,
                         "no password is asked for before TLS");
        return;
    }
    struct doctor_check *check =
        doctor_add(c, GROUP_HELLO, "password-in-clear", "AUTH in clear", DOCTOR_WARNING,
                   "AUTH %s is offered before TLS; where tls.require is set forestgate logs on "
                   "in TLS only, but others may not",
                   offers->ehlo.auth_login ? "LOGIN" : "PLAIN");
    doctor_advise(check, "a password could travel in clear: let the server offer Basic "
                         "authentication in TLS only (Exchange 2007: Set-ReceiveConnector "
                         "-AuthMechanism Tls,BasicAuth,BasicAuthRequireTLS; 2000/2003: Requires "
                         "TLS encryption, below Basic authentication of the virtual server)");
}

/* ---- Extensions ---- */

static const struct {
    const char *name;
    size_t at;           /* the bool in struct ehlo */
    const char *without; /* what is missed */
} extensions[] = {
    {"8BITMIME", offsetof(struct ehlo, eight_bit_mime),
     "8-bit messages come back to their senders, 5.6.3"},
    {"PIPELINING", offsetof(struct ehlo, pipelining), "slower"},
    {"CHUNKING", offsetof(struct ehlo, chunking), ""},
    {"BINARYMIME", offsetof(struct ehlo, binary_mime),
     "binary messages come back to their senders, 5.6.3"},
    {"DSN", offsetof(struct ehlo, dsn), "success is reported as relayed"},
    {"SMTPUTF8", offsetof(struct ehlo, smtputf8), "addresses beyond ASCII are refused"},
    {"ENHANCEDSTATUSCODES", offsetof(struct ehlo, enhanced_status_codes), ""},
};

static bool
offers_extension(const struct doctor_offers *offers, size_t i)
{
    return *(const bool *)((const char *)&offers->ehlo + extensions[i].at);
}

static void
put_extensions(struct buf *out, const struct doctor_offers *offers, bool there)
{
    size_t n = 0;
    for (size_t i = 0; i < COUNT_OF(extensions); i++) {
        if (offers_extension(offers, i) != there)
            continue;
        buf_printf(out, "%s%s", n++ > 0 ? ", " : "", extensions[i].name);
        if (!there && extensions[i].without[0] != '\0')
            buf_printf(out, " (%s)", extensions[i].without);
    }
    if (n == 0)
        buf_put_str(out, "nothing");
}

static void
judge_extensions(struct doctor_checks *c, const struct doctor_offers *offers)
{
    char list[700];
    struct buf text = {.data = list, .cap = sizeof list, .max = sizeof list - 1};
    buf_put_str(&text, "there: ");
    put_extensions(&text, offers, true);
    buf_put_str(&text, "; missing: ");
    put_extensions(&text, offers, false);
    struct doctor_check *check = doctor_add(
        c, GROUP_HELLO, "extensions", "extensions",
        offers->ehlo.eight_bit_mime ? DOCTOR_OK : DOCTOR_WARNING, "%s", buf_text(&text));
    if (!offers->ehlo.eight_bit_mime)
        doctor_advise(check,
                      "every Exchange offers 8BITMIME: something in between removes it, or "
                      "it was switched off; ask who runs the server to have it back");
}

static void
judge_size(struct doctor_checks *c, const struct doctor_wish *wish,
           const struct doctor_offers *offers)
{
    uint64_t theirs = offers->ehlo.size_max, ours = wish->message_size;
    if (!offers->ehlo.size || theirs == 0) {
        (void)doctor_add(c, GROUP_HELLO, "size", "SIZE", DOCTOR_OK,
                         offers->ehlo.size
                             ? "offered without a value: there may be a limit all the same"
                             : "not offered: a message that is too large is refused only behind "
                               "its last octet");
        return;
    }
    if (ours == 0 || theirs >= ours) {
        (void)doctor_add(c, GROUP_HELLO, "size", "SIZE", DOCTOR_OK,
                         "messages up to %" PRIu64 " octets%s", theirs,
                         ours != 0 ? ", no less than our limits.message_size" : "");
        return;
    }
    struct doctor_check *check =
        doctor_add(c, GROUP_HELLO, "size", "SIZE", DOCTOR_WARNING,
                   "messages up to %" PRIu64 " octets, but our limits.message_size is %" PRIu64,
                   theirs, ours);
    doctor_advise(check,
                  "what lies between comes back to its sender after we took it: lower "
                  "limits.message_size, or message_size of the receive connectors, to "
                  "%" PRIu64 ", or raise MaxMessageSize there",
                  theirs);
}

static void
judge_exchange_verbs(struct doctor_checks *c, const struct doctor_offers *offers)
{
    char list[200];
    struct buf text = {.data = list, .cap = sizeof list, .max = sizeof list - 1};
    if (offers->ehlo.xexch50)
        buf_put_str(&text, "XEXCH50");
    for (unsigned k = KEYWORD_X_EXPS; k < KEYWORDS; k++)
        if (doctor_offers_has(offers, (enum doctor_keyword)k))
            buf_printf(&text, "%s%s", text.len > 0 ? ", " : "",
                       doctor_keyword_text((enum doctor_keyword)k));
    if (text.len > 0)
        (void)doctor_add(c, GROUP_HELLO, "exchange-verbs", "Exchange's own", DOCTOR_OK,
                         "%s: for servers of one organization among themselves; no harm here",
                         buf_text(&text));
}

/* What the server says in TLS counts; its list in clear where there is no other. */
static void
judge_offers(struct doctor_checks *c, const struct doctor_wish *wish,
             const struct probe_result *clear, const struct probe_result *session_or_null)
{
    struct doctor_offers offers;
    bool in_tls = session_or_null != NULL && session_or_null->hello[1][0] != '\0';
    doctor_offers_read(&offers, in_tls ? session_or_null->hello[1] : clear->hello[0]);
    judge_extensions(c, &offers);
    judge_size(c, wish, &offers);
    judge_exchange_verbs(c, &offers);
}

void
doctor_judge_hello(struct doctor_checks *c, const struct doctor_wish *wish,
                   const struct doctor_evidence *e)
{
    const struct probe_result *r = doctor_primary(e);
    const struct probe_step *step = r != NULL ? probe_find_step(r, PROBE_EHLO, 0) : NULL;
    struct doctor_offers offers;
    enum tls_profile profile;
    if (step == NULL) {
        (void)doctor_add(c, GROUP_HELLO, "ehlo", "EHLO in clear", DOCTOR_NOT_TRIED,
                         "the server did not let us get so far");
        return;
    }
    if (step->state != PROBE_OK) {
        (void)doctor_add_step(c, GROUP_HELLO, "ehlo", "EHLO in clear", step);
        return;
    }
    doctor_offers_read(&offers, r->hello[0]);
    judge_clear_list(c, r, &offers);
    judge_starttls(c, wish, r, &offers);
    judge_clear_password(c, &offers);
    judge_offers(c, wish, r, doctor_session(e, &profile));
}
