/* Wake-ups from other threads, signals, foreign descriptors. */
#include "gateway/net/watch.h"

#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include "gateway/net/waker.h"
#include "tests/kit/test.h"
#include "tests/kit/turns.h"

static void
count(void *context)
{
    ++*(int *)context;
}

enum { WAKES = 1000 };

static void *
wake_often(void *waker)
{
    for (int i = 0; i < WAKES; i++)
        waker_wake(waker);
    return NULL;
}

static void
waker_calls_on_the_loop_for_wakes_of_other_threads(void **state)
{
    (void)state;
    struct loop *l = turns_loop();
    int calls = 0;
    struct waker *w = waker_new(l, count, &calls);
    pthread_t threads[2];
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, wake_often, w), 0);
    turns_until_count(l, &calls, 1);
    for (size_t i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    assert_in_range(calls, 1, 2 * WAKES);
    waker_free(&w);
    waker_free(&w);
    loop_free(&l);
}

static void
waker_woken_before_the_loop_runs_is_not_lost(void **state)
{
    (void)state;
    struct loop *l = turns_loop();
    int calls = 0;
    struct waker *w = waker_new(l, count, &calls);
    waker_wake(w);
    assert_int_equal(calls, 0);
    turns_until_count(l, &calls, 1);
    waker_free(&w);
    loop_free(&l);
}

static void
signal_watch_calls_for_each_signal(void **state)
{
    (void)state;
    struct loop *l = turns_loop();
    int calls = 0;
    struct signal_watch *w = signal_watch_new(l, SIGUSR1, count, &calls);
    assert_non_null(w);
    for (int i = 1; i <= 2; i++) {
        kill(getpid(), SIGUSR1);
        turns_until_count(l, &calls, i);
    }
    signal_watch_free(&w);
    assert_null(signal_watch_new(l, SIGKILL, count, &calls));
    loop_free(&l);
}

struct reader {
    int fd;
    int calls;
    struct watch *watch;
};

static void
read_one(void *context)
{
    struct reader *r = context;
    char octet;
    assert_int_equal(read(r->fd, &octet, 1), 1);
    r->calls++;
}

static void
watch_calls_while_the_descriptor_is_readable(void **state)
{
    (void)state;
    struct loop *l = turns_loop();
    int fds[2];
    assert_int_equal(pipe(fds), 0);
    struct reader r = {.fd = fds[0]};
    r.watch = watch_new(l, fds[0], read_one, &r);
    assert_int_equal(write(fds[1], "ab", 2), 2);
    turns_until_count(l, &r.calls, 2);

    /* Paused: the octet stays, and the loop has nothing to wait for. */
    assert_int_equal(write(fds[1], "c", 1), 1);
    watch_pause(r.watch);
    loop_run(l);
    assert_int_equal(r.calls, 2);
    watch_resume(r.watch);
    turns_until_count(l, &r.calls, 3);

    watch_free(&r.watch);
    close(fds[0]);
    close(fds[1]);
    loop_free(&l);
}

static void
watch_refuses_what_cannot_be_polled(void **state)
{
    (void)state;
    struct loop *l = turns_loop();
    int calls = 0;
    assert_null(watch_new(l, -1, count, &calls));
    loop_free(&l);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(waker_calls_on_the_loop_for_wakes_of_other_threads),
        cmocka_unit_test(waker_woken_before_the_loop_runs_is_not_lost),
        cmocka_unit_test(signal_watch_calls_for_each_signal),
        cmocka_unit_test(watch_calls_while_the_descriptor_is_readable),
        cmocka_unit_test(watch_refuses_what_cannot_be_polled),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
