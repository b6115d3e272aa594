#include "gateway/spool/spool_client.h"

#include <pthread.h>
#include <stdatomic.h>

#include "gateway/base/mem.h"

struct spool_client {
    struct spool *spool;
    _Atomic unsigned refs; /* its owner's, one for each request, one while it is to be woken */
    pthread_mutex_t lock;  /* is_gone, answers, and every call of wake */
    bool is_gone;
    struct request_list answers;
    void (*wake)(void *context);
    void *context;
    /* The committer's: */
    struct spool_client *next_to_wake;
    bool is_to_be_woken;
};

struct spool_client *
spool_client_new(struct spool *s, void (*wake)(void *context), void *context)
{
    struct spool_client *c = mem_new(sizeof *c);
    if (c == NULL)
        return NULL;
    c->spool = s;
    atomic_init(&c->refs, 1);
    pthread_mutex_init(&c->lock, NULL);
    c->wake = wake;
    c->context = context;
    return c;
}

struct spool *
spool_client_spool(const struct spool_client *c)
{
    return c->spool;
}

struct spool_client *
spool_client_ref(struct spool_client *c)
{
    atomic_fetch_add_explicit(&c->refs, 1, memory_order_relaxed);
    return c;
}

static void
unref(struct spool_client *c)
{
    if (atomic_fetch_sub_explicit(&c->refs, 1, memory_order_acq_rel) > 1)
        return;
    pthread_mutex_destroy(&c->lock);
    mem_free(&c);
}

void
spool_client_free(struct spool_client **c)
{
    if (*c == NULL)
        return;
    pthread_mutex_lock(&(*c)->lock);
    (*c)->is_gone = true;
    struct request *request;
    while ((request = request_list_take(&(*c)->answers)) != NULL)
        request_free(&request);
    pthread_mutex_unlock(&(*c)->lock);
    unref(*c);
    *c = NULL;
}

void
spool_client_answer(struct request *request, struct spool_client **to_wake)
{
    struct spool_client *c = request->client;
    must(request->is_settled);
    request->client = NULL;
    request_drop_load(request);

    pthread_mutex_lock(&c->lock);
    if (c->is_gone)
        request_free(&request);
    else
        request_list_add(&c->answers, request);
    pthread_mutex_unlock(&c->lock);

    if (c->is_to_be_woken) {
        unref(c);
        return;
    }
    c->is_to_be_woken = true; /* the request's reference is now that of the list */
    c->next_to_wake = *to_wake;
    *to_wake = c;
}

void
spool_client_wake_all(struct spool_client **to_wake)
{
    while (*to_wake != NULL) {
        struct spool_client *c = *to_wake;
        *to_wake = c->next_to_wake;
        c->is_to_be_woken = false;
        pthread_mutex_lock(&c->lock);
        if (!c->is_gone)
            c->wake(c->context);
        pthread_mutex_unlock(&c->lock);
        unref(c);
    }
}

size_t
spool_collect(struct spool_client *c, struct spool_answer *out, size_t max)
{
    size_t count = 0;
    pthread_mutex_lock(&c->lock);
    while (count < max && c->answers.first != NULL) {
        struct request *request = request_list_take(&c->answers);
        out[count++] = (struct spool_answer){
            .token = request->token,
            .id = request->id,
            .report_id = request->kind == REQUEST_RECORD ? request->arrival.id : 0,
            .count = request->changed,
            .ok = request->err.kind == ERR_NONE,
            .err = request->err,
        };
        request_free(&request);
    }
    pthread_mutex_unlock(&c->lock);
    return count;
}
