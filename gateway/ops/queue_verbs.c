/* queue suspend, resume, retry, remove: of messages, or of a queue as a whole. */
#include <inttypes.h>

#include "gateway/base/log.h"
#include "gateway/ops/control_text.h"
#include "gateway/ops/queue_desk.h"
#include "gateway/ops/queue_text.h"
#include "gateway/relay/track.h"
#include "gateway/route/queued.h"

enum { TRACKED_MAX = 4 << 20 };

/* ---- Many messages, in pages ---- */

/* What the log says of a message that is removed, once it is. */
struct removal {
    char from[128];
    size_t recipients;
};

struct edits {
    struct queue_desk *d;
    const struct queue_selector *s;
    enum spool_verb verb;
    uint64_t ids[SPOOL_EDIT_MAX];
    struct removal removals[SPOOL_EDIT_MAX]; /* of a verb that removes */
    struct buf tracked;                      /* their lines in the tracking log */
    size_t count;
    uint64_t changed, under_way;
    bool some_unheard; /* a worker could not be told in time */
    struct err err;
    bool has_failed;
};

static bool
removes(const struct edits *p)
{
    return p->verb == SPOOL_RETURN || p->verb == SPOOL_REMOVE;
}

/* Who is to be told is in the tracking log when the report is made. */
static void
note_removal(struct edits *p, const struct envelope *e)
{
    struct removal *r = &p->removals[p->count];
    slice_copy_text(r->from, sizeof r->from, queue_sender(e));
    r->recipients = envelope_open_count(e);
    if (p->verb != SPOOL_REMOVE || p->d->tracking == NULL)
        return;
    if (p->tracked.len > 0)
        buf_put_str(&p->tracked, "\r\n");
    track_put_removed(&p->tracked, e, p->s->queue);
}

/* One line for each: custody ends here. */
static void
log_removals(struct edits *p)
{
    for (size_t i = 0; removes(p) && i < p->count; i++) {
        struct log_line line;
        log_begin(&line, p->d->log, EV_removed, p->ids[i]);
        log_str(&line, "from", p->removals[i].from);
        log_num(&line, "recipients", p->removals[i].recipients);
        log_str(&line, "report", p->verb == SPOOL_RETURN ? "yes" : "no");
        log_num(&line, "uid", p->d->uid);
        log_end(&line);
    }
    if (p->tracked.len > 0)
        journal_put(p->d->tracking, buf_slice(&p->tracked));
    buf_clear(&p->tracked);
}

/* What the page holds is changed, durably, and then forgotten by whoever has it in memory. */
static bool
edit_page(struct edits *p)
{
    struct spool_edit edit = {
        .verb = p->verb, .ids = p->ids, .count = p->count, .queue = p->s->queue};
    size_t changed = 0, under_way = 0;
    if (p->count == 0)
        return true;
    p->has_failed = !clerk_edit(p->d->clerk, &edit, &changed, &p->err);
    if (p->has_failed)
        return false;
    p->changed += changed;
    log_removals(p);
    if (p->d->heed != NULL && !p->d->heed(p->d->context, p->ids, p->count, &under_way))
        p->some_unheard = true;
    p->under_way += under_way;
    p->count = 0;
    return true;
}

static bool
on_message(void *context, const struct envelope *e)
{
    struct edits *p = context;
    if (removes(p))
        note_removal(p, e);
    p->ids[p->count++] = e->id;
    return p->count < SPOOL_EDIT_MAX || edit_page(p);
}

/* Also what the walk left behind when the limit stopped it. */
static void
edit_selected(struct edits *p)
{
    (void)queue_desk_walk(p->d, p->s, on_message, p);
    if (!p->has_failed)
        (void)edit_page(p);
    size_t ignored;
    if (p->d->heed != NULL && p->changed > 0)
        (void)p->d->heed(p->d->context, NULL, 0, &ignored);
}

static void
put_result(const struct edits *p, const char *done)
{
    struct buf *out = &p->d->out->text;
    if (p->d->wish.json) {
        control_put_json(out, json_pack("{s:s, s:I, s:I}", "done", done, "changed",
                                        (json_int_t)p->changed, "under_way",
                                        (json_int_t)p->under_way));
        return;
    }
    buf_printf(out, "%" PRIu64 " %s %s.\n", p->changed,
               p->changed == 1 ? "message is" : "messages are", done);
    if (p->under_way > 0)
        buf_printf(out,
                   "%" PRIu64 " of them were being delivered at that moment: that attempt goes "
                   "on.\n",
                   p->under_way);
    if (p->some_unheard)
        buf_put_str(out,
                    "A part of the gateway was too busy to be told at once: some of them may "
                    "still be tried once.\n");
}

/* 0: something was changed; 1: nothing was. */
static int
edit_all(struct queue_desk *d, const struct queue_selector *s, enum spool_verb verb,
         const char *done)
{
    struct edits p = {.d = d, .s = s, .verb = verb};
    buf_init(&p.tracked, TRACKED_MAX);
    edit_selected(&p);
    buf_fini(&p.tracked);
    if (p.has_failed)
        queue_desk_trouble(d, &p.err);
    put_result(&p, done);
    return p.changed > 0 ? 0 : 1;
}

/* ---- Whole queues ---- */

/* The verb needs to know what is meant. */
static bool
says_what(struct queue_desk *d, const struct queue_selector *s, const char *verb)
{
    if (!queue_select_is_empty(s))
        return true;
    buf_printf(&d->out->text,
               "queue %s takes a queue, queue ids, selectors, or --all; see forestgate queue "
               "--help\n",
               verb);
    return false;
}

static bool
is_connectors(struct queue_desk *d, const struct queue_selector *s)
{
    if (s->queue[0] != '\0' && s->queue[0] != '(')
        return true;
    buf_printf(&d->out->text, "%s is no queue of a send connector: nothing is sent from it.\n",
               control_queue_name(s->queue));
    return false;
}

static int
suspend_queue(struct queue_desk *d, const struct queue_selector *s, bool suspended)
{
    struct err err;
    size_t ignored;
    if (!is_connectors(d, s))
        return 1;
    if (!clerk_suspend_queue(d->clerk, slice_str(s->queue), suspended, &err))
        return queue_desk_trouble(d, &err);
    if (d->heed != NULL)
        (void)d->heed(d->context, NULL, 0, &ignored);
    if (d->wish.json)
        control_put_json(&d->out->text,
                         json_pack("{s:s, s:b}", "queue", s->queue, "suspended", (int)suspended));
    else
        buf_printf(&d->out->text, "The queue %s is %s.\n", s->queue,
                   suspended ? "suspended: its mail waits until queue resume"
                             : "resumed; messages that were suspended one by one stay so");
    return 0;
}

int
queue_suspend(struct queue_desk *d, const struct queue_selector *s)
{
    if (!says_what(d, s, "suspend"))
        return 2;
    return s->is_whole ? suspend_queue(d, s, true) : edit_all(d, s, SPOOL_SUSPEND, "suspended");
}

int
queue_resume(struct queue_desk *d, const struct queue_selector *s)
{
    if (!says_what(d, s, "resume"))
        return 2;
    bool is_whole = s->is_whole && s->queue[0] != '(';
    return is_whole ? suspend_queue(d, s, false) : edit_all(d, s, SPOOL_RESUME, "resumed");
}

/* ---- Retry ---- */

struct rerouting {
    struct edits *edits;
    uint64_t moved;
};

static size_t
fill_rows(const struct rerouting *w, const struct envelope *e, struct recipient_change *rows)
{
    const struct queue_desk *d = w->edits->d;
    size_t count = 0;
    for (size_t i = 0; i < e->recipient_count; i++) {
        const struct envelope_recipient *r = &e->recipients[i];
        const struct send_connector *way =
            route_queued(d->config, e->receive_connector, r->address, NULL, 0);
        struct slice to = slice_str(way != NULL ? way->name : "");
        bool can_move =
            r->state == RECIPIENT_WAITING || (r->state == RECIPIENT_HELD && to.len > 0);
        if (!can_move || slice_equal(to, r->connector))
            continue;
        rows[count++] = (struct recipient_change){
            .index = (uint32_t)i,
            .state = RECIPIENT_WAITING,
            .connector = to,
            .attempts = r->attempts,
            .due_unix_ms = d->now_unix_ms,
            .last_error = r->last_error,
            .moved_from = r->connector,
        };
    }
    return count;
}

static bool
on_reroute(void *context, const struct envelope *e)
{
    struct rerouting *w = context;
    struct edits *p = w->edits;
    struct recipient_change *rows = arena_new(&p->d->arena, e->recipient_count * sizeof *rows);
    size_t ignored, count = rows != NULL ? fill_rows(w, e, rows) : 0;
    struct spool_change change = {.id = e->id, .rows = rows, .row_count = count};
    if (rows == NULL)
        p->has_failed = !err_set(&p->err, ERR_NOMEM, "Out of memory.");
    else if (count > 0)
        p->has_failed = !clerk_record(p->d->clerk, &change, &p->err) && p->err.kind != ERR_STATE;
    if (p->has_failed)
        return false;
    w->moved += count > 0;
    if (count > 0 && p->d->heed != NULL)
        (void)p->d->heed(p->d->context, &e->id, 1, &ignored);
    return true;
}

static int
reroute(struct queue_desk *d, const struct queue_selector *s)
{
    struct edits p = {.d = d, .s = s};
    struct rerouting w = {.edits = &p};
    (void)queue_desk_walk(d, s, on_reroute, &w);
    if (p.has_failed)
        return queue_desk_trouble(d, &p.err);
    if (!d->wish.json)
        buf_printf(&d->out->text, "%" PRIu64 " %s another way now.\n", w.moved,
                   w.moved == 1 ? "message goes" : "messages go");
    return 0;
}

int
queue_retry(struct queue_desk *d, const struct queue_selector *s)
{
    if (!says_what(d, s, "retry"))
        return 2;
    if (d->wish.reroute && reroute(d, s) != 0)
        return 2;
    int status = edit_all(d, s, SPOOL_RETRY, "due now");
    bool is_whole = (s->is_whole && s->queue[0] != '(') || (s->is_all && s->queue == NULL);
    if (!is_whole)
        return d->wish.reroute ? 0 : status;
    if (d->wake != NULL)
        d->wake(d->context, s->queue != NULL ? s->queue : "");
    if (!d->wish.json)
        buf_put_str(&d->out->text, d->wake != NULL
                                       ? "Its mail is tried again now.\n"
                                       : "Its mail is tried again when the gateway starts.\n");
    return d->had_trouble ? 2 : 0;
}

/* ---- Remove ---- */

static bool
count_message(void *context, const struct envelope *e)
{
    uint64_t *count = context;
    (void)e;
    ++*count;
    return true;
}

static int
ask_for_yes(struct queue_desk *d, const struct queue_selector *s)
{
    uint64_t count = 0;
    (void)queue_desk_walk(d, s, count_message, &count);
    buf_printf(&d->out->text, "%" PRIu64 " %s be removed; --yes does it.\n", count,
               count == 1 ? "message would" : "messages would");
    return 1;
}

int
queue_remove(struct queue_desk *d, const struct queue_selector *s)
{
    if (!says_what(d, s, "remove"))
        return 2;
    if (d->wish.dsn == d->wish.no_dsn) {
        buf_put_str(&d->out->text,
                    "queue remove takes --dsn (the sender is told that an operator "
                    "removed it) or --no-dsn.\n");
        return 2;
    }
    if (s->id_count == 0 && !d->wish.yes)
        return ask_for_yes(d, s);
    return edit_all(d, s, d->wish.dsn ? SPOOL_RETURN : SPOOL_REMOVE, "removed");
}
