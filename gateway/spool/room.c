#include "gateway/spool/room.h"

#include <pthread.h>
#include <stdatomic.h>
#include <sys/statvfs.h>

#include "gateway/base/clock.h"
#include "gateway/base/mem.h"

enum { MEASURE_EVERY_MS = 1000, MEASURE_EVERY_OCTETS = 64 << 20 };

/* What is written between two measurements must not eat up the reserve: the store writes several
 * octets for one of ours (pages are copied, not changed). */
enum { RESERVE_PART = 16 };

struct room {
    struct spool_store *store;
    int folder;
    uint64_t reserve;
    uint64_t measure_every; /* octets */
    struct log *log;
    pthread_mutex_t measuring;
    _Atomic uint64_t measured_ms;
    _Atomic uint64_t written; /* since then */
    _Atomic uint64_t left;
    _Atomic bool is_full;
};

struct room *
room_new(struct spool_store *store, int folder, uint64_t reserve, struct log *log)
{
    struct room *r = mem_new(sizeof *r);
    if (r == NULL)
        return NULL;
    r->store = store;
    r->folder = folder;
    r->reserve = reserve;
    r->measure_every = reserve / RESERVE_PART < MEASURE_EVERY_OCTETS ? reserve / RESERVE_PART
                                                                     : MEASURE_EVERY_OCTETS;
    r->log = log;
    pthread_mutex_init(&r->measuring, NULL);
    return r;
}

void
room_free(struct room **r)
{
    if (*r == NULL)
        return;
    pthread_mutex_destroy(&(*r)->measuring);
    mem_free(r);
}

struct spool_load
room_load(const struct room *r, bool exact)
{
    struct statvfs disk;
    uint64_t size;
    uint64_t grown_to = r->store->call->used(r->store, false, &size);
    uint64_t used = exact ? r->store->call->used(r->store, true, &size) : grown_to;
    uint64_t reusable = grown_to > used ? grown_to - used : 0;
    if (fstatvfs(r->folder, &disk) != 0)
        return (struct spool_load){0, used};
    return (struct spool_load){(uint64_t)disk.f_bavail * disk.f_frsize + reusable, used};
}

/* "" when there is room, else what is full. */
static const char *
what_is_full(struct room *r, uint64_t *left)
{
    struct statvfs disk;
    if (fstatvfs(r->folder, &disk) != 0)
        return "the disk cannot be measured";
    uint64_t size;
    *left = (uint64_t)disk.f_bavail * disk.f_frsize;
    /* The store's file never shrinks: what it gave up inside is room as good as the disk's. */
    if (*left < r->reserve)
        *left += r->store->call->used(r->store, false, &size) -
                 r->store->call->used(r->store, true, &size);
    if (*left < r->reserve)
        return "disk";

    uint64_t used = r->store->call->used(r->store, false, &size);
    if (used + r->reserve >= size)
        used = r->store->call->used(r->store, true, &size);
    if (size - used < *left)
        *left = size - used;
    return used + r->reserve >= size ? "map of the spool database" : "";
}

static void
set_full(struct room *r, const char *why, uint64_t left)
{
    bool is_full = *why != '\0';
    if (atomic_exchange(&r->is_full, is_full) == is_full)
        return;
    struct log_line line;
    log_begin(&line, r->log, is_full ? EV_spool_full : EV_spool_room, 0);
    if (is_full)
        log_str(&line, "why", why);
    else
        log_num(&line, "free", left);
    log_end(&line);
}

static void
measure(struct room *r, uint64_t now_ms)
{
    if (pthread_mutex_trylock(&r->measuring) != 0)
        return; /* somebody does */
    atomic_store(&r->measured_ms, now_ms);
    atomic_store(&r->written, 0);
    uint64_t left = 0;
    const char *why = what_is_full(r, &left);
    atomic_store(&r->left, left);
    set_full(r, why, left);
    pthread_mutex_unlock(&r->measuring);
}

bool
room_is_left(struct room *r)
{
    uint64_t now_ms = clock_ms();
    uint64_t last_ms = atomic_load_explicit(&r->measured_ms, memory_order_relaxed);
    if (last_ms == 0 || now_ms >= last_ms + MEASURE_EVERY_MS ||
        atomic_load_explicit(&r->written, memory_order_relaxed) >= r->measure_every)
        measure(r, now_ms);
    return !atomic_load_explicit(&r->is_full, memory_order_relaxed);
}

uint64_t
room_left(struct room *r)
{
    (void)room_is_left(r); /* measures when it is time */
    return atomic_load(&r->left);
}

void
room_used(struct room *r, uint64_t octets)
{
    atomic_fetch_add_explicit(&r->written, octets, memory_order_relaxed);
}

void
room_was_refused(struct room *r, const struct err *why)
{
    pthread_mutex_lock(&r->measuring);
    atomic_store(&r->measured_ms, clock_ms());
    set_full(r, why->text, 0);
    pthread_mutex_unlock(&r->measuring);
}
