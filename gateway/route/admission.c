#include "gateway/route/admission.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>

#include "gateway/base/mem.h"
#include "tls/keyed_hash.h"

enum {
    BUCKETS = 1024,
    FAILURE_SETS = 1024, /* a power of two */
    SET_PLACES = 4,
    WINDOW_MS = 10 * 60 * 1000, /* then counting begins anew */
    DELAY_FIRST_MS = 1000,
    DELAY_MAX_MS = 8000,
    LOOKS_PER_CLIENT = 100, /* sessions of a probe that no connector names */
};

/* What a session counts as, by its place in the ticket. */
/* Who comes in is counted by the first of these, or by all. */
enum { COUNT_CLIENT, COUNT_CONNECTOR, COUNT_NETWORK };

/* How many sessions are open of something. Gone with the last one. */
struct tally {
    struct tally *next; /* of the same bucket */
    unsigned char id[ADMISSION_ID];
    uint32_t open;
};

/* Wrong passwords of one client. */
struct failure {
    unsigned char id[ADMISSION_ID];
    uint32_t count; /* 0: the place is free */
    uint64_t first_ms;
    uint64_t last_ms;
    uint64_t blocked_until_ms; /* 0: not blocked */
    char client[ADMISSION_TEXT];
};

struct admission {
    pthread_mutex_t lock; /* guards all below but the key */
    struct keyed_hash_key key;
    size_t open;     /* sessions in all, those in reserved places among them */
    size_t reserved; /* of these, in places for probes */
    struct tally *tallies[BUCKETS];
    uint64_t next_end_ms; /* no block ends before; UINT64_MAX: there is none */
    struct failure failures[FAILURE_SETS][SET_PLACES];
};

struct admission *
admission_new(void)
{
    struct admission *a = mem_new(sizeof *a);
    if (a == NULL)
        return NULL;
    random_octets(&a->key, sizeof a->key);
    pthread_mutex_init(&a->lock, NULL);
    a->next_end_ms = UINT64_MAX;
    return a;
}

void
admission_free(struct admission **a)
{
    if (*a == NULL)
        return;
    for (size_t i = 0; i < BUCKETS; i++)
        while ((*a)->tallies[i] != NULL) {
            struct tally *t = (*a)->tallies[i];
            (*a)->tallies[i] = t->next;
            mem_free(&t);
        }
    pthread_mutex_destroy(&(*a)->lock);
    mem_free(a);
}

/* ---- What things are known by ---- */

/* The octets of an address that make it a client. */
static struct slice
client_octets(const struct sockaddr *client, unsigned char room[16])
{
    if (client->sa_family == AF_INET) {
        struct sockaddr_in v4;
        memcpy(&v4, client, sizeof v4);
        memcpy(room, &v4.sin_addr, 4);
        return slice((const char *)room, 4);
    }
    if (client->sa_family == AF_INET6) {
        struct sockaddr_in6 v6;
        memcpy(&v6, client, sizeof v6);
        memcpy(room, &v6.sin6_addr, 8);
        return slice((const char *)room, 8);
    }
    return slice_str("local");
}

static void
client_text(const struct sockaddr *client, char text[ADMISSION_TEXT])
{
    unsigned char octets[16] = {0};
    char address[INET6_ADDRSTRLEN] = "local";
    bool is_v6 = client->sa_family == AF_INET6;
    (void)client_octets(client, octets);
    if (is_v6 || client->sa_family == AF_INET)
        inet_ntop(client->sa_family, octets, address, sizeof address);
    snprintf(text, ADMISSION_TEXT, "%s%s", address, is_v6 ? "/64" : "");
}

static void
make_id(const struct admission *a, const char *kind, struct slice first, struct slice second,
        unsigned char id[ADMISSION_ID])
{
    const struct slice parts[] = {slice_str(kind), first, second};
    unsigned char hash[KEYED_HASH_SIZE];
    keyed_hash(&a->key, parts, COUNT_OF(parts), hash);
    memcpy(id, hash, ADMISSION_ID);
}

static void
client_id(const struct admission *a, const struct sockaddr *client,
          unsigned char id[ADMISSION_ID])
{
    unsigned char room[16];
    make_id(a, "client", client_octets(client, room), slice_str(""), id);
}

static size_t
number_of(const unsigned char id[ADMISSION_ID])
{
    uint32_t number;
    memcpy(&number, id, sizeof number);
    return number;
}

/* ---- Open sessions ---- */

static struct tally **
find_tally(struct admission *a, const unsigned char id[ADMISSION_ID])
{
    struct tally **at = &a->tallies[number_of(id) % BUCKETS];
    while (*at != NULL && memcmp((*at)->id, id, ADMISSION_ID) != 0)
        at = &(*at)->next;
    return at;
}

static uint32_t
open_of(struct admission *a, const unsigned char id[ADMISSION_ID])
{
    struct tally **at = find_tally(a, id);
    return *at != NULL ? (*at)->open : 0;
}

static bool
add_one(struct admission *a, const unsigned char id[ADMISSION_ID])
{
    struct tally **at = find_tally(a, id);
    if (*at == NULL) {
        struct tally *t = mem_new(sizeof *t);
        if (t == NULL)
            return false;
        memcpy(t->id, id, ADMISSION_ID);
        *at = t;
    }
    (*at)->open++;
    return true;
}

static void
take_one(struct admission *a, const unsigned char id[ADMISSION_ID])
{
    struct tally **at = find_tally(a, id), *t = *at;
    must(t != NULL && t->open > 0);
    if (--t->open > 0)
        return;
    *at = t->next;
    mem_free(&t);
}

static void
leave(struct admission *a, struct admission_ticket *ticket)
{
    for (size_t i = 0; i < ticket->id_count; i++)
        take_one(a, ticket->ids[i]);
    a->open--;
    a->reserved -= ticket->reserved;
    *ticket = (struct admission_ticket){0};
}

/* A probe that no connector names is counted as a client alone. */
static void
name_counts(const struct admission *a, const struct admission_visit *v,
            struct admission_ticket *ticket)
{
    const struct receive_connector *r = v->connector;
    unsigned char room[16];
    struct slice name = slice_str(r != NULL ? r->name : "");
    make_id(a, "client of", name, client_octets(v->client, room), ticket->ids[COUNT_CLIENT]);
    ticket->id_count = 1;
    if (r == NULL)
        return;
    make_id(a, "connector", name, slice_str(""), ticket->ids[COUNT_CONNECTOR]);
    make_id(a, "network", name, slice_str(v->network->text), ticket->ids[COUNT_NETWORK]);
    ticket->id_count = ADMISSION_COUNTS;
}

static bool
client_is_full(struct admission *a, const struct admission_visit *v,
               const struct admission_ticket *ticket)
{
    uint32_t most =
        v->connector != NULL ? v->connector->connections_per_client : LOOKS_PER_CLIENT;
    return open_of(a, ticket->ids[COUNT_CLIENT]) >= most;
}

static enum admission_verdict
judge(struct admission *a, const struct admission_visit *v, const struct admission_ticket *ticket)
{
    if (a->open - a->reserved >= v->config->limit_sessions)
        return ADMISSION_SESSIONS;
    const struct receive_connector *r = v->connector;
    if (r != NULL && open_of(a, ticket->ids[COUNT_CONNECTOR]) >= r->connections)
        return ADMISSION_CONNECTOR;
    if (r != NULL && open_of(a, ticket->ids[COUNT_NETWORK]) >= r->connections_per_network)
        return ADMISSION_NETWORK;
    return client_is_full(a, v, ticket) ? ADMISSION_CLIENT : ADMISSION_GRANTED;
}

/* Whatever others have filled, a probe may have one of its own places: there it counts as that
 * client's, and takes nothing from its connector and network. */
static bool
reserve(struct admission *a, const struct admission_visit *v, struct admission_ticket *ticket)
{
    if (!v->probe || a->reserved >= v->config->limit_probe_sessions ||
        client_is_full(a, v, ticket))
        return false;
    ticket->id_count = 1;
    ticket->reserved = true;
    return true;
}

static enum admission_verdict
enter(struct admission *a, const struct admission_visit *v, struct admission_ticket *ticket)
{
    enum admission_verdict verdict = judge(a, v, ticket);
    if (verdict != ADMISSION_GRANTED && !reserve(a, v, ticket))
        return verdict;
    for (size_t i = 0; i < ticket->id_count; i++)
        if (!add_one(a, ticket->ids[i])) {
            while (i > 0)
                take_one(a, ticket->ids[--i]);
            return ADMISSION_SESSIONS;
        }
    a->open++;
    a->reserved += ticket->reserved;
    ticket->held = true;
    return ADMISSION_GRANTED;
}

/* ---- Wrong passwords ---- */

/* The client's place; NULL: it has none. */
static struct failure *
find_failure(struct admission *a, const unsigned char id[ADMISSION_ID])
{
    struct failure *set = a->failures[number_of(id) % FAILURE_SETS];
    for (size_t i = 0; i < SET_PLACES; i++)
        if (set[i].count > 0 && memcmp(set[i].id, id, ADMISSION_ID) == 0)
            return &set[i];
    return NULL;
}

/* A free place, else that of the longest silence; one that is blocked only when all are. */
static struct failure *
place_for(struct admission *a, const unsigned char id[ADMISSION_ID])
{
    struct failure *set = a->failures[number_of(id) % FAILURE_SETS], *best = &set[0];
    for (size_t i = 0; i < SET_PLACES; i++) {
        struct failure *f = &set[i];
        if (f->count == 0)
            return f;
        bool is_blocked = f->blocked_until_ms > 0, best_is = best->blocked_until_ms > 0;
        if (is_blocked != best_is ? best_is : f->last_ms < best->last_ms)
            best = f;
    }
    return best;
}

static bool
is_blocked(struct admission *a, const struct admission_visit *v, uint64_t now_ms)
{
    unsigned char id[ADMISSION_ID];
    if (v->probe)
        return false;
    client_id(a, v->client, id);
    const struct failure *f = find_failure(a, id);
    return f != NULL && now_ms < f->blocked_until_ms;
}

static struct admission_penalty
punish(struct admission *a, const struct admission_visit *v, uint64_t now_ms)
{
    unsigned char id[ADMISSION_ID];
    client_id(a, v->client, id);
    struct failure *f = find_failure(a, id);
    if (f == NULL) {
        f = place_for(a, id);
        *f = (struct failure){0};
        memcpy(f->id, id, sizeof id);
        f->first_ms = now_ms;
        client_text(v->client, f->client);
    } else if (f->blocked_until_ms == 0 && now_ms >= f->first_ms + WINDOW_MS) {
        f->count = 0;
        f->first_ms = now_ms;
    }
    f->last_ms = now_ms;
    f->count += f->count < UINT32_MAX;

    struct admission_penalty penalty = {.failures = f->count};
    if (f->count > 1) {
        uint32_t doublings = f->count < 6 ? f->count - 2 : 4;
        penalty.delay_ms = (uint64_t)DELAY_FIRST_MS << doublings;
    }
    if (penalty.delay_ms > DELAY_MAX_MS)
        penalty.delay_ms = DELAY_MAX_MS;
    if (f->blocked_until_ms == 0 && f->count >= v->config->limit_auth_failures) {
        penalty.blocks = true;
        f->blocked_until_ms = now_ms + v->config->auth_block_ms;
        if (f->blocked_until_ms < a->next_end_ms)
            a->next_end_ms = f->blocked_until_ms;
    }
    return penalty;
}

/* Visit all blocks: end one that is over (its place is free again), find when the next ends. */
static bool
end_one(struct admission *a, uint64_t now_ms, char client[ADMISSION_TEXT])
{
    a->next_end_ms = UINT64_MAX;
    for (size_t i = 0; i < FAILURE_SETS; i++)
        for (size_t k = 0; k < SET_PLACES; k++) {
            struct failure *f = &a->failures[i][k];
            if (f->count == 0 || f->blocked_until_ms == 0)
                continue;
            if (now_ms >= f->blocked_until_ms) {
                memcpy(client, f->client, ADMISSION_TEXT);
                *f = (struct failure){0};
                a->next_end_ms = 0; /* there may be more */
                return true;
            }
            if (f->blocked_until_ms < a->next_end_ms)
                a->next_end_ms = f->blocked_until_ms;
        }
    return false;
}

/* ---- For any thread ---- */

enum admission_verdict
admission_enter(struct admission *a, const struct admission_visit *visit, uint64_t now_ms,
                struct admission_ticket *ticket)
{
    *ticket = (struct admission_ticket){0};
    name_counts(a, visit, ticket);
    pthread_mutex_lock(&a->lock);
    enum admission_verdict verdict =
        is_blocked(a, visit, now_ms) ? ADMISSION_BLOCKED : enter(a, visit, ticket);
    pthread_mutex_unlock(&a->lock);
    if (verdict != ADMISSION_GRANTED)
        *ticket = (struct admission_ticket){0};
    return verdict;
}

void
admission_leave(struct admission *a, struct admission_ticket *ticket)
{
    if (!ticket->held)
        return;
    pthread_mutex_lock(&a->lock);
    leave(a, ticket);
    pthread_mutex_unlock(&a->lock);
}

struct admission_penalty
admission_logon_failed(struct admission *a, const struct admission_visit *visit, uint64_t now_ms)
{
    if (visit->probe)
        return (struct admission_penalty){0};
    pthread_mutex_lock(&a->lock);
    struct admission_penalty penalty = punish(a, visit, now_ms);
    pthread_mutex_unlock(&a->lock);
    return penalty;
}

/* A block that has begun stays: who guessed that often may have guessed right at last. */
void
admission_logon_succeeded(struct admission *a, const struct sockaddr *client)
{
    unsigned char id[ADMISSION_ID];
    client_id(a, client, id);
    pthread_mutex_lock(&a->lock);
    struct failure *f = find_failure(a, id);
    if (f != NULL && f->blocked_until_ms == 0)
        *f = (struct failure){0};
    pthread_mutex_unlock(&a->lock);
}

bool
admission_take_ended(struct admission *a, uint64_t now_ms, char client[ADMISSION_TEXT])
{
    pthread_mutex_lock(&a->lock);
    bool ended = now_ms >= a->next_end_ms && end_one(a, now_ms, client);
    pthread_mutex_unlock(&a->lock);
    return ended;
}
