/* Who is asked what: from a configuration to the envelopes of each call. */
#include "gateway/ops/preflight_plan.h"

#include <stdio.h>

#include "gateway/base/mem.h"
#include "gateway/ops/doctor.h"
#include "tests/kit/config_text.h"
#include "tests/kit/test.h"

enum { MEMORY = 1024 * 1024 };

#define RECEIVE                                                                                  \
    "receive:\n"                                                                                 \
    "  in: { listen: [main], networks: [10.1.0.0/16], speaks_for: [contoso], accounts: { a: { "  \
    "names: [a], password_hash_files: [in.hash] } } }\n"

#define THREE_FORESTS                                                                            \
    CONFIG_TEXT_HEAD                                                                             \
    "forests:\n"                                                                                 \
    "  contoso:\n"                                                                               \
    "    domains: { contoso.example: authoritative, \"*.old.example\": internal-relay }\n"       \
    "    deliver: [bridgeheads]\n"                                                               \
    "  fabrikam:\n"                                                                              \
    "    domains: { old.example: authoritative, fabrikam.example: authoritative }\n"             \
    "    deliver: [hub]\n"                                                                       \
    "  tailspin:\n"                                                                              \
    "    domains: { tailspin.example: authoritative }\n"                                         \
    "    deliver: [hub]\n" RECEIVE "send:\n"                                                     \
    "  bridgeheads: { servers: [bh1, bh2], tls: { verify: name }, auth: { user: u, "             \
    "password_file: out.password } }\n"                                                          \
    "  hub: { servers: [hub1], tls: { verify: name }, auth: { user: u, password_file: "          \
    "out.password } }\n"                                                                         \
    "  edge: { servers: [edge1], tls: { verify: name }, auth: none, address_spaces: { \"*\": "   \
    "1 }, allow_from: [contoso] }\n"

struct room {
    struct config *config;
    struct arena memory;
    struct preflight_plan plan;
    struct err err;
};

static bool
plan_of(struct room *r, const char *text, const struct preflight_wish *wish)
{
    r->config = config_of_text(text);
    arena_init(&r->memory, MEMORY);
    return preflight_plan_make(r->config, wish, &r->memory, &r->plan, &r->err);
}

static void
leave(struct room *r)
{
    arena_fini(&r->memory);
    config_unref(&r->config);
}

static const struct preflight_question *
question(const struct preflight_call *call, enum preflight_about about, const char *domain)
{
    const struct preflight_question *found = NULL;
    for (size_t i = 0; i < call->question_count; i++) {
        const struct preflight_question *q = &call->questions[i];
        if (q->about == about && (domain == NULL || strcmp(q->domain, domain) == 0)) {
            assert_null(found);
            found = q;
        }
    }
    return found;
}

static void
each_connector_is_asked_for_all_the_forests_that_it_reaches(void **state)
{
    (void)state;
    struct room r;
    assert_true(plan_of(&r, THREE_FORESTS, &(struct preflight_wish){.forest_count = 0}));
    assert_int_equal(r.plan.forest_count, 3);
    assert_int_equal(r.plan.call_count, 2); /* the way out reaches no forest */
    const struct preflight_call *hub = &r.plan.calls[1];
    assert_string_equal(hub->send->name, "hub");
    static const char *const domains[] = {"old.example", "fabrikam.example", "tailspin.example"};
    for (size_t i = 0; i < COUNT_OF(domains); i++) {
        const struct preflight_question *q = question(hub, ASK_DOMAIN, domains[i]);
        char address[100];
        snprintf(address, sizeof address, "postmaster@%s", domains[i]);
        assert_non_null(q);
        assert_string_equal(hub->mails[q->mail].from, "");
        assert_true(slice_is(hub->mails[q->mail].to[q->rcpt].address, address));
    }
    assert_null(question(hub, ASK_DOMAIN, "contoso.example"));
    leave(&r);
}

static void
senders_are_those_of_the_forests_on_the_other_side(void **state)
{
    (void)state;
    struct room r;
    assert_true(plan_of(&r, THREE_FORESTS, &(struct preflight_wish){.forest_count = 0}));
    const struct preflight_call *old = &r.plan.calls[0], *hub = &r.plan.calls[1];
    /* fabrikam's home, and no second domain of it; contoso has a part in old.example, by the
     * name that fabrikam is asked by anyway */
    assert_non_null(question(old, ASK_SENDER, "old.example"));
    assert_null(question(old, ASK_SENDER, "fabrikam.example"));
    assert_non_null(question(old, ASK_SENDER, "tailspin.example"));
    const struct preflight_question *q = question(hub, ASK_SENDER, "contoso.example");
    assert_int_equal(q->mail, DOCTOR_MAIL_SENDER);
    assert_string_equal(hub->mails[q->mail].from, "postmaster@contoso.example");
    /* a shared domain asks a right of its own (Accept-Authoritative-Domain-Sender) */
    assert_non_null(question(hub, ASK_SENDER, "old.example"));
    assert_null(question(hub, ASK_SENDER, "tailspin.example"));
    leave(&r);
}

static void
the_null_sender_comes_first_and_nobody_last(void **state)
{
    (void)state;
    struct room r;
    assert_true(plan_of(&r, THREE_FORESTS, &(struct preflight_wish){.forest_count = 0}));
    const struct preflight_call *call = &r.plan.calls[0];
    assert_int_equal(question(call, ASK_NULL_SENDER, NULL)->mail, DOCTOR_MAIL_NULL);
    assert_string_equal(call->mails[DOCTOR_MAIL_NULL].from, "");
    assert_int_equal(question(call, ASK_NOBODY, NULL)->mail, call->mail_count - 1);
    assert_true(slice_is(call->mails[call->mail_count - 1].to[0].address, DOCTOR_NOBODY));
    const struct preflight_question *wild = question(call, ASK_DOMAIN, "*.old.example");
    assert_true(
        slice_is(call->mails[wild->mail].to[wild->rcpt].address, "postmaster@old.example"));
    leave(&r);
}

static void
only_what_is_named_is_asked(void **state)
{
    (void)state;
    struct room r;
    const char *tailspin = "tailspin", *bridgeheads = "bridgeheads", *nowhere = "nowhere";
    assert_true(plan_of(&r, THREE_FORESTS,
                        &(struct preflight_wish){.forests = &tailspin, .forest_count = 1}));
    assert_int_equal(r.plan.call_count, 1);
    assert_null(question(&r.plan.calls[0], ASK_DOMAIN, "fabrikam.example"));
    assert_non_null(question(&r.plan.calls[0], ASK_DOMAIN, "tailspin.example"));
    leave(&r);
    assert_true(
        plan_of(&r, THREE_FORESTS,
                &(struct preflight_wish){.connectors = &bridgeheads, .connector_count = 1}));
    assert_int_equal(r.plan.forest_count, 1);
    assert_string_equal(r.plan.forests[0]->name, "contoso");
    leave(&r);
    assert_false(plan_of(&r, THREE_FORESTS,
                         &(struct preflight_wish){.forests = &nowhere, .forest_count = 1}));
    assert_non_null(strstr(r.err.text, "no forest \"nowhere\""));
    leave(&r);
    assert_false(plan_of(&r, THREE_FORESTS,
                         &(struct preflight_wish){.connectors = &bridgeheads,
                                                  .connector_count = 1,
                                                  .forests = &tailspin,
                                                  .forest_count = 1}));
    assert_non_null(strstr(r.err.text, "reaches none of these forests"));
    leave(&r);
}

/* A single forest with this many domains, and these many others with one each. */
static char *
wide_text(size_t domains, size_t others)
{
    struct buf text;
    buf_init(&text, 256 * 1024);
    buf_put_str(&text, CONFIG_TEXT_HEAD "forests:\n  contoso:\n    domains:\n");
    for (size_t i = 0; i < domains; i++)
        buf_printf(&text, "      d%zu.contoso.example: authoritative\n", i);
    buf_put_str(&text, "    deliver: [hub]\n");
    for (size_t i = 0; i < others; i++)
        buf_printf(&text,
                   "  f%zu: { domains: { f%zu.example: authoritative }, deliver: [other] }\n", i,
                   i);
    buf_put_str(&text, RECEIVE "send:\n  hub: { servers: [hub1], tls: { verify: name }, auth: "
                               "none }\n");
    if (others > 0)
        buf_put_str(&text, "  other: { servers: [o1], tls: { verify: name }, auth: none }\n");
    char *copy = mem_text(slice_str(buf_text(&text)));
    buf_fini(&text);
    return copy;
}

static void
what_does_not_fit_into_one_session_is_left_out_and_told(void **state)
{
    (void)state;
    struct room r;
    char *text = wide_text(200, 40);
    assert_true(plan_of(&r, text, &(struct preflight_wish){.forest_count = 0}));
    const struct preflight_call *call = &r.plan.calls[0];
    size_t asked = 0, left_out = 0, senders = 0, unasked = 0;
    assert_in_range(call->mail_count, 0, PROBE_MAILS_MAX);
    for (size_t i = 0; i < call->question_count; i++) {
        const struct preflight_question *q = &call->questions[i];
        asked += q->about == ASK_DOMAIN && !q->is_left_out;
        left_out += q->about == ASK_DOMAIN && q->is_left_out;
        senders += q->about == ASK_SENDER && !q->is_left_out;
        unasked += q->about == ASK_SENDER && q->is_left_out;
        if (q->about == ASK_DOMAIN && !q->is_left_out)
            assert_in_range(q->rcpt, 0, call->mails[q->mail].to_count - 1);
    }
    assert_int_equal(asked, 128);
    assert_int_equal(left_out, 72);
    assert_int_equal(senders + unasked, 40);
    assert_int_equal(senders, PROBE_MAILS_MAX - 2 - 128 / PROBE_TO_MAX);
    mem_free(&text);
    leave(&r);
}

static void
a_single_forest_has_nobody_to_send(void **state)
{
    (void)state;
    struct room r;
    char *text = wide_text(17, 0);
    assert_true(plan_of(&r, text, &(struct preflight_wish){.forest_count = 0}));
    const struct preflight_call *call = &r.plan.calls[0];
    assert_null(question(call, ASK_SENDER, NULL));
    assert_string_equal(call->mails[DOCTOR_MAIL_SENDER].from, "");
    assert_int_equal(call->mails[DOCTOR_MAIL_SENDER].to_count, 0);
    assert_int_equal(call->mail_count, 2 + 2 + 1);
    mem_free(&text);
    leave(&r);
}

static void
without_memory_it_says_so(void **state)
{
    (void)state;
    struct room r = {.config = config_of_text(THREE_FORESTS)};
    bool made = false;
    for (size_t max = 0; !made && max < MEMORY; max += 512) {
        arena_init(&r.memory, max);
        made = preflight_plan_make(r.config, &(struct preflight_wish){.forest_count = 0},
                                   &r.memory, &r.plan, &r.err);
        assert_true(made || r.err.kind == ERR_NOMEM);
        arena_fini(&r.memory);
    }
    assert_true(made);
    config_unref(&r.config);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_connector_is_asked_for_all_the_forests_that_it_reaches),
        cmocka_unit_test(senders_are_those_of_the_forests_on_the_other_side),
        cmocka_unit_test(the_null_sender_comes_first_and_nobody_last),
        cmocka_unit_test(only_what_is_named_is_asked),
        cmocka_unit_test(what_does_not_fit_into_one_session_is_left_out_and_told),
        cmocka_unit_test(a_single_forest_has_nobody_to_send),
        cmocka_unit_test(without_memory_it_says_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
