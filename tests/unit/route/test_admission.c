#include "gateway/route/admission.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>

#include "tests/kit/test.h"

enum { SECOND = 1000, MINUTE = 60 * SECOND };

static struct config config;
static struct receive_connector contoso, fabrikam;
static struct network near, far;
static struct admission *a;

/* Each test begins with generous limits and an empty house. */
static int
open_house(void **state)
{
    (void)state;
    config = (struct config){.limit_sessions = 100,
                             .limit_probe_sessions = 2,
                             .limit_auth_failures = 4,
                             .auth_block_ms = 5 * MINUTE};
    contoso = (struct receive_connector){.name = "contoso",
                                         .connections = 50,
                                         .connections_per_network = 40,
                                         .connections_per_client = 30};
    fabrikam = contoso;
    fabrikam.name = "fabrikam";
    near = (struct network){.text = "10.1.0.0/16"};
    far = (struct network){.text = "10.2.0.0/16"};
    a = admission_new();
    return a == NULL;
}

static int
close_house(void **state)
{
    (void)state;
    admission_free(&a);
    return 0;
}

static const struct sockaddr *
address(const char *text)
{
    static struct sockaddr_storage room;
    struct sockaddr_in v4 = {.sin_family = AF_INET};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
    room = (struct sockaddr_storage){0};
    if (inet_pton(AF_INET, text, &v4.sin_addr) == 1) {
        memcpy(&room, &v4, sizeof v4);
    } else {
        assert_int_equal(inet_pton(AF_INET6, text, &v6.sin6_addr), 1);
        memcpy(&room, &v6, sizeof v6);
    }
    return (const struct sockaddr *)&room;
}

static struct admission_visit
visit_of(const char *client)
{
    return (struct admission_visit){
        .config = &config, .connector = &contoso, .network = &near, .client = address(client)};
}

static enum admission_verdict
enter_at(const char *client, uint64_t now_ms, struct admission_ticket *ticket)
{
    struct admission_visit v = visit_of(client);
    return admission_enter(a, &v, now_ms, ticket);
}

static enum admission_verdict
enter(const char *client, struct admission_ticket *ticket)
{
    return enter_at(client, 0, ticket);
}

static struct admission_penalty
fail_at(const char *client, uint64_t now_ms)
{
    struct admission_visit v = visit_of(client);
    return admission_logon_failed(a, &v, now_ms);
}

static void
what_left_makes_room(void **state)
{
    (void)state;
    struct admission_ticket first, second, third;
    config.limit_sessions = 2;
    assert_int_equal(enter("10.1.0.1", &first), ADMISSION_GRANTED);
    assert_int_equal(enter("10.1.0.2", &second), ADMISSION_GRANTED);
    assert_int_equal(enter("10.1.0.3", &third), ADMISSION_SESSIONS);
    admission_leave(a, &third); /* holds nothing: nothing is given back */
    assert_int_equal(enter("10.1.0.3", &third), ADMISSION_SESSIONS);
    admission_leave(a, &first);
    assert_int_equal(enter("10.1.0.3", &third), ADMISSION_GRANTED);
    admission_leave(a, &second);
    admission_leave(a, &third);
}

static void
a_client_a_network_and_a_connector_have_limits_of_their_own(void **state)
{
    (void)state;
    struct admission_ticket t[4], one_more;
    contoso.connections = 3;
    contoso.connections_per_network = 2;
    contoso.connections_per_client = 1;
    assert_int_equal(enter("10.1.0.1", &t[0]), ADMISSION_GRANTED);
    assert_int_equal(enter("10.1.0.1", &one_more), ADMISSION_CLIENT);
    assert_int_equal(enter("10.1.0.2", &t[1]), ADMISSION_GRANTED);
    assert_int_equal(enter("10.1.0.3", &one_more), ADMISSION_NETWORK);

    struct admission_visit v = visit_of("10.2.0.1");
    v.network = &far;
    assert_int_equal(admission_enter(a, &v, 0, &t[2]), ADMISSION_GRANTED);
    v.client = address("10.2.0.2");
    assert_int_equal(admission_enter(a, &v, 0, &one_more), ADMISSION_CONNECTOR);

    /* Another connector's sessions are not this one's, whoever comes. */
    v = visit_of("10.1.0.1");
    v.connector = &fabrikam;
    assert_int_equal(admission_enter(a, &v, 0, &t[3]), ADMISSION_GRANTED);
    for (size_t i = 0; i < COUNT_OF(t); i++)
        admission_leave(a, &t[i]);
    assert_int_equal(enter("10.1.0.1", &t[0]), ADMISSION_GRANTED);
    admission_leave(a, &t[0]);
}

static void
all_addresses_of_an_ipv6_network_are_one_client(void **state)
{
    (void)state;
    struct admission_ticket first, second, third;
    contoso.connections_per_client = 1;
    assert_int_equal(enter("2001:db8:0:1::1", &first), ADMISSION_GRANTED);
    assert_int_equal(enter("2001:db8:0:1:ffff::2", &second), ADMISSION_CLIENT);
    assert_int_equal(enter("2001:db8:0:2::1", &third), ADMISSION_GRANTED);
    admission_leave(a, &first);
    admission_leave(a, &third);
}

static void
a_full_house_has_places_for_probes_and_no_more(void **state)
{
    (void)state;
    struct admission_ticket guest, probes[2], late;
    struct admission_visit probe = visit_of("10.1.0.9");
    probe.probe = true;
    probe.connector = NULL;
    probe.network = NULL;
    config.limit_sessions = 1;
    assert_int_equal(enter("10.1.0.1", &guest), ADMISSION_GRANTED);
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(admission_enter(a, &probe, 0, &probes[i]), ADMISSION_GRANTED);
        assert_true(probes[i].reserved);
    }
    assert_int_equal(admission_enter(a, &probe, 0, &late), ADMISSION_SESSIONS);
    assert_int_equal(enter("10.1.0.2", &late), ADMISSION_SESSIONS);

    /* Probes in their places keep nobody out. */
    admission_leave(a, &guest);
    assert_int_equal(enter("10.1.0.2", &guest), ADMISSION_GRANTED);
    admission_leave(a, &probes[0]);
    assert_int_equal(admission_enter(a, &probe, 0, &late), ADMISSION_GRANTED);
    admission_leave(a, &late);
    admission_leave(a, &probes[1]);
    admission_leave(a, &guest);

    /* With room, a probe is a session like any other. */
    assert_int_equal(admission_enter(a, &probe, 0, &late), ADMISSION_GRANTED);
    assert_false(late.reserved);
    admission_leave(a, &late);
}

static void
a_probe_that_no_connector_names_cannot_fill_the_house(void **state)
{
    (void)state;
    struct admission_ticket tickets[100], late;
    struct admission_visit probe = visit_of("10.9.0.9");
    config.limit_sessions = 200;
    probe.probe = true;
    probe.connector = NULL;
    probe.network = NULL;
    for (size_t i = 0; i < 100; i++)
        assert_int_equal(admission_enter(a, &probe, 0, &tickets[i]), ADMISSION_GRANTED);
    assert_int_equal(admission_enter(a, &probe, 0, &late), ADMISSION_CLIENT);
    assert_false(late.held);
    probe.client = address("10.9.0.10");
    assert_int_equal(admission_enter(a, &probe, 0, &late), ADMISSION_GRANTED);
    admission_leave(a, &late);
    for (size_t i = 0; i < 100; i++)
        admission_leave(a, &tickets[i]);
}

static void
a_full_connector_has_places_for_probes_of_its_network(void **state)
{
    (void)state;
    struct admission_ticket guest, probes[2], late;
    struct admission_visit probe = visit_of("10.1.0.9");
    probe.probe = true;
    contoso.connections_per_client = 2;
    for (unsigned i = 0; i < 2; i++) { /* the connector, then one of its networks, is full */
        contoso.connections = i == 0 ? 1 : 9;
        contoso.connections_per_network = i == 0 ? 9 : 1;
        assert_int_equal(enter("10.1.0.1", &guest), ADMISSION_GRANTED);
        probe.client = address("10.1.0.9");
        assert_int_equal(admission_enter(a, &probe, 0, &probes[0]), ADMISSION_GRANTED);
        assert_int_equal(admission_enter(a, &probe, 0, &probes[1]), ADMISSION_GRANTED);
        assert_true(probes[0].reserved && probes[1].reserved);
        assert_int_not_equal(admission_enter(a, &probe, 0, &late), ADMISSION_GRANTED);

        /* They take nothing from the others. */
        admission_leave(a, &guest);
        assert_int_equal(enter("10.1.0.2", &guest), ADMISSION_GRANTED);
        admission_leave(a, &guest);
        admission_leave(a, &probes[0]);
        admission_leave(a, &probes[1]);
    }
}

/* One that holds more and more connections leaves a place for the next. */
static void
one_probe_does_not_take_all_places_for_probes(void **state)
{
    (void)state;
    struct admission_ticket guest, probe, late;
    struct admission_visit v = visit_of("10.1.0.9");
    v.probe = true;
    config.limit_sessions = 1;
    contoso.connections_per_client = 1;
    assert_int_equal(enter("10.1.0.1", &guest), ADMISSION_GRANTED);
    v.client = address("10.1.0.9");
    assert_int_equal(admission_enter(a, &v, 0, &probe), ADMISSION_GRANTED);
    assert_int_equal(admission_enter(a, &v, 0, &late), ADMISSION_SESSIONS);
    v.client = address("10.1.0.8");
    assert_int_equal(admission_enter(a, &v, 0, &late), ADMISSION_GRANTED);
    admission_leave(a, &late);
    admission_leave(a, &probe);
    admission_leave(a, &guest);
}

static void
wrong_passwords_slow_down_and_then_block_for_a_while(void **state)
{
    (void)state;
    static const uint64_t delays[] = {0, 1, 2, 4};
    struct admission_ticket t;
    char client[ADMISSION_TEXT];
    for (size_t i = 0; i < COUNT_OF(delays); i++) {
        assert_int_equal(enter_at("10.1.0.1", i, &t), ADMISSION_GRANTED);
        admission_leave(a, &t);
        struct admission_penalty p = fail_at("10.1.0.1", i);
        assert_int_equal(p.delay_ms, delays[i] * SECOND);
        assert_int_equal(p.failures, i + 1);
        assert_int_equal(p.blocks, i == 3);
    }
    assert_int_equal(enter_at("10.1.0.1", 4, &t), ADMISSION_BLOCKED);
    assert_int_equal(enter_at("10.1.0.2", 4, &t), ADMISSION_GRANTED);
    admission_leave(a, &t);

    /* Those in sessions that are still open are slow, and begin no second block. */
    struct admission_penalty p = fail_at("10.1.0.1", 5);
    assert_int_equal(p.delay_ms, 8 * SECOND);
    assert_false(p.blocks);
    assert_false(admission_take_ended(a, 3 + 5 * MINUTE - 1, client));
    assert_int_equal(enter_at("10.1.0.1", 3 + 5 * MINUTE - 1, &t), ADMISSION_BLOCKED);
    assert_int_equal(enter_at("10.1.0.1", 3 + 5 * MINUTE, &t), ADMISSION_GRANTED);
    admission_leave(a, &t);
    assert_true(admission_take_ended(a, 3 + 5 * MINUTE, client));
    assert_string_equal(client, "10.1.0.1");
    assert_false(admission_take_ended(a, 3 + 5 * MINUTE, client));

    /* It leaves nothing behind. */
    assert_int_equal(fail_at("10.1.0.1", 3 + 5 * MINUTE).failures, 1);
}

static void
however_many_fail_no_answer_waits_longer_than_eight_seconds(void **state)
{
    (void)state;
    config.limit_auth_failures = 100000;
    for (uint64_t i = 0; i < 5000; i++)
        assert_true(fail_at("10.1.0.1", i).delay_ms <= 8 * SECOND);
    assert_int_equal(fail_at("10.1.0.1", 5000).delay_ms, 8 * SECOND);
}

static void
a_success_forgives_and_so_do_ten_minutes(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++)
        (void)fail_at("10.1.0.1", 0);
    admission_logon_succeeded(a, address("10.1.0.1"));
    assert_int_equal(fail_at("10.1.0.1", 1).failures, 1);
    assert_int_equal(fail_at("10.1.0.1", 1 + 10 * MINUTE - 1).failures, 2);
    assert_int_equal(fail_at("10.1.0.1", 1 + 10 * MINUTE).failures, 1);
}

static void
a_success_in_an_open_session_ends_no_block(void **state)
{
    (void)state;
    struct admission_ticket t;
    for (int i = 0; i < 4; i++)
        (void)fail_at("10.1.0.1", 0);
    admission_logon_succeeded(a, address("10.1.0.1"));
    assert_int_equal(enter_at("10.1.0.1", 1, &t), ADMISSION_BLOCKED);
}

static void
probes_are_neither_slowed_nor_blocked(void **state)
{
    (void)state;
    struct admission_ticket t;
    struct admission_visit v = visit_of("10.1.0.9");
    v.probe = true;
    for (int i = 0; i < 20; i++) {
        struct admission_penalty p = admission_logon_failed(a, &v, 0);
        assert_int_equal(p.delay_ms, 0);
        assert_false(p.blocks);
    }
    assert_int_equal(admission_enter(a, &v, 0, &t), ADMISSION_GRANTED);
    admission_leave(a, &t);
}

/* What many strangers do makes the table forget the oldest of them, and never those blocked. */
static void
a_crowd_of_strangers_frees_nobody(void **state)
{
    (void)state;
    struct admission_ticket t;
    char text[32];
    for (int i = 0; i < 4; i++)
        (void)fail_at("10.1.0.1", 0);
    for (int i = 0; i < 50000; i++) {
        snprintf(text, sizeof text, "10.%d.%d.%d", 2 + i / 65536, i / 256 % 256, i % 256);
        assert_int_equal(fail_at(text, (uint64_t)i).failures, 1);
    }
    assert_int_equal(enter_at("10.1.0.1", 60000, &t), ADMISSION_BLOCKED);
}

static void
blocks_end_one_by_one(void **state)
{
    (void)state;
    char client[ADMISSION_TEXT];
    static const char *const clients[] = {"10.1.0.1", "2001:db8:0:1::1", "10.1.0.3"};
    for (size_t c = 0; c < 3; c++)
        for (int i = 0; i < 4; i++)
            (void)fail_at(clients[c], c * SECOND);
    int ended = 0;
    bool saw_net = false;
    while (admission_take_ended(a, 5 * MINUTE + SECOND, client)) {
        ended++;
        saw_net = saw_net || strcmp(client, "2001:db8:0:1::/64") == 0;
    }
    assert_int_equal(ended, 2);
    assert_true(saw_net);
    assert_true(admission_take_ended(a, 5 * MINUTE + 2 * SECOND, client));
    assert_string_equal(client, "10.1.0.3");
}

static void *
come_and_go(void *context)
{
    (void)context;
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(0x0a010001)};
    struct admission_visit v = {.config = &config,
                                .connector = &contoso,
                                .network = &near,
                                .client = (const struct sockaddr *)&v4};
    for (int i = 0; i < 2000; i++) {
        struct admission_ticket t;
        char client[ADMISSION_TEXT];
        if (admission_enter(a, &v, 0, &t) == ADMISSION_GRANTED)
            admission_leave(a, &t);
        (void)admission_logon_failed(a, &v, 0);
        admission_logon_succeeded(a, v.client);
        (void)admission_take_ended(a, 0, client);
    }
    return NULL;
}

static void
threads_come_and_go_and_nothing_is_left(void **state)
{
    (void)state;
    pthread_t threads[4];
    struct admission_ticket t;
    config.limit_auth_failures = 100000;
    for (size_t i = 0; i < COUNT_OF(threads); i++)
        assert_int_equal(pthread_create(&threads[i], NULL, come_and_go, NULL), 0);
    for (size_t i = 0; i < COUNT_OF(threads); i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    config.limit_sessions = 1;
    assert_int_equal(enter("10.1.0.1", &t), ADMISSION_GRANTED);
    admission_leave(a, &t);
}

#define T(name) cmocka_unit_test_setup_teardown(name, open_house, close_house)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        T(what_left_makes_room),
        T(a_client_a_network_and_a_connector_have_limits_of_their_own),
        T(all_addresses_of_an_ipv6_network_are_one_client),
        T(a_full_house_has_places_for_probes_and_no_more),
        T(a_probe_that_no_connector_names_cannot_fill_the_house),
        T(a_full_connector_has_places_for_probes_of_its_network),
        T(one_probe_does_not_take_all_places_for_probes),
        T(wrong_passwords_slow_down_and_then_block_for_a_while),
        T(however_many_fail_no_answer_waits_longer_than_eight_seconds),
        T(a_success_forgives_and_so_do_ten_minutes),
        T(a_success_in_an_open_session_ends_no_block),
        T(probes_are_neither_slowed_nor_blocked),
        T(a_crowd_of_strangers_frees_nobody),
        T(blocks_end_one_by_one),
        T(threads_come_and_go_and_nothing_is_left),
    };
    return cmocka_run_group_tests_name("admission", tests, NULL, NULL);
}
