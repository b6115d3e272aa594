#include "gateway/spool/tally.h"

#include <pthread.h>

#include "gateway/base/mem.h"

/* How many messages one look at the rows may pass over in search of the oldest of a connector. */
enum { OLDEST_STEPS = 1024, FIRST_ROWS = 16 };

struct amount {
    uint64_t messages;
    uint64_t suspended;
    uint64_t octets;
};

/* Additions and subtractions of a batch wrap around; the sum with what is kept never does. */
struct row {
    char connector[ENVELOPE_CONNECTOR_MAX + 1];
    struct amount kept;
    struct amount batch;            /* to be added when the batch is kept */
    struct spool_place first;       /* the oldest message is here or later (by time received) */
    bool is_first_known;            /* it is exactly here */
    struct spool_place batch_first; /* the oldest that the batch brings; due INT64_MAX: none */
    bool batch_takes_first;         /* the batch takes the message at `first` away */
};

struct tally {
    struct spool_store *store;
    pthread_mutex_t lock; /* all below */
    struct row *rows;
    size_t count, cap;
};

static const struct spool_place no_place = {INT64_MAX, UINT64_MAX};

struct tally *
tally_new(struct spool_store *store)
{
    struct tally *t = mem_new(sizeof *t);
    if (t == NULL)
        return NULL;
    t->store = store;
    pthread_mutex_init(&t->lock, NULL);
    return t;
}

void
tally_free(struct tally **t)
{
    if (*t == NULL)
        return;
    pthread_mutex_destroy(&(*t)->lock);
    mem_free(&(*t)->rows);
    mem_free(t);
}

static bool
is_before(struct spool_place a, struct spool_place b)
{
    return a.due_unix_ms != b.due_unix_ms ? a.due_unix_ms < b.due_unix_ms : a.id < b.id;
}

static bool
is_same(struct spool_place a, struct spool_place b)
{
    return a.due_unix_ms == b.due_unix_ms && a.id == b.id;
}

static struct row *
find_row(struct tally *t, struct slice connector)
{
    for (size_t i = 0; i < t->count; i++)
        if (slice_is(connector, t->rows[i].connector))
            return &t->rows[i];
    return NULL;
}

/* The connector's row, made when it is missing; NULL: no memory. */
static struct row *
need_row(struct tally *t, struct slice connector)
{
    struct row *row = find_row(t, connector);
    if (row != NULL)
        return row;
    if (t->count == t->cap) {
        size_t cap = t->cap ? 2 * t->cap : FIRST_ROWS;
        struct row *grown = mem_resize(t->rows, cap * sizeof *grown);
        if (grown == NULL)
            return NULL;
        t->rows = grown;
        t->cap = cap;
    }
    row = &t->rows[t->count++];
    *row = (struct row){.first = no_place, .batch_first = no_place};
    memcpy(row->connector, connector.ptr, connector.len);
    return row;
}

static struct spool_place
place_of(const struct envelope_front *front)
{
    return (struct spool_place){front->received_unix_ms, front->id};
}

bool
tally_add(struct tally *t, const struct envelope_front *front)
{
    struct slice rest = front->destinations;
    struct envelope_destination d;
    bool ok = true;
    pthread_mutex_lock(&t->lock);
    while (ok && envelope_next_destination(&rest, &d)) {
        struct row *row = need_row(t, d.connector);
        ok = row != NULL;
        if (!ok)
            break;
        row->batch.messages++;
        row->batch.suspended += d.due_unix_ms == INT64_MAX;
        row->batch.octets += front->size;
        if (is_before(place_of(front), row->batch_first))
            row->batch_first = place_of(front);
    }
    pthread_mutex_unlock(&t->lock);
    return ok;
}

void
tally_subtract(struct tally *t, const struct envelope_front *front)
{
    struct slice rest = front->destinations;
    struct envelope_destination d;
    pthread_mutex_lock(&t->lock);
    while (envelope_next_destination(&rest, &d)) {
        struct row *row = find_row(t, d.connector);
        if (row == NULL)
            continue;
        row->batch.messages--;
        row->batch.suspended -= d.due_unix_ms == INT64_MAX;
        row->batch.octets -= front->size;
        if (is_same(place_of(front), row->first))
            row->batch_takes_first = true;
    }
    pthread_mutex_unlock(&t->lock);
}

static void
forget_row(struct row *row)
{
    row->batch = (struct amount){0};
    row->batch_first = no_place;
    row->batch_takes_first = false;
}

static void
keep_row(struct row *row)
{
    bool was_empty = row->kept.messages == 0;
    row->kept.messages += row->batch.messages;
    row->kept.suspended += row->batch.suspended;
    row->kept.octets += row->batch.octets;
    if (row->batch_takes_first)
        row->is_first_known = false;
    /* A message that was replaced is taken and brought by the same batch: then it is known again.
     */
    bool is_earlier =
        is_before(row->batch_first, row->first) || is_same(row->batch_first, row->first);
    if (!is_same(row->batch_first, no_place) && (was_empty || is_earlier)) {
        row->first = row->batch_first;
        row->is_first_known = true;
    }
    forget_row(row);
}

void
tally_keep(struct tally *t)
{
    pthread_mutex_lock(&t->lock);
    for (size_t i = 0; i < t->count; i++)
        keep_row(&t->rows[i]);
    pthread_mutex_unlock(&t->lock);
}

void
tally_forget(struct tally *t)
{
    pthread_mutex_lock(&t->lock);
    for (size_t i = 0; i < t->count; i++)
        forget_row(&t->rows[i]);
    pthread_mutex_unlock(&t->lock);
}

/* `first` is never behind the oldest message, so the search may take several looks, but it never
 * has to go back. */
static void
find_first(struct tally *t, struct row *row)
{
    if (row->is_first_known)
        return;
    row->is_first_known =
        t->store->call->oldest(t->store, slice_str(row->connector), &row->first, OLDEST_STEPS);
}

size_t
tally_rows(struct tally *t, struct spool_queue_stats *out, size_t max)
{
    size_t count = 0;
    pthread_mutex_lock(&t->lock);
    for (size_t i = 0; i < t->count && count < max; i++) {
        struct row *row = &t->rows[i];
        if (row->kept.messages == 0)
            continue;
        find_first(t, row);
        struct spool_queue_stats *to = &out[count++];
        *to = (struct spool_queue_stats){
            .messages = row->kept.messages,
            .suspended = row->kept.suspended,
            .octets = row->kept.octets,
            .oldest_unix_ms = row->first.due_unix_ms,
        };
        memcpy(to->connector, row->connector, sizeof to->connector);
    }
    pthread_mutex_unlock(&t->lock);
    return count;
}
