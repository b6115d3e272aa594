#include "gateway/relay/board.h"

#include <pthread.h>
#include <stdio.h>

#include "gateway/base/mem.h"
#include "tests/kit/test.h"

enum { NOW = 1000000, FRESH = 30000 };

static struct board_connector
read_back(struct board *b, const char *name)
{
    struct board_connector c;
    assert_true(board_read(b, slice_str(name), &c));
    return c;
}

static void
a_notice_is_read_as_it_was_put_up_with_the_numbers_that_changed_since(void **state)
{
    struct board *b = board_new("1");
    struct board_place *place = board_enter(b, "hub");
    struct board_server servers[2] = {
        {.host = "hub1", .port = 25, .evidence.delivered_ms = 5, .connections = 1},
        {.host = "hub2", .port = 25, .connections = 2},
    };
    struct board_connector notice = {
        .last_error = "451 no",
        .servers = servers,
        .server_count = 2,
    };
    (void)state;
    board_say(b, place, &notice);
    board_count(place, 3, 40, 2);
    board_delivered(place, 1, 77);
    board_connected(place, 0, 3);
    struct board_connector c = read_back(b, "hub");
    assert_string_equal(c.name, "hub");
    assert_string_equal(c.last_error, "451 no");
    assert_int_equal(c.connections, 3);
    assert_int_equal(c.ready, 40);
    assert_int_equal(c.in_flight, 2);
    assert_int_equal(c.server_count, 2);
    assert_string_equal(c.servers[0].host, "hub1");
    assert_int_equal(c.servers[0].evidence.delivered_ms, 5);
    assert_int_equal(c.servers[0].connections, 3);
    assert_int_equal(c.servers[1].connections, 2);
    assert_int_equal(c.servers[1].evidence.delivered_ms, 77);
    assert_int_equal(c.last_delivery_ms, 77);
    board_connector_fini(&c);
    assert_int_equal(board_in_flight(b), 2);
    board_leave(b, &place);
    board_free(&b);
}

static void
a_shorter_notice_takes_servers_away(void **state)
{
    struct board *b = board_new("1");
    struct board_place *place = board_enter(b, "hub");
    struct board_server servers[3] = {{.host = "a"}, {.host = "b"}, {.host = "c"}};
    (void)state;
    board_say(b, place, &(struct board_connector){.servers = servers, .server_count = 3});
    board_say(b, place, &(struct board_connector){.servers = servers + 2, .server_count = 1});
    struct board_connector c = read_back(b, "hub");
    assert_int_equal(c.server_count, 1);
    assert_string_equal(c.servers[0].host, "c");
    board_connector_fini(&c);
    board_leave(b, &place);
    board_free(&b);
}

static void
who_has_left_is_not_found_and_a_full_board_takes_nobody(void **state)
{
    static struct board_place *places[BOARD_CONNECTORS_MAX];
    struct board *b = board_new("1");
    struct board_connector c;
    char name[64];
    (void)state;
    for (int i = 0; i < BOARD_CONNECTORS_MAX; i++) {
        snprintf(name, sizeof name, "c%d", i);
        assert_non_null(places[i] = board_enter(b, name));
    }
    assert_null(board_enter(b, "one more"));
    board_leave(b, &places[7]);
    assert_false(board_read(b, slice_str("c7"), &c));
    assert_non_null(places[7] = board_enter(b, "one more"));
    for (int i = 0; i < BOARD_CONNECTORS_MAX; i++)
        board_leave(b, &places[i]);
    board_free(&b);
}

static void
without_a_board_or_a_place_nothing_is_said(void **state)
{
    (void)state;
    assert_null(board_enter(NULL, "hub"));
    board_say(NULL, NULL, NULL);
    board_count(NULL, 1, 2, 3);
    board_delivered(NULL, 0, 1);
    board_connected(NULL, 0, 1);
}

/* Up: mail would be tried there. Belief: it would be taken, as far as anybody knows. */
static void
up_and_belief_follow_from_health_and_evidence(void **state)
{
    struct board_server healthy = {.evidence.ready_ms = NOW - 5};
    struct board_server failed = {.failures = 1, .evidence.failed_ms = NOW - 5};
    struct board_server both[] = {failed, healthy};
    struct board_server refusing = {.logon_refused_until_ms = NOW + 1,
                                    .evidence.ready_ms = NOW - 5};
    struct board_server either[] = {refusing, healthy};
    struct board_server neither[] = {refusing, failed};
    struct {
        const char *say;
        struct board_connector c;
        bool up;
        enum belief belief;
    } rows[] = {
        {"nothing is known yet", {.server_count = 0}, true, BELIEF_UNKNOWN},
        {"no name resolves", {.names_failed_ms = NOW - 5}, false, BELIEF_DOWN},
        {"one works", {.servers = &healthy, .server_count = 1}, true, BELIEF_UP},
        {"one has failed", {.servers = &failed, .server_count = 1}, false, BELIEF_DOWN},
        {"one of two works", {.servers = both, .server_count = 2}, true, BELIEF_UP},
        {"one refuses the logon", {.servers = &refusing, .server_count = 1}, false, BELIEF_DOWN},
        {"one of two does", {.servers = either, .server_count = 2}, true, BELIEF_UP},
        {"one does, one has failed", {.servers = neither, .server_count = 2}, false, BELIEF_DOWN},
        {"suspended",
         {.suspended_until_ms = NOW + 1, .servers = &healthy, .server_count = 1},
         false,
         BELIEF_DOWN},
        {"suspended until now",
         {.suspended_until_ms = NOW, .servers = &healthy, .server_count = 1},
         true,
         BELIEF_UP},
        {"its logon was refused",
         {.logon_refused_until_ms = NOW + 1, .servers = &healthy, .server_count = 1},
         false,
         BELIEF_DOWN},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        if (board_is_up(&rows[i].c, NOW) != rows[i].up)
            fail_row(rows[i].say, "up is %d", board_is_up(&rows[i].c, NOW));
        if (board_belief(&rows[i].c, NOW, FRESH) != rows[i].belief)
            fail_row(rows[i].say, "it is %s", belief_text(board_belief(&rows[i].c, NOW, FRESH)));
    }
}

static void
the_process_tells_of_its_configuration(void **state)
{
    struct board *b = board_new("7.1");
    (void)state;
    board_say_loaded(b, 3);
    board_say_refused(b, slice_str("line 4"));
    board_say_draining(b);
    struct board_process p = board_process(b);
    assert_string_equal(p.version, "7.1");
    assert_int_equal(p.generation, 3);
    assert_string_equal(p.refused_why, "line 4");
    assert_true(p.draining && p.loaded_unix_ms > 0 && p.refused_unix_ms >= p.loaded_unix_ms);
    board_free(&b);
}

enum { ROUNDS = 2000 };

/* Each notice says the same in all its places: a mixture of two would show. */
static void *
write_notices(void *context)
{
    struct board *b = context;
    struct board_place *place = board_enter(b, "hub");
    struct board_server servers[8] = {{.port = 0}};
    for (unsigned i = 1; i <= ROUNDS; i++) {
        size_t count = i % 8 + 1;
        for (size_t k = 0; k < count; k++)
            servers[k].blocked_until_ms = i;
        board_say(b, place,
                  &(struct board_connector){
                      .next_try_ms = i, .servers = servers, .server_count = count});
        board_count(place, i, i, i);
        board_delivered(place, i % count, i);
    }
    board_leave(b, &place);
    return NULL;
}

static void
a_reader_never_sees_half_a_notice(void **state)
{
    struct board *b = board_new("1");
    pthread_t writer;
    (void)state;
    assert_int_equal(pthread_create(&writer, NULL, write_notices, b), 0);
    for (unsigned i = 0; i < ROUNDS; i++) {
        struct board_connector c;
        if (!board_read(b, slice_str("hub"), &c))
            continue;
        for (size_t k = 0; k < c.server_count; k++)
            assert_int_equal(c.servers[k].blocked_until_ms, c.next_try_ms);
        board_connector_fini(&c);
    }
    pthread_join(writer, NULL);
    board_free(&b);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_notice_is_read_as_it_was_put_up_with_the_numbers_that_changed_since),
        cmocka_unit_test(a_shorter_notice_takes_servers_away),
        cmocka_unit_test(who_has_left_is_not_found_and_a_full_board_takes_nobody),
        cmocka_unit_test(without_a_board_or_a_place_nothing_is_said),
        cmocka_unit_test(up_and_belief_follow_from_health_and_evidence),
        cmocka_unit_test(the_process_tells_of_its_configuration),
        cmocka_unit_test(a_reader_never_sees_half_a_notice),
    };
    return cmocka_run_group_tests_name("board", tests, NULL, NULL);
}
