/* Everything that is made on a loop, with each of its allocations failing in turn: it says so,
 * and leaves nothing behind (the loop is empty at the end, and the sanitizers look on). */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <unistd.h>

#include "gateway/base/mem.h"
#include "gateway/net/job.h"
#include "gateway/net/listener.h"
#include "gateway/net/mailbox.h"
#include "gateway/net/resolve.h"
#include "gateway/net/timer.h"
#include "gateway/net/waker.h"
#include "gateway/net/watch.h"
#include "tests/kit/conn_owner.h"
#include "tests/kit/test.h"
#include "tests/kit/turns.h"

static void
on_nothing(void *context)
{
    (void)context;
}

static void
on_fd(void *context, int fd)
{
    (void)context;
    close(fd);
}

static void
on_done(void *context, const struct sockaddr_storage *list, size_t count, const struct err *why)
{
    (void)context, (void)list, (void)count, (void)why;
}

static const struct mailbox_events no_events;

/* Each makes its thing and unmakes it; false when it could not. The kind of the error, where
 * there is one, is checked here. */

static bool
try_loop(struct loop *l)
{
    struct loop *other = NULL;
    struct err err;
    (void)l;
    bool made = loop_new(&other, &err);
    assert_true(made || err.kind == ERR_NOMEM);
    loop_free(&other);
    return made;
}

static bool
try_timer(struct loop *l)
{
    struct timer *t = timer_new(l, on_nothing, NULL);
    bool made = t != NULL;
    timer_free(&t);
    return made;
}

static bool
try_waker(struct loop *l)
{
    struct waker *w = waker_new(l, on_nothing, NULL);
    bool made = w != NULL;
    waker_free(&w);
    return made;
}

static bool
try_gate(struct loop *l)
{
    struct job_gate *g = job_gate_new(l, 1, 1);
    bool made = g != NULL && job_start(g, on_nothing, on_nothing, NULL);
    job_gate_free(&g);
    return made;
}

static bool
try_mailbox(struct loop *l)
{
    struct mailbox *m = mailbox_new(l, 4, &no_events, NULL);
    bool made = m != NULL;
    if (made)
        mailbox_close(m);
    mailbox_free(&m);
    return made;
}

static bool
try_port(struct loop *l)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct port *p = NULL;
    struct err err;
    bool made = port_open(l, (struct sockaddr *)&at, on_fd, NULL, &p, &err);
    assert_true(made || err.kind == ERR_NOMEM);
    port_close(&p);
    return made;
}

static bool
try_conn(struct loop *l)
{
    struct conn_owner o;
    struct err err;
    int fds[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
    conn_owner_init(&o);
    o.conn = conn_of_fd(l, fds[0], &conn_owner_events, &o, &err);
    bool made = o.conn != NULL;
    assert_true(made || err.kind == ERR_NOMEM);
    conn_close(&o.conn, false);
    close(fds[1]);
    return made;
}

static bool
try_resolver(struct loop *l)
{
    static const struct config config;
    struct resolver *r = NULL;
    struct resolve_query *q = NULL;
    struct err err;
    bool made = resolver_new_from(l, &config, "/nonexistent", "/nonexistent", &r, &err) &&
                resolve_start(r, "10.1.1.1", 25, on_done, NULL, &q, &err);
    assert_true(made || err.kind == ERR_NOMEM);
    resolve_cancel(&q);
    resolver_free(&r);
    return made;
}

static void
net_survives_each_allocation_that_fails(void **state)
{
    (void)state;
    static const struct {
        const char *say;
        bool (*try)(struct loop *l);
    } rows[] = {
        {"loop", try_loop},     {"timer", try_timer},       {"waker", try_waker},
        {"job gate", try_gate}, {"mailbox", try_mailbox},   {"port", try_port},
        {"conn", try_conn},     {"resolver", try_resolver},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        bool made = false;
        long n = 0;
        for (; !made && n < 100; n++) {
            struct loop *l = turns_loop();
            mem_fail_after(n);
            made = rows[i].try(l);
            mem_fail_after(-1);
            loop_free(&l);
        }
        if (!made || n < 2)
            fail_row(rows[i].say, "%s after %ld allocations", made ? "made" : "not made", n);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(net_survives_each_allocation_that_fails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
