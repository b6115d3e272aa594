#include "gateway/route/logon_memory.h"

#include <pthread.h>

#include "config/config.h"
#include "gateway/base/mem.h"
#include "tls/keyed_hash.h"

/* A logon belongs to the set that its hash names, and stays in one of the set's places: finding
 * and forgetting look at four entries, whatever the size, and nothing is ever allocated. */
enum { SET_PLACES = 4 };

struct logon {
    unsigned char hash[KEYED_HASH_SIZE];
    uint64_t learned_ms;
    bool is_used;
};

struct logon_set {
    struct logon places[SET_PLACES];
};

struct logon_memory {
    struct keyed_hash_key key;
    uint64_t lifetime_ms;
    size_t set_count;     /* a power of two */
    pthread_mutex_t lock; /* for the sets */
    struct logon_set sets[];
};

struct logon_memory *
logon_memory_new(size_t entries_max, uint64_t lifetime_ms)
{
    size_t set_count = 1;

    must(entries_max > 0 && entries_max <= 1 << 20);
    while (set_count * SET_PLACES < entries_max)
        set_count *= 2;

    struct logon_memory *m = mem_new(sizeof *m + set_count * sizeof m->sets[0]);
    if (m == NULL)
        return NULL;
    m->lifetime_ms = lifetime_ms;
    m->set_count = set_count;
    random_octets(&m->key, sizeof m->key);
    must(pthread_mutex_init(&m->lock, NULL) == 0);
    return m;
}

void
logon_memory_free(struct logon_memory **m)
{
    if (*m == NULL)
        return;
    pthread_mutex_destroy(&(*m)->lock);
    mem_wipe(&(*m)->key, sizeof(*m)->key);
    mem_free(m);
}

/* Account and password, and then each of the hashes that they were checked against. */
static void
hash_of(const struct logon_memory *m, const struct account *account, struct slice password,
        unsigned char hash[KEYED_HASH_SIZE])
{
    struct slice who[] = {slice_str(account->name), password};
    keyed_hash(&m->key, who, COUNT_OF(who), hash);

    for (size_t i = 0; i < account->hash_count; i++) {
        unsigned char so_far[KEYED_HASH_SIZE];
        memcpy(so_far, hash, sizeof so_far);
        struct slice parts[] = {slice((const char *)so_far, sizeof so_far),
                                slice_str(account->hashes[i])};
        keyed_hash(&m->key, parts, COUNT_OF(parts), hash);
    }
}

static struct logon_set *
set_of(struct logon_memory *m, const unsigned char hash[KEYED_HASH_SIZE])
{
    uint32_t number;

    memcpy(&number, hash, sizeof number);
    return &m->sets[number & (m->set_count - 1)];
}

/* Whoever asks may be behind whoever learned: each loop has its own idea of now. */
static bool
is_fresh(const struct logon_memory *m, const struct logon *l, uint64_t now_ms)
{
    return l->is_used && now_ms < l->learned_ms + m->lifetime_ms;
}

bool
logon_memory_knows(struct logon_memory *m, const struct account *account, struct slice password,
                   uint64_t now_ms)
{
    unsigned char hash[KEYED_HASH_SIZE];
    hash_of(m, account, password, hash);
    struct logon_set *set = set_of(m, hash);
    bool knows = false;

    pthread_mutex_lock(&m->lock);
    for (size_t i = 0; i < SET_PLACES && !knows; i++)
        knows = is_fresh(m, &set->places[i], now_ms) &&
                keyed_hash_same(set->places[i].hash, hash, sizeof hash);
    pthread_mutex_unlock(&m->lock);
    return knows;
}

/* The place of this very logon, else an empty one, else the oldest. */
static struct logon *
place_for(struct logon_set *set, const unsigned char hash[KEYED_HASH_SIZE])
{
    struct logon *best = &set->places[0];

    for (size_t i = 0; i < SET_PLACES; i++) {
        struct logon *l = &set->places[i];
        if (l->is_used && keyed_hash_same(l->hash, hash, KEYED_HASH_SIZE))
            return l;
        if (best->is_used && (!l->is_used || l->learned_ms < best->learned_ms))
            best = l;
    }
    return best;
}

void
logon_memory_learn(struct logon_memory *m, const struct account *account, struct slice password,
                   uint64_t now_ms)
{
    unsigned char hash[KEYED_HASH_SIZE];
    hash_of(m, account, password, hash);

    pthread_mutex_lock(&m->lock);
    struct logon *place = place_for(set_of(m, hash), hash);
    memcpy(place->hash, hash, sizeof hash);
    place->learned_ms = now_ms;
    place->is_used = true;
    pthread_mutex_unlock(&m->lock);
}
