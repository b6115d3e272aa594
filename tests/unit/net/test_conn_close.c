/* How a conn ends: by the peer, by its owner, from inside any event; once, and nothing is lost.
 */
#include "gateway/net/conn_private.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "gateway/base/mem.h"
#include "tests/kit/conn_owner.h"
#include "tests/kit/test.h"
#include "tests/kit/turns.h"

struct pair {
    struct loop *loop;
    struct conn_owner a;
    struct conn_owner b;
};

static void
pair_begin(struct pair *p)
{
    p->loop = turns_loop();
    conn_owner_tcp_pair(p->loop, &p->a, &p->b);
}

static void
pair_end(struct pair *p)
{
    conn_close(&p->a.conn, true);
    conn_close(&p->b.conn, true);
    loop_free(&p->loop);
    conn_owner_fini(&p->a);
    conn_owner_fini(&p->b);
}

/* One end in the loop, the other a plain descriptor of the test's. */
struct half_pair {
    struct loop *loop;
    struct conn_owner o;
    int fd;
};

static void
half_pair_begin(struct half_pair *p)
{
    int fds[2];
    struct err err;
    p->loop = turns_loop();
    conn_owner_tcp_fds(fds);
    conn_owner_init(&p->o);
    p->o.conn = conn_of_fd(p->loop, fds[0], &conn_owner_events, &p->o, &err);
    assert_non_null(p->o.conn);
    p->fd = fds[1];
}

static void
half_pair_end(struct half_pair *p)
{
    conn_close(&p->o.conn, true);
    loop_free(&p->loop);
    conn_owner_fini(&p->o);
    if (p->fd >= 0)
        close(p->fd);
}

static void
say(int fd, const char *text)
{
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
}

/* ---- Ended by the other side --------------------------------------------------------------- */

static void
conn_ends_once_when_the_other_side_closes(void **state)
{
    (void)state;
    for (int now = 0; now <= 1; now++) {
        for (int who = 0; who <= 1; who++) {
            struct pair p;
            pair_begin(&p);
            struct conn_owner *closes = who ? &p.a : &p.b, *hears = who ? &p.b : &p.a;
            conn_close(&closes->conn, now == 1);
            assert_null(closes->conn);
            loop_run(p.loop);
            assert_int_equal(hears->events[CONN_END], 1);
            assert_int_equal(hears->why.kind, ERR_CLOSED);
            assert_string_equal(hears->why.text, "the peer closed the connection");
            assert_int_equal(closes->events[CONN_END], 0);
            pair_end(&p);
        }
    }
}

static void
conn_ends_on_both_sides_when_both_close(void **state)
{
    (void)state;
    struct pair p;
    pair_begin(&p);
    conn_owner_write(&p.a, "bye");
    conn_owner_write(&p.b, "bye");
    conn_close(&p.a.conn, false);
    conn_close(&p.b.conn, false);
    loop_run(p.loop);
    assert_int_equal(p.a.events[CONN_END] + p.b.events[CONN_END], 0);
    assert_int_equal(p.a.events[CONN_INPUT] + p.b.events[CONN_INPUT], 0);
    pair_end(&p);
}

static void
conn_says_that_it_was_reset(void **state)
{
    (void)state;
    struct half_pair p;
    half_pair_begin(&p);
    struct linger reset = {.l_onoff = 1, .l_linger = 0};
    assert_int_equal(setsockopt(p.fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset), 0);
    close(p.fd);
    p.fd = -1;
    loop_run(p.loop);
    assert_int_equal(p.o.events[CONN_END], 1);
    assert_int_equal(p.o.why.kind, ERR_CLOSED);
    assert_string_equal(p.o.why.text, "read: Connection reset by peer");
    half_pair_end(&p);
}

static bool
has_ended_input(void *context)
{
    struct pair *p = context;
    return p->b.conn->input_ended;
}

static void
conn_ends_only_when_the_input_before_was_taken(void **state)
{
    (void)state;
    struct pair p;
    pair_begin(&p);
    p.b.appetite = 1;
    conn_owner_write(&p.a, "abc");
    conn_close(&p.a.conn, false);
    turns_until(p.loop, has_ended_input, &p);
    for (int taken = 1; taken <= 2; taken++) {
        assert_int_equal(p.b.events[CONN_END], 0);
        p.b.appetite = 1;
        conn_resume(p.b.conn);
        turns_until_count(p.loop, &p.b.events[CONN_INPUT], taken + 1);
    }
    turns_until_count(p.loop, &p.b.events[CONN_END], 1);
    assert_string_equal(buf_text(&p.b.got), "abc");
    pair_end(&p);
}

static void
answer_quit(struct conn_owner *o, enum conn_event event)
{
    if (event == CONN_INPUT)
        conn_owner_write(o, "221 bye\r\n");
}

static void
conn_flushes_before_it_tells_the_end(void **state)
{
    (void)state;
    struct half_pair p;
    char answer[32] = "";
    half_pair_begin(&p);
    p.o.and_then = answer_quit;
    say(p.fd, "QUIT\r\n");
    shutdown(p.fd, SHUT_WR); /* as "printf QUIT | nc" does: it still listens */
    loop_run(p.loop);
    assert_int_equal(p.o.events[CONN_END], 1);
    assert_int_equal(read(p.fd, answer, sizeof answer - 1), 9);
    assert_string_equal(answer, "221 bye\r\n");
    half_pair_end(&p);
}

/* A server that has had enough says 421, closes, and resets because our octets are unread. */
static void
conn_hears_the_last_words_of_a_peer_it_cannot_write_to(void **state)
{
    (void)state;
    struct half_pair p;
    half_pair_begin(&p);
    conn_owner_write(&p.o, "MAIL FROM:<a@b.example>\r\n");
    conn_flush(p.o.conn);
    say(p.fd, "421 too busy\r\n");
    close(p.fd);
    p.fd = -1;
    conn_owner_write(&p.o, "RCPT TO:<c@d.example>\r\n");
    loop_run(p.loop);
    assert_string_equal(buf_text(&p.o.got), "421 too busy\r\n");
    assert_int_equal(p.o.events[CONN_END], 1);
    assert_int_equal(p.o.why.kind, ERR_CLOSED);
    half_pair_end(&p);
}

static void
conn_ends_when_it_writes_to_a_peer_that_has_gone(void **state)
{
    (void)state;
    struct pair p = {.loop = turns_loop()};
    conn_owner_pair(p.loop, &p.a, &p.b);
    p.b.appetite = 0;
    conn_close(&p.a.conn, true);
    conn_owner_write(&p.b, "is anybody there?");
    turns_until_count(p.loop, &p.b.events[CONN_END], 1);
    assert_int_equal(p.b.why.kind, ERR_CLOSED);
    assert_int_equal(p.b.events[CONN_END], 1);
    pair_end(&p);
}

/* ---- Closed by the owner ------------------------------------------------------------------- */

static void
conn_close_delivers_what_was_put_before(void **state)
{
    (void)state;
    struct pair p;
    char *big = mem_new(CONN_OUTPUT_MAX);
    pair_begin(&p);
    memset(big, 'x', CONN_OUTPUT_MAX);
    assert_true(conn_write(p.a.conn, slice(big, CONN_OUTPUT_MAX)));
    conn_close(&p.a.conn, false);
    turns_until_count(p.loop, &p.b.events[CONN_END], 1);
    assert_int_equal(p.b.got_count, CONN_OUTPUT_MAX);
    assert_int_equal(p.a.events[CONN_DRAINED], 0);
    mem_free(&big);
    pair_end(&p);
}

static void
conn_close_now_delivers_nothing_more(void **state)
{
    (void)state;
    struct pair p;
    pair_begin(&p);
    conn_owner_write(&p.a, "never mind");
    conn_close(&p.a.conn, true);
    loop_run(p.loop);
    assert_int_equal(p.b.events[CONN_END], 1);
    assert_int_equal(p.b.got_count, 0);
    pair_end(&p);
}

static void
refuse_and_close(struct conn_owner *o, enum conn_event event)
{
    if (event != CONN_INPUT)
        return;
    conn_owner_write(o, "554 no\r\n");
    conn_close(&o->conn, false);
}

/* The refused client goes on sending; a plain close would reset the connection, and with it what
 * it had not read yet. */
static void
conn_close_lets_a_peer_in_full_flow_read_the_last_words(void **state)
{
    (void)state;
    struct pair p;
    char *big = mem_new(CONN_OUTPUT_MAX);
    pair_begin(&p);
    p.b.and_then = refuse_and_close;
    assert_true(conn_write(p.a.conn, slice(big, CONN_OUTPUT_MAX)));
    turns_until_count(p.loop, &p.a.events[CONN_END], 1);
    assert_string_equal(p.a.why.text, "the peer closed the connection");
    assert_string_equal(buf_text(&p.a.got), "554 no\r\n");
    assert_int_equal(p.b.events[CONN_INPUT], 1);
    mem_free(&big);
    pair_end(&p);
}

static bool
is_said(void *context)
{
    return conn_pending(context) == 0;
}

static bool
is_full(void *context)
{
    return conn_kept(context) == CONN_INPUT_MAX;
}

static bool
has_read_all(void *fd)
{
    int unread = 0;
    return ioctl(*(uv_os_fd_t *)fd, FIONREAD, &unread) == 0 && unread == 0;
}

static void
conn_close_with_input_never_taken_lets_the_peer_read_the_last_words(void **state)
{
    (void)state;
    struct half_pair p;
    char text[32] = "", *big = mem_new(CONN_OUTPUT_MAX);
    half_pair_begin(&p);
    struct conn *c = p.o.conn;
    p.o.appetite = 0;
    assert_true(send(p.fd, big, CONN_OUTPUT_MAX, MSG_DONTWAIT) > CONN_INPUT_MAX);
    turns_until(p.loop, is_full, c);
    conn_owner_write(&p.o, "554 no\r\n");
    conn_close(&p.o.conn, false);
    uv_os_fd_t fd = -1;
    assert_int_equal(uv_fileno(&c->handle, &fd), 0);
    turns_until(p.loop, has_read_all, &fd);
    shutdown(p.fd, SHUT_WR);
    loop_run(p.loop);
    assert_int_equal(read(p.fd, text, sizeof text), 8);
    assert_int_equal(read(p.fd, text, sizeof text), 0); /* the end, not a reset */
    mem_free(&big);
    half_pair_end(&p);
}

static void
conn_close_gives_up_on_a_peer_that_does_not_close(void **state)
{
    (void)state;
    struct half_pair p;
    half_pair_begin(&p);
    struct conn *c = p.o.conn;
    conn_owner_write(&p.o, "bye");
    conn_close(&p.o.conn, false);
    assert_int_equal(c->state, CONN_LINGERING);
    turns_until(p.loop, is_said, c);
    uv_timer_start(&c->linger, c->linger.timer_cb, 0, 0); /* as if 5 s had passed */
    loop_run(p.loop);
    char text[8] = "";
    assert_int_equal(read(p.fd, text, sizeof text), 3);
    assert_int_equal(read(p.fd, text, sizeof text), 0);
    half_pair_end(&p);
}

static void
conn_close_waits_for_no_more_than_so_many(void **state)
{
    (void)state;
    char said[8] = "";
    for (int full = 0; full <= 1; full++) {
        struct half_pair p;
        half_pair_begin(&p);
        p.loop->lingering = full ? CONN_LINGERING_MAX : 0;
        conn_owner_write(&p.o, "bye");
        conn_close(&p.o.conn, false);
        assert_int_equal(p.loop->lingering, full ? CONN_LINGERING_MAX : 1);
        if (!full)
            close(p.fd);
        loop_run(p.loop);
        if (full) {
            assert_int_equal(read(p.fd, said, sizeof said), 3);
            assert_int_equal(read(p.fd, said, sizeof said), 0);
        } else {
            p.fd = -1;
        }
        assert_int_equal(p.loop->lingering, full ? CONN_LINGERING_MAX : 0);
        half_pair_end(&p);
    }
}

static void
conn_close_may_come_last_before_the_loop_is_freed(void **state)
{
    (void)state;
    struct pair p;
    pair_begin(&p);
    conn_owner_write(&p.a, "bye");
    conn_close(&p.a.conn, false);
    conn_close(&p.b.conn, false);
    conn_close(&p.b.conn, false);
    loop_free(&p.loop);
    conn_owner_fini(&p.a);
    conn_owner_fini(&p.b);
}

/* ---- Closed from inside -------------------------------------------------------------------- */

struct plan {
    enum conn_event event;
    bool now;
};

static void
close_as_planned(struct conn_owner *o, enum conn_event event)
{
    const struct plan *plan = o->context;
    if (event == plan->event)
        conn_close(&o->conn, plan->now);
}

static struct sockaddr_in
listen_somewhere(int *fd)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof at;
    *fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    must(*fd >= 0 && bind(*fd, (struct sockaddr *)&at, sizeof at) == 0 && listen(*fd, 1) == 0 &&
         getsockname(*fd, (struct sockaddr *)&at, &len) == 0);
    return at;
}

static void
conn_may_be_closed_from_inside_every_event(void **state)
{
    (void)state;
    static const struct {
        const char *say;
        enum conn_event event;
    } rows[] = {
        {"connected", CONN_CONNECTED},
        {"input", CONN_INPUT},
        {"drained", CONN_DRAINED},
        {"end", CONN_END},
    };
    for (size_t i = 0; i < 2 * COUNT_OF(rows); i++) {
        struct plan plan = {rows[i / 2].event, i % 2 == 1};
        struct loop *l = turns_loop();
        struct conn_owner client, server;
        struct err err;
        int listening;
        struct sockaddr_in to = listen_somewhere(&listening);
        conn_owner_init(&client);
        conn_owner_init(&server);
        client.context = &plan;
        client.and_then = close_as_planned;
        client.conn = conn_dial(l, (struct sockaddr *)&to, &conn_owner_events,
                                conn_owner_connected, &client, &err);
        assert_non_null(client.conn);
        server.conn =
            conn_of_fd(l, accept(listening, NULL, NULL), &conn_owner_events, &server, &err);
        assert_non_null(server.conn);
        turns_until_count(l, &client.events[CONN_CONNECTED], 1);

        if (server.conn != NULL)
            conn_owner_write(&server, "hello");
        if (client.conn != NULL)
            conn_owner_write(&client, "hello");
        if (plan.event == CONN_END)
            conn_close(&server.conn, false);
        turns_until_count(l, &client.events[plan.event], 1);
        if (client.conn != NULL || client.events[plan.event] != 1)
            fail_row(rows[i / 2].say, "%d calls", client.events[plan.event]);
        if (plan.event != CONN_END && client.events[CONN_END] != 0)
            fail_row(rows[i / 2].say, "an end after the close");
        conn_close(&server.conn, true);
        loop_free(&l);
        conn_owner_fini(&client);
        conn_owner_fini(&server);
        close(listening);
    }
}

static void
conn_closed_while_it_connects_is_silent(void **state)
{
    (void)state;
    struct loop *l = turns_loop();
    struct conn_owner o;
    struct err err;
    int listening;
    struct sockaddr_in to = listen_somewhere(&listening);
    conn_owner_init(&o);
    o.conn =
        conn_dial(l, (struct sockaddr *)&to, &conn_owner_events, conn_owner_connected, &o, &err);
    conn_close(&o.conn, false);
    loop_free(&l);
    assert_int_equal(o.events[CONN_CONNECTED] + o.events[CONN_END], 0);
    close(listening);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(conn_ends_once_when_the_other_side_closes),
        cmocka_unit_test(conn_ends_on_both_sides_when_both_close),
        cmocka_unit_test(conn_says_that_it_was_reset),
        cmocka_unit_test(conn_ends_only_when_the_input_before_was_taken),
        cmocka_unit_test(conn_flushes_before_it_tells_the_end),
        cmocka_unit_test(conn_hears_the_last_words_of_a_peer_it_cannot_write_to),
        cmocka_unit_test(conn_ends_when_it_writes_to_a_peer_that_has_gone),
        cmocka_unit_test(conn_close_delivers_what_was_put_before),
        cmocka_unit_test(conn_close_now_delivers_nothing_more),
        cmocka_unit_test(conn_close_lets_a_peer_in_full_flow_read_the_last_words),
        cmocka_unit_test(conn_close_with_input_never_taken_lets_the_peer_read_the_last_words),
        cmocka_unit_test(conn_close_gives_up_on_a_peer_that_does_not_close),
        cmocka_unit_test(conn_close_waits_for_no_more_than_so_many),
        cmocka_unit_test(conn_close_may_come_last_before_the_loop_is_freed),
        cmocka_unit_test(conn_may_be_closed_from_inside_every_event),
        cmocka_unit_test(conn_closed_while_it_connects_is_silent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
