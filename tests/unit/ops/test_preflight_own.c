/* The way back: our doors, our certificate as Exchange will judge it, the running gateway. */
#include "gateway/ops/preflight_checks.h"

#include <stdio.h>

#include "gateway/base/mem.h"
#include "tests/kit/test.h"

#define TODAY 1800000000
#define DAY (24 * 3600)
#define NAME "gw.contoso.example"

/* What a row changes of a certificate, a door and a gateway that are well. */
struct story {
    const char *say;
    const char *names, *signature, *top_issuer;
    int days; /* left, plus one */
    int key_bits;
    bool unread, no_name, wildcard, not_yet, self_signed, is_public, is_ec, disordered,
        for_people;
    bool is_legacy, no_accounts, other_shown;
    short connect, banner; /* 0: well; connect 1: refused */
    const char *banner_text;
    bool no_tls, no_login, not_looked, is_down;
    /* and what is to be found */
    enum preflight_kind kind;
    enum doctor_state state;
    const char *found, *advice;
};

/* clang-format off */
static const struct story stories[] = {
    {"well", .kind = PREFLIGHT_OUR_CERTIFICATE, .state = DOCTOR_OK, .found = "is for " NAME},
    {"well", .kind = PREFLIGHT_OUR_CERTIFICATE, .state = DOCTOR_OK, .found = "90 days"},
    {"well", .kind = PREFLIGHT_OUR_CERTIFICATE, .state = DOCTOR_OK, .found = "in the end by CN=Root", .advice = "trusted roots, or"},
    {"well", .kind = PREFLIGHT_OUR_CERTIFICATE, .state = DOCTOR_OK, .found = "RSA key of 2048 bits, signed with RSA-SHA256"},
    {"well", .kind = PREFLIGHT_DOOR, .state = DOCTOR_OK, .found = "STARTTLS (TLSv1.3) and AUTH LOGIN"},

    {"another name", .no_name = true, .names = "old.example", .kind = PREFLIGHT_OUR_CERTIFICATE, .state = DOCTOR_FAILED,
     .found = "is for old.example, not for " NAME, .advice = "BasicAuthRequireTLS"},
    {"a wildcard", .wildcard = true, .names = "*.contoso.example", .kind = PREFLIGHT_OUR_CERTIFICATE, .state = DOCTOR_WARNING,
     .found = "not for " NAME, .advice = "not confirmed"},
    {"expired", .days = -1, .kind = PREFLIGHT_OUR_CERTIFICATE, .state = DOCTOR_FAILED, .found = "expired on", .advice = "renew"},
    {"soon", .days = 11, .kind = PREFLIGHT_OUR_CERTIFICATE, .state = DOCTOR_WARNING, .found = "10 days", .advice = "renew"},
    {"not yet", .not_yet = true, .kind = PREFLIGHT_OUR_CERTIFICATE, .state = DOCTOR_FAILED, .found = "not today", .advice = "renew"},
    {"self-signed", .self_signed = true, .kind = PREFLIGHT_OUR_CERTIFICATE, .state = DOCTOR_WARNING, .found = "self-signed",
     .advice = "UntrustedRoot"},
    {"of everybody's root", .is_public = true, .kind = PREFLIGHT_OUR_CERTIFICATE, .state = DOCTOR_OK, .found = "this system trusts"},
    {"issued by the root itself", .top_issuer = "CN=Issuer", .kind = PREFLIGHT_OUR_CERTIFICATE, .state = DOCTOR_OK, .found = "is issued by CN=Issuer"},
    {"a mixed file", .disordered = true, .kind = PREFLIGHT_OUR_CERTIFICATE, .state = DOCTOR_WARNING, .found = "wrong order", .advice = "first"},
    {"for people", .for_people = true, .kind = PREFLIGHT_OUR_CERTIFICATE, .state = DOCTOR_FAILED, .found = "not made for servers",
     .advice = "server authentication"},
    {"a short key", .key_bits = 1024, .kind = PREFLIGHT_OUR_CERTIFICATE, .state = DOCTOR_WARNING, .found = "1024 bits", .advice = "2048"},
    {"an elliptic curve", .is_ec = true, .key_bits = 256, .kind = PREFLIGHT_OUR_CERTIFICATE, .state = DOCTOR_OK, .found = "256 bits"},
    {"an elliptic curve for 2003", .is_ec = true, .key_bits = 256, .is_legacy = true, .kind = PREFLIGHT_OUR_CERTIFICATE,
     .state = DOCTOR_FAILED, .found = "no RSA", .advice = "keys of RSA only"},
    {"SHA-256 for 2003", .is_legacy = true, .kind = PREFLIGHT_OUR_CERTIFICATE, .state = DOCTOR_OK, .found = "SHA-256", .advice = "KB 938397"},
    {"SHA-1 for 2003", .is_legacy = true, .signature = "RSA-SHA1", .kind = PREFLIGHT_OUR_CERTIFICATE, .state = DOCTOR_OK, .found = "RSA-SHA1"},
    {"SHA-1 for 2007", .signature = "RSA-SHA1", .kind = PREFLIGHT_OUR_CERTIFICATE, .state = DOCTOR_WARNING, .found = "is signed with SHA-1",
     .advice = "SHA-256"},
    {"no file", .unread = true, .kind = PREFLIGHT_OUR_CERTIFICATE, .state = DOCTOR_FAILED, .found = "cannot be read", .advice = "certificates"},
    {"another one is shown", .other_shown = true, .kind = PREFLIGHT_OUR_CERTIFICATE, .state = DOCTOR_WARNING, .found = "shows another",
     .advice = "reread"},

    {"not running", .connect = 1, .is_down = true, .kind = PREFLIGHT_DOOR, .state = DOCTOR_NOT_TRIED, .found = "does not run", .advice = "forestgate run"},
    {"running and shut", .connect = 1, .kind = PREFLIGHT_DOOR, .state = DOCTOR_FAILED, .found = "refused", .advice = "forestgate reload"},
    {"a stranger", .banner = 554, .banner_text = "554 5.7.1 No receive connector for 127.0.0.1", .kind = PREFLIGHT_DOOR,
     .state = DOCTOR_NOT_TRIED, .found = "names its address", .advice = "monitor.probe_networks"},
    {"draining", .banner = 421, .banner_text = "421 4.3.2 shutting down", .kind = PREFLIGHT_DOOR, .state = DOCTOR_WARNING, .found = "421",
     .advice = "log"},
    {"another refusal", .banner = 554, .banner_text = "554 no", .kind = PREFLIGHT_DOOR, .state = DOCTOR_FAILED, .found = "554 no", .advice = "log"},
    {"somebody else", .banner_text = "220 mail.other.example ESMTP", .kind = PREFLIGHT_DOOR, .state = DOCTOR_FAILED,
     .found = "mail.other.example", .advice = "something else"},
    {"no TLS", .no_tls = true, .kind = PREFLIGHT_DOOR, .state = DOCTOR_FAILED, .found = "alert", .advice = "log"},
    {"no LOGIN", .no_login = true, .kind = PREFLIGHT_DOOR, .state = DOCTOR_FAILED, .found = "no AUTH LOGIN", .advice = "reload"},
    {"no LOGIN, none needed", .no_login = true, .no_accounts = true, .kind = PREFLIGHT_DOOR, .state = DOCTOR_OK, .found = "STARTTLS (TLSv1.3)"},
    {"not looked at", .not_looked = true, .kind = PREFLIGHT_DOOR, .state = DOCTOR_NOT_TRIED, .found = "not looked at"},
};
/* clang-format on */

/* ---- The world of a story ---- */

static struct certificate certificate = {.name = "main"};
static struct listener listener = {
    .name = "door", .certificate = &certificate, .address = {.text = "10.1.0.5:25"}};
static struct forest contoso = {.name = "contoso"}, fabrikam = {.name = "fabrikam"};
static const struct listener *listens[] = {&listener};
static const struct forest *speaks[] = {&contoso};
static struct account account = {.name = "a"};
static struct receive_connector receive = {
    .listen = listens,
    .listen_count = 1,
    .speaks_for = speaks,
    .speaks_for_count = 1,
    .accounts = &account,
};
static struct config config = {.hostname = NAME,
                               .control_path = "/run/control.sock",
                               .listeners = &listener,
                               .listener_count = 1,
                               .receive = &receive,
                               .receive_count = 1};

static struct tls_chain
chain_of(const struct story *s)
{
    struct tls_chain c = {
        .leaf = {.issuer = "CN=Issuer", .key_bits = s->key_bits ? s->key_bits : 2048},
        .has_name = !s->no_name,
        .has_exact_name = !s->no_name && !s->wildcard,
        .is_rsa = !s->is_ec,
        .serves = !s->for_people,
        .count = 2,
        .is_ordered = !s->disordered,
        .is_public = s->is_public,
    };
    int days = s->days != 0 ? s->days - 1 : 90;
    c.leaf.self_signed = s->self_signed;
    c.leaf.not_before_unix_s = TODAY + (s->not_yet ? DAY : -DAY);
    c.leaf.not_after_unix_s = TODAY + (int64_t)days * DAY + 1;
    memset(c.leaf.thumbprint, s->other_shown ? 'o' : 't', sizeof c.leaf.thumbprint);
    slice_copy_text(c.leaf.names, sizeof c.leaf.names, slice_str(s->names ? s->names : NAME));
    slice_copy_text(c.leaf.signature, sizeof c.leaf.signature,
                    slice_str(s->signature ? s->signature : "RSA-SHA256"));
    slice_copy_text(c.top_issuer, sizeof c.top_issuer,
                    slice_str(s->top_issuer ? s->top_issuer : "CN=Root"));
    return c;
}

static struct probe_step *
step(struct probe_result *r, enum probe_kind kind, short code, const char *text)
{
    struct probe_step *made = probe_begin_step(r, kind, 1);
    made->code = code;
    made->state = code / 100 == 2 ? PROBE_OK : code / 100 == 4 ? PROBE_WARNING : PROBE_CRITICAL;
    slice_copy_text(made->text, sizeof made->text, slice_str(text));
    return made;
}

static struct probe_result *
look_of(const struct story *s)
{
    struct probe_result *r = mem_new(sizeof *r);
    assert_non_null(r);
    step(r, PROBE_CONNECT, s->connect ? 0 : 250, "Connection refused");
    if (s->connect)
        return r;
    step(r, PROBE_BANNER, s->banner ? s->banner : 220,
         s->banner_text ? s->banner_text : "220 " NAME " Microsoft ESMTP MAIL Service");
    if (s->banner)
        return r;
    step(r, PROBE_TLS, s->no_tls ? 0 : 250, "alert");
    r->has_certificate = !s->no_tls;
    snprintf(r->tls_version, sizeof r->tls_version, "TLSv1.3");
    memset(r->certificate.thumbprint, 't', sizeof r->certificate.thumbprint);
    snprintf(r->hello[1], sizeof r->hello[1], "h\n8BITMIME\nAUTH %s",
             s->no_login ? "NTLM" : "LOGIN PLAIN");
    return r;
}

struct world {
    struct preflight_door door;
    struct probe_result *seen;
    struct preflight_daemon daemon;
    struct preflight p;
    struct preflight_section *section;
};

static void
enter(struct world *w, const struct story *s)
{
    receive.account_count = !s->no_accounts;
    receive.tls_profile = s->is_legacy ? TLS_PROFILE_EXCHANGE2003 : TLS_PROFILE_MODERN;
    w->seen = look_of(s);
    w->door = (struct preflight_door){
        .listener = &listener,
        .has_chain = !s->unread,
        .chain = chain_of(s),
        .chain_error = "certificate gw.pem cannot be read",
        .seen = s->not_looked ? NULL : w->seen,
    };
    w->daemon = (struct preflight_daemon){
        .answered = !s->is_down, .knows_source = true, .same_source = true};
    preflight_init(&w->p);
    w->section = preflight_add_section(&w->p, &contoso);
    preflight_judge_doors(&w->p, w->section, &config, &w->door, &w->daemon, TODAY);
}

static void
leave(struct world *w)
{
    preflight_fini(&w->p);
    mem_free(&w->seen);
}

static const struct preflight_check *
find(const struct preflight_section *s, enum preflight_kind kind)
{
    const struct preflight_check *c = s->checks;
    while (c->kind != kind)
        c = c->next;
    return c;
}

static bool
has_line(const struct preflight_check *check, const char *found, const char *advice)
{
    for (const struct preflight_line *line = check->lines; line != NULL; line = line->next)
        if (strstr(line->found, found) != NULL &&
            strstr(line->advice, advice != NULL ? advice : "") != NULL)
            return true;
    return false;
}

/* ---- Tests ---- */

static void
every_story_has_its_check(void **state)
{
    (void)state;
    struct world *w = mem_new(sizeof *w);
    assert_non_null(w);
    for (size_t i = 0; i < COUNT_OF(stories); i++) {
        const struct story *s = &stories[i];
        enter(w, s);
        const struct preflight_check *check = find(w->section, s->kind);
        if (check->state != s->state || !has_line(check, s->found, s->advice))
            fail_row(s->say, "%s: %s > %s", doctor_state_text(check->state), check->lines->found,
                     check->lines->advice);
        for (const struct preflight_line *l = check->lines; l != NULL; l = l->next)
            if (l->state >= DOCTOR_WARNING && (l->advice[0] == '\0' || l->who != WHO_GATEWAY))
                fail_row(s->say, "nobody is told what to do about %s", l->found);
        leave(w);
    }
    mem_free(&w);
}

static void
the_day_on_which_it_ends_is_said(void **state)
{
    (void)state;
    struct world *w = mem_new(sizeof *w);
    assert_non_null(w);
    enter(w, &(struct story){.say = "well"});
    assert_string_equal(find(w->section, PREFLIGHT_OUR_CERTIFICATE)->say,
                        "The gateway can prove who it is to contoso's servers, until 2027-04-15");
    leave(w);
    enter(w, &(struct story){.say = "expired", .days = -3});
    assert_null(strstr(find(w->section, PREFLIGHT_OUR_CERTIFICATE)->say, "until"));
    leave(w);
    mem_free(&w);
}

static void
a_forest_that_no_connector_speaks_for_cannot_send(void **state)
{
    (void)state;
    struct world *w = mem_new(sizeof *w);
    assert_non_null(w);
    enter(w, &(struct story){.say = "well"});
    struct preflight_section *s = preflight_add_section(&w->p, &fabrikam);
    preflight_judge_doors(&w->p, s, &config, &w->door, &w->daemon, TODAY);
    assert_int_equal(find(s, PREFLIGHT_DOOR)->state, DOCTOR_WARNING);
    assert_true(has_line(find(s, PREFLIGHT_DOOR), "no receive connector speaks for fabrikam",
                         "speaks_for"));
    assert_int_equal(find(s, PREFLIGHT_OUR_CERTIFICATE)->state, DOCTOR_NOT_TRIED);
    leave(w);
    mem_free(&w);
}

static void
the_running_gateway_has_this_text_or_another(void **state)
{
    (void)state;
    static const struct {
        struct preflight_daemon daemon;
        enum doctor_state state;
        const char *found, *advice;
    } rows[] = {
        {{.answered = true, .knows_source = true, .same_source = true},
         DOCTOR_OK,
         "in force",
         ""},
        {{.answered = true, .knows_source = true}, DOCTOR_WARNING, "another text", "reload"},
        {{.answered = true, .knows_source = true, .refused_why = "line 7"},
         DOCTOR_WARNING,
         "the last reload was refused: line 7",
         "reload"},
        {{.answered = true, .knows_source = true, .same_source = true, .draining = true},
         DOCTOR_WARNING,
         "draining",
         "start it"},
        {{.answered = true, .why = "an older one"}, DOCTOR_NOT_TRIED, "an older one", ""},
        {{.why = "does not run"}, DOCTOR_NOT_TRIED, "does not run", ""},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct preflight p;
        preflight_init(&p);
        struct preflight_section *s = preflight_add_section(&p, NULL);
        preflight_judge_daemon(&p, s, &config, &rows[i].daemon);
        if (s->checks->state != rows[i].state ||
            !has_line(s->checks, rows[i].found, rows[i].advice))
            fail_row(rows[i].found, "%s: %s", doctor_state_text(s->checks->state),
                     s->checks->lines->found);
        preflight_fini(&p);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_story_has_its_check),
        cmocka_unit_test(the_day_on_which_it_ends_is_said),
        cmocka_unit_test(a_forest_that_no_connector_speaks_for_cannot_send),
        cmocka_unit_test(the_running_gateway_has_this_text_or_another),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
