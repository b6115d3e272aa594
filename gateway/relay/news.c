#include "gateway/relay/news.h"

#include <pthread.h>
#include <time.h>

#include "gateway/base/mem.h"

enum { GIVE_UP_LOOK_NS = 100 * 1000 * 1000, SECOND_NS = 1000 * 1000 * 1000 };

struct news {
    pthread_mutex_t lock;
    pthread_cond_t heard;
    size_t refs;
    size_t told, answered; /* letters */
    size_t under_way;
    size_t count;
    uint64_t ids[]; /* count of them */
};

struct news *
news_new(const uint64_t *ids, size_t count)
{
    struct news *n = mem_new(sizeof *n + count * sizeof *ids);
    if (n == NULL)
        return NULL;
    pthread_mutex_init(&n->lock, NULL);
    pthread_cond_init(&n->heard, NULL);
    n->refs = 1;
    n->count = count;
    for (size_t i = 0; i < count; i++)
        n->ids[i] = ids[i];
    return n;
}

const uint64_t *
news_ids(const struct news *n)
{
    return n->ids;
}

size_t
news_count(const struct news *n)
{
    return n->count;
}

struct news *
news_ref(struct news *n)
{
    pthread_mutex_lock(&n->lock);
    n->refs++;
    n->told++;
    pthread_mutex_unlock(&n->lock);
    return n;
}

static void
let_go(struct news **ref, bool was_heard, size_t under_way)
{
    struct news *n = *ref;
    *ref = NULL;
    pthread_mutex_lock(&n->lock);
    bool last = --n->refs == 0;
    n->answered += was_heard;
    n->under_way += under_way;
    pthread_cond_signal(&n->heard);
    pthread_mutex_unlock(&n->lock);
    if (!last)
        return;
    pthread_cond_destroy(&n->heard);
    pthread_mutex_destroy(&n->lock);
    mem_free(&n);
}

void
news_heard(struct news **n, size_t under_way)
{
    let_go(n, true, under_way);
}

void
news_unref(struct news **n)
{
    let_go(n, false, 0);
}

static struct timespec
next_look(void)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    t.tv_nsec += GIVE_UP_LOOK_NS;
    t.tv_sec += t.tv_nsec / SECOND_NS;
    t.tv_nsec %= SECOND_NS;
    return t;
}

bool
news_wait(struct news *n, const _Atomic bool *give_up, size_t *under_way)
{
    pthread_mutex_lock(&n->lock);
    while (n->refs > 1 && !atomic_load(give_up)) {
        struct timespec until = next_look();
        (void)pthread_cond_timedwait(&n->heard, &n->lock, &until);
    }
    bool all = n->answered == n->told;
    *under_way = n->under_way;
    pthread_mutex_unlock(&n->lock);
    return all;
}
