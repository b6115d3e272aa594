#include "gateway/relay/board.h"

#include <pthread.h>
#include <stdatomic.h>

#include "gateway/base/clock.h"
#include "gateway/base/mem.h"

struct board_place {
    struct board_place *next;
    struct board_connector notice; /* under the board's lock */
    size_t server_room;
    _Atomic uint64_t connections, ready, in_flight;
    _Atomic uint64_t delivered_ms[BOARD_SERVERS_MAX];
    _Atomic uint32_t server_connections[BOARD_SERVERS_MAX];
};

struct board {
    pthread_mutex_t lock;
    struct board_place *first;
    size_t count;
    struct board_process process;
};

struct board *
board_new(const char *version)
{
    struct board *b = mem_new(sizeof *b);
    if (b == NULL)
        return NULL;
    pthread_mutex_init(&b->lock, NULL);
    b->process.version = version;
    b->process.started_unix_ms = clock_unix_ms();
    return b;
}

void
board_free(struct board **ref)
{
    struct board *b = *ref;
    if (b == NULL)
        return;
    must(b->first == NULL);
    pthread_mutex_destroy(&b->lock);
    mem_free(ref);
}

/* ---- The owner of a send connector ---- */

struct board_place *
board_enter(struct board *b, const char *name)
{
    struct board_place *place = b != NULL ? mem_new(sizeof *place) : NULL;
    if (place == NULL)
        return NULL;
    slice_copy_text(place->notice.name, sizeof place->notice.name, slice_str(name));
    pthread_mutex_lock(&b->lock);
    bool fits = b->count < BOARD_CONNECTORS_MAX;
    if (fits) {
        place->next = b->first;
        b->first = place;
        b->count++;
    }
    pthread_mutex_unlock(&b->lock);
    if (!fits)
        mem_free(&place);
    return place;
}

void
board_leave(struct board *b, struct board_place **ref)
{
    struct board_place *place = *ref;
    if (place == NULL)
        return;
    pthread_mutex_lock(&b->lock);
    struct board_place **at = &b->first;
    while (*at != place)
        at = &(*at)->next;
    *at = place->next;
    b->count--;
    pthread_mutex_unlock(&b->lock);
    mem_free(&place->notice.servers);
    mem_free(ref);
}

/* Room for this many servers; without memory for the ones there is room for. */
static size_t
make_room(struct board_place *place, size_t count)
{
    count = count < BOARD_SERVERS_MAX ? count : BOARD_SERVERS_MAX;
    if (count <= place->server_room)
        return count;
    struct board_server *servers = mem_resize(place->notice.servers, count * sizeof *servers);
    if (servers == NULL)
        return place->server_room;
    place->notice.servers = servers;
    place->server_room = count;
    return count;
}

void
board_say(struct board *b, struct board_place *place, const struct board_connector *notice)
{
    if (place == NULL)
        return;
    pthread_mutex_lock(&b->lock);
    size_t count = make_room(place, notice->server_count);
    struct board_server *servers = place->notice.servers;
    char name[sizeof notice->name];
    memcpy(name, place->notice.name, sizeof name);
    place->notice = *notice;
    memcpy(place->notice.name, name, sizeof name);
    place->notice.servers = servers;
    place->notice.server_count = count;
    if (count > 0)
        memcpy(servers, notice->servers, count * sizeof *servers);
    for (size_t i = 0; i < count; i++) {
        board_delivered(place, i, servers[i].evidence.delivered_ms);
        board_connected(place, i, servers[i].connections);
    }
    pthread_mutex_unlock(&b->lock);
}

void
board_count(struct board_place *place, uint64_t connections, uint64_t ready, uint64_t in_flight)
{
    if (place == NULL)
        return;
    atomic_store_explicit(&place->connections, connections, memory_order_relaxed);
    atomic_store_explicit(&place->ready, ready, memory_order_relaxed);
    atomic_store_explicit(&place->in_flight, in_flight, memory_order_relaxed);
}

void
board_delivered(struct board_place *place, size_t server, uint64_t now_ms)
{
    if (place != NULL && server < BOARD_SERVERS_MAX)
        atomic_store_explicit(&place->delivered_ms[server], now_ms, memory_order_relaxed);
}

void
board_connected(struct board_place *place, size_t server, uint32_t connections)
{
    if (place != NULL && server < BOARD_SERVERS_MAX)
        atomic_store_explicit(&place->server_connections[server], connections,
                              memory_order_relaxed);
}

/* ---- Whoever reads ---- */

static struct board_place *
find(struct board *b, struct slice name)
{
    struct board_place *place = b->first;
    while (place != NULL && !slice_is(name, place->notice.name))
        place = place->next;
    return place;
}

/* Under the lock: the notice with the numbers that changed since it was put up. */
static bool
copy_notice(struct board_place *place, struct board_connector *out)
{
    const struct board_connector *notice = &place->notice;
    struct board_server *servers = NULL;
    if (notice->server_count > 0) {
        servers = mem_new(notice->server_count * sizeof *servers);
        if (servers == NULL)
            return false;
        memcpy(servers, notice->servers, notice->server_count * sizeof *servers);
    }
    *out = *notice;
    out->servers = servers;
    out->connections = atomic_load_explicit(&place->connections, memory_order_relaxed);
    out->ready = atomic_load_explicit(&place->ready, memory_order_relaxed);
    out->in_flight = atomic_load_explicit(&place->in_flight, memory_order_relaxed);
    for (size_t i = 0; i < out->server_count; i++) {
        uint64_t at = atomic_load_explicit(&place->delivered_ms[i], memory_order_relaxed);
        servers[i].evidence.delivered_ms = at;
        servers[i].connections =
            atomic_load_explicit(&place->server_connections[i], memory_order_relaxed);
        if (at > out->last_delivery_ms)
            out->last_delivery_ms = at;
    }
    return true;
}

bool
board_read(struct board *b, struct slice name, struct board_connector *out)
{
    pthread_mutex_lock(&b->lock);
    struct board_place *place = find(b, name);
    bool ok = place != NULL && copy_notice(place, out);
    pthread_mutex_unlock(&b->lock);
    return ok;
}

void
board_connector_fini(struct board_connector *c)
{
    mem_free(&c->servers);
    c->server_count = 0;
}

size_t
board_names(struct board *b, char (*out)[64], size_t max)
{
    size_t n = 0;
    pthread_mutex_lock(&b->lock);
    for (const struct board_place *p = b->first; p != NULL && n < max; p = p->next)
        memcpy(out[n++], p->notice.name, sizeof p->notice.name);
    pthread_mutex_unlock(&b->lock);
    return n;
}

bool
board_is_suspended(const struct board_connector *c, uint64_t now_ms)
{
    return c->suspended_until_ms > now_ms;
}

static struct evidence
evidence_of(const struct board_server *s, uint64_t now_ms)
{
    return s->logon_refused_until_ms > now_ms ? (struct evidence){.failed_ms = now_ms}
                                              : s->evidence;
}

enum belief
board_server_belief(const struct board_server *s, uint64_t now_ms, uint64_t fresh_ms)
{
    const struct evidence e = evidence_of(s, now_ms);
    return evidence_belief(&e, now_ms, fresh_ms);
}

enum belief
board_belief(const struct board_connector *c, uint64_t now_ms, uint64_t fresh_ms)
{
    struct evidence list[BOARD_SERVERS_MAX];
    for (size_t i = 0; i < c->server_count; i++)
        list[i] = evidence_of(&c->servers[i], now_ms);
    const struct connector_evidence e = {
        .is_suspended = board_is_suspended(c, now_ms),
        .logon_refused = c->logon_refused_until_ms > now_ms || c->logon_doubted_until_ms > now_ms,
        .names_failed_ms = c->names_failed_ms,
        .servers = list,
        .server_count = c->server_count,
    };
    return evidence_of_connector(&e, now_ms, fresh_ms);
}

uint64_t
board_next_try_ms(const struct board_connector *c, uint64_t now_ms)
{
    return board_is_suspended(c, now_ms) ? c->suspended_until_ms : c->next_try_ms;
}

bool
board_is_up(const struct board_connector *c, uint64_t now_ms)
{
    if (c->is_queue_suspended || board_is_suspended(c, now_ms) ||
        c->logon_refused_until_ms > now_ms)
        return false;
    for (size_t i = 0; i < c->server_count; i++)
        if (c->servers[i].failures == 0 && c->servers[i].logon_refused_until_ms <= now_ms)
            return true;
    return c->server_count == 0 && c->names_failed_ms == 0;
}

/* Under the lock. */
static struct hop_offers
offers_of(const struct board_connector *notice, enum hop_join join, uint64_t now_ms)
{
    struct hop_offers all = {.known_ms = 0};
    for (size_t i = 0; i < notice->server_count; i++)
        hop_offers_add(&all, i, &notice->servers[i].offers, join, now_ms);
    return all;
}

struct hop_offers
board_offers(struct board *b, struct slice name, enum hop_join join, uint64_t now_ms)
{
    struct hop_offers all = {.known_ms = 0};
    pthread_mutex_lock(&b->lock);
    const struct board_place *place = find(b, name);
    if (place != NULL)
        all = offers_of(&place->notice, join, now_ms);
    pthread_mutex_unlock(&b->lock);
    return all;
}

bool
board_someone_lacks_binary(struct board *b, uint64_t now_ms)
{
    bool lacks = false;
    pthread_mutex_lock(&b->lock);
    for (struct board_place *p = b->first; p != NULL && !lacks; p = p->next) {
        struct hop_offers all = offers_of(&p->notice, HOP_ANY, now_ms);
        lacks = hop_lacks_binary(&all);
    }
    pthread_mutex_unlock(&b->lock);
    return lacks;
}

uint64_t
board_in_flight(struct board *b)
{
    uint64_t n = 0;
    pthread_mutex_lock(&b->lock);
    for (struct board_place *p = b->first; p != NULL; p = p->next)
        n += atomic_load_explicit(&p->in_flight, memory_order_relaxed);
    pthread_mutex_unlock(&b->lock);
    return n;
}

/* ---- The process ---- */

void
board_say_loaded(struct board *b, uint64_t generation)
{
    pthread_mutex_lock(&b->lock);
    b->process.generation = generation;
    b->process.loaded_unix_ms = clock_unix_ms();
    pthread_mutex_unlock(&b->lock);
}

void
board_say_refused(struct board *b, struct slice why)
{
    pthread_mutex_lock(&b->lock);
    b->process.refused_unix_ms = clock_unix_ms();
    slice_copy_text(b->process.refused_why, sizeof b->process.refused_why, why);
    pthread_mutex_unlock(&b->lock);
}

void
board_say_draining(struct board *b)
{
    pthread_mutex_lock(&b->lock);
    b->process.draining = true;
    pthread_mutex_unlock(&b->lock);
}

struct board_process
board_process(struct board *b)
{
    pthread_mutex_lock(&b->lock);
    struct board_process p = b->process;
    pthread_mutex_unlock(&b->lock);
    return p;
}
