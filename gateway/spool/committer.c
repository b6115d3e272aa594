#include "gateway/spool/committer.h"

#include <pthread.h>
#include <stdatomic.h>

#include "gateway/base/clock.h"
#include "gateway/base/mem.h"
#include "gateway/spool/batch.h"

/* What may wait in the queue. Outcomes get more room than accepts, which have a client that can
 * be told to come back. */
enum {
    ACCEPTS_MAX = 8192,
    ACCEPT_OCTETS_MAX = 64 << 20,
    OUTCOMES_MAX = 65536,
    EDITS_MAX = 1024,
    TIDY_EVERY_MS = 60000,
};

struct committer {
    struct committer_parts parts;
    pthread_t thread;

    pthread_mutex_t lock; /* the queue, is_stopping, given_up */
    pthread_cond_t more;
    struct request_list outcomes, accepts, edits;
    bool is_stopping;
    bool has_given_up;
    struct err given_up_why;

    _Atomic bool has_failed;
    _Atomic uint64_t commits, changes, messages, commit_us_total;
    _Atomic uint64_t since_us; /* the batch under way; 0: none */

    /* The thread's own: */
    struct batch batch;
    struct err failure;
    struct spool_client *to_wake;
    uint64_t tidied_ms;
};

/* ---- Failure ------------------------------------------------------------------------------ */

/* Nothing is done any more: what is on disk is found at the next start. */
static void
fail(struct committer *c, const struct err *why)
{
    if (atomic_load(&c->has_failed))
        return;
    c->failure = *why;
    c->failure.kind = ERR_IO;
    atomic_store(&c->has_failed, true);
    struct log_line line;
    log_begin(&line, c->parts.log, EV_spool_failed, 0);
    log_str(&line, "why", why->text);
    log_end(&line);
    if (c->parts.on_failure != NULL)
        c->parts.on_failure(c->parts.context, why);
}

static void
settle_all(struct request **requests, size_t count, const struct err *why)
{
    for (size_t i = 0; i < count; i++)
        request_settle(requests[i], why);
}

/* ---- One batch ---------------------------------------------------------------------------- */

/* True: these requests are durable. False: err, and after an I/O error the committer has failed.
 */
static bool
commit(struct committer *c, struct request **requests, size_t count, struct err *err)
{
    uint64_t before_us = clock_us();
    if (!batch_try(&c->batch, requests, count, err)) {
        if (err->kind == ERR_FULL)
            room_was_refused(c->parts.room, err);
        else if (err->kind != ERR_NOMEM)
            fail(c, err);
        return false;
    }
    const struct batch *b = &c->batch;
    for (size_t i = 0; i < b->gone_file_count; i++)
        syncer_remove(c->parts.syncer, b->gone_files[i]);
    if (b->changes == 0)
        return true;
    uint64_t took_us = clock_us() - before_us;
    atomic_fetch_add(&c->commits, 1);
    atomic_fetch_add(&c->changes, b->changes);
    atomic_fetch_add(&c->messages, b->arrived - b->removed); /* unsigned: may wrap on the way */
    atomic_fetch_add(&c->commit_us_total, took_us);
    if (c->parts.commit_seconds != NULL)
        histogram_add(c->parts.commit_seconds, took_us);
    if (c->parts.commit_changes != NULL)
        histogram_add(c->parts.commit_changes, b->changes);
    return true;
}

/* There was no room, or no memory, for all together. New mail is refused; outcomes are tried
 * without it, and if even that is too much, one by one. */
static void
commit_outcomes_alone(struct committer *c, struct request **requests, size_t count,
                      struct err *err)
{
    for (size_t i = 0; i < count; i++)
        if (requests[i]->kind == REQUEST_ACCEPT)
            request_settle(requests[i], err);
    if (commit(c, requests, count, err))
        return;
    for (size_t i = 0; i < count && !atomic_load(&c->has_failed); i++)
        if (!requests[i]->is_settled && !commit(c, &requests[i], 1, err))
            request_settle(requests[i], err);
}

static void
refuse_accepts_when_full(struct committer *c, struct request **requests, size_t count)
{
    if (room_is_left(c->parts.room))
        return;
    struct err full;
    err_set(&full, ERR_FULL, "no room for new mail");
    for (size_t i = 0; i < count; i++)
        if (requests[i]->kind == REQUEST_ACCEPT)
            request_settle(requests[i], &full);
}

static void
run_batch(struct committer *c, struct request **requests, size_t count)
{
    struct err err;
    if (!atomic_load(&c->has_failed)) {
        refuse_accepts_when_full(c, requests, count);
        if (!commit(c, requests, count, &err) && !atomic_load(&c->has_failed))
            commit_outcomes_alone(c, requests, count, &err);
    }
    if (atomic_load(&c->has_failed))
        settle_all(requests, count, &c->failure);
}

/* ---- Answers ------------------------------------------------------------------------------ */

/* A body whose record was refused is not wanted. When the record is in doubt, its file stays. */
static void
answer(struct committer *c, struct request *request)
{
    bool is_refused = request->err.kind != ERR_NONE && !atomic_load(&c->has_failed);
    if (is_refused && request->arrival.is_published)
        syncer_remove(c->parts.syncer, request->arrival.id);
    spool_client_answer(request, &c->to_wake);
}

static void
answer_all(struct committer *c, struct request **requests, size_t count)
{
    for (size_t i = 0; i < count; i++)
        answer(c, requests[i]);
    spool_client_wake_all(&c->to_wake);
}

/* ---- The queue ---------------------------------------------------------------------------- */

static void
take_from(struct request_list *list, struct request **requests, size_t *count, size_t max,
          uint64_t *octets)
{
    while (list->first != NULL && *count < max && (*octets == 0 || *octets < BATCH_OCTETS_MAX)) {
        *octets += request_octets(list->first);
        requests[(*count)++] = request_list_take(list);
    }
}

/* Waits for requests; 0: there are none and none will come. */
static size_t
take_batch(struct committer *c, struct request **requests)
{
    size_t count = 0;
    uint64_t octets = 0;
    pthread_mutex_lock(&c->lock);
    while (c->outcomes.count + c->accepts.count + c->edits.count == 0 && !c->is_stopping &&
           !c->has_given_up)
        pthread_cond_wait(&c->more, &c->lock);
    struct err why = c->given_up_why;
    bool has_given_up = c->has_given_up;
    c->has_given_up = false;
    /* One edit has a place in each batch: it moves on however much comes. */
    take_from(&c->outcomes, requests, &count, BATCH_JOBS_MAX - 1, &octets);
    take_from(&c->accepts, requests, &count, BATCH_JOBS_MAX - 1, &octets);
    if (c->edits.count > 0)
        requests[count++] = request_list_take(&c->edits);
    pthread_mutex_unlock(&c->lock);
    if (has_given_up)
        fail(c, &why);
    return count;
}

static bool
is_at_end(struct committer *c)
{
    pthread_mutex_lock(&c->lock);
    bool at_end = c->is_stopping && c->outcomes.count + c->accepts.count + c->edits.count == 0;
    pthread_mutex_unlock(&c->lock);
    return at_end;
}

static void
tidy_now_and_then(struct committer *c)
{
    uint64_t now_ms = clock_ms();
    if (now_ms < c->tidied_ms + TIDY_EVERY_MS)
        return;
    c->tidied_ms = now_ms;
    c->parts.store->call->tidy(c->parts.store);
}

static void *
run(void *context)
{
    struct committer *c = context;
    struct request *requests[BATCH_JOBS_MAX];
    while (!is_at_end(c)) {
        size_t count = take_batch(c, requests);
        if (count == 0)
            continue;
        atomic_store(&c->since_us, clock_us());
        run_batch(c, requests, count);
        atomic_store(&c->since_us, 0);
        answer_all(c, requests, count);
        tidy_now_and_then(c);
    }
    return NULL;
}

/* Is there a place for it? err says why not. */
static bool
has_place(const struct committer *c, const struct request *request, struct err *err)
{
    bool has = request->kind == REQUEST_ACCEPT
                   ? c->accepts.count < ACCEPTS_MAX && c->accepts.octets < ACCEPT_OCTETS_MAX
               : request->kind == REQUEST_RECORD ? c->outcomes.count < OUTCOMES_MAX
                                                 : c->edits.count < EDITS_MAX;
    return has || err_set(err, ERR_FULL, "too much waits to be written");
}

void
committer_hand_in(struct committer *c, struct request *request)
{
    struct err full;
    pthread_mutex_lock(&c->lock);
    if (!has_place(c, request, &full)) {
        /* Only its answer waits, which needs no more memory than the client's question did. */
        request_settle(request, &full);
        body_unref(&request->arrival.body);
    }
    request_list_add(request->kind == REQUEST_ACCEPT   ? &c->accepts
                     : request->kind == REQUEST_RECORD ? &c->outcomes
                                                       : &c->edits,
                     request);
    pthread_cond_signal(&c->more);
    pthread_mutex_unlock(&c->lock);
}

void
committer_give_up(struct committer *c, const struct err *why)
{
    pthread_mutex_lock(&c->lock);
    c->has_given_up = true;
    c->given_up_why = *why;
    pthread_cond_signal(&c->more);
    pthread_mutex_unlock(&c->lock);
}

bool
committer_has_failed(const struct committer *c)
{
    return atomic_load(&c->has_failed);
}

uint64_t
committer_age_us(const struct committer *c)
{
    uint64_t since_us = atomic_load(&c->since_us);
    uint64_t now_us = clock_us();
    return since_us > 0 && now_us > since_us ? now_us - since_us : 0;
}

void
committer_counters(const struct committer *c, struct spool_counters *out)
{
    *out = (struct spool_counters){
        .commits = atomic_load(&c->commits),
        .changes = atomic_load(&c->changes),
        .messages = atomic_load(&c->messages),
        .commit_us_total = atomic_load(&c->commit_us_total),
    };
}

bool
committer_new(const struct committer_parts *parts, struct committer **out, struct err *err)
{
    struct committer *c = mem_new(sizeof *c);
    if (c == NULL)
        return err_set(err, ERR_NOMEM, "no memory for the committer");
    c->parts = *parts;
    batch_init(&c->batch, parts->store, parts->tally, parts->suspensions);
    atomic_init(&c->messages, parts->messages);
    pthread_mutex_init(&c->lock, NULL);
    pthread_cond_init(&c->more, NULL);
    int rc = pthread_create(&c->thread, NULL, run, c);
    if (rc != 0) {
        mem_free(&c);
        return err_set_at(err, ERR_IO, rc, ERR_HERE, "cannot start the committer");
    }
    *out = c;
    return true;
}

void
committer_free(struct committer **c)
{
    if (*c == NULL)
        return;
    pthread_mutex_lock(&(*c)->lock);
    (*c)->is_stopping = true;
    pthread_cond_signal(&(*c)->more);
    pthread_mutex_unlock(&(*c)->lock);
    pthread_join((*c)->thread, NULL);
    batch_fini(&(*c)->batch);
    pthread_cond_destroy(&(*c)->more);
    pthread_mutex_destroy(&(*c)->lock);
    mem_free(c);
}
