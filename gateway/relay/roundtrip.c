#include "gateway/relay/roundtrip.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>

#include "gateway/base/ascii.h"
#include "gateway/base/mem.h"
#include "tls/keyed_hash.h"

struct roundtrips {
    _Atomic size_t count;
    pthread_mutex_t lock;
    struct roundtrip entries[ROUNDTRIPS_MAX]; /* token "" = free */
};

struct roundtrips *
roundtrips_new(void)
{
    struct roundtrips *t = mem_new(sizeof *t);
    if (t != NULL)
        must(pthread_mutex_init(&t->lock, NULL) == 0);
    return t;
}

void
roundtrips_free(struct roundtrips **ref)
{
    struct roundtrips *t = *ref;
    if (t != NULL)
        must(pthread_mutex_destroy(&t->lock) == 0);
    mem_free(ref);
}

/* ---- Under the lock ---- */

static void
forget_old(struct roundtrips *t, uint64_t now_ms)
{
    for (size_t i = 0; i < ROUNDTRIPS_MAX; i++) {
        struct roundtrip *e = &t->entries[i];
        if (e->token[0] != '\0' && now_ms >= e->began_ms + ROUNDTRIP_KEPT_MS) {
            *e = (struct roundtrip){.id = 0};
            t->count--;
        }
    }
}

static struct roundtrip *
find(struct roundtrips *t, struct slice token)
{
    for (size_t i = 0; i < ROUNDTRIPS_MAX; i++)
        if (token.len > 0 && slice_is(token, t->entries[i].token))
            return &t->entries[i];
    return NULL;
}

static bool
is_over(const struct roundtrip *e)
{
    return e->there == ROUNDTRIP_ENDED || e->back != ROUNDTRIP_NOT_SEEN;
}

/* A free place, or that of the oldest one of which nothing more is expected. */
static struct roundtrip *
find_room(struct roundtrips *t)
{
    struct roundtrip *room = NULL;
    for (size_t i = 0; i < ROUNDTRIPS_MAX; i++) {
        struct roundtrip *e = &t->entries[i];
        if (e->token[0] == '\0')
            return e;
        if (is_over(e) && (room == NULL || e->began_ms < room->began_ms))
            room = e;
    }
    return room;
}

/* Under way from the same mailbox to the same forest: on their way back two of them could not be
 * told apart. NULL: none is. */
static struct roundtrip *
find_same(struct roundtrips *t, const struct roundtrip *as)
{
    for (size_t i = 0; i < ROUNDTRIPS_MAX; i++) {
        struct roundtrip *e = &t->entries[i];
        if (e->token[0] != '\0' && !is_over(e) && ascii_is(slice_str(e->from), as->from) &&
            strcmp(e->forest, as->forest) == 0)
            return e;
    }
    return NULL;
}

static bool
enter(struct roundtrips *t, const struct roundtrip *e, struct err *err)
{
    struct roundtrip *same = find_same(t, e), *room = same != NULL ? same : find_room(t);
    if (same != NULL && e->began_ms < same->began_ms + ROUNDTRIP_AGAIN_MS)
        return err_set(err, ERR_LIMIT,
                       "one from this mailbox to that forest has just begun: wait %d minutes",
                       ROUNDTRIP_AGAIN_MS / 60000);
    if (room == NULL)
        return err_set(err, ERR_LIMIT, "%d are under way: each is forgotten after %d minutes",
                       ROUNDTRIPS_MAX, ROUNDTRIP_KEPT_MS / 60000);
    t->count += room->token[0] == '\0';
    *room = *e;
    return true;
}

/* ---- Entries ---- */

static void
make_token(char token[ROUNDTRIP_TOKEN])
{
    unsigned char octets[(ROUNDTRIP_TOKEN - 1) / 2];
    random_octets(octets, sizeof octets);
    for (size_t i = 0; i < sizeof octets; i++)
        snprintf(token + 2 * i, 3, "%02x", octets[i]);
}

bool
roundtrip_enter(struct roundtrips *t, const char *from, const char *to, const char *forest,
                uint64_t now_ms, char token[ROUNDTRIP_TOKEN], struct err *err)
{
    struct roundtrip e = {.began_ms = now_ms};
    make_token(e.token);
    slice_copy_text(e.from, sizeof e.from, slice_str(from));
    slice_copy_text(e.to, sizeof e.to, slice_str(to));
    slice_copy_text(e.forest, sizeof e.forest, slice_str(forest));
    must(pthread_mutex_lock(&t->lock) == 0);
    forget_old(t, now_ms);
    bool ok = enter(t, &e, err);
    must(pthread_mutex_unlock(&t->lock) == 0);
    memcpy(token, e.token, sizeof e.token);
    return ok;
}

void
roundtrip_taken(struct roundtrips *t, const char *token, uint64_t id, const char *why)
{
    must(pthread_mutex_lock(&t->lock) == 0);
    struct roundtrip *e = find(t, slice_str(token));
    if (e != NULL && id != 0) {
        e->id = id;
    } else if (e != NULL) {
        e->there = ROUNDTRIP_ENDED;
        slice_copy_text(e->there_words, sizeof e->there_words, slice_str(why));
    }
    must(pthread_mutex_unlock(&t->lock) == 0);
}

bool
roundtrip_look(struct roundtrips *t, struct slice token, uint64_t now_ms, struct roundtrip *out)
{
    must(pthread_mutex_lock(&t->lock) == 0);
    forget_old(t, now_ms);
    const struct roundtrip *e = find(t, token);
    if (e != NULL)
        *out = *e;
    must(pthread_mutex_unlock(&t->lock) == 0);
    return e != NULL;
}

/* ---- What happens ---- */

static void
note_there(struct roundtrip *e, const struct roundtrip_event *event)
{
    static const struct {
        const char *outcome;
        enum roundtrip_there there;
    } outcomes[] = {
        {"delivered", ROUNDTRIP_DELIVERED},
        {"deferred", ROUNDTRIP_DEFERRED},
        {"bounced", ROUNDTRIP_ENDED},
        {"expired", ROUNDTRIP_ENDED},
    };
    for (size_t i = 0; i < sizeof outcomes / sizeof outcomes[0]; i++)
        if (strcmp(outcomes[i].outcome, event->outcome) == 0)
            e->there = outcomes[i].there;
    if (e->there == ROUNDTRIP_DELIVERED && !event->offers_dsn)
        e->back = ROUNDTRIP_OWN_REPORT;
    slice_copy_text(e->there_words, sizeof e->there_words, event->words);
}

static bool
came_from(const struct config *config, struct slice receive_connector, const char *forest)
{
    for (size_t i = 0; i < config->receive_count; i++) {
        const struct receive_connector *r = &config->receive[i];
        for (size_t k = 0; slice_is(receive_connector, r->name) && k < r->speaks_for_count; k++)
            if (strcmp(r->speaks_for[k]->name, forest) == 0)
                return true;
    }
    return false;
}

/* A message without a sender that was delivered to the mailbox of an entry. */
static bool
is_back(const struct roundtrip *e, const struct config *config,
        const struct roundtrip_event *event)
{
    return e->there == ROUNDTRIP_DELIVERED && e->back == ROUNDTRIP_NOT_SEEN &&
           event->envelope->from.len == 0 && strcmp(event->outcome, "delivered") == 0 &&
           ascii_is(event->recipient->address, e->from) &&
           came_from(config, event->envelope->receive_connector, e->forest);
}

void
roundtrip_note(struct roundtrips *t, const struct config *config,
               const struct roundtrip_event *event)
{
    if (t == NULL || atomic_load_explicit(&t->count, memory_order_relaxed) == 0)
        return;
    must(pthread_mutex_lock(&t->lock) == 0);
    for (size_t i = 0; i < ROUNDTRIPS_MAX; i++) {
        struct roundtrip *e = &t->entries[i];
        if (e->token[0] == '\0')
            continue;
        if (e->id == event->envelope->id) {
            note_there(e, event);
        } else if (is_back(e, config, event)) {
            e->back = ROUNDTRIP_CAME;
            slice_copy_text(e->back_words, sizeof e->back_words, event->words);
        }
    }
    must(pthread_mutex_unlock(&t->lock) == 0);
}
