#include "gateway/spool/suspensions.h"

#include <pthread.h>

#include "gateway/base/mem.h"

struct suspensions {
    pthread_mutex_t lock; /* all below */
    char (*names)[ENVELOPE_CONNECTOR_MAX + 1];
    size_t count, cap;
};

struct suspensions *
suspensions_new(void)
{
    struct suspensions *s = mem_new(sizeof *s);
    if (s != NULL)
        pthread_mutex_init(&s->lock, NULL);
    return s;
}

void
suspensions_free(struct suspensions **s)
{
    if (*s == NULL)
        return;
    pthread_mutex_destroy(&(*s)->lock);
    mem_free(&(*s)->names);
    mem_free(s);
}

/* Where it is; count: nowhere. */
static size_t
find(const struct suspensions *s, struct slice queue)
{
    size_t i = 0;
    while (i < s->count && !slice_is(queue, s->names[i]))
        i++;
    return i;
}

static bool
grow(struct suspensions *s, struct err *err)
{
    if (s->count < s->cap)
        return true;
    if (s->cap == SUSPENSIONS_MAX)
        return err_set(err, ERR_LIMIT, "%d queues are suspended already", SUSPENSIONS_MAX);
    size_t cap = s->cap > 0 ? 2 * s->cap : 8;
    void *grown = mem_resize(s->names, cap * sizeof *s->names);
    if (grown == NULL)
        return err_set(err, ERR_NOMEM, "no memory to remember a suspended queue");
    s->names = grown;
    s->cap = cap;
    return true;
}

bool
suspensions_make_room(struct suspensions *s, struct slice queue, struct err *err)
{
    pthread_mutex_lock(&s->lock);
    bool ok = find(s, queue) < s->count || grow(s, err);
    pthread_mutex_unlock(&s->lock);
    return ok;
}

void
suspensions_set(struct suspensions *s, struct slice queue, bool suspended)
{
    pthread_mutex_lock(&s->lock);
    size_t at = find(s, queue);
    if (suspended && at == s->count) {
        must(s->count < s->cap);
        slice_copy_text(s->names[s->count++], sizeof *s->names, queue);
    } else if (!suspended && at < s->count) {
        s->count--;
        memmove(s->names[at], s->names[s->count], sizeof *s->names);
    }
    pthread_mutex_unlock(&s->lock);
}

bool
suspensions_has(struct suspensions *s, struct slice queue)
{
    pthread_mutex_lock(&s->lock);
    bool has = find(s, queue) < s->count;
    pthread_mutex_unlock(&s->lock);
    return has;
}
