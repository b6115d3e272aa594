/* A byte stream in clear: what is put comes out, bounded, and ends once. */
#include "gateway/net/conn_private.h"

#include <arpa/inet.h>
#include <errno.h>
#include <unistd.h>

#include "tests/kit/conn_owner.h"
#include "tests/kit/test.h"
#include "tests/kit/turns.h"

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
    struct loop *l = turns_loop();
    struct conn_owner a, b;
    conn_owner_tcp_pair(l, &a, &b);
    b.and_then = echo;
    conn_owner_write(&a, "hello ");
    conn_owner_write(&a, "world");
    turns_until_count(l, &a.events[CONN_INPUT], 1);
    assert_string_equal(buf_text(&a.got), "hello world");
    assert_string_equal(conn_peer_text(a.conn), "127.0.0.1");
    assert_int_equal(a.events[CONN_DRAINED], 1);

    conn_close(&a.conn, false);
    turns_until_count(l, &b.events[CONN_END], 1);
    assert_int_equal(b.why.kind, ERR_CLOSED);
    assert_int_equal(a.events[CONN_END], 0);
    loop_free(&l);
    conn_owner_fini(&a);
    conn_owner_fini(&b);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(conn_brings_back_what_an_echo_returns),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
