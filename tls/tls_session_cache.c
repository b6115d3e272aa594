#include "tls/tls_session_cache.h"

#include <pthread.h>
#include <stdint.h>

#include "gateway/base/mem.h"

/* An entry without a key is free; one with a key may have no session left. */
struct entry {
    char *key;
    size_t key_len;
    uint64_t used;                               /* turn of the last use */
    SSL_SESSION *sessions[TLS_SESSIONS_PER_KEY]; /* newest first */
};

struct tls_session_cache {
    pthread_mutex_t lock; /* guards all below */
    uint64_t turn;
    size_t entry_count; /* entries in use, all at the front */
    struct entry entries[TLS_SESSION_KEYS];
};

struct tls_session_cache *
tls_session_cache_new(void)
{
    struct tls_session_cache *c = mem_new(sizeof *c);
    if (c != NULL)
        pthread_mutex_init(&c->lock, NULL);
    return c;
}

static void
drop_sessions(struct entry *e)
{
    for (size_t i = 0; i < TLS_SESSIONS_PER_KEY; i++) {
        SSL_SESSION_free(e->sessions[i]);
        e->sessions[i] = NULL;
    }
}

void
tls_session_cache_free(struct tls_session_cache **c)
{
    if (*c == NULL)
        return;
    for (size_t i = 0; i < (*c)->entry_count; i++) {
        drop_sessions(&(*c)->entries[i]);
        mem_free(&(*c)->entries[i].key);
    }
    pthread_mutex_destroy(&(*c)->lock);
    mem_free(c);
}

/* A few hundred comparisons at most, once a handshake: nothing beside the handshake itself. */
static struct entry *
find(struct tls_session_cache *c, struct slice key)
{
    for (size_t i = 0; i < c->entry_count; i++) {
        struct entry *e = &c->entries[i];
        if (slice_equal(slice(e->key, e->key_len), key)) {
            e->used = ++c->turn;
            return e;
        }
    }
    return NULL;
}

static struct entry *
make_room(struct tls_session_cache *c)
{
    if (c->entry_count < TLS_SESSION_KEYS)
        return &c->entries[c->entry_count++];
    struct entry *oldest = &c->entries[0];
    for (size_t i = 1; i < c->entry_count; i++)
        if (c->entries[i].used < oldest->used)
            oldest = &c->entries[i];
    drop_sessions(oldest);
    mem_free(&oldest->key);
    return oldest;
}

static struct entry *
add(struct tls_session_cache *c, struct slice key)
{
    char *copy = mem_text(key);
    if (copy == NULL)
        return NULL;
    struct entry *e = make_room(c);
    *e = (struct entry){.key = copy, .key_len = key.len, .used = ++c->turn};
    return e;
}

static bool
is_for_one_use(const SSL_SESSION *s)
{
    return SSL_SESSION_get_protocol_version(s) >= TLS1_3_VERSION;
}

static void
put(struct tls_session_cache *c, struct slice key, SSL_SESSION *s)
{
    struct entry *e = find(c, key);
    if (e == NULL)
        e = add(c, key);
    if (e == NULL) {
        SSL_SESSION_free(s);
        return;
    }
    if (!is_for_one_use(s))
        drop_sessions(e);
    SSL_SESSION_free(e->sessions[TLS_SESSIONS_PER_KEY - 1]);
    for (size_t i = TLS_SESSIONS_PER_KEY - 1; i > 0; i--)
        e->sessions[i] = e->sessions[i - 1];
    e->sessions[0] = s;
}

void
tls_session_cache_put(struct tls_session_cache *c, struct slice key, SSL_SESSION **take_session)
{
    SSL_SESSION *s = *take_session;
    *take_session = NULL;
    pthread_mutex_lock(&c->lock);
    put(c, key, s);
    pthread_mutex_unlock(&c->lock);
}

static SSL_SESSION *
take(struct tls_session_cache *c, struct slice key)
{
    struct entry *e = find(c, key);
    if (e == NULL || e->sessions[0] == NULL)
        return NULL;
    SSL_SESSION *s = e->sessions[0];
    if (!is_for_one_use(s)) {
        must(SSL_SESSION_up_ref(s) == 1);
        return s;
    }
    for (size_t i = 0; i + 1 < TLS_SESSIONS_PER_KEY; i++)
        e->sessions[i] = e->sessions[i + 1];
    e->sessions[TLS_SESSIONS_PER_KEY - 1] = NULL;
    return s;
}

SSL_SESSION *
tls_session_cache_take(struct tls_session_cache *c, struct slice key)
{
    pthread_mutex_lock(&c->lock);
    SSL_SESSION *s = take(c, key);
    pthread_mutex_unlock(&c->lock);
    return s;
}

void
tls_session_cache_forget(struct tls_session_cache *c, struct slice key)
{
    pthread_mutex_lock(&c->lock);
    struct entry *e = find(c, key);
    if (e != NULL)
        drop_sessions(e);
    pthread_mutex_unlock(&c->lock);
}

size_t
tls_session_cache_count(struct tls_session_cache *c)
{
    size_t n = 0;
    pthread_mutex_lock(&c->lock);
    for (size_t i = 0; i < c->entry_count; i++)
        n += c->entries[i].sessions[0] != NULL;
    pthread_mutex_unlock(&c->lock);
    return n;
}
