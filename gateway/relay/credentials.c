#include "gateway/relay/credentials.h"

#include <pthread.h>

#include "gateway/base/ascii.h"
#include "gateway/base/buf.h"
#include "gateway/base/mem.h"
#include "tls/keyed_hash.h"

_Static_assert(sizeof(struct credential_id) == KEYED_HASH_SIZE, "an id is a keyed hash");

struct lease {
    uint64_t until_ms; /* its name too; 0 = free */
    char server[CREDENTIAL_SERVER_TEXT];
};

struct entry {
    struct credential_id id;
    struct credential_state state;
    bool was_alarmed; /* and it has not worked since */
    struct lease leases[CREDENTIAL_TRIES_MAX];
    uint64_t used; /* of the table's turns */
};

struct credentials {
    pthread_mutex_t lock; /* guards all below but the key */
    struct keyed_hash_key key;
    struct entry entries[CREDENTIALS_MAX];
    size_t count;
    uint64_t turn;
};

struct credentials *
credentials_new(void)
{
    struct credentials *c = mem_new(sizeof *c);
    if (c == NULL)
        return NULL;
    must(pthread_mutex_init(&c->lock, NULL) == 0);
    random_octets(&c->key, sizeof c->key);
    return c;
}

void
credentials_free(struct credentials **ref)
{
    struct credentials *c = *ref;
    if (c == NULL)
        return;
    must(pthread_mutex_destroy(&c->lock) == 0);
    mem_wipe(&c->key, sizeof c->key);
    mem_free(ref);
}

/* ---- Ids ---- */

/* The directory of a bare name is that of the forest which the connector delivers to. */
static struct slice
directory_of(const struct config *config, const struct send_connector *connector)
{
    for (size_t i = 0; i < config->forest_count; i++)
        for (size_t k = 0; k < config->forests[i].deliver_count; k++)
            if (config->forests[i].deliver[k] == connector)
                return slice_str(config->forests[i].name);
    return slice(NULL, 0);
}

static bool
is_bare(struct slice user)
{
    return slice_find(user, '\\') == user.len && slice_find(user, '@') == user.len;
}

struct credential_id
credential_id_of(const struct credentials *c, const struct config *config,
                 const struct send_connector *connector)
{
    struct credential_id id = {{0}};
    struct slice user = slice_str(connector->auth_user);
    struct buf lower;
    if (c == NULL || user.len == 0)
        return id;
    buf_init(&lower, user.len);
    for (size_t i = 0; i < user.len; i++)
        buf_put_char(&lower, ascii_lower(user.ptr[i]));
    /* Without memory it is one account more: with the others of that kind. */
    const struct slice parts[] = {
        buf_slice(&lower),
        slice_str(connector->auth_password),
        is_bare(user) ? directory_of(config, connector) : slice(NULL, 0),
    };
    keyed_hash(&c->key, parts, COUNT_OF(parts), id.octets);
    buf_fini(&lower);
    return id;
}

bool
credential_is_same(const struct credential_id *a, const struct credential_id *b)
{
    return memcmp(a, b, sizeof *a) == 0;
}

static bool
is_none(const struct credential_id *id)
{
    static const struct credential_id none = {{0}};
    return credential_is_same(id, &none);
}

/* ---- The table; under the lock ---- */

static struct entry *
find(struct credentials *c, const struct credential_id *id)
{
    for (size_t i = 0; i < c->count; i++)
        if (credential_is_same(&c->entries[i].id, id))
            return &c->entries[i];
    return NULL;
}

/* The one of this id, which may be new in the place of the one used longest ago. */
static struct entry *
enter(struct credentials *c, const struct credential_id *id)
{
    struct entry *e = find(c, id);
    if (e == NULL && c->count < CREDENTIALS_MAX)
        e = &c->entries[c->count++];
    if (e == NULL) {
        e = &c->entries[0];
        for (size_t i = 1; i < c->count; i++)
            if (c->entries[i].used < e->used)
                e = &c->entries[i];
        *e = (struct entry){.used = 0};
    }
    e->id = *id;
    e->used = ++c->turn;
    return e;
}

static void
give_back(struct entry *e, uint64_t lease)
{
    for (size_t i = 0; i < CREDENTIAL_TRIES_MAX; i++)
        if (lease != 0 && e->leases[i].until_ms == lease) {
            e->leases[i].until_ms = 0;
            return;
        }
}

static struct credential_refusal *
refusal_at(struct credential_state *s, const char *server)
{
    for (size_t i = 0; i < CREDENTIAL_SERVERS_MAX; i++)
        if (strcmp(s->refusals[i].server, server) == 0)
            return &s->refusals[i];
    return NULL;
}

/* False: there was no room but that of a server which must not be asked yet, and is forgotten. */
static bool
note_refusal(struct credential_state *s, const char *server, uint64_t now)
{
    struct credential_refusal *at = refusal_at(s, server);
    bool has_room = true;
    if (at == NULL) {
        at = &s->refusals[0]; /* an unused one, or the oldest */
        for (size_t i = 1; i < CREDENTIAL_SERVERS_MAX; i++)
            if (s->refusals[i].until_ms < at->until_ms)
                at = &s->refusals[i];
        has_room = at->until_ms <= now;
        slice_copy_text(at->server, sizeof at->server, slice_str(server));
    }
    at->until_ms = now + CREDENTIAL_SERVER_MS;
    return has_room;
}

/* Does another server than this refuse it? Also one whose next try is due: that it will be
 * accepted is not known yet. One that nobody has asked for long is forgotten. */
static bool
is_refused_elsewhere(const struct credential_state *s, const char *server, uint64_t now)
{
    for (size_t i = 0; i < CREDENTIAL_SERVERS_MAX; i++) {
        const struct credential_refusal *r = &s->refusals[i];
        if (r->until_ms != 0 && r->until_ms + CREDENTIAL_SERVER_MS > now &&
            strcmp(r->server, server) != 0)
            return true;
    }
    return false;
}

/* ---- Logons ---- */

struct credential_state
credential_state(struct credentials *c, const struct credential_id *id)
{
    struct credential_state state = {.is_proven = c == NULL || is_none(id)};
    if (state.is_proven)
        return state;
    must(pthread_mutex_lock(&c->lock) == 0);
    const struct entry *e = find(c, id);
    if (e != NULL)
        state = e->state;
    must(pthread_mutex_unlock(&c->lock) == 0);
    return state;
}

uint64_t
credential_refused_until(const struct credential_state *s, const char *server)
{
    uint64_t until = s->refused_until_ms;
    for (size_t i = 0; i < CREDENTIAL_SERVERS_MAX; i++)
        if (strcmp(s->refusals[i].server, server) == 0 && s->refusals[i].until_ms > until)
            until = s->refusals[i].until_ms;
    return until;
}

/* A lease is named by the time when it lapses: no two at the same one. */
static uint64_t
name_lease(const struct entry *e, uint64_t until_ms)
{
    for (size_t i = 0; i < CREDENTIAL_TRIES_MAX; i++)
        if (e->leases[i].until_ms == until_ms)
            return name_lease(e, until_ms + 1);
    return until_ms;
}

/* Under the lock. 0: nobody may try there now. */
static uint64_t
take_lease(struct entry *e, const char *server, uint64_t now_ms)
{
    size_t held = 0, unused = 0;
    if (credential_refused_until(&e->state, server) > now_ms)
        return 0;
    for (size_t i = 0; i < CREDENTIAL_TRIES_MAX; i++) {
        if (e->leases[i].until_ms <= now_ms)
            unused = i;
        else if (strcmp(e->leases[i].server, server) == 0)
            return 0;
        else
            held++;
    }
    if (held >= (e->state.is_proven ? CREDENTIAL_TRIES_MAX : 1))
        return 0;
    struct lease *l = &e->leases[unused];
    slice_copy_text(l->server, sizeof l->server, slice_str(server));
    return l->until_ms = name_lease(e, now_ms + CREDENTIAL_LEASE_MS);
}

bool
credential_begin(struct credentials *c, const struct credential_id *id, const char *server,
                 uint64_t now_ms, uint64_t *lease)
{
    *lease = 0;
    if (c == NULL || is_none(id))
        return true;
    must(pthread_mutex_lock(&c->lock) == 0);
    *lease = take_lease(enter(c, id), server, now_ms);
    must(pthread_mutex_unlock(&c->lock) == 0);
    return *lease != 0;
}

void
credential_worked(struct credentials *c, const struct credential_id *id, const char *server,
                  uint64_t lease, uint64_t now_ms, int64_t now_unix_s)
{
    if (c == NULL || is_none(id))
        return;
    must(pthread_mutex_lock(&c->lock) == 0);
    struct entry *e = enter(c, id);
    give_back(e, lease);
    struct credential_refusal *refusal = refusal_at(&e->state, server);
    if (refusal != NULL)
        *refusal = (struct credential_refusal){.until_ms = 0};
    e->was_alarmed = e->was_alarmed && is_refused_elsewhere(&e->state, server, now_ms);
    e->state.is_proven = true;
    e->state.refused_until_ms = 0;
    e->state.worked_unix_s = now_unix_s;
    must(pthread_mutex_unlock(&c->lock) == 0);
}

void
credential_refused(struct credentials *c, const struct credential_id *id, const char *server,
                   uint64_t lease, const char *connector, uint64_t now_ms)
{
    if (c == NULL || is_none(id))
        return;
    must(pthread_mutex_lock(&c->lock) == 0);
    struct entry *e = enter(c, id);
    give_back(e, lease);
    bool has_room = note_refusal(&e->state, server, now_ms);
    bool may_be_server = has_room && e->state.worked_unix_s != 0 &&
                         (e->state.is_proven || !is_refused_elsewhere(&e->state, server, now_ms));
    if (!may_be_server)
        e->state.refused_until_ms = now_ms + CREDENTIAL_REFUSED_MS;
    e->state.is_proven = false;
    slice_copy_text(e->state.refused_by, sizeof e->state.refused_by, slice_str(connector));
    must(pthread_mutex_unlock(&c->lock) == 0);
}

bool
credential_take_alarm(struct credentials *c, const struct credential_id *id)
{
    if (c == NULL || is_none(id))
        return true;
    must(pthread_mutex_lock(&c->lock) == 0);
    struct entry *e = enter(c, id);
    bool is_first = !e->was_alarmed;
    e->was_alarmed = true;
    must(pthread_mutex_unlock(&c->lock) == 0);
    return is_first;
}

void
credential_dropped(struct credentials *c, const struct credential_id *id, uint64_t lease)
{
    if (c == NULL || lease == 0)
        return;
    must(pthread_mutex_lock(&c->lock) == 0);
    struct entry *e = find(c, id);
    if (e != NULL)
        give_back(e, lease);
    must(pthread_mutex_unlock(&c->lock) == 0);
}

void
credential_forgive(struct credentials *c, const struct credential_id *id)
{
    if (c == NULL || is_none(id))
        return;
    must(pthread_mutex_lock(&c->lock) == 0);
    struct entry *e = find(c, id);
    for (size_t i = 0; e != NULL && i < CREDENTIAL_SERVERS_MAX; i++)
        e->state.refusals[i].until_ms = 0;
    if (e != NULL)
        e->state.refused_until_ms = 0;
    must(pthread_mutex_unlock(&c->lock) == 0);
}
