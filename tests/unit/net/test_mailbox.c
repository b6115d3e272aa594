/* Items from thread to thread: none lost, none twice, in order, bounded, dropped at the end. */
#include "gateway/net/mailbox.h"

#include <pthread.h>
#include <stdatomic.h>

#include "tests/kit/test.h"
#include "tests/kit/turns.h"

enum { ITEMS = 20000, KIND_NUMBER = 7, KIND_LAST = 8 };

struct inbox {
    struct loop *loop;
    struct mailbox *mailbox;
    struct mailbox *answer_to; /* each item is sent on to there, one higher */
    uint64_t taken, dropped, last_id;
    bool in_order;
    bool close_at_first;
};

/* The reference is a counter that every holder lowers when done. */
static void
release(const struct mailbox_item *item)
{
    atomic_fetch_sub((_Atomic int *)item->ref, 1);
}

static void
on_item(void *owner, const struct mailbox_item *item)
{
    struct inbox *in = owner;
    in->in_order = in->in_order && item->id > in->last_id;
    in->last_id = item->id;
    in->taken++;
    if (in->close_at_first)
        mailbox_close(in->mailbox);
    if (in->answer_to != NULL) {
        struct mailbox_item answer = *item;
        answer.id += ITEMS;
        while (!mailbox_post(in->answer_to, &answer))
            continue;
    } else {
        release(item);
    }
    if (item->kind == KIND_LAST)
        loop_stop(in->loop);
}

static void
drop(void *owner, const struct mailbox_item *item)
{
    ((struct inbox *)owner)->dropped++;
    release(item);
}

static const struct mailbox_events events = {.on_item = on_item, .drop = drop};

static void
inbox_open(struct inbox *in, size_t max)
{
    *in = (struct inbox){.loop = turns_loop(), .in_order = true};
    in->mailbox = mailbox_new(in->loop, max, &events, in);
    assert_non_null(in->mailbox);
}

static struct mailbox_item
item_of(uint64_t id, _Atomic int *held)
{
    atomic_fetch_add(held, 1);
    return (struct mailbox_item){.id = id, .ref = held, .kind = KIND_NUMBER};
}

static void
mailbox_refuses_more_than_its_bound(void **state)
{
    (void)state;
    struct inbox in;
    _Atomic int held = 0;
    inbox_open(&in, 3);
    for (uint64_t id = 1; id <= 3; id++)
        assert_true(mailbox_post(in.mailbox, &(struct mailbox_item){id, &held, KIND_NUMBER}));
    held = 3;
    assert_false(mailbox_post(in.mailbox, &(struct mailbox_item){4, &held, KIND_NUMBER}));
    assert_int_equal(in.taken, 0);
    mailbox_close(in.mailbox);
    assert_int_equal(in.dropped, 3);
    assert_int_equal(held, 0);
    assert_false(mailbox_post(in.mailbox, &(struct mailbox_item){5, &held, KIND_NUMBER}));
    mailbox_close(in.mailbox);
    mailbox_free(&in.mailbox);
    loop_free(&in.loop);
}

static void
mailbox_closed_from_on_item_drops_the_rest(void **state)
{
    (void)state;
    struct inbox in;
    _Atomic int held = 0;
    inbox_open(&in, 200);
    in.close_at_first = true;
    for (uint64_t id = 1; id <= 200; id++) {
        struct mailbox_item item = item_of(id, &held);
        assert_true(mailbox_post(in.mailbox, &item));
    }
    loop_run(in.loop);
    assert_int_equal(in.taken, 1);
    assert_int_equal(in.dropped, 199);
    assert_int_equal(held, 0);
    mailbox_free(&in.mailbox);
    loop_free(&in.loop);
}

struct poster {
    struct mailbox *to;
    _Atomic int *held;
};

/* As fast as the other side takes them: a refused post is tried again. */
static void *
post_all(void *context)
{
    struct poster *p = context;
    for (uint64_t id = 1; id <= ITEMS; id++) {
        struct mailbox_item item = item_of(id, p->held);
        if (id == ITEMS)
            item.kind = KIND_LAST;
        while (!mailbox_post(p->to, &item))
            continue;
    }
    return NULL;
}

static void *
run_loop(void *context)
{
    struct inbox *in = context;
    loop_run(in->loop);
    mailbox_close(in->mailbox);
    return NULL;
}

/* A thread posts to a loop in a second thread, which sends everything on to a third. */
static void
mailbox_passes_items_between_loops_in_two_threads(void **state)
{
    (void)state;
    struct inbox near, far;
    _Atomic int held = 0;
    inbox_open(&near, 256);
    inbox_open(&far, 100);
    near.answer_to = far.mailbox;
    struct poster poster = {near.mailbox, &held};
    pthread_t threads[3];
    pthread_create(&threads[0], NULL, run_loop, &near);
    pthread_create(&threads[1], NULL, run_loop, &far);
    pthread_create(&threads[2], NULL, post_all, &poster);
    for (size_t i = 0; i < 3; i++)
        pthread_join(threads[i], NULL);

    assert_int_equal(near.taken, ITEMS);
    assert_int_equal(far.taken, ITEMS);
    assert_int_equal(far.last_id, 2 * ITEMS);
    assert_true(near.in_order && far.in_order);
    assert_int_equal(near.dropped + far.dropped, 0);
    assert_int_equal(held, 0);
    mailbox_free(&near.mailbox);
    mailbox_free(&far.mailbox);
    loop_free(&near.loop);
    loop_free(&far.loop);
}

static void *
post_until_closed(void *context)
{
    struct poster *p = context;
    for (uint64_t id = 1;; id++) {
        struct mailbox_item item = item_of(id, p->held);
        while (!mailbox_post(p->to, &item)) {
            if (atomic_load(p->held) == 1) { /* ours alone: the other side has let go of all */
                release(&item);
                return NULL;
            }
        }
    }
}

static void
mailbox_may_be_closed_while_others_post(void **state)
{
    (void)state;
    struct inbox in;
    _Atomic int held = 0;
    inbox_open(&in, 4);
    in.close_at_first = true;
    struct poster poster = {in.mailbox, &held};
    pthread_t thread;
    pthread_create(&thread, NULL, post_until_closed, &poster);
    loop_run(in.loop);
    pthread_join(thread, NULL);
    assert_int_equal(in.taken, 1);
    assert_int_equal(held, 0);
    mailbox_free(&in.mailbox);
    loop_free(&in.loop);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mailbox_refuses_more_than_its_bound),
        cmocka_unit_test(mailbox_closed_from_on_item_drops_the_rest),
        cmocka_unit_test(mailbox_passes_items_between_loops_in_two_threads),
        cmocka_unit_test(mailbox_may_be_closed_while_others_post),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
