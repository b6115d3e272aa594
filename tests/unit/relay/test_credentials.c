#include "gateway/relay/credentials.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>

#include "tests/kit/test.h"

enum { NOW = 1000000, UNIX = 1772323200 };

static const struct send_connector *
connector(const char *user, const char *password)
{
    static struct send_connector list[64];
    static size_t count;
    struct send_connector *c = &list[count++ % 64];
    *c = (struct send_connector){.name = "hub", .auth_user = user, .auth_password = password};
    return c;
}

static struct credential_id
id_of(const struct credentials *c, const char *user, const char *password)
{
    static const struct config config = {.forest_count = 0};
    return credential_id_of(c, &config, connector(user, password));
}

static bool
may_begin(struct credentials *c, const struct credential_id *id, uint64_t now)
{
    uint64_t lease;
    return credential_begin(c, id, "a", now, &lease);
}

static void
a_credential_is_a_name_without_case_and_a_password(void **state)
{
    (void)state;
    struct credentials *c = credentials_new();
    const struct credential_id a = id_of(c, "FABRIKAM\\gw", "secret");
    const struct credential_id rows[] = {
        id_of(c, "fabrikam\\GW", "secret"), /* the same */
        id_of(c, "FABRIKAM\\gw", "Secret"),
        id_of(c, "gw", "secret"),
        id_of(c, "CONTOSO\\gw", "secret"),
        id_of(c, "FABRIKAM\\gws", "ecret"),
        id_of(c, NULL, NULL),
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        assert_int_equal(credential_is_same(&a, &rows[i]), i == 0);
    credentials_free(&c);
    assert_null(c);
}

static void
a_bare_name_is_one_of_the_forest_that_the_connector_leads_to(void **state)
{
    (void)state;
    struct credentials *c = credentials_new();
    const struct send_connector *bare[] = {connector("gw", "x"), connector("gw", "x"),
                                           connector("gw", "x")};
    const struct send_connector *full[] = {connector("gw@f", "x"), connector("gw@f", "x")};
    const struct send_connector *first[] = {bare[0], bare[1], full[0]};
    const struct send_connector *second[] = {bare[2], full[1]};
    struct forest forests[] = {
        {.name = "contoso", .deliver = first, .deliver_count = COUNT_OF(first)},
        {.name = "fabrikam", .deliver = second, .deliver_count = COUNT_OF(second)},
    };
    const struct config config = {.forests = forests, .forest_count = COUNT_OF(forests)};
    struct credential_id ids[3], of_full[2];
    for (size_t i = 0; i < 3; i++)
        ids[i] = credential_id_of(c, &config, bare[i]);
    for (size_t i = 0; i < 2; i++)
        of_full[i] = credential_id_of(c, &config, full[i]);
    assert_true(credential_is_same(&ids[0], &ids[1]));
    assert_false(credential_is_same(&ids[0], &ids[2]));
    assert_true(credential_is_same(&of_full[0], &of_full[1]));
    credentials_free(&c);
}

static void
an_unknown_credential_is_tried_by_one_at_a_time_and_a_proven_one_by_few(void **state)
{
    (void)state;
    struct credentials *c = credentials_new();
    const struct credential_id id = id_of(c, "gw@f", "x"), other = id_of(c, "gw@f", "y");
    uint64_t lease, more[CREDENTIAL_TRIES_MAX];
    assert_true(credential_begin(c, &id, "a", NOW, &lease));
    assert_int_not_equal(lease, 0);
    assert_false(may_begin(c, &id, NOW));
    assert_true(may_begin(c, &other, NOW)); /* another password: another credential */
    credential_worked(c, &id, "a", lease, NOW, UNIX);
    assert_true(credential_state(c, &id).is_proven);
    assert_int_equal(credential_state(c, &id).worked_unix_s, UNIX);
    static const char *const servers[CREDENTIAL_TRIES_MAX] = {"a", "b"};
    for (size_t i = 0; i < CREDENTIAL_TRIES_MAX; i++)
        assert_true(credential_begin(c, &id, servers[i], NOW, &more[i]));
    assert_false(may_begin(c, &id, NOW));
    assert_int_not_equal(more[0], more[1]);
    assert_false(credential_begin(c, &id, "c", NOW, &lease));
    credential_dropped(c, &id, more[1]);
    assert_false(may_begin(c, &id, NOW)); /* one at a time at the same server */
    credential_dropped(c, &id, more[0]);
    assert_true(may_begin(c, &id, NOW));
    assert_false(may_begin(c, &id, NOW));
    credentials_free(&c);
}

static void
a_lease_lapses_and_one_given_back_twice_is_nobody_elses(void **state)
{
    (void)state;
    struct credentials *c = credentials_new();
    const struct credential_id id = id_of(c, "gw@f", "x");
    uint64_t old, new;
    assert_true(credential_begin(c, &id, "a", NOW, &old));
    assert_false(may_begin(c, &id, NOW + CREDENTIAL_LEASE_MS - 1));
    assert_true(credential_begin(c, &id, "a", NOW + CREDENTIAL_LEASE_MS, &new));
    credential_dropped(c, &id, old);
    assert_false(may_begin(c, &id, NOW + CREDENTIAL_LEASE_MS));
    credential_dropped(c, &id, new);
    assert_true(may_begin(c, &id, NOW + CREDENTIAL_LEASE_MS));
    credentials_free(&c);
}

static void
a_refused_credential_is_tried_by_nobody_and_then_by_one(void **state)
{
    (void)state;
    struct credentials *c = credentials_new();
    const struct credential_id id = id_of(c, "gw@f", "x");
    uint64_t lease, now = NOW;
    assert_true(credential_begin(c, &id, "a", now, &lease));
    credential_worked(c, &id, "a", lease, NOW, UNIX);
    assert_true(credential_begin(c, &id, "a", now, &lease));
    credential_refused(c, &id, "a", lease, "hub", now);
    assert_int_equal(credential_state(c, &id).worked_unix_s, UNIX); /* until when it worked */
    credential_refused(c, &id, "b", 0, "hub", now);
    for (int round = 0; round < 3; round++) {
        struct credential_state s = credential_state(c, &id);
        assert_false(s.is_proven);
        assert_int_equal(s.refused_until_ms, now + CREDENTIAL_REFUSED_MS);
        assert_string_equal(s.refused_by, "hub");
        const char *server =
            round % 2 == 0 ? "a" : "b"; /* its turn is a moment later, at first */
        assert_false(credential_begin(c, &id, "new", s.refused_until_ms - 1, &lease));
        now += round == 0 ? CREDENTIAL_SERVER_MS : CREDENTIAL_REFUSED_MS;
        assert_true(credential_begin(c, &id, server, now, &lease));
        assert_false(credential_begin(c, &id, "new", now, &lease));
        credential_refused(c, &id, server, lease, "hub", now);
    }
    credentials_free(&c);
}

/* Two servers: "good" accepts it, "bad" does not (another password there, no right to log on). */
static void
a_server_that_refuses_what_another_accepts_is_asked_by_the_slow_retry_only(void **state)
{
    (void)state;
    struct credentials *c = credentials_new();
    const struct credential_id id = id_of(c, "gw@f", "x");
    uint64_t lease, early, now = NOW;
    unsigned alarms = 0;
    assert_true(credential_begin(c, &id, "good", now, &lease));
    credential_worked(c, &id, "good", lease, now, UNIX);
    for (int round = 0; round < 5; round++) {
        assert_true(credential_begin(c, &id, "good", now, &early));
        assert_true(credential_begin(c, &id, "bad", now, &lease));
        credential_refused(c, &id, "bad", lease, "hub", now);
        alarms += credential_take_alarm(c, &id);
        credential_worked(c, &id, "good", early, now, UNIX); /* was under way */
        for (int i = 0; i < 10; i++) {
            now += CREDENTIAL_SERVER_MS / 10 - 1;
            assert_false(credential_begin(c, &id, "bad", now, &lease));
            assert_true(credential_begin(c, &id, "good", now, &lease));
            credential_worked(c, &id, "good", lease, now, UNIX);
        }
        now += 10;
    }
    assert_int_equal(alarms, 1);
    credentials_free(&c);
}

/* Nobody logs on at the good one meanwhile: its connections are kept. */
static void
a_server_that_refuses_again_says_nothing_of_the_others(void **state)
{
    (void)state;
    struct credentials *c = credentials_new();
    const struct credential_id id = id_of(c, "gw@f", "x");
    uint64_t lease, now = NOW;
    credential_worked(c, &id, "good", 0, now, UNIX);
    for (int round = 0; round < 3; round++) {
        assert_true(credential_begin(c, &id, "bad", now, &lease));
        credential_refused(c, &id, "bad", lease, "hub", now);
        assert_int_equal(credential_state(c, &id).refused_until_ms, 0);
        now += CREDENTIAL_SERVER_MS;
    }
    credentials_free(&c);
}

/* Else servers would be forgotten by turns, and asked again and again. */
static void
more_servers_that_refuse_than_can_be_remembered_are_not_asked(void **state)
{
    (void)state;
    struct credentials *c = credentials_new();
    const struct credential_id id = id_of(c, "gw@f", "x");
    uint64_t lease;
    for (unsigned i = 0; i <= CREDENTIAL_SERVERS_MAX; i++) {
        char server[8];
        snprintf(server, sizeof server, "%u", i);
        credential_worked(c, &id, "good", 0, NOW + i, UNIX);
        assert_int_equal(credential_state(c, &id).refused_until_ms, 0);
        assert_true(credential_begin(c, &id, server, NOW + i, &lease));
        credential_refused(c, &id, server, lease, "hub", NOW + i);
    }
    assert_int_equal(credential_state(c, &id).refused_until_ms,
                     NOW + CREDENTIAL_SERVERS_MAX + CREDENTIAL_REFUSED_MS);
    credentials_free(&c);
}

static void
a_changed_password_is_met_twice_and_then_nowhere(void **state)
{
    (void)state;
    struct credentials *c = credentials_new();
    const struct credential_id id = id_of(c, "gw@f", "x");
    static const char *const servers[] = {"a", "b", "c", "d"};
    uint64_t lease;
    int wrong = 0;
    credential_worked(c, &id, "a", 0, NOW, UNIX);
    for (unsigned i = 0; i < 20; i++) {
        if (!credential_begin(c, &id, servers[i % 4], NOW + i, &lease))
            continue;
        wrong++;
        credential_refused(c, &id, servers[i % 4], lease, "hub", NOW + i);
    }
    assert_int_equal(wrong, 2);
    /* The slow retry goes to one that has not said no yet. */
    uint64_t again = credential_state(c, &id).refused_until_ms;
    assert_false(credential_begin(c, &id, "a", again, &lease));
    assert_true(credential_begin(c, &id, "c", again, &lease));
    credentials_free(&c);
}

static void
the_alarm_is_raised_once_until_it_works_again(void **state)
{
    (void)state;
    struct credentials *c = credentials_new();
    const struct credential_id id = id_of(c, "gw@f", "x");
    for (int round = 0; round < 2; round++) {
        credential_refused(c, &id, "a", 0, "hub", NOW);
        assert_true(credential_take_alarm(c, &id));
        assert_false(credential_take_alarm(c, &id));
        credential_forgive(c, &id);
        credential_refused(c, &id, "a", 0, "hub", NOW);
        assert_false(credential_take_alarm(c, &id));
        credential_worked(c, &id, "a", 0, NOW, UNIX);
    }
    credentials_free(&c);
}

static void
an_operator_has_it_tried_once_more(void **state)
{
    (void)state;
    struct credentials *c = credentials_new();
    const struct credential_id id = id_of(c, "gw@f", "x");
    credential_refused(c, &id, "a", 0, "hub", NOW);
    assert_false(may_begin(c, &id, NOW));
    credential_forgive(c, &id);
    assert_true(may_begin(c, &id, NOW));
    assert_false(may_begin(c, &id, NOW));
    credentials_free(&c);
}

static void
no_credential_and_no_table_are_always_allowed(void **state)
{
    (void)state;
    struct credentials *c = credentials_new();
    const struct credential_id none = id_of(c, NULL, NULL), some = id_of(c, "gw@f", "x");
    for (int i = 0; i < 10; i++) {
        assert_true(may_begin(c, &none, NOW));
        assert_true(may_begin(NULL, &some, NOW));
    }
    credential_refused(c, &none, "a", 0, "hub", NOW);
    credential_refused(NULL, &some, "a", 0, "hub", NOW);
    assert_true(may_begin(c, &none, NOW));
    assert_true(may_begin(NULL, &some, NOW));
    credentials_free(&c);
}

/* Reloads with ever new passwords: the oldest ones are forgotten, the one in use is not. */
static void
the_table_is_bounded(void **state)
{
    (void)state;
    struct credentials *c = credentials_new();
    const struct credential_id kept = id_of(c, "gw@f", "kept"), first = id_of(c, "gw@f", "0");
    credential_refused(c, &kept, "a", 0, "hub", NOW);
    for (int i = 0; i < 2 * CREDENTIALS_MAX; i++) {
        char password[16];
        snprintf(password, sizeof password, "%d", i);
        const struct credential_id id = id_of(c, "gw@f", password);
        credential_refused(c, &id, "a", 0, "hub", NOW);
        assert_false(may_begin(c, &kept, NOW));
    }
    assert_int_equal(credential_state(c, &first).refused_until_ms, 0);
    assert_int_not_equal(credential_state(c, &kept).refused_until_ms, 0);
    credentials_free(&c);
}

/* ---- Many workers with one wrong password ---- */

struct room {
    struct credentials *credentials;
    struct credential_id id;
    _Atomic int wrong;
};

static void *
log_on(void *context)
{
    struct room *r = context;
    for (int i = 0; i < 20000; i++) {
        uint64_t lease;
        if (!credential_begin(r->credentials, &r->id, "a", NOW, &lease))
            continue;
        atomic_fetch_add(&r->wrong, 1);
        credential_refused(r->credentials, &r->id, "a", lease, "hub", NOW);
    }
    return NULL;
}

static void
one_wrong_password_is_sent_once_by_any_number_of_threads(void **state)
{
    (void)state;
    struct room r = {.credentials = credentials_new()};
    pthread_t threads[8];
    r.id = id_of(r.credentials, "gw@f", "wrong");
    for (size_t i = 0; i < COUNT_OF(threads); i++)
        assert_int_equal(pthread_create(&threads[i], NULL, log_on, &r), 0);
    for (size_t i = 0; i < COUNT_OF(threads); i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    assert_int_equal(r.wrong, 1);
    credentials_free(&r.credentials);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_credential_is_a_name_without_case_and_a_password),
        cmocka_unit_test(a_bare_name_is_one_of_the_forest_that_the_connector_leads_to),
        cmocka_unit_test(an_unknown_credential_is_tried_by_one_at_a_time_and_a_proven_one_by_few),
        cmocka_unit_test(a_lease_lapses_and_one_given_back_twice_is_nobody_elses),
        cmocka_unit_test(a_refused_credential_is_tried_by_nobody_and_then_by_one),
        cmocka_unit_test(
            a_server_that_refuses_what_another_accepts_is_asked_by_the_slow_retry_only),
        cmocka_unit_test(a_server_that_refuses_again_says_nothing_of_the_others),
        cmocka_unit_test(more_servers_that_refuse_than_can_be_remembered_are_not_asked),
        cmocka_unit_test(a_changed_password_is_met_twice_and_then_nowhere),
        cmocka_unit_test(the_alarm_is_raised_once_until_it_works_again),
        cmocka_unit_test(an_operator_has_it_tried_once_more),
        cmocka_unit_test(no_credential_and_no_table_are_always_allowed),
        cmocka_unit_test(the_table_is_bounded),
        cmocka_unit_test(one_wrong_password_is_sent_once_by_any_number_of_threads),
    };
    return cmocka_run_group_tests_name("credentials", tests, NULL, NULL);
}
