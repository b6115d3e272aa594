/* What doctor found at the servers of a forest, as one list. Each row is a story about two
 * servers of one connector. */
#include "gateway/ops/preflight_checks.h"

#include <stdio.h>

#include "gateway/base/mem.h"
#include "tests/kit/test.h"

enum { SERVERS = 2 };

/* One of doctor's checks. */
struct found {
    const char *id;
    enum doctor_state state;
};

/* A reply in the session. */
struct heard {
    enum probe_kind kind;
    size_t mail;
    short code;
    const char *text;
};

struct server_story {
    struct found found[8];
    struct heard heard[8];
    bool not_asked, was_refused, no_logon;
};

struct story {
    const char *say;
    struct server_story servers[SERVERS];
    bool no_auth, in_clear, by_gateway;
    /* and what is to be found */
    enum preflight_kind kind;
    enum doctor_state state;
    const char *line; /* of one of its lines; NULL: any */
    unsigned who;     /* of that line; 0 = not looked at */
};

#define F(...) .found = {__VA_ARGS__}
#define H(...) .heard = {__VA_ARGS__}
#define WELL                                                                                     \
    F({"connection", DOCTOR_OK}, {"banner", DOCTOR_OK}, {"tls", DOCTOR_OK},                      \
      {"certificate-chain", DOCTOR_OK}, {"extensions", DOCTOR_OK}, {"logon", DOCTOR_OK},         \
      {"open-relay", DOCTOR_OK})
#define TAKEN                                                                                    \
    H({PROBE_AUTH, 0, 235, "ok"}, {PROBE_MAIL, 0, 250, "null"}, {PROBE_MAIL, 1, 250, "kim"},     \
      {PROBE_MAIL, 2, 250, "null"}, {PROBE_RCPT, 2, 250, "a.example"},                           \
      {PROBE_RCPT, 2, 250, "b.example"}, {PROBE_RCPT, 3, 550, "no relay"})

/* clang-format off */
static const struct story stories[] = {
    {"all is well", {{WELL, TAKEN}, {WELL, TAKEN}}, .kind = PREFLIGHT_REACH, .state = DOCTOR_OK},
    {"all is well", {{WELL, TAKEN}, {WELL, TAKEN}}, .kind = PREFLIGHT_DOMAIN, .state = DOCTOR_OK, .line = "a.example"},
    {"all is well", {{WELL, TAKEN}, {WELL, TAKEN}}, .kind = PREFLIGHT_STRANGERS_AFTER_LOGON, .state = DOCTOR_OK, .line = "no relay"},

    {"one is down", {{F({"connection", DOCTOR_FAILED}, {"banner", DOCTOR_NOT_TRIED})}, {WELL, TAKEN}},
     .kind = PREFLIGHT_REACH, .state = DOCTOR_WARNING, .line = "connection", .who = WHO_EXCHANGE | WHO_NETWORK},
    {"one is down", {{F({"connection", DOCTOR_FAILED}, {"banner", DOCTOR_NOT_TRIED})}, {WELL, TAKEN}},
     .kind = PREFLIGHT_DOMAIN, .state = DOCTOR_OK},
    {"both are down", {{F({"connection", DOCTOR_FAILED})}, {F({"connection", DOCTOR_FAILED})}},
     .kind = PREFLIGHT_REACH, .state = DOCTOR_FAILED},
    {"both are down", {{F({"connection", DOCTOR_FAILED})}, {F({"connection", DOCTOR_FAILED})}},
     .kind = PREFLIGHT_DOMAIN, .state = DOCTOR_NOT_TRIED, .line = "no session that mail could use"},
    {"both are down", {{F({"connection", DOCTOR_FAILED})}, {F({"connection", DOCTOR_FAILED})}},
     .kind = PREFLIGHT_ENCRYPTION, .state = DOCTOR_NOT_TRIED, .line = "did not let us get so far"},

    {"inspected", {{F({"inspection", DOCTOR_FAILED}, {"banner", DOCTOR_WARNING})}, {F({"inspection", DOCTOR_FAILED})}},
     .kind = PREFLIGHT_REACH, .state = DOCTOR_FAILED, .line = "inspection", .who = WHO_NETWORK},
    {"no STARTTLS", {{F({"starttls", DOCTOR_FAILED}, {"tls", DOCTOR_NOT_TRIED})}, {F({"starttls", DOCTOR_FAILED})}},
     .kind = PREFLIGHT_ENCRYPTION, .state = DOCTOR_FAILED, .line = "starttls", .who = WHO_EXCHANGE},
    {"a wrong profile is ours", {{F({"tls", DOCTOR_OK}, {"profile", DOCTOR_FAILED})}, {WELL, TAKEN}},
     .kind = PREFLIGHT_ENCRYPTION, .state = DOCTOR_WARNING, .line = "profile", .who = WHO_GATEWAY},
    {"a wrong pin is ours", {{F({"certificate-chain", DOCTOR_OK}, {"pin", DOCTOR_FAILED})}, {F({"pin", DOCTOR_FAILED})}},
     .kind = PREFLIGHT_THEIR_CERTIFICATE, .state = DOCTOR_FAILED, .line = "pin", .who = WHO_GATEWAY},
    {"the worst is told with the others", {{F({"certificate-name", DOCTOR_FAILED}, {"certificate-expiry", DOCTOR_WARNING})}, {F({"certificate-name", DOCTOR_FAILED})}},
     .kind = PREFLIGHT_THEIR_CERTIFICATE, .state = DOCTOR_FAILED, .line = "certificate-expiry", .who = WHO_EXCHANGE},
    {"a chain that nobody could look at", {{F({"certificate-name", DOCTOR_OK}, {"certificate-chain", DOCTOR_NOT_TRIED})}, {F({"certificate-chain", DOCTOR_NOT_TRIED})}},
     .kind = PREFLIGHT_THEIR_CERTIFICATE, .state = DOCTOR_NOT_TRIED},
    {"clear is allowed", {{F({"starttls", DOCTOR_WARNING}, {"certificate", DOCTOR_NOT_TRIED})}, {WELL, TAKEN}}, .in_clear = true,
     .kind = PREFLIGHT_THEIR_CERTIFICATE, .state = DOCTOR_WARNING, .line = "there is no TLS", .who = WHO_GATEWAY | WHO_EXCHANGE},
    {"a gateway of theirs", {{F({"starttls", DOCTOR_FAILED})}, {F({"starttls", DOCTOR_FAILED})}}, .by_gateway = true,
     .kind = PREFLIGHT_ENCRYPTION, .state = DOCTOR_FAILED, .line = "starttls", .who = WHO_OTHER_GATEWAY},
    {"an old SIZE", {{F({"extensions", DOCTOR_OK}, {"size", DOCTOR_WARNING})}, {WELL, TAKEN}},
     .kind = PREFLIGHT_OFFERS, .state = DOCTOR_WARNING, .line = "size", .who = WHO_GATEWAY | WHO_EXCHANGE},

    {"the logon is refused at one", {{F({"logon", DOCTOR_FAILED}), H({PROBE_AUTH, 0, 535, "no"})}, {F({"logon", DOCTOR_NOT_TRIED}), .was_refused = true, .no_logon = true}},
     .kind = PREFLIGHT_LOGON, .state = DOCTOR_FAILED, .line = "logon", .who = WHO_GATEWAY | WHO_EXCHANGE},
    {"and not tried at the other", {{F({"logon", DOCTOR_FAILED}), H({PROBE_AUTH, 0, 535, "no"})}, {F({"logon", DOCTOR_NOT_TRIED}), .was_refused = true, .no_logon = true}},
     .kind = PREFLIGHT_LOGON, .state = DOCTOR_FAILED, .line = "hub0.example refused this account and password"},
    {"one that works does not help", {{WELL, TAKEN}, {F({"logon", DOCTOR_FAILED}), H({PROBE_AUTH, 0, 535, "no"})}},
     .kind = PREFLIGHT_LOGON, .state = DOCTOR_FAILED},
    {"what follows a refused logon", {{F({"logon", DOCTOR_FAILED}), H({PROBE_AUTH, 0, 535, "no"})}, {F({"logon", DOCTOR_FAILED}), H({PROBE_AUTH, 0, 535, "no"})}},
     .kind = PREFLIGHT_SENDER, .state = DOCTOR_NOT_TRIED, .line = "the logon failed"},
    {"without the logon", {{F({"logon", DOCTOR_NOT_TRIED}), .no_logon = true}, {F({"logon", DOCTOR_NOT_TRIED}), .no_logon = true}},
     .kind = PREFLIGHT_DOMAIN, .state = DOCTOR_NOT_TRIED, .line = "without the logon"},
    {"no logon is needed", {{WELL, TAKEN}, {WELL, TAKEN}}, .no_auth = true, .kind = PREFLIGHT_LOGON, .state = DOCTOR_OK, .line = "auth: none"},

    {"a domain that one server does not take", {{WELL, TAKEN}, {WELL, H({PROBE_AUTH, 0, 235, "ok"}, {PROBE_MAIL, 2, 250, "null"}, {PROBE_RCPT, 2, 550, "550 5.7.1 Unable to relay"})}},
     .kind = PREFLIGHT_DOMAIN, .state = DOCTOR_FAILED, .line = "Unable to relay", .who = WHO_EXCHANGE},
    {"a guess that is nobody's", {{WELL, TAKEN}, {WELL, H({PROBE_AUTH, 0, 235, "ok"}, {PROBE_MAIL, 2, 250, "null"}, {PROBE_RCPT, 2, 550, "550 5.1.1 User unknown"})}},
     .kind = PREFLIGHT_DOMAIN, .state = DOCTOR_OK, .line = "5.1.1"},
    {"later", {{WELL, H({PROBE_AUTH, 0, 235, "ok"}, {PROBE_MAIL, 0, 452, "452 4.3.1 no"})}, {WELL, H({PROBE_AUTH, 0, 235, "ok"}, {PROBE_MAIL, 0, 452, "452 4.3.1 no"})}},
     .kind = PREFLIGHT_NULL_SENDER, .state = DOCTOR_WARNING, .line = "452"},
    {"the session is ended", {{WELL, H({PROBE_AUTH, 0, 235, "ok"}, {PROBE_RCPT, 2, 421, "421 4.7.0 Too many errors"})}, {WELL, H({PROBE_AUTH, 0, 235, "ok"})}},
     .kind = PREFLIGHT_DOMAIN, .state = DOCTOR_NOT_TRIED, .line = "421"},
    {"the session is ended at one of two", {{WELL, TAKEN}, {WELL, H({PROBE_AUTH, 0, 235, "ok"}, {PROBE_RCPT, 2, 421, "421 4.3.2 no"})}},
     .kind = PREFLIGHT_DOMAIN, .state = DOCTOR_NOT_TRIED, .line = "421"},
    {"refused elsewhere, another account works", {{WELL, TAKEN}, {F({"logon", DOCTOR_NOT_TRIED}), .was_refused = true, .no_logon = true}},
     .kind = PREFLIGHT_LOGON, .state = DOCTOR_NOT_TRIED, .line = "refused this account"},
    {"not the turn of one", {{WELL, TAKEN}, {.not_asked = true}}, .kind = PREFLIGHT_REACH, .state = DOCTOR_NOT_TRIED, .line = "no time"},
    {"a sender that one server does not take", {{WELL, TAKEN}, {WELL, H({PROBE_AUTH, 0, 235, "ok"}, {PROBE_MAIL, 1, 550, "550 5.7.1 not this"})}},
     .kind = PREFLIGHT_SENDER, .state = DOCTOR_FAILED, .line = "not this", .who = WHO_EXCHANGE},
    {"an open relay among two", {{F({"open-relay", DOCTOR_FAILED}), TAKEN}, {WELL, TAKEN}}, .kind = PREFLIGHT_STRANGERS, .state = DOCTOR_FAILED,
     .line = "open-relay", .who = WHO_EXCHANGE},
    {"the account may relay", {{WELL, H({PROBE_AUTH, 0, 235, "ok"}, {PROBE_RCPT, 3, 250, "250 ok"})}, {WELL, TAKEN}},
     .kind = PREFLIGHT_STRANGERS_AFTER_LOGON, .state = DOCTOR_OK, .line = "250 ok"},
    {"not its turn", {{.not_asked = true}, {.not_asked = true}}, .kind = PREFLIGHT_REACH, .state = DOCTOR_NOT_TRIED, .line = "no time"},
    {"not its turn", {{.not_asked = true}, {.not_asked = true}}, .kind = PREFLIGHT_DOMAIN, .state = DOCTOR_NOT_TRIED, .line = "no time"},
};
/* clang-format on */

/* ---- The world of a story ---- */

static struct forest_domain domains[] = {{.name = "a.example"}, {.name = "b.example"}};
static struct server servers[SERVERS] = {{.host = "hub0.example", .port = 25},
                                         {.host = "hub1.example", .port = 25}};
static struct send_connector hubs = {
    .name = "hubs", .servers = servers, .server_count = SERVERS, .auth_password = "secret"};
static const struct send_connector *deliver[] = {&hubs};
static struct forest home = {.name = "home",
                             .domains = domains,
                             .domain_count = COUNT_OF(domains),
                             .deliver = deliver,
                             .deliver_count = 1};
static struct forest other = {.name = "other"};
static struct probe_mail mails[4];
static struct preflight_question questions[] = {
    {.about = ASK_NULL_SENDER},
    {.about = ASK_SENDER, .forest = &other, .domain = "other.example", .mail = 1},
    {.about = ASK_DOMAIN, .forest = &home, .domain = "a.example", .mail = 2},
    {.about = ASK_NOBODY, .mail = 3},
};
static const struct preflight_call call = {&hubs, mails, COUNT_OF(mails), questions,
                                           COUNT_OF(questions)};

struct world {
    struct doctor_checks *checks[SERVERS];
    struct probe_result *sessions[SERVERS];
    struct preflight_answer answers[SERVERS];
    struct preflight p;
    struct preflight_section *section;
};

static struct doctor_checks *
checks_of(const struct server_story *s)
{
    struct doctor_checks *c = mem_new(sizeof *c);
    assert_non_null(c);
    for (size_t i = 0; i < COUNT_OF(s->found) && s->found[i].id != NULL; i++) {
        struct doctor_check *check = &c->list[c->count++];
        *check = (struct doctor_check){.id = s->found[i].id, .state = s->found[i].state};
        snprintf(check->found, sizeof check->found, "%s is so", check->id);
        snprintf(check->advice, sizeof check->advice, "do something");
    }
    return c;
}

static struct probe_result *
session_of(const struct server_story *s)
{
    struct probe_result *r = mem_new(sizeof *r);
    assert_non_null(r);
    for (size_t i = 0; i < COUNT_OF(s->heard) && s->heard[i].code != 0; i++) {
        const struct heard *h = &s->heard[i];
        r->mail = h->mail;
        r->has_logged_on |= h->kind == PROBE_AUTH;
        struct probe_step *step = probe_begin_step(r, h->kind, 1);
        step->code = h->code;
        step->state = h->code / 100 == 2   ? PROBE_OK
                      : h->code / 100 == 4 ? PROBE_WARNING
                                           : PROBE_CRITICAL;
        slice_copy_text(step->text, sizeof step->text, slice_str(h->text));
        snprintf(step->advice, sizeof step->advice, "do something");
    }
    return r;
}

static void
enter(struct world *w, const struct story *story)
{
    hubs.auth_user = story->no_auth ? NULL : "svc";
    hubs.tls_require = !story->in_clear;
    hubs.peer = story->by_gateway ? PEER_GATEWAY : PEER_EXCHANGE;
    for (size_t i = 0; i < SERVERS; i++) {
        const struct server_story *s = &story->servers[i];
        w->checks[i] = checks_of(s);
        w->checks[i]->has_profile = !story->in_clear;
        w->sessions[i] = session_of(s);
        w->answers[i] = (struct preflight_answer){
            .call = &call,
            .server = &servers[i],
            .checks = s->not_asked ? NULL : w->checks[i],
            .why_not = "no time",
            .session = w->sessions[i]->step_count > 0 ? w->sessions[i] : NULL,
            .logs_on = !story->no_auth && !s->no_logon,
            .refused_by = s->was_refused ? &servers[0] : NULL,
        };
    }
    preflight_init(&w->p);
    w->section = preflight_add_section(&w->p, &home);
    preflight_judge_servers(&w->p, w->section, "gw.yaml", w->answers, SERVERS);
    preflight_conclude(&w->p);
    assert_false(w->p.no_memory);
}

static void
leave(struct world *w)
{
    preflight_fini(&w->p);
    for (size_t i = 0; i < SERVERS; i++) {
        mem_free(&w->checks[i]);
        mem_free(&w->sessions[i]);
    }
}

static const struct preflight_check *
find(const struct world *w, enum preflight_kind kind)
{
    for (const struct preflight_check *c = w->section->checks; c != NULL; c = c->next)
        if (c->kind == kind)
            return c;
    return NULL;
}

static const struct preflight_line *
find_line(const struct preflight_check *check, const char *text)
{
    for (const struct preflight_line *line = check->lines; line != NULL; line = line->next)
        if (strstr(line->found, text) != NULL)
            return line;
    return NULL;
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
        const struct preflight_check *check = find(w, s->kind);
        const char *word = preflight_kind_word(s->kind);
        if (check == NULL)
            fail_row(s->say, "no check %s", word);
        const struct preflight_line *line = find_line(check, s->line ? s->line : "");
        if (check->state != s->state || line == NULL)
            fail_row(s->say, "%s: %s, %s", word, doctor_state_text(check->state),
                     check->lines->found);
        if (s->who != 0 && line->who != s->who)
            fail_row(s->say, "%s: who %u", word, line->who);
        leave(w);
    }
    mem_free(&w);
}

static void
what_is_not_well_says_what_to_do_and_where_to_look(void **state)
{
    (void)state;
    struct world *w = mem_new(sizeof *w);
    assert_non_null(w);
    for (size_t i = 0; i < COUNT_OF(stories); i++) {
        enter(w, &stories[i]);
        for (const struct preflight_check *c = w->section->checks; c != NULL; c = c->next)
            for (const struct preflight_line *line = c->lines; line != NULL; line = line->next)
                if (line->state >= DOCTOR_WARNING &&
                    (line->advice[0] == '\0' || line->who == 0 ||
                     strstr(line->command, "doctor -c gw.yaml --connector hubs hub") == NULL))
                    fail_row(stories[i].say, "%s", line->found);
        leave(w);
    }
    mem_free(&w);
}

static void
a_forest_is_as_ready_as_its_worst_check(void **state)
{
    (void)state;
    static const struct {
        const char *say;
        enum preflight_verdict verdict;
    } rows[] = {
        {"all is well", PREFLIGHT_READY},
        {"one is down", PREFLIGHT_WARNINGS},
        {"both are down", PREFLIGHT_NOT_READY},
        {"without the logon", PREFLIGHT_UNPROVEN},
        {"later", PREFLIGHT_UNPROVEN},
        {"not its turn", PREFLIGHT_UNPROVEN},
        {"an open relay among two", PREFLIGHT_NOT_READY},
    };
    struct world *w = mem_new(sizeof *w);
    assert_non_null(w);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        size_t k = 0;
        while (strcmp(stories[k].say, rows[i].say) != 0)
            k++;
        enter(w, &stories[k]);
        if (w->section->verdict != rows[i].verdict)
            fail_row(rows[i].say, "%s", preflight_verdict_text(w->section->verdict));
        assert_int_equal(preflight_status(&w->p), rows[i].verdict != PREFLIGHT_READY);
        assert_int_equal(preflight_count(&w->p, rows[i].verdict), 1);
        leave(w);
    }
    mem_free(&w);
}

static void
only_a_refused_password_stops_the_others(void **state)
{
    (void)state;
    static const struct {
        short code;
        bool refused;
    } rows[] = {{535, true},  {550, true},  {530, true}, {0, true},
                {454, false}, {504, false}, {235, false}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct probe_result *r = mem_new(sizeof *r);
        assert_non_null(r);
        struct probe_step *step = probe_begin_step(r, PROBE_AUTH, 1);
        step->code = rows[i].code;
        step->state = rows[i].code == 235 ? PROBE_OK : PROBE_CRITICAL;
        r->has_logged_on = true;
        assert_int_equal(preflight_is_refused(r), rows[i].refused);
        r->has_logged_on = false; /* LOGIN was not offered */
        assert_false(preflight_is_refused(r));
        mem_free(&r);
    }
    assert_false(preflight_is_refused(NULL));
}

static void
a_forest_without_a_way_is_not_ready(void **state)
{
    (void)state;
    struct preflight p;
    preflight_init(&p);
    struct preflight_section *s = preflight_add_section(&p, &other);
    preflight_judge_servers(&p, s, "gw.yaml", NULL, 0);
    assert_int_equal(s->checks->state, DOCTOR_FAILED);
    assert_non_null(strstr(s->checks->lines->advice, "deliver"));
    s = preflight_add_section(&p, &home); /* it has one, and --connector names another */
    preflight_judge_servers(&p, s, "gw.yaml", NULL, 0);
    assert_int_equal(s->checks->state, DOCTOR_NOT_TRIED);
    preflight_fini(&p);
}

static void
what_has_no_room_is_no_crash(void **state)
{
    (void)state;
    struct world *w = mem_new(sizeof *w);
    assert_non_null(w);
    enter(w, &stories[0]);
    bool whole = false;
    for (long calls = 0; !whole && calls < 100; calls++) {
        struct preflight p;
        preflight_init(&p);
        mem_fail_after(calls);
        preflight_judge_servers(&p, preflight_add_section(&p, &home), "gw.yaml", w->answers,
                                SERVERS);
        mem_fail_after(-1);
        whole = !p.no_memory;
        preflight_fini(&p);
    }
    assert_true(whole);
    leave(w);
    mem_free(&w);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_story_has_its_check),
        cmocka_unit_test(what_is_not_well_says_what_to_do_and_where_to_look),
        cmocka_unit_test(a_forest_is_as_ready_as_its_worst_check),
        cmocka_unit_test(only_a_refused_password_stops_the_others),
        cmocka_unit_test(a_forest_without_a_way_is_not_ready),
        cmocka_unit_test(what_has_no_room_is_no_crash),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
