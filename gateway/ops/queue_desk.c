#include "gateway/ops/queue_desk.h"

#include "gateway/base/ascii.h"
#include "gateway/base/clock.h"
#include "gateway/base/mem.h"

enum { PAGE = 512 };

static const struct {
    const char *name;
    int (*run)(struct queue_desk *d, const struct queue_selector *s);
} verbs[] = {
    {"list", queue_list},     {"show", queue_show},     {"suspend", queue_suspend},
    {"resume", queue_resume}, {"retry", queue_retry},   {"remove", queue_remove},
    {"export", queue_export}, {"import", queue_import},
};

int
queue_desk_trouble(struct queue_desk *d, const struct err *err)
{
    buf_printf(&d->out->text, "%s\n", err->text);
    d->had_trouble = true;
    return 2;
}

/* ---- Words ---- */

static bool
read_flag(struct queue_wishes *w, struct slice word)
{
    const struct {
        const char *name;
        bool *flag;
    } rows[] = {
        {"--json", &w->json}, {"--messages", &w->messages}, {"--headers", &w->headers},
        {"--body", &w->body}, {"--reroute", &w->reroute},   {"--yes", &w->yes},
        {"--dsn", &w->dsn},   {"--no-dsn", &w->no_dsn},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        if (slice_is(word, rows[i].name))
            return *rows[i].flag = true;
    struct slice terminal = slice_str("--terminal=");
    uint64_t width;
    if (!slice_starts(word, terminal) ||
        !ascii_number(slice_from(word, terminal.len), 10000, &width))
        return false;
    w->is_terminal = true;
    w->width = (size_t)width;
    return true;
}

static bool
read_flags(struct queue_desk *d, const struct slice *words, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (read_flag(&d->wish, words[i]))
            continue;
        buf_printf(&d->out->text,
                   "forestgate queue does not know %.*s; see forestgate queue --help\n",
                   SLICE_ARG(slice_head(words[i], 100)));
        return false;
    }
    return true;
}

static bool
is_known(void *context, struct slice queue)
{
    const struct queue_desk *d = context;
    return queue_row_of(d->rows, d->row_count, queue) != NULL ||
           spool_queue_is_suspended(d->spool, queue);
}

struct queue_facts
queue_desk_facts(void *desk, struct slice queue)
{
    const struct queue_desk *d = desk;
    const struct queue_row *row = queue_row_of(d->rows, d->row_count, queue);
    return (struct queue_facts){
        .in_retry = row != NULL && row->in_retry,
        .last_error = row != NULL ? row->last_error : "",
        .in_flight = spool_in_flight(d->spool),
    };
}

static int
run_verb(struct queue_desk *d, struct slice *words, size_t count)
{
    struct queue_selector s;
    size_t verb = 0;
    while (count > 0 && verb < COUNT_OF(verbs) && !slice_is(words[0], verbs[verb].name))
        verb++;
    if (count == 0 || verb == COUNT_OF(verbs)) {
        buf_put_str(&d->out->text,
                    "forestgate queue: list, show, suspend, resume, retry, remove, "
                    "export or import; see forestgate queue --help\n");
        return 2;
    }
    words++, count--;
    if (!queue_select_read(&s, d->config, words, &count, is_known, d, &d->out->text) ||
        !read_flags(d, words, count))
        return 2;
    return verbs[verb].run(d, &s);
}

int
queue_desk_run(struct queue_desk *d, struct slice *words, size_t count)
{
    int status = 2;
    d->wish = (struct queue_wishes){0};
    d->had_trouble = false;
    d->now_unix_ms = clock_unix_ms();
    d->clerk = clerk_new(d->spool, d->give_up);
    d->rows = queue_rows(d->spool, d->board, d->config, &d->row_count);
    arena_init(&d->arena, 4 * ENVELOPE_RECORD_MAX);
    if (d->clerk != NULL && d->rows != NULL)
        status = run_verb(d, words, count);
    else
        buf_put_str(&d->out->text, "Out of memory.\n");
    arena_fini(&d->arena);
    mem_free(&d->rows);
    clerk_free(&d->clerk);
    return d->out->is_broken || d->had_trouble ? 2 : status;
}

/* ---- The walk ---- */

struct walk {
    struct queue_desk *d;
    const struct queue_selector *s;
    bool (*each)(void *context, const struct envelope *e);
    void *context;
    uint64_t horizon; /* what came later than we began is not meant */
    uint64_t left;    /* of the limit */
};

/* False: stop. A message that is gone meanwhile is passed over. */
static bool
visit(struct walk *w, uint64_t id)
{
    struct queue_desk *d = w->d;
    struct envelope e;
    struct err err;
    if (id > w->horizon)
        return true;
    arena_reset(&d->arena);
    if (!spool_read(d->spool, id, &d->arena, &e, &err)) {
        if (err.kind == ERR_STATE)
            return true;
        queue_desk_trouble(d, &err);
        return false;
    }
    if (!queue_select_matches(w->s, &e, d->now_unix_ms, queue_desk_facts, d))
        return true;
    if (w->left-- == 0 || *d->give_up)
        return false;
    return w->each(w->context, &e);
}

static bool
walk_ids(struct walk *w)
{
    for (size_t i = 0; i < w->s->id_count; i++)
        if (!visit(w, w->s->ids[i]))
            return false;
    return true;
}

/* In the order of time received. */
static bool
walk_all(struct walk *w)
{
    uint64_t page[PAGE], after = w->s->after;
    size_t n;
    do {
        n = spool_list(w->d->spool, after, page, PAGE);
        for (size_t i = 0; i < n; i++)
            if (!visit(w, page[i]))
                return false;
        if (n > 0)
            after = page[n - 1];
    } while (n > 0 && after < w->horizon);
    return true;
}

/* Only one queue, in the order of its next tries: a small one is found quickly in a large
 * spool. */
static bool
walk_queue(struct walk *w)
{
    struct spool_place page[PAGE], after = {INT64_MIN, 0};
    int64_t next_due;
    size_t n;
    do {
        n = spool_due(w->d->spool, slice_str(w->s->queue), after, INT64_MAX, page, PAGE,
                      &next_due);
        for (size_t i = 0; i < n; i++)
            if (!visit(w, page[i].id))
                return false;
        if (n > 0)
            after = page[n - 1];
    } while (n > 0);
    return true;
}

bool
queue_desk_walk(struct queue_desk *d, const struct queue_selector *s,
                bool (*each)(void *context, const struct envelope *e), void *context)
{
    struct walk w = {.d = d, .s = s, .each = each, .context = context, .left = s->limit};
    w.horizon = id_next(spool_ids(d->spool), clock_unix_ms());
    if (s->id_count > 0)
        return walk_ids(&w);
    return s->queue != NULL && s->after == 0 ? walk_queue(&w) : walk_all(&w);
}
