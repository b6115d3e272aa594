#include "gateway/relay/crew.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

#include "gateway/base/mem.h"
#include "gateway/relay/credentials.h"
#include "gateway/relay/inbound.h"
#include "gateway/relay/news.h"

enum {
    ARRIVALS_MAX = 512,  /* letters that wait; beyond: no connection is added to them */
    REQUESTS_MAX = 768,  /* nor a request of an operator */
    LETTERS_MAX = 1024,  /* and the last word always has room */
    USE_AGAIN_MS = 1000, /* a configuration that could not be taken, for want of memory */
};

enum letter {
    LETTER_ARRIVAL, /* ref: struct arrival */
    LETTER_RUNTIME, /* ref: struct runtime */
    LETTER_RETRY,   /* ref: text, the connector's name or "" */
    LETTER_CHECK,   /* ref: text, the connector's name */
    LETTER_EDIT,    /* ref: struct news */
    LETTER_DRAIN,
    LETTER_STOP,
};

/* A connection on its way to its worker. */
struct arrival {
    int fd;
    char address[64]; /* of the listener, as the configuration writes it */
};

struct member {
    struct crew *crew;
    struct worker *worker;
    struct loop *loop;
    struct mailbox *letters;
    _Atomic size_t waiting; /* letters posted and not yet read */
    struct runtime *next;   /* could not be taken yet */
    struct timer *use_again;
    pthread_t thread;
    bool running;
};

struct crew {
    struct workshop *shop;
    struct member members[WORKERS_MAX];
    size_t count;
    size_t turn; /* who is looked at first when connections are shared out */
    struct waker *idle_waker;
    _Atomic size_t idle_count;
    void (*on_idle)(void *context);
    void *on_idle_context;
};

static void
log_trouble(const struct member *m, const char *what, const char *why)
{
    struct log_line line;
    log_begin(&line, m->crew->shop->log, EV_internal_trouble, 0);
    log_str(&line, "what", what);
    log_str(&line, "why", why);
    log_end(&line);
}

/* ---- Letters ---- */

static void
letter_drop(const struct mailbox_item *item)
{
    struct arrival *arrival = item->ref;
    struct runtime *runtime = item->ref;
    char *text = item->ref;
    struct news *news = item->ref;
    switch ((enum letter)item->kind) {
    case LETTER_ARRIVAL:
        close(arrival->fd);
        mem_free(&arrival);
        return;
    case LETTER_RUNTIME:
        runtime_unref(&runtime);
        return;
    case LETTER_RETRY:
    case LETTER_CHECK:
        mem_free(&text);
        return;
    case LETTER_EDIT:
        news_unref(&news);
        return;
    case LETTER_DRAIN:
    case LETTER_STOP:
        return;
    }
    never("letter has seven values");
}

static void
open_session(struct worker *w, const char *address, int fd)
{
    const struct listener *l = config_listener_at(w->runtime->config, address);
    if (l != NULL)
        inbound_open(w, l, fd);
    else
        close(fd); /* the configuration has just dropped it: its door is about to close */
}

static void
use_later(struct member *m, const struct err *why)
{
    log_trouble(m, "a worker could not take the new configuration yet", why->text);
    timer_set(m->use_again, loop_now_ms(m->loop) + USE_AGAIN_MS);
}

/* The first worker took this configuration, so only memory or descriptors can be short: what was
 * in force stays for a moment, and mail is taken under it. */
static void
use(struct member *m)
{
    struct err err;
    if (worker_use(m->worker, m->next, &err))
        runtime_unref(&m->next);
    else
        use_later(m, &err);
}

/* The first worker decides for all. When it could take all but some of the connectors, the
 * configuration is in force, and they follow. */
static bool
use_first(struct member *m, struct runtime *runtime, struct err *err)
{
    bool ok = worker_use(m->worker, runtime, err);
    if (m->worker->runtime != runtime)
        return false;
    runtime_unref(&m->next);
    if (ok)
        return true;
    m->next = runtime_ref(runtime);
    use_later(m, err);
    return true;
}

static void
on_use_again(void *context)
{
    struct member *m = context;
    if (m->next != NULL && !m->worker->draining)
        use(m);
}

/* A worker has nothing under way any more; on its own thread. */
static void
on_worker_idle(void *context)
{
    struct crew *c = context;
    atomic_fetch_add(&c->idle_count, 1);
    waker_wake(c->idle_waker);
}

static void
on_letter(void *owner, const struct mailbox_item *item)
{
    struct member *m = owner;
    struct worker *w = m->worker;
    const struct arrival *arrival = item->ref;
    struct news *news = item->ref;
    atomic_fetch_sub(&m->waiting, 1);
    switch ((enum letter)item->kind) {
    case LETTER_ARRIVAL:
        open_session(w, arrival->address, arrival->fd);
        mem_release(item->ref);
        return;
    case LETTER_RUNTIME:
        runtime_unref(&m->next);
        m->next = item->ref;
        use(m);
        return;
    case LETTER_RETRY:
        worker_retry(w, slice_str(item->ref));
        mem_release(item->ref);
        return;
    case LETTER_CHECK:
        worker_check(w, slice_str(item->ref));
        mem_release(item->ref);
        return;
    case LETTER_EDIT:
        news_heard(&news, worker_heed_edit(w, news_ids(news), news_count(news)));
        return;
    case LETTER_DRAIN:
        worker_drain(w, on_worker_idle, m->crew);
        return;
    case LETTER_STOP:
        loop_stop(m->loop);
        return;
    }
    never("letter has seven values");
}

static void
on_letter_dropped(void *owner, const struct mailbox_item *item)
{
    (void)owner;
    letter_drop(item);
}

/* The reference goes with the letter, also when it is refused: more than `most` wait there. */
static bool
post(struct member *m, enum letter kind, void *take_ref, size_t most)
{
    const struct mailbox_item item = {.ref = take_ref, .kind = kind};
    if (atomic_fetch_add(&m->waiting, 1) < most && mailbox_post(m->letters, &item))
        return true;
    atomic_fetch_sub(&m->waiting, 1);
    letter_drop(&item);
    return false;
}

/* ---- Connections ---- */

/* The worker with the fewest sessions, those on their way included. */
static struct member *
least_loaded(struct crew *c)
{
    struct member *best = NULL;
    size_t fewest = SIZE_MAX;
    for (size_t i = 0; i < c->count; i++) {
        struct member *m = &c->members[(c->turn + i) % c->count];
        size_t waiting = atomic_load(&m->waiting);
        size_t load = atomic_load(&m->worker->session_count) + waiting;
        if (load >= fewest || waiting >= ARRIVALS_MAX)
            continue;
        best = m;
        fewest = load;
    }
    c->turn++;
    return best != NULL ? best : &c->members[0];
}

void
crew_hand(struct crew *c, const struct listener *listener, int fd)
{
    struct member *m = least_loaded(c);
    if (m == &c->members[0]) {
        inbound_open(m->worker, listener, fd);
        return;
    }
    struct arrival *arrival = mem_new(sizeof *arrival);
    if (arrival == NULL) {
        close(fd);
        return;
    }
    arrival->fd = fd;
    slice_copy_text(arrival->address, sizeof arrival->address, slice_str(listener->address.text));
    (void)post(m, LETTER_ARRIVAL, arrival, LETTERS_MAX); /* refused: closed */
}

size_t
crew_sessions(const struct crew *c)
{
    size_t n = 0;
    for (size_t i = 0; i < c->count; i++)
        n += atomic_load(&c->members[i].worker->session_count);
    return n;
}

/* ---- Asked of all ---- */

bool
crew_use(struct crew *c, struct runtime *runtime, struct err *err)
{
    for (size_t i = 1; i < c->count; i++)
        if (atomic_load(&c->members[i].waiting) >= REQUESTS_MAX)
            return err_set(err, ERR_STATE, "worker %zu does not answer; try again", i);
    TRY(use_first(&c->members[0], runtime, err));
    for (size_t i = 1; i < c->count; i++)
        must(post(&c->members[i], LETTER_RUNTIME, runtime_ref(runtime), LETTERS_MAX));
    return true;
}

static void
retry_at(struct member *m, struct slice connector)
{
    if (m == &m->crew->members[0]) {
        worker_retry(m->worker, connector);
        return;
    }
    char *text = mem_text(connector);
    if (text == NULL || !post(m, LETTER_RETRY, text, REQUESTS_MAX))
        log_trouble(m, "a worker could not be asked to try again", "it does not answer");
}

/* Before anybody tries, and once for all connectors that use it: a worker that is asked later
 * must not undo what the credential has met since. */
static void
forgive_credentials(struct crew *c, struct slice connector)
{
    const struct config *config = c->members[0].worker->runtime->config;
    for (size_t i = 0; i < config->send_count; i++) {
        const struct send_connector *s = &config->send[i];
        if (connector.len > 0 && !slice_is(connector, s->name))
            continue;
        const struct credential_id id = credential_id_of(c->shop->credentials, config, s);
        credential_forgive(c->shop->credentials, &id);
    }
}

void
crew_retry(struct crew *c, struct slice connector)
{
    size_t owner = ownership_of(c->shop->ownership, connector);
    forgive_credentials(c, connector);
    for (size_t i = 0; i < c->count; i++)
        if (connector.len == 0 || i == owner)
            retry_at(&c->members[i], connector);
}

void
crew_check(struct crew *c, struct slice connector)
{
    struct member *m = &c->members[ownership_of(c->shop->ownership, connector)];
    if (m == &c->members[0]) {
        worker_check(m->worker, connector);
        return;
    }
    char *text = mem_text(connector);
    if (text != NULL)
        (void)post(m, LETTER_CHECK, text, REQUESTS_MAX); /* refused: asked again soon */
}

bool
crew_heed_edit(struct crew *c, const uint64_t *ids, size_t count, size_t *under_way,
               const _Atomic bool *give_up)
{
    *under_way = 0;
    struct news *n = news_new(ids, count);
    if (n == NULL)
        return false;
    bool all = true;
    for (size_t i = 0; i < c->count; i++)
        all = post(&c->members[i], LETTER_EDIT, news_ref(n), REQUESTS_MAX) && all;
    all = all && news_wait(n, give_up, under_way);
    news_unref(&n);
    return all;
}

/* ---- The end of all ---- */

static void
on_idle_wake(void *context)
{
    struct crew *c = context;
    if (c->on_idle == NULL || atomic_load(&c->idle_count) < c->count)
        return;
    void (*on_idle)(void *) = c->on_idle;
    c->on_idle = NULL;
    on_idle(c->on_idle_context);
}

void
crew_drain(struct crew *c, void (*on_idle)(void *context), void *context)
{
    c->on_idle = on_idle;
    c->on_idle_context = context;
    for (size_t i = 1; i < c->count; i++)
        must(post(&c->members[i], LETTER_DRAIN, NULL, LETTERS_MAX));
    worker_drain(c->members[0].worker, on_worker_idle, c);
}

static void
stop_threads(struct crew *c)
{
    for (size_t i = 1; i < c->count; i++)
        if (c->members[i].running)
            must(post(&c->members[i], LETTER_STOP, NULL, SIZE_MAX));
    for (size_t i = 1; i < c->count; i++)
        if (c->members[i].running)
            pthread_join(c->members[i].thread, NULL);
}

/* Its thread has ended: what lived there is ours now. */
static void
member_fini(struct member *m, bool owns_loop)
{
    if (m->letters != NULL)
        mailbox_close(m->letters);
    mailbox_free(&m->letters);
    timer_free(&m->use_again);
    runtime_unref(&m->next);
    worker_free(&m->worker);
    if (owns_loop)
        loop_free(&m->loop);
}

void
crew_free(struct crew **ref)
{
    struct crew *c = *ref;
    *ref = NULL;
    if (c == NULL)
        return;
    stop_threads(c);
    for (size_t i = 0; i < c->count; i++)
        member_fini(&c->members[i], i > 0);
    waker_free(&c->idle_waker);
    ownership_free(&c->shop->ownership);
    mem_free(&c);
}

/* ---- The beginning ---- */

static void
flush_log(void *log)
{
    log_flush(log);
}

static bool
member_init(struct crew *c, size_t index, struct loop *loop_or_null, struct runtime *runtime,
            struct err *err)
{
    static const struct mailbox_events letters = {on_letter, on_letter_dropped};
    struct member *m = &c->members[index];
    m->crew = c;
    m->loop = loop_or_null;
    if (m->loop == NULL)
        TRY(loop_new(&m->loop, err));
    TRY(worker_new(c->shop, index, m->loop, runtime, &m->worker, err));
    m->letters = mailbox_new(m->loop, LETTERS_MAX, &letters, m);
    m->use_again = timer_new(m->loop, on_use_again, m);
    if (m->letters == NULL || m->use_again == NULL)
        return err_set(err, ERR_NOMEM, "out of memory");
    if (c->shop->log != NULL)
        loop_on_turn_end(m->loop, flush_log, c->shop->log);
    return true;
}

bool
crew_new(struct workshop *shop, size_t worker_count, struct loop *loop, struct runtime *runtime,
         struct crew **out, struct err *err)
{
    must(worker_count > 0 && worker_count <= WORKERS_MAX);
    struct crew *c = mem_new(sizeof *c);
    if (c == NULL)
        return err_set(err, ERR_NOMEM, "out of memory");
    c->shop = shop;
    shop->worker_count = worker_count;
    shop->ownership = ownership_new(worker_count);
    c->idle_waker = waker_new(loop, on_idle_wake, c);
    bool ok = shop->ownership != NULL && c->idle_waker != NULL;
    if (!ok)
        err_set(err, ERR_NOMEM, "out of memory");
    while (ok && c->count < worker_count) {
        size_t index = c->count++; /* also one that is half made is unmade */
        ok = member_init(c, index, index == 0 ? loop : NULL, runtime, err);
    }
    if (!ok) {
        crew_free(&c);
        return false;
    }
    *out = c;
    return true;
}

static void *
work(void *context)
{
    struct member *m = context;
    loop_run(m->loop);
    return NULL;
}

bool
crew_start(struct crew *c, struct err *err)
{
    for (size_t i = 1; i < c->count; i++) {
        struct member *m = &c->members[i];
        char name[16];
        errno = pthread_create(&m->thread, NULL, work, m);
        if (errno != 0)
            return err_sys(err, ERR_IO, "worker %zu: thread", i);
        m->running = true;
        snprintf(name, sizeof name, "worker-%zu", i);
        pthread_setname_np(m->thread, name);
    }
    return true;
}

struct worker *
crew_first(const struct crew *c)
{
    return c->members[0].worker;
}
