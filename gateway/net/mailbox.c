#include "gateway/net/mailbox.h"

#include <pthread.h>

#include "gateway/base/mem.h"
#include "gateway/net/waker.h"

enum {
    BATCH = 64, /* taken out under one lock, delivered without it; then the loop has its turn */
    MOST = 1024 * 1024,
};

struct mailbox {
    const struct mailbox_events *events;
    void *owner;

    pthread_mutex_t lock; /* for all below */
    struct waker *waker;  /* NULL: closed; written by the loop's thread only */
    size_t max;
    size_t first;
    size_t count;
    struct mailbox_item ring[];
};

static size_t
take_batch(struct mailbox *m, struct mailbox_item batch[BATCH])
{
    size_t n = 0;
    pthread_mutex_lock(&m->lock);
    while (n < BATCH && m->count > 0) {
        batch[n++] = m->ring[m->first];
        m->first = (m->first + 1) % m->max;
        m->count--;
    }
    pthread_mutex_unlock(&m->lock);
    return n;
}

/* on_item may close the mailbox: then the rest of the batch was never taken. */
static void
on_wake(void *context)
{
    struct mailbox *m = context;
    struct mailbox_item batch[BATCH];
    size_t n = take_batch(m, batch);
    for (size_t i = 0; i < n; i++) {
        if (m->waker != NULL)
            m->events->on_item(m->owner, &batch[i]);
        else
            m->events->drop(m->owner, &batch[i]);
    }
    if (n == BATCH && m->waker != NULL)
        waker_wake(m->waker);
}

struct mailbox *
mailbox_new(struct loop *l, size_t max, const struct mailbox_events *events, void *owner)
{
    must(max > 0 && max <= MOST);
    struct mailbox *m = mem_new(sizeof *m + max * sizeof m->ring[0]);
    if (m == NULL)
        return NULL;
    m->events = events;
    m->owner = owner;
    m->max = max;
    m->waker = waker_new(l, on_wake, m);
    if (m->waker == NULL)
        mem_free(&m);
    else
        must(pthread_mutex_init(&m->lock, NULL) == 0);
    return m;
}

bool
mailbox_post(struct mailbox *m, const struct mailbox_item *item)
{
    pthread_mutex_lock(&m->lock);
    bool is_taken = m->waker != NULL && m->count < m->max;
    if (is_taken) {
        m->ring[(m->first + m->count) % m->max] = *item;
        /* Under the lock, so that the waker cannot go away meanwhile. */
        if (m->count++ == 0)
            waker_wake(m->waker);
    }
    pthread_mutex_unlock(&m->lock);
    return is_taken;
}

void
mailbox_close(struct mailbox *m)
{
    pthread_mutex_lock(&m->lock);
    struct waker *waker = m->waker;
    m->waker = NULL;
    pthread_mutex_unlock(&m->lock);
    waker_free(&waker);

    struct mailbox_item batch[BATCH];
    for (size_t n; (n = take_batch(m, batch)) > 0;)
        for (size_t i = 0; i < n; i++)
            m->events->drop(m->owner, &batch[i]);
}

void
mailbox_free(struct mailbox **m)
{
    if (*m == NULL)
        return;
    must((*m)->waker == NULL && (*m)->count == 0);
    pthread_mutex_destroy(&(*m)->lock);
    mem_free(m);
}
