/* The run: what it does without time, without memory and without a gateway; the black box sees it
 * with servers. */
#include "gateway/ops/preflight.h"

#include "gateway/base/mem.h"
#include "gateway/ops/preflight_report.h"
#include "tests/kit/config_text.h"
#include "tests/kit/test.h"

/* Nobody listens at port 1, and no certificate is in gw.pem. */
#define TEXT                                                                                     \
    "version: 1\n"                                                                               \
    "hostname: gw.contoso.example\n"                                                             \
    "postmaster: postmaster@contoso.example\n"                                                   \
    "spool: { path: spool }\n"                                                                   \
    "control: nobody.sock\n"                                                                     \
    "dns: { servers: [\"127.0.0.1:53\"] }\n"                                                     \
    "certificates:\n"                                                                            \
    "  main: { certificate: gw.pem, key: gw.key }\n"                                             \
    "listen:\n"                                                                                  \
    "  main: { address: \"127.0.0.1:1\", certificate: main }\n"                                  \
    "  every: { address: \"[::1]:2\", certificate: main }\n"                                     \
    "forests:\n"                                                                                 \
    "  contoso: { domains: { contoso.example: authoritative }, deliver: [hub] }\n"               \
    "receive:\n"                                                                                 \
    "  in: { listen: [main, every], networks: [10.1.0.0/16], speaks_for: [contoso], accounts: "  \
    "{ a: { names: [a], password_hash_files: [in.hash] } } }\n"                                  \
    "send:\n"                                                                                    \
    "  hub: { servers: [\"127.0.0.2:1\"], tls: { verify: name }, auth: { user: u, "              \
    "password_file: out.password } }\n"

static const struct preflight_wish in_time = {.timeout_ms = 20000, .run_ms = 600000};
static const struct preflight_wish late = {.timeout_ms = 20000, .run_ms = 0};

static const struct preflight_check *
find(const struct preflight_section *s, enum preflight_kind kind)
{
    const struct preflight_check *c = s->checks;
    while (c->kind != kind)
        c = c->next;
    return c;
}

static void
where_nobody_answers_each_check_says_so(void **state)
{
    (void)state;
    struct config *config = config_of_text(TEXT);
    struct preflight p;
    struct err err;
    assert_true(preflight_run(config, &in_time, &p, &err));
    const struct preflight_section *s = p.sections;
    assert_int_equal(s->verdict, PREFLIGHT_NOT_READY);
    assert_int_equal(find(s, PREFLIGHT_REACH)->state, DOCTOR_FAILED);
    assert_int_equal(find(s, PREFLIGHT_DOMAIN)->state, DOCTOR_NOT_TRIED);
    assert_int_equal(find(s, PREFLIGHT_DOOR)->state, DOCTOR_NOT_TRIED);
    assert_non_null(find(s, PREFLIGHT_DOOR)->lines->next); /* both listeners */
    assert_int_equal(find(s, PREFLIGHT_OUR_CERTIFICATE)->state, DOCTOR_FAILED);
    assert_string_equal(find(s->next, PREFLIGHT_DAEMON)->lines->found, "it does not run");
    assert_int_equal(p.connections, 0);
    assert_int_equal(p.logons, 0);
    preflight_fini(&p);
    config_unref(&config);
}

static void
when_the_time_is_over_no_server_is_begun_with(void **state)
{
    (void)state;
    struct config *config = config_of_text(TEXT);
    struct preflight p;
    struct err err;
    assert_true(preflight_run(config, &late, &p, &err));
    const struct preflight_check *reach = find(p.sections, PREFLIGHT_REACH);
    assert_int_equal(reach->state, DOCTOR_NOT_TRIED);
    assert_non_null(strstr(reach->lines->found, "time for the whole run was over"));
    assert_int_equal(find(p.sections, PREFLIGHT_DOMAIN)->state, DOCTOR_NOT_TRIED);
    preflight_fini(&p);
    config_unref(&config);
}

static void
the_failure_of_each_allocation_is_told(void **state)
{
    (void)state;
    struct config *config = config_of_text(TEXT);
    bool whole = false;
    for (long calls = 0; !whole && calls < 5000; calls++) {
        struct preflight p;
        struct err err;
        mem_fail_after(calls);
        bool ran = preflight_run(config, &late, &p, &err);
        mem_fail_after(-1);
        assert_true(ran || err.kind == ERR_NOMEM);
        whole = ran && find(p.sections, PREFLIGHT_DOOR)->state == DOCTOR_NOT_TRIED &&
                strcmp(find(p.sections->next, PREFLIGHT_DAEMON)->lines->found,
                       "it does not run") == 0;
        preflight_fini(&p);
    }
    assert_true(whole);
    config_unref(&config);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(where_nobody_answers_each_check_says_so),
        cmocka_unit_test(when_the_time_is_over_no_server_is_begun_with),
        cmocka_unit_test(the_failure_of_each_allocation_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
