#include "gateway/ops/clerk.h"

#include <pthread.h>
#include <time.h>

#include "gateway/base/mem.h"

enum { GIVE_UP_LOOK_S = 1 };

struct clerk {
    const _Atomic bool *give_up;
    pthread_mutex_t lock; /* wakes */
    pthread_cond_t woken;
    size_t wakes;
    struct spool_client *client;
};

/* On the committer's thread. */
static void
on_wake(void *context)
{
    struct clerk *c = context;
    pthread_mutex_lock(&c->lock);
    c->wakes++;
    pthread_cond_signal(&c->woken);
    pthread_mutex_unlock(&c->lock);
}

struct clerk *
clerk_new(struct spool *s, const _Atomic bool *give_up)
{
    struct clerk *c = mem_new(sizeof *c);
    if (c == NULL)
        return NULL;
    c->give_up = give_up;
    pthread_mutex_init(&c->lock, NULL);
    pthread_cond_init(&c->woken, NULL);
    c->client = spool_client_new(s, on_wake, c);
    if (c->client == NULL)
        clerk_free(&c);
    return c;
}

void
clerk_free(struct clerk **ref)
{
    struct clerk *c = *ref;
    if (c == NULL)
        return;
    spool_client_free(&c->client);
    pthread_cond_destroy(&c->woken);
    pthread_mutex_destroy(&c->lock);
    mem_free(ref);
}

/* Until the one thing that was asked is answered. */
static bool
wait_for_wake(struct clerk *c)
{
    pthread_mutex_lock(&c->lock);
    while (c->wakes == 0 && !*c->give_up) {
        struct timespec until;
        clock_gettime(CLOCK_REALTIME, &until);
        until.tv_sec += GIVE_UP_LOOK_S;
        (void)pthread_cond_timedwait(&c->woken, &c->lock, &until);
    }
    bool woken = c->wakes > 0;
    c->wakes -= woken;
    pthread_mutex_unlock(&c->lock);
    return woken;
}

static bool
settle(struct clerk *c, struct spool_answer *answer, struct err *err)
{
    if (!wait_for_wake(c))
        return err_set(err, ERR_CLOSED, "the gateway stops; the last change may not be made");
    must(spool_collect(c->client, answer, 1) == 1);
    if (!answer->ok)
        *err = answer->err;
    return answer->ok;
}

bool
clerk_edit(struct clerk *c, const struct spool_edit *edit, size_t *changed, struct err *err)
{
    struct spool_answer answer;
    spool_edit(c->client, edit, 0);
    TRY(settle(c, &answer, err));
    *changed = answer.count;
    return true;
}

bool
clerk_suspend_queue(struct clerk *c, struct slice queue, bool suspended, struct err *err)
{
    struct spool_answer answer;
    spool_suspend_queue(c->client, queue, suspended, 0);
    return settle(c, &answer, err);
}

bool
clerk_record(struct clerk *c, struct spool_change *change, struct err *err)
{
    struct spool_answer answer;
    spool_record(c->client, change, 0, NULL);
    return settle(c, &answer, err);
}

bool
clerk_commit(struct clerk *c, struct spool_draft **take, struct envelope *e, uint64_t *id,
             struct err *err)
{
    struct spool_answer answer;
    spool_commit(c->client, take, e, 0, NULL);
    TRY(settle(c, &answer, err));
    *id = answer.id;
    return true;
}
