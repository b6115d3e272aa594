/* A byte stream in clear: what is put comes out, bounded both ways, and ends once. */
#include "gateway/net/conn_private.h"

#include <arpa/inet.h>
#include <errno.h>
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

/* ---- Input and output ---------------------------------------------------------------------- */

static void
echo(struct conn_owner *o, enum conn_event event)
{
    if (event != CONN_INPUT)
        return;
    must(conn_write(o->conn, buf_slice(&o->got)));
    buf_clear(&o->got);
}

static void
conn_brings_back_what_an_echo_returns(void **state)
{
    (void)state;
    struct pair p;
    pair_begin(&p);
    p.b.and_then = echo;
    conn_owner_write(&p.a, "hello ");
    conn_owner_write(&p.a, "world");
    assert_int_equal(conn_pending(p.a.conn), 11);
    turns_until_count(p.loop, &p.a.events[CONN_INPUT], 1);
    assert_string_equal(buf_text(&p.a.got), "hello world");
    assert_int_equal(conn_pending(p.a.conn), 0);
    assert_int_equal(p.a.events[CONN_DRAINED], 1);
    pair_end(&p);
}

static void
conn_flush_does_not_wait_for_the_end_of_the_turn(void **state)
{
    (void)state;
    struct pair p;
    pair_begin(&p);
    conn_owner_write(&p.a, "now");
    conn_flush(p.a.conn);
    assert_int_equal(conn_pending(p.a.conn), 0);
    assert_int_equal(p.a.events[CONN_DRAINED], 0); /* told from the loop only */
    turns_until_count(p.loop, &p.a.events[CONN_DRAINED], 1);
    pair_end(&p);
}

static void
check_nothing_pending(struct conn_owner *o, enum conn_event event)
{
    if (event == CONN_DRAINED)
        assert_int_equal(conn_pending(o->conn), 0);
}

/* A unix socket holds less than conn_room(): the second part cannot leave in the same turn. */
static void
conn_tells_that_it_drained_only_when_nothing_is_pending(void **state)
{
    (void)state;
    struct pair p = {.loop = turns_loop()};
    conn_owner_pair(p.loop, &p.a, &p.b);
    p.a.and_then = check_nothing_pending;
    conn_owner_write(&p.a, "x");
    conn_flush(p.a.conn);
    char *big = mem_new(CONN_OUTPUT_MAX);
    assert_true(conn_write(p.a.conn, slice(big, CONN_OUTPUT_MAX)));
    turns_until_count(p.loop, &p.a.events[CONN_DRAINED], 1);
    mem_free(&big);
    pair_end(&p);
}

static void
conn_knows_its_peer(void **state)
{
    (void)state;
    struct pair p;
    pair_begin(&p);
    assert_string_equal(conn_peer_text(p.b.conn), "127.0.0.1");
    assert_int_equal(conn_peer(p.b.conn)->sa_family, AF_INET);
    assert_int_not_equal(conn_peer_port(p.b.conn), 0);
    pair_end(&p);

    p.loop = turns_loop();
    conn_owner_pair(p.loop, &p.a, &p.b);
    assert_string_equal(conn_peer_text(p.b.conn), "local");
    assert_int_equal(conn_peer_port(p.b.conn), 0);
    pair_end(&p);
}

/* A listener on [::] without IPV6_V6ONLY, as one handed over by a supervisor may be. */
static void
conn_shows_a_mapped_ipv4_peer_as_ipv4(void **state)
{
    (void)state;
    struct sockaddr_in6 at = {.sin6_family = AF_INET6};
    socklen_t len = sizeof at;
    int off = 0;
    int listening = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (listening < 0 || setsockopt(listening, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off) < 0 ||
        bind(listening, (struct sockaddr *)&at, sizeof at) < 0)
        skip(); /* no IPv6 here */
    assert_int_equal(listen(listening, 1), 0);
    assert_int_equal(getsockname(listening, (struct sockaddr *)&at, &len), 0);
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = at.sin6_port,
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(client, (struct sockaddr *)&to, sizeof to), 0);

    struct loop *l = turns_loop();
    struct conn_owner o;
    struct err err;
    conn_owner_init(&o);
    o.conn = conn_of_fd(l, accept(listening, NULL, NULL), &conn_owner_events, &o, &err);
    assert_non_null(o.conn);
    assert_string_equal(conn_peer_text(o.conn), "127.0.0.1");
    assert_int_equal(conn_peer(o.conn)->sa_family, AF_INET);
    conn_close(&o.conn, true);
    loop_free(&l);
    close(client);
    close(listening);
}

static void
conn_holds_no_buffers_while_idle(void **state)
{
    (void)state;
    struct pair p;
    pair_begin(&p);
    p.b.and_then = echo;
    char big[8000];
    memset(big, 'x', sizeof big);
    assert_true(conn_write(p.a.conn, slice(big, sizeof big)));
    while (p.a.got_count < sizeof big)
        turns_until_count(p.loop, &p.a.events[CONN_INPUT], p.a.events[CONN_INPUT] + 1);
    struct conn *const both[] = {p.a.conn, p.b.conn};
    for (size_t i = 0; i < 2; i++) {
        assert_null(both[i]->in.data);
        assert_null(both[i]->sealed.data);
        assert_null(both[i]->on_wire.data);
        assert_true(both[i]->out.cap <= CONN_OUTPUT_KEEP);
    }
    pair_end(&p);
}

/* ---- Bounds -------------------------------------------------------------------------------- */

static void
conn_write_beyond_the_bound_puts_nothing(void **state)
{
    (void)state;
    struct pair p;
    pair_begin(&p);
    char *big = mem_new(CONN_OUTPUT_MAX + 1);
    assert_int_equal(conn_room(p.a.conn), CONN_OUTPUT_MAX);
    assert_false(conn_write(p.a.conn, slice(big, CONN_OUTPUT_MAX + 1)));
    assert_int_equal(conn_pending(p.a.conn), 0);
    assert_true(conn_write(p.a.conn, slice(big, CONN_OUTPUT_MAX - 1)));
    assert_int_equal(conn_room(p.a.conn), 1);
    assert_false(conn_write(p.a.conn, slice(big, 2)));
    assert_true(conn_write(p.a.conn, slice(big, 1)));
    assert_int_equal(conn_room(p.a.conn), 0);
    mem_free(&big);
    pair_end(&p);
}

enum { TEN_MB = 10 * 1024 * 1024 };

struct stream {
    size_t put; /* by the writer */
    size_t checked;
    bool done;
};

static char
octet_at(size_t place)
{
    return (char)(place * 31 + place / 251);
}

static void
write_more(struct conn_owner *o, enum conn_event event)
{
    struct stream *s = o->context;
    char piece[5000];
    if (event != CONN_DRAINED)
        return;
    while (s->put < TEN_MB) {
        size_t n = conn_room(o->conn) < sizeof piece ? conn_room(o->conn) : sizeof piece;
        n = n < TEN_MB - s->put ? n : TEN_MB - s->put;
        if (n == 0)
            return;
        for (size_t i = 0; i < n; i++)
            piece[i] = octet_at(s->put + i);
        must(conn_write(o->conn, slice(piece, n)));
        s->put += n;
    }
}

/* Takes less than what comes, and is hungry again at once, from the loop. */
static void
take_some(struct conn_owner *o, enum conn_event event)
{
    struct stream *s = o->context;
    if (event != CONN_INPUT)
        return;
    must(o->offered <= CONN_INPUT_MAX);
    for (size_t i = 0; i < o->got.len; i++)
        must(o->got.data[i] == octet_at(s->checked + i));
    s->checked += o->got.len;
    s->done = s->checked == TEN_MB;
    buf_clear(&o->got);
    o->appetite = 3000 + s->checked % 7000;
    conn_resume(o->conn);
}

static void
conn_carries_ten_megabytes_to_a_slow_taker(void **state)
{
    (void)state;
    struct pair p;
    struct stream s = {0};
    pair_begin(&p);
    p.a.context = p.b.context = &s;
    p.a.and_then = write_more;
    p.b.and_then = take_some;
    p.b.appetite = 1;
    write_more(&p.a, CONN_DRAINED);
    turns_until_true(p.loop, &s.done);
    pair_end(&p);
}

static bool
is_full(void *context)
{
    struct pair *p = context;
    return conn_kept(p->b.conn) == CONN_INPUT_MAX && p->a.conn->writing;
}

static void
conn_stops_reading_when_nobody_takes(void **state)
{
    (void)state;
    struct pair p;
    struct stream s = {0};
    pair_begin(&p);
    p.a.context = &s;
    p.a.and_then = write_more;
    p.b.appetite = 0;
    write_more(&p.a, CONN_DRAINED);
    turns_until(p.loop, is_full, &p);
    assert_false(p.b.conn->reading);
    assert_true(s.put < TEN_MB);
    assert_int_equal(p.b.got_count, 0);
    pair_end(&p);
}

/* ---- Left-over input ----------------------------------------------------------------------- */

static void
conn_offers_what_was_left_with_the_next_input(void **state)
{
    (void)state;
    struct pair p;
    pair_begin(&p);
    p.b.appetite = 2;
    conn_owner_write(&p.a, "abcd");
    turns_until_count(p.loop, &p.b.events[CONN_INPUT], 1);
    assert_string_equal(buf_text(&p.b.got), "ab");
    p.b.appetite = SIZE_MAX;
    conn_owner_write(&p.a, "ef");
    turns_until_count(p.loop, &p.b.events[CONN_INPUT], 2);
    assert_string_equal(buf_text(&p.b.got), "abcdef");
    pair_end(&p);
}

static void
conn_resume_offers_what_was_left_from_the_loop(void **state)
{
    (void)state;
    struct pair p;
    pair_begin(&p);
    p.b.appetite = 1;
    conn_owner_write(&p.a, "abc");
    turns_until_count(p.loop, &p.b.events[CONN_INPUT], 1);
    for (int i = 2; i <= 3; i++) {
        p.b.appetite = 1;
        conn_resume(p.b.conn);
        assert_int_equal(p.b.events[CONN_INPUT], i - 1);
        turns_until_count(p.loop, &p.b.events[CONN_INPUT], i);
    }
    assert_string_equal(buf_text(&p.b.got), "abc");

    /* With nothing left there is nothing to offer. */
    conn_resume(p.b.conn);
    conn_owner_write(&p.b, "x");
    turns_until_count(p.loop, &p.a.events[CONN_INPUT], 1);
    assert_int_equal(p.b.events[CONN_INPUT], 3);
    pair_end(&p);
}

/* ---- Connecting ---------------------------------------------------------------------------- */

static struct sockaddr_in
closed_port(void)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof at;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    must(fd >= 0 && bind(fd, (struct sockaddr *)&at, sizeof at) == 0 &&
         getsockname(fd, (struct sockaddr *)&at, &len) == 0);
    close(fd);
    return at;
}

static void
conn_dial_tells_why_it_failed_from_the_loop(void **state)
{
    (void)state;
    struct loop *l = turns_loop();
    struct conn_owner o;
    struct err err;
    struct sockaddr_in to = closed_port();
    conn_owner_init(&o);
    o.conn =
        conn_dial(l, (struct sockaddr *)&to, &conn_owner_events, conn_owner_connected, &o, &err);
    assert_non_null(o.conn);
    assert_int_equal(o.events[CONN_CONNECTED], 0);
    turns_until_count(l, &o.events[CONN_CONNECTED], 1);
    assert_int_equal(o.why.kind, ERR_IO);
    assert_int_equal(o.why.sys, ECONNREFUSED);
    assert_string_equal(o.why.text, "connect to 127.0.0.1: Connection refused");
    assert_int_equal(o.events[CONN_END], 0);
    loop_free(&l);
}

static void
conn_dial_that_cannot_begin_is_null(void **state)
{
    (void)state;
    struct loop *l = turns_loop();
    struct conn_owner o;
    struct err err = {.kind = ERR_NONE};
    struct sockaddr_in6 to = {.sin6_family = AF_UNSPEC};
    conn_owner_init(&o);
    assert_null(
        conn_dial(l, (struct sockaddr *)&to, &conn_owner_events, conn_owner_connected, &o, &err));
    assert_int_equal(err.kind, ERR_IO);
    mem_fail_after(0);
    assert_null(
        conn_dial(l, (struct sockaddr *)&to, &conn_owner_events, conn_owner_connected, &o, &err));
    mem_fail_after(-1);
    assert_int_equal(err.kind, ERR_NOMEM);
    loop_run(l);
    assert_int_equal(o.events[CONN_CONNECTED], 0);
    loop_free(&l);
}

static void
conn_of_a_peer_that_has_gone_is_null(void **state)
{
    (void)state;
    struct loop *l = turns_loop();
    struct conn_owner o;
    struct err err;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    conn_owner_init(&o);
    assert_null(conn_of_fd(l, fd, &conn_owner_events, &o, &err));
    assert_int_equal(err.kind, ERR_CLOSED);
    assert_int_equal(close(fd), -1); /* it was closed */
    loop_free(&l);
}

static void
conn_without_memory_for_input_ends(void **state)
{
    (void)state;
    struct pair p;
    pair_begin(&p);
    p.b.appetite = 1;
    conn_owner_write(&p.a, "ab");
    conn_flush(p.a.conn);
    mem_fail_after(1); /* the test's own buffer takes the first octet, then nothing is left */
    loop_on_turn_end(p.loop, NULL, NULL);
    while (p.b.events[CONN_END] == 0)
        uv_run(&p.loop->uv, UV_RUN_ONCE);
    mem_fail_after(-1);
    assert_int_equal(p.b.why.kind, ERR_NOMEM);
    pair_end(&p);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(conn_brings_back_what_an_echo_returns),
        cmocka_unit_test(conn_flush_does_not_wait_for_the_end_of_the_turn),
        cmocka_unit_test(conn_tells_that_it_drained_only_when_nothing_is_pending),
        cmocka_unit_test(conn_knows_its_peer),
        cmocka_unit_test(conn_shows_a_mapped_ipv4_peer_as_ipv4),
        cmocka_unit_test(conn_holds_no_buffers_while_idle),
        cmocka_unit_test(conn_write_beyond_the_bound_puts_nothing),
        cmocka_unit_test(conn_carries_ten_megabytes_to_a_slow_taker),
        cmocka_unit_test(conn_stops_reading_when_nobody_takes),
        cmocka_unit_test(conn_offers_what_was_left_with_the_next_input),
        cmocka_unit_test(conn_resume_offers_what_was_left_from_the_loop),
        cmocka_unit_test(conn_dial_tells_why_it_failed_from_the_loop),
        cmocka_unit_test(conn_dial_that_cannot_begin_is_null),
        cmocka_unit_test(conn_of_a_peer_that_has_gone_is_null),
        cmocka_unit_test(conn_without_memory_for_input_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
