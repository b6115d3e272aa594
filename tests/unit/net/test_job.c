/* Work on the pool: how many run, how many wait, in what order, and how a gate ends. */
#include "gateway/net/job.h"

#include <pthread.h>

#include "tests/kit/test.h"
#include "tests/kit/turns.h"

/* Jobs that stand still until the test lets them go. */
struct bench {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool open;
    int running, most_running;
    int done;        /* on the loop only, as are the rest */
    int order[16];   /* the number of each job in the order of done */
    bool worked[16]; /* by the number of the job */
    pthread_t loop_thread;
};

struct task {
    struct bench *bench;
    int number;
    bool worked;
};

static void
work(void *job)
{
    struct task *t = job;
    struct bench *b = t->bench;
    pthread_mutex_lock(&b->lock);
    b->running++;
    if (b->running > b->most_running)
        b->most_running = b->running;
    pthread_cond_broadcast(&b->changed);
    while (!b->open)
        pthread_cond_wait(&b->changed, &b->lock);
    b->running--;
    pthread_mutex_unlock(&b->lock);
    t->worked = true;
}

static void
done(void *job)
{
    struct task *t = job;
    struct bench *b = t->bench;
    assert_true(pthread_equal(b->loop_thread, pthread_self()));
    b->order[b->done++] = t->number;
    b->worked[t->number] = t->worked;
}

static void
bench_init(struct bench *b, struct task *tasks, int count)
{
    *b = (struct bench){.loop_thread = pthread_self()};
    pthread_mutex_init(&b->lock, NULL);
    pthread_cond_init(&b->changed, NULL);
    for (int i = 0; i < count; i++)
        tasks[i] = (struct task){.bench = b, .number = i};
}

static void
bench_fini(struct bench *b)
{
    pthread_mutex_destroy(&b->lock);
    pthread_cond_destroy(&b->changed);
}

static void
wait_for_running(struct bench *b, int wanted)
{
    pthread_mutex_lock(&b->lock);
    while (b->running < wanted)
        pthread_cond_wait(&b->changed, &b->lock);
    pthread_mutex_unlock(&b->lock);
}

static void
let_go(struct bench *b)
{
    pthread_mutex_lock(&b->lock);
    b->open = true;
    pthread_cond_broadcast(&b->changed);
    pthread_mutex_unlock(&b->lock);
}

static void
job_runs_elsewhere_and_is_done_on_the_loop(void **state)
{
    (void)state;
    struct loop *l = turns_loop();
    struct bench b;
    struct task t;
    bench_init(&b, &t, 1);
    b.open = true;
    struct job_gate *g = job_gate_new(l, 2, 8);
    assert_true(job_start(g, work, done, &t));
    assert_int_equal(b.done, 0);
    loop_run(l);
    assert_int_equal(b.done, 1);
    assert_true(t.worked);
    job_gate_free(&g);
    job_gate_free(&g);
    loop_free(&l);
    bench_fini(&b);
}

static void
job_gate_bounds_what_runs_and_what_waits(void **state)
{
    (void)state;
    struct loop *l = turns_loop();
    struct bench b;
    struct task tasks[6];
    bench_init(&b, tasks, 6);
    struct job_gate *g = job_gate_new(l, 2, 3);
    for (size_t i = 0; i < 5; i++)
        assert_true(job_start(g, work, done, &tasks[i]));
    assert_false(job_start(g, work, done, &tasks[5]));
    wait_for_running(&b, 2);
    let_go(&b);
    loop_run(l);
    assert_int_equal(b.done, 5);
    assert_int_equal(b.most_running, 2);
    /* There is room again. */
    assert_true(job_start(g, work, done, &tasks[5]));
    loop_run(l);
    assert_int_equal(b.done, 6);
    job_gate_free(&g);
    loop_free(&l);
    bench_fini(&b);
}

static void
job_gate_of_one_keeps_the_order(void **state)
{
    (void)state;
    struct loop *l = turns_loop();
    struct bench b;
    struct task tasks[8];
    bench_init(&b, tasks, 8);
    b.open = true;
    struct job_gate *g = job_gate_new(l, 1, 8);
    for (size_t i = 0; i < 8; i++)
        assert_true(job_start(g, work, done, &tasks[i]));
    loop_run(l);
    for (int i = 0; i < 8; i++)
        assert_int_equal(b.order[i], i);
    job_gate_free(&g);
    loop_free(&l);
    bench_fini(&b);
}

static void
job_gate_freed_gives_back_what_waits_and_waits_for_what_runs(void **state)
{
    (void)state;
    struct loop *l = turns_loop();
    struct bench b;
    struct task tasks[3];
    bench_init(&b, tasks, 3);
    struct job_gate *g = job_gate_new(l, 1, 2);
    for (size_t i = 0; i < 3; i++)
        assert_true(job_start(g, work, done, &tasks[i]));
    wait_for_running(&b, 1);
    job_gate_free(&g);
    assert_null(g);
    assert_int_equal(b.done, 2);
    assert_false(b.worked[1] || b.worked[2]);
    let_go(&b);
    loop_free(&l);
    assert_int_equal(b.done, 3);
    assert_true(b.worked[0]);
    bench_fini(&b);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(job_runs_elsewhere_and_is_done_on_the_loop),
        cmocka_unit_test(job_gate_bounds_what_runs_and_what_waits),
        cmocka_unit_test(job_gate_of_one_keeps_the_order),
        cmocka_unit_test(job_gate_freed_gives_back_what_waits_and_waits_for_what_runs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
