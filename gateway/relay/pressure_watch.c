#include "gateway/relay/pressure_watch.h"

#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

#include "gateway/base/clock.h"
#include "gateway/base/mem.h"
#include "gateway/relay/process_memory.h"

enum { EVERY_S = 1, WINDOW = 10 }; /* rounds over which the mean of the commits is taken */

/* What the committer had done at the end of a round. */
struct commits {
    uint64_t count;
    uint64_t us;
};

struct pressure_watch {
    struct spool *spool;
    struct log *log;
    pthread_t thread;
    bool is_running;

    pthread_mutex_t lock; /* down to pressure */
    pthread_cond_t stopped;
    bool is_stopping;
    struct pressure_bounds bounds[PRESSURE_RESOURCES];
    uint64_t hold_ms;
    struct pressure pressure;

    _Atomic unsigned level;
    _Atomic bool pauses_delivery;

    /* The thread's own: */
    struct commits commits[WINDOW];
    size_t round;
};

/* ---- Levels ------------------------------------------------------------------------------- */

static void
log_change(struct pressure_watch *w, enum pressure_resource resource, enum pressure_level from)
{
    char room[PRESSURE_WHY];
    struct buf why = {.data = room, .cap = sizeof room, .max = sizeof room - 1};
    enum pressure_level to = w->pressure.of[resource].level;
    struct log_line line;
    pressure_put_why(&why, &w->pressure, resource);
    log_begin(&line, w->log, to > from ? EV_pressure_rises : EV_pressure_falls, 0);
    log_str(&line, "resource", pressure_resource_text(resource));
    log_str(&line, "from", pressure_level_text(from));
    log_str(&line, "to", pressure_level_text(to));
    log_slice(&line, "why", buf_slice(&why));
    log_str(&line, "overall", pressure_level_text(pressure_worst(&w->pressure, NULL)));
    log_str(&line, "delivery", pressure_pauses_delivery(&w->pressure) ? "paused" : NULL);
    log_end(&line);
}

void
pressure_watch_judge(struct pressure_watch *w, enum pressure_resource resource, uint64_t reading,
                     uint64_t now_ms)
{
    pthread_mutex_lock(&w->lock);
    enum pressure_level from = w->pressure.of[resource].level;
    if (pressure_read(&w->pressure, resource, reading, w->bounds[resource], w->hold_ms, now_ms)) {
        atomic_store(&w->level, (unsigned)pressure_worst(&w->pressure, NULL));
        atomic_store(&w->pauses_delivery, pressure_pauses_delivery(&w->pressure));
        log_change(w, resource, from);
    }
    pthread_mutex_unlock(&w->lock);
}

void
pressure_watch_use(struct pressure_watch *w, const struct config *config)
{
    struct pressure_bounds bounds[PRESSURE_RESOURCES];
    pressure_bounds_of(config, process_memory_limit(), bounds);
    pthread_mutex_lock(&w->lock);
    memcpy(w->bounds, bounds, sizeof bounds);
    w->hold_ms = config->pressure_hold_ms;
    pthread_mutex_unlock(&w->lock);
}

enum pressure_level
pressure_watch_level(const struct pressure_watch *w)
{
    return w != NULL ? atomic_load_explicit(&w->level, memory_order_relaxed) : PRESSURE_NORMAL;
}

bool
pressure_watch_pauses_delivery(const struct pressure_watch *w)
{
    return w != NULL && atomic_load_explicit(&w->pauses_delivery, memory_order_relaxed);
}

struct pressure
pressure_watch_read(struct pressure_watch *w)
{
    pthread_mutex_lock(&w->lock);
    struct pressure pressure = w->pressure;
    pthread_mutex_unlock(&w->lock);
    return pressure;
}

void
pressure_watch_why(struct pressure_watch *w, char text[PRESSURE_WHY])
{
    struct buf why = {.data = text, .cap = PRESSURE_WHY, .max = PRESSURE_WHY - 1};
    struct pressure pressure = pressure_watch_read(w);
    enum pressure_resource worst;
    text[0] = '\0';
    if (pressure_worst(&pressure, &worst) == PRESSURE_NORMAL)
        return;
    pressure_put_why(&why, &pressure, worst);
    text[why.len] = '\0';
}

/* ---- The thread --------------------------------------------------------------------------- */

/* The mean over the window, so that one hiccup among thousands is none; but a commit that does
 * not end counts while it hangs. Nothing to commit is 0: a level falls for lack of news, and the
 * mail that comes through then shows whether the disk has recovered. */
static uint64_t
commit_ms(struct pressure_watch *w, const struct spool_counters *c, uint64_t age_us)
{
    struct commits *oldest = &w->commits[w->round++ % WINDOW];
    uint64_t count = c->commits - oldest->count;
    uint64_t mean_us = count > 0 ? (c->commit_us_total - oldest->us) / count : 0;
    *oldest = (struct commits){c->commits, c->commit_us_total};
    return (mean_us > age_us ? mean_us : age_us) / 1000;
}

static void
judge_spool(struct pressure_watch *w, const struct spool_load *load, uint64_t now_ms)
{
    pressure_watch_judge(w, PRESSURE_DISK_FREE, load->disk_free, now_ms);
    pressure_watch_judge(w, PRESSURE_SPOOL_SIZE, load->database_used, now_ms);
}

/* Could what the database can use again make a difference to a level? */
static bool
needs_exact(struct pressure_watch *w, const struct spool_load *load)
{
    const struct {
        enum pressure_resource resource;
        uint64_t reading;
    } rows[] = {{PRESSURE_DISK_FREE, load->disk_free},
                {PRESSURE_SPOOL_SIZE, load->database_used}};
    bool needs = false;
    pthread_mutex_lock(&w->lock);
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        needs = needs || w->pressure.of[rows[i].resource].level > PRESSURE_NORMAL ||
                pressure_level_of(rows[i].resource, rows[i].reading,
                                  &w->bounds[rows[i].resource]) > PRESSURE_NORMAL;
    pthread_mutex_unlock(&w->lock);
    return needs;
}

static void
look(struct pressure_watch *w)
{
    struct spool_counters c;
    uint64_t age_us = spool_commit_age_us(w->spool);
    uint64_t now_ms = clock_ms();
    spool_counters(w->spool, &c);
    pressure_watch_judge(w, PRESSURE_COMMIT_TIME, commit_ms(w, &c, age_us), now_ms);
    pressure_watch_judge(w, PRESSURE_MESSAGES, c.messages, now_ms);
    pressure_watch_judge(w, PRESSURE_MEMORY, process_memory_used(), now_ms);
    struct spool_load load = spool_load(w->spool, false);
    if (needs_exact(w, &load))
        load = spool_load(w->spool, true);
    judge_spool(w, &load, now_ms);
}

/* True: go on. */
static bool
wait_for_turn(struct pressure_watch *w)
{
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    at.tv_sec += EVERY_S;
    pthread_mutex_lock(&w->lock);
    while (!w->is_stopping && pthread_cond_timedwait(&w->stopped, &w->lock, &at) == 0)
        continue; /* woken for nothing */
    bool goes_on = !w->is_stopping;
    pthread_mutex_unlock(&w->lock);
    return goes_on;
}

static void *
run(void *context)
{
    struct pressure_watch *w = context;
    do
        look(w);
    while (wait_for_turn(w));
    return NULL;
}

/* ---- Begin and end ------------------------------------------------------------------------ */

struct pressure_watch *
pressure_watch_new(struct spool *spool, struct log *log)
{
    pthread_condattr_t monotonic;
    struct pressure_watch *w = mem_new(sizeof *w);
    if (w == NULL)
        return NULL;
    w->spool = spool;
    w->log = log;
    pthread_mutex_init(&w->lock, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&w->stopped, &monotonic);
    pthread_condattr_destroy(&monotonic);
    return w;
}

bool
pressure_watch_start(struct pressure_watch *w, struct err *err)
{
    int rc = pthread_create(&w->thread, NULL, run, w);
    w->is_running = rc == 0;
    return rc == 0 || err_set_at(err, ERR_IO, rc, ERR_HERE, "cannot start the watch on pressure");
}

void
pressure_watch_free(struct pressure_watch **ref)
{
    struct pressure_watch *w = *ref;
    if (w == NULL)
        return;
    pthread_mutex_lock(&w->lock);
    w->is_stopping = true;
    pthread_cond_signal(&w->stopped);
    pthread_mutex_unlock(&w->lock);
    if (w->is_running)
        pthread_join(w->thread, NULL);
    pthread_cond_destroy(&w->stopped);
    pthread_mutex_destroy(&w->lock);
    mem_free(ref);
}
