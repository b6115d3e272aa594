#include "gateway/relay/changes.h"

#include <pthread.h>
#include <stdio.h>

#include "gateway/base/clock.h"
#include "gateway/base/mem.h"
#include "tls/keyed_hash.h"

enum { PRINT_OCTETS = 16, PRINT_TEXT = 2 * PRINT_OCTETS + 1 };

/* Of a configuration: its text, and its timetable alone. */
struct prints {
    char text[PRINT_TEXT];
    char timetable[PRINT_TEXT];
};

struct changes {
    struct spool *spool;
    struct log *log;
    pthread_mutex_t lock;  /* all below */
    struct config *config; /* in force; a reference, so that another one has another place */
    struct prints under;   /* which the queue was looked through, or is; "" = nobody knows */
    struct changes_task task;
    size_t walkers; /* workers that are not done with it */
    struct changes_view view;
};

struct changes *
changes_new(struct spool *spool, struct log *log)
{
    struct changes *c = mem_new(sizeof *c);
    if (c == NULL)
        return NULL;
    c->spool = spool;
    c->log = log;
    c->view.since_unix_ms = clock_unix_ms();
    must(pthread_mutex_init(&c->lock, NULL) == 0);
    return c;
}

void
changes_free(struct changes **c)
{
    if (*c == NULL)
        return;
    config_unref(&(*c)->config);
    pthread_mutex_destroy(&(*c)->lock);
    mem_free(c);
}

/* ---- Which configuration ------------------------------------------------------------------ */

static void
print(struct slice octets, char text[PRINT_TEXT])
{
    static const struct keyed_hash_key key = {"forestgate queue"};
    unsigned char hash[KEYED_HASH_SIZE];
    keyed_hash(&key, &octets, 1, hash);
    for (size_t i = 0; i < PRINT_OCTETS; i++)
        snprintf(text + 2 * i, 3, "%02x", hash[i]);
}

static struct prints
prints_of(const struct config *config)
{
    const struct retry_steps *steps = &config->retry_message;
    struct prints p;
    print(config->source, p.text);
    print(slice((const char *)steps->wait_ms, steps->count * sizeof *steps->wait_ms),
          p.timetable);
    return p;
}

/* What the process before left behind; "" = it did not get to the end. */
static struct prints
prints_of_mark(struct spool *spool)
{
    struct prints p = {"", ""};
    char mark[SPOOL_MARK_MAX];
    struct slice text = slice(mark, spool_mark(spool, mark));
    if (text.len == sizeof p.text + sizeof p.timetable - 1) {
        slice_copy_text(p.text, sizeof p.text, slice_head(text, sizeof p.text - 1));
        slice_copy_text(p.timetable, sizeof p.timetable, slice_from(text, sizeof p.text));
    }
    return p;
}

static void
say_trouble(struct changes *c, const struct err *err)
{
    struct log_line line;
    log_begin(&line, c->log, EV_internal_trouble, 0);
    log_str(&line, "what", "the spool's mark of its configuration could not be changed");
    log_str(&line, "why", err->text);
    log_end(&line);
}

/* Without the mark the next start looks at everything, which is never wrong. */
static void
leave_mark(struct changes *c)
{
    char text[SPOOL_MARK_MAX];
    struct err err;
    int n = snprintf(text, sizeof text, "%s %s", c->under.text, c->under.timetable);
    if (!spool_set_mark(c->spool, slice(text, (size_t)n), &err))
        say_trouble(c, &err);
}

/* ---- Begin and end ------------------------------------------------------------------------ */

static void
begin(struct changes *c, const struct prints *next, size_t workers)
{
    struct err err;
    bool is_other_timetable = strcmp(c->under.timetable, next->timetable) != 0;
    c->task.retime = is_other_timetable || (c->walkers > 0 && c->task.retime);
    c->task.walk++;
    c->under = *next;
    c->walkers = workers;
    memset(&c->view, 0, sizeof c->view);
    c->view.since_unix_ms = clock_unix_ms();
    if (!spool_set_mark(c->spool, slice(NULL, 0), &err))
        say_trouble(c, &err);
}

/* The same text again (certificates were read anew) is no change: walks that are under way go on.
 */
static void
use(struct changes *c, struct config *next, size_t workers)
{
    const struct prints prints = prints_of(next);
    if (c->config == NULL)
        c->under = prints_of_mark(c->spool);
    config_unref(&c->config);
    c->config = config_ref(next);
    if (strcmp(prints.text, c->under.text) != 0)
        begin(c, &prints, workers);
}

struct changes_task
changes_begin(struct changes *c, struct config *next, size_t workers)
{
    struct changes_task task = {.walk = 0};
    pthread_mutex_lock(&c->lock);
    bool is_overtaken = c->config != NULL && next->generation < c->config->generation;
    if (!is_overtaken && c->config != next)
        use(c, next, workers);
    if (!is_overtaken)
        task = c->task;
    pthread_mutex_unlock(&c->lock);
    return task;
}

static void
say_walked(struct changes *c)
{
    struct log_line line;
    log_begin(&line, c->log, EV_queue_walked, 0);
    log_num(&line, "moved", c->view.moved);
    log_num(&line, "unreachable", c->view.unreachable);
    log_num(&line, "retimed", c->view.retimed);
    log_num(&line, "took_ms", (uint64_t)(clock_unix_ms() - c->view.since_unix_ms));
    log_end(&line);
}

void
changes_walked(struct changes *c, uint64_t walk)
{
    pthread_mutex_lock(&c->lock);
    if (walk == c->task.walk && c->walkers > 0 && --c->walkers == 0) {
        leave_mark(c);
        say_walked(c);
    }
    pthread_mutex_unlock(&c->lock);
}

/* ---- The account -------------------------------------------------------------------------- */

static struct changes_row *
row_of(struct changes_view *v, struct slice from, struct slice to)
{
    for (size_t i = 0; i < v->row_count; i++)
        if (slice_is(from, v->rows[i].from) && slice_is(to, v->rows[i].to))
            return &v->rows[i];
    if (v->row_count == CHANGES_ROWS)
        return NULL;
    struct changes_row *row = &v->rows[v->row_count++];
    row->messages = 0;
    slice_copy_text(row->from, sizeof row->from, from);
    slice_copy_text(row->to, sizeof row->to, to);
    return row;
}

void
changes_moved(struct changes *c, struct slice from, struct slice to)
{
    pthread_mutex_lock(&c->lock);
    struct changes_row *row = row_of(&c->view, from, to);
    c->view.moved += to.len > 0;
    c->view.unreachable += to.len == 0;
    if (row != NULL)
        row->messages++;
    pthread_mutex_unlock(&c->lock);
}

void
changes_retimed(struct changes *c)
{
    pthread_mutex_lock(&c->lock);
    c->view.retimed++;
    pthread_mutex_unlock(&c->lock);
}

void
changes_read(struct changes *c, struct changes_view *out)
{
    pthread_mutex_lock(&c->lock);
    *out = c->view;
    out->is_walking = c->walkers > 0;
    pthread_mutex_unlock(&c->lock);
}
