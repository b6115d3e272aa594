#include "gateway/relay/report_limit.h"

#include <pthread.h>

#include "gateway/base/ascii.h"
#include "gateway/base/mem.h"

enum { WAYS = 4, SETS = REPORT_SENDERS_MAX / WAYS, HOUR_MS = 60 * 60 * 1000 };

/* A bucket that leaks: each report fills it by its share of an hour, and it is full at an hour.
 * */
struct bucket {
    uint64_t sender;   /* hash; 0: nobody */
    uint64_t empty_ms; /* when all of it has leaked out */
};

struct report_limit {
    pthread_mutex_t lock;
    struct bucket sets[SETS][WAYS];
};

struct report_limit *
report_limit_new(void)
{
    struct report_limit *l = mem_new(sizeof *l);
    if (l != NULL)
        pthread_mutex_init(&l->lock, NULL);
    return l;
}

void
report_limit_free(struct report_limit **l)
{
    if (*l == NULL)
        return;
    pthread_mutex_destroy(&(*l)->lock);
    mem_free(l);
}

static uint64_t
hash_of(struct slice sender)
{
    uint64_t h = 14695981039346656037U;
    for (size_t i = 0; i < sender.len; i++)
        h = (h ^ (unsigned char)ascii_lower(sender.ptr[i])) * 1099511628211U;
    return h != 0 ? h : 1;
}

/* The sender's own, or in its place the one that is empty first. */
static struct bucket *
bucket_of(struct bucket set[WAYS], uint64_t sender)
{
    struct bucket *idlest = &set[0];
    for (size_t i = 0; i < WAYS; i++) {
        if (set[i].sender == sender)
            return &set[i];
        if (set[i].empty_ms < idlest->empty_ms)
            idlest = &set[i];
    }
    *idlest = (struct bucket){.sender = sender};
    return idlest;
}

bool
report_limit_take(struct report_limit *l, struct slice sender, uint32_t per_hour, uint64_t now_ms,
                  uint64_t *wait_ms)
{
    *wait_ms = 0;
    if (l == NULL || per_hour == 0)
        return true;
    uint64_t hash = hash_of(sender);
    uint64_t share = HOUR_MS / per_hour > 0 ? HOUR_MS / per_hour : 1;
    pthread_mutex_lock(&l->lock);
    struct bucket *b = bucket_of(l->sets[(hash >> 32) % SETS], hash);
    uint64_t from = b->empty_ms > now_ms ? b->empty_ms : now_ms;
    bool fits = from + share <= now_ms + HOUR_MS;
    if (fits)
        b->empty_ms = from + share;
    else
        *wait_ms = from + share - now_ms - HOUR_MS;
    pthread_mutex_unlock(&l->lock);
    return fits;
}
