#include "gateway/relay/ownership.h"

#include <pthread.h>
#include <stdint.h>

#include "gateway/base/mem.h"

enum { NAMES_MAX = 4096, NAME_ROOM = 64 };

struct owned {
    char name[NAME_ROOM];
    size_t worker;
};

struct ownership {
    size_t worker_count;
    pthread_mutex_t lock; /* for all below */
    size_t count;
    struct owned names[NAMES_MAX]; /* all from the start: without memory for a name, it would have
                                      one owner now and another one later */
};

struct ownership *
ownership_new(size_t worker_count)
{
    must(worker_count > 0);
    struct ownership *o = mem_new(sizeof *o);
    if (o == NULL)
        return NULL;
    o->worker_count = worker_count;
    must(pthread_mutex_init(&o->lock, NULL) == 0);
    return o;
}

void
ownership_free(struct ownership **o)
{
    if (*o == NULL)
        return;
    pthread_mutex_destroy(&(*o)->lock);
    mem_free(o);
}

/* Without the table: too many names. */
static size_t
by_hash(const struct ownership *o, struct slice name)
{
    uint32_t hash = 2166136261U;
    for (size_t i = 0; i < name.len; i++)
        hash = (hash ^ (unsigned char)name.ptr[i]) * 16777619U;
    return (hash ^ hash >> 15) % o->worker_count;
}

/* The worker with the fewest names, the last of them: the first one also has the control socket,
 * the monitor and the listening sockets. */
static size_t
least_burdened(const struct ownership *o)
{
    size_t best = 0, fewest = SIZE_MAX;
    for (size_t w = 0; w < o->worker_count; w++) {
        size_t has = 0;
        for (size_t i = 0; i < o->count; i++)
            has += o->names[i].worker == w;
        if (has <= fewest) {
            best = w;
            fewest = has;
        }
    }
    return best;
}

static size_t
find_or_give(struct ownership *o, struct slice name)
{
    for (size_t i = 0; i < o->count; i++)
        if (slice_is(name, o->names[i].name))
            return o->names[i].worker;
    if (o->count == NAMES_MAX)
        return by_hash(o, name);
    struct owned *new = &o->names[o->count];
    slice_copy_text(new->name, sizeof new->name, name);
    new->worker = least_burdened(o);
    o->count++;
    return new->worker;
}

size_t
ownership_of(struct ownership *o, struct slice connector)
{
    if (connector.len == 0)
        return 0;
    if (connector.len >= NAME_ROOM)
        return by_hash(o, connector);
    pthread_mutex_lock(&o->lock);
    size_t worker = find_or_give(o, connector);
    pthread_mutex_unlock(&o->lock);
    return worker;
}
