/* The committer on a store that remembers what it was asked and fails when it is told to. */
#include "gateway/spool/committer.h"

#include <fcntl.h>
#include <unistd.h>

#include "gateway/base/clock.h"
#include "gateway/spool/batch.h"
#include "gateway/spool/body_private.h"
#include "tests/kit/custody.h"
#include "tests/kit/test.h"

/* ---- The store ---------------------------------------------------------------------------- */

struct fake_store {
    struct spool_store base;
    struct buf asked; /* "b p2 r10 c": begin, put, remove, commit; "a" abort */
    struct buf record;
    size_t commits;
    size_t fail_commit_number; /* this one fails; 0: none */
    enum err_kind fail_with;
    /* The gate: a batch does not begin while it is closed, so that requests gather. */
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool is_closed, is_waiting;
};

static struct fake_store *
fake_of(struct spool_store *s)
{
    return CONTAINER(s, struct fake_store, base);
}

static bool
fake_begin(struct spool_store *s, struct err *err)
{
    (void)err;
    struct fake_store *f = fake_of(s);
    pthread_mutex_lock(&f->lock);
    f->is_waiting = true;
    pthread_cond_broadcast(&f->changed);
    while (f->is_closed)
        pthread_cond_wait(&f->changed, &f->lock);
    f->is_waiting = false;
    pthread_mutex_unlock(&f->lock);
    buf_put_str(&f->asked, "b ");
    return true;
}

static bool
fake_put(struct spool_store *s, struct slice record, const struct slice *body, struct err *err)
{
    (void)body;
    struct envelope_front front;
    if (!envelope_read_front(record, &front, err))
        return false;
    buf_printf(&fake_of(s)->asked, "p%d ", (int)front.id);
    return true;
}

/* There is a message of every id. */
static bool
fake_find(struct spool_store *s, uint64_t id, struct slice *record, struct err *err)
{
    (void)err;
    struct envelope_recipient r;
    struct envelope e = custody_envelope(&r, "hub", 1, 0);
    e.id = id;
    buf_clear(&fake_of(s)->record);
    envelope_encode(&e, &fake_of(s)->record);
    *record = buf_slice(&fake_of(s)->record);
    return true;
}

static bool
fake_remove(struct spool_store *s, const struct envelope_front *old, bool *body_is_elsewhere,
            struct err *err)
{
    (void)err;
    buf_printf(&fake_of(s)->asked, "r%d ", (int)old->id);
    *body_is_elsewhere = false;
    return true;
}

static bool
fake_commit(struct spool_store *s, struct err *err)
{
    struct fake_store *f = fake_of(s);
    bool ok = ++f->commits != f->fail_commit_number;
    buf_put_str(&f->asked, ok ? "c " : "c! ");
    return ok || err_set(err, f->fail_with, "as told");
}

static void
fake_abort(struct spool_store *s)
{
    buf_put_str(&fake_of(s)->asked, "a ");
}

static uint64_t
fake_used(struct spool_store *s, bool exact, uint64_t *size)
{
    (void)s, (void)exact;
    *size = UINT64_MAX;
    return 0;
}

static void
fake_tidy(struct spool_store *s)
{
    (void)s;
}

static const struct spool_store_functions fake_functions = {
    .begin = fake_begin,
    .put = fake_put,
    .find = fake_find,
    .remove = fake_remove,
    .commit = fake_commit,
    .abort = fake_abort,
    .used = fake_used,
    .tidy = fake_tidy,
};

/* ---- The committer around it --------------------------------------------------------------- */

struct world {
    struct fake_store store;
    int folder;
    struct body_files files;
    struct tally *tally;
    struct room *room;
    struct syncer *syncer;
    struct committer *committer;
    struct waiter waiter;
    size_t failures;
};

static void
on_failure(void *context, const struct err *why)
{
    struct world *w = context;
    w->failures++;
    assert_string_equal(why->text, "as told");
}

static void
never_forwards(void *context, struct request *request)
{
    (void)context, (void)request;
    never("no large bodies here");
}

static int
open_world(void **state)
{
    static struct world w;
    struct err err;
    w = (struct world){.store.base.call = &fake_functions};
    buf_init(&w.store.asked, 1 << 16);
    buf_init(&w.store.record, 1 << 16);
    pthread_mutex_init(&w.store.lock, NULL);
    pthread_cond_init(&w.store.changed, NULL);
    w.folder = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    w.tally = tally_new(&w.store.base);
    w.room = room_new(&w.store.base, w.folder, 0, NULL);
    assert_true(syncer_new(&w.files, never_forwards, NULL, &w.syncer, &err));
    struct committer_parts parts = {
        .store = &w.store.base,
        .tally = w.tally,
        .room = w.room,
        .syncer = w.syncer,
        .on_failure = on_failure,
        .context = &w,
    };
    assert_true(committer_new(&parts, &w.committer, &err));
    waiter_open(&w.waiter, NULL);
    *state = &w;
    return 0;
}

static int
close_world(void **state)
{
    struct world *w = *state;
    committer_free(&w->committer);
    waiter_close(&w->waiter);
    syncer_free(&w->syncer);
    room_free(&w->room);
    tally_free(&w->tally);
    close(w->folder);
    pthread_cond_destroy(&w->store.changed);
    pthread_mutex_destroy(&w->store.lock);
    buf_fini(&w->store.asked);
    buf_fini(&w->store.record);
    return 0;
}

static void
hand_in_accept(struct world *w, struct waiter *waiter, uint64_t id, size_t body_size)
{
    struct request *request = request_new(REQUEST_ACCEPT);
    struct envelope_recipient r;
    struct envelope e = custody_envelope(&r, "hub", 1, 0);
    e.id = request->id = request->arrival.id = id;
    envelope_encode(&e, &request->arrival.record);
    request->arrival.body = body_new(body_size);
    request->arrival.body->size = body_size;
    memset(request->arrival.body->octets, 0, body_size);
    request->token = id;
    request->client = spool_client_ref(waiter->client);
    committer_hand_in(w->committer, request);
}

static void
hand_in_outcome(struct world *w, struct waiter *waiter, uint64_t id)
{
    struct recipient_change row = {.state = RECIPIENT_DELIVERED};
    struct request *request = request_new(REQUEST_RECORD);
    assert_true(request_take_rows(request, &row, 1));
    request->id = request->token = id;
    request->client = spool_client_ref(waiter->client);
    committer_hand_in(w->committer, request);
}

/* The committer is busy with a batch of message 1 alone, until the gate is opened. */
static void
close_gate(struct world *w)
{
    w->store.is_closed = true;
    hand_in_accept(w, &w->waiter, 1, 1);
    pthread_mutex_lock(&w->store.lock);
    while (!w->store.is_waiting)
        pthread_cond_wait(&w->store.changed, &w->store.lock);
    pthread_mutex_unlock(&w->store.lock);
}

static void
open_gate(struct world *w)
{
    pthread_mutex_lock(&w->store.lock);
    w->store.is_closed = false;
    pthread_cond_broadcast(&w->store.changed);
    pthread_mutex_unlock(&w->store.lock);
}

static void
expect_answers(struct waiter *waiter, size_t count, enum err_kind kind)
{
    for (size_t i = 0; i < count; i++) {
        struct spool_answer answer = waiter_next(waiter);
        assert_int_equal(answer.err.kind, kind);
        assert_int_equal(answer.ok, kind == ERR_NONE);
    }
}

static void
expect_asked(struct world *w, const char *wanted)
{
    /* With its last answer given the committer waits for requests, and leaves the store alone. */
    assert_string_equal(buf_text(&w->store.asked), wanted);
}

/* ---- Tests -------------------------------------------------------------------------------- */

static void
committer_puts_outcomes_before_accepts(void **state)
{
    struct world *w = *state;
    close_gate(w);
    hand_in_accept(w, &w->waiter, 2, 1);
    hand_in_outcome(w, &w->waiter, 10);
    hand_in_accept(w, &w->waiter, 3, 1);
    hand_in_outcome(w, &w->waiter, 11);
    open_gate(w);
    expect_answers(&w->waiter, 5, ERR_NONE);
    expect_asked(w, "b p1 c b r10 r11 p2 p3 c ");
}

static void
committer_wakes_each_client_once_for_a_batch(void **state)
{
    struct world *w = *state;
    struct waiter other;
    waiter_open(&other, NULL);
    close_gate(w);
    for (uint64_t id = 2; id < 40; id++)
        hand_in_accept(w, &other, id, 1);
    open_gate(w);
    expect_answers(&w->waiter, 1, ERR_NONE);
    /* All answers of a batch are there when it wakes: they need no second wake. */
    pthread_mutex_lock(&other.lock);
    while (other.wakes == 0)
        pthread_cond_wait(&other.woken, &other.lock);
    pthread_mutex_unlock(&other.lock);
    struct spool_answer answers[40];
    assert_int_equal(spool_collect(other.client, answers, 40), 38);
    pthread_mutex_lock(&other.lock);
    assert_int_equal(other.wakes, 1);
    pthread_mutex_unlock(&other.lock);
    waiter_close(&other);
}

static void
committer_bounds_a_batch_by_jobs(void **state)
{
    struct world *w = *state;
    close_gate(w);
    for (uint64_t id = 2; id < 2 + 2 * BATCH_JOBS_MAX; id++)
        hand_in_accept(w, &w->waiter, id, 1);
    open_gate(w);
    expect_answers(&w->waiter, 1 + 2 * BATCH_JOBS_MAX, ERR_NONE);
    assert_int_equal(w->store.commits, 4); /* 1, twice 255 (a place is kept for an edit), 2 */
}

static void
committer_bounds_a_batch_by_octets(void **state)
{
    struct world *w = *state;
    close_gate(w);
    for (uint64_t id = 2; id <= 4; id++)
        hand_in_accept(w, &w->waiter, id, 5 << 20);
    open_gate(w);
    expect_answers(&w->waiter, 4, ERR_NONE);
    expect_asked(w, "b p1 c b p2 p3 c b p4 c ");
}

static void
committer_refuses_what_does_not_fit_in_the_queue(void **state)
{
    struct world *w = *state;
    close_gate(w);
    for (uint64_t id = 2; id < 2 + 64; id++)
        hand_in_accept(w, &w->waiter, id, 2 << 20);
    open_gate(w);
    size_t refused = 0;
    for (size_t i = 0; i < 65; i++) {
        struct spool_answer answer = waiter_next(&w->waiter);
        refused += !answer.ok;
        assert_int_equal(answer.err.kind, answer.ok ? ERR_NONE : ERR_FULL);
    }
    assert_int_equal(refused, 32); /* 64 MiB may wait */
}

static void
committer_tries_outcomes_alone_when_it_is_full(void **state)
{
    struct world *w = *state;
    close_gate(w);
    hand_in_accept(w, &w->waiter, 2, 1);
    hand_in_outcome(w, &w->waiter, 10);
    w->store.fail_commit_number = 2;
    w->store.fail_with = ERR_FULL;
    open_gate(w);
    for (size_t i = 0; i < 3; i++) {
        struct spool_answer answer = waiter_next(&w->waiter);
        assert_int_equal(answer.err.kind, answer.id == 2 ? ERR_FULL : ERR_NONE);
    }
    expect_asked(w, "b p1 c b r10 p2 c! b r10 c ");
    assert_int_equal(w->failures, 0);
    assert_false(committer_has_failed(w->committer));
}

static void
committer_stops_when_a_commit_is_in_doubt(void **state)
{
    struct world *w = *state;
    close_gate(w);
    hand_in_outcome(w, &w->waiter, 10);
    w->store.fail_commit_number = 1;
    w->store.fail_with = ERR_IO;
    open_gate(w);
    expect_answers(&w->waiter, 2, ERR_IO);
    hand_in_accept(w, &w->waiter, 2, 1);
    hand_in_outcome(w, &w->waiter, 11);
    expect_answers(&w->waiter, 2, ERR_IO);
    expect_asked(w, "b p1 c! ");
    assert_int_equal(w->failures, 1);
    assert_true(committer_has_failed(w->committer));
}

static void
committer_gives_up_when_it_is_told(void **state)
{
    struct world *w = *state;
    struct err err;
    err_set(&err, ERR_NOMEM, "as told");
    committer_give_up(w->committer, &err);
    hand_in_accept(w, &w->waiter, 1, 1);
    expect_answers(&w->waiter, 1, ERR_IO);
    assert_int_equal(w->failures, 1);
    expect_asked(w, "");
}

static void
committer_tells_how_long_a_batch_has_been_under_way(void **state)
{
    struct world *w = *state;
    assert_int_equal(committer_age_us(w->committer), 0);
    close_gate(w);
    uint64_t age_us = committer_age_us(w->committer), later_us = age_us;
    for (uint64_t until_us = clock_us() + 100; clock_us() <= until_us;)
        later_us = committer_age_us(w->committer);
    assert_true(later_us > age_us); /* while it hangs, and not only behind it */
    open_gate(w);
    expect_answers(&w->waiter, 1, ERR_NONE);
    assert_int_equal(committer_age_us(w->committer), 0);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_world, close_world)
    const struct CMUnitTest tests[] = {
        TEST(committer_puts_outcomes_before_accepts),
        TEST(committer_wakes_each_client_once_for_a_batch),
        TEST(committer_bounds_a_batch_by_jobs),
        TEST(committer_bounds_a_batch_by_octets),
        TEST(committer_refuses_what_does_not_fit_in_the_queue),
        TEST(committer_tries_outcomes_alone_when_it_is_full),
        TEST(committer_stops_when_a_commit_is_in_doubt),
        TEST(committer_gives_up_when_it_is_told),
        TEST(committer_tells_how_long_a_batch_has_been_under_way),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
