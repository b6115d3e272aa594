#include "gateway/app_private.h"

#include "config/config_files.h"
#include "gateway/exceptions.h"
#include "gateway/relay/pressure_watch.h"
#include "gateway/relay/series.h"

enum { LOOKS_BETWEEN_TRIES = 60 }; /* ten minutes, with `reread` left at 10s */

static void
complain(struct complaints *list, const struct config *c, const char *text)
{
    buf_printf(&list->text, "%s: error: %s\n", c->file, text);
    list->errors++;
}

static bool
same_text(const char *a, const char *b)
{
    return (a == NULL) == (b == NULL) && (a == NULL || strcmp(a, b) == 0);
}

/* What cannot change while we run. */
static void
check_fixed(const struct config *now, const struct config *next, struct complaints *list)
{
    const char *monitor = now->monitor ? now->monitor->text : NULL;
    const char *next_monitor = next->monitor ? next->monitor->text : NULL;
    if (now->workers != next->workers)
        complain(list, next, "workers changes only with a restart");
    if (!same_text(now->spool_path, next->spool_path))
        complain(list, next, "spool.path changes only with a restart");
    if (!same_text(now->control_path, next->control_path))
        complain(list, next, "control changes only with a restart");
    if (!same_text(monitor, next_monitor))
        complain(list, next, "monitor.address changes only with a restart");
}

static bool
use_config(struct app *a, struct config **take_config, struct complaints *list)
{
    struct err err;
    struct runtime *r = NULL;
    check_fixed(a->worker->runtime->config, *take_config, list);
    if (list->errors > 0) {
        config_unref(take_config);
        return false;
    }
    (*take_config)->generation = ++a->generation;
    if (!runtime_new(take_config, &r, &err)) {
        buf_printf(&list->text, "%s: error: %s\n", a->config_path, err.text);
        list->errors++;
        return false;
    }
    bool ok = doors_open(a->doors, r->config, &err) && crew_use(a->crew, r, &err);
    if (!ok)
        complain(list, r->config, err.text);
    doors_keep(a->doors, a->worker->runtime->config);
    pressure_watch_use(a->shop.pressure, a->worker->runtime->config);
    runtime_unref(&r);
    return ok;
}

/* Of the complaints the first that refuses: warnings may stand before it. */
static struct slice
first_error(struct slice text)
{
    static const char mark[] = ": error: ";
    for (struct slice rest = text; rest.len > 0;) {
        struct slice line = slice_head(rest, slice_find(rest, '\n'));
        if (memmem(line.ptr, line.len, mark, sizeof mark - 1) != NULL)
            return line;
        slice_skip(&rest, line.len < rest.len ? line.len + 1 : line.len);
    }
    return slice_head(text, slice_find(text, '\n'));
}

static void
log_outcome(struct app *a, enum log_event event, const struct complaints *list)
{
    struct log_line line;
    log_begin(&line, a->shop.log, event, 0);
    log_str(&line, "file", a->config_path);
    if (list->errors > 0) {
        struct slice why = first_error(buf_slice(&list->text));
        log_num(&line, "complaints", list->errors);
        log_slice(&line, "why", why);
        board_say_refused(a->shop.board, why);
    }
    log_end(&line);
}

/* The source of a configuration: its file as it is now, or the text that is in force. */
static bool
load(struct app *a, struct slice text_or_none, struct config **out, struct complaints *list)
{
    if (text_or_none.ptr != NULL)
        return config_load_text(a->config_path, text_or_none, out, list);
    return config_load(a->config_path, out, list);
}

static bool
take(struct app *a, struct slice text_or_none, struct complaints *list)
{
    struct config *config = NULL;
    if (a->worker->draining) { /* it would open doors and outlets again */
        buf_printf(&list->text, "%s: error: the gateway is stopping\n", a->config_path);
        list->errors++;
    }
    bool ok =
        list->errors == 0 && load(a, text_or_none, &config, list) && use_config(a, &config, list);
    counter_add(
        metrics_series(a->shop.metrics, METRIC_reloads_total, ok ? "ok" : "refused", NULL), 1);
    if (!ok)
        return false;
    exceptions_log(&a->shop, a->worker->runtime->config);
    series_begin(a->shop.metrics, a->worker->runtime->config);
    board_say_loaded(a->shop.board, a->generation);
    a->files_tried = a->files_seen = a->worker->runtime->config->files;
    app_watch_files(a);
    return true;
}

bool
app_reload(struct app *a, struct complaints *list)
{
    bool ok = take(a, slice(NULL, 0), list);
    log_outcome(a, ok ? EV_config_loaded : EV_config_refused, list);
    return ok;
}

void
app_on_hup(void *context)
{
    struct complaints list;
    complaints_init(&list);
    bool ok = app_reload(context, &list);
    (void)ok; /* logged there */
    complaints_fini(&list);
}

/* ---- Files that change on disk ---- */

/* Looked at by their inodes and not by inotify: that follows no symbolic links (which is how
 * certificates are often rotated), and tells nothing on a network file system. */
void
app_watch_files(struct app *a)
{
    uint64_t every = a->worker->runtime->config->reread_ms;
    timer_set(a->files_timer, every > 0 ? loop_now_ms(a->loop) + every : UINT64_MAX);
}

/* The configuration in force, with the files that it names as they are now. */
static void
reread_files(struct app *a)
{
    struct complaints list;
    struct config *now = config_ref(a->worker->runtime->config); /* its text, over the reload */
    complaints_init(&list);
    bool ok = take(a, now->source, &list);
    log_outcome(a, ok ? EV_files_loaded : EV_files_refused, &list);
    complaints_fini(&list);
    config_unref(&now);
}

/* A certificate and its key are two files: once something has changed, we wait until a look later
 * nothing more has. What was refused is tried again when it changes again, and now and then: it
 * may have been for want of descriptors or memory. */
void
app_on_files_timer(void *context)
{
    struct app *a = context;
    uint64_t seen = config_files_look(a->worker->runtime->config);
    bool rests = seen == a->files_seen;
    a->files_seen = seen;
    app_watch_files(a);
    bool is_new = seen != a->files_tried;
    bool is_refused = seen != a->worker->runtime->config->files;
    bool is_time = is_new || (is_refused && ++a->files_looks >= LOOKS_BETWEEN_TRIES);
    if (a->worker->draining || !rests || !is_time)
        return;
    a->files_tried = seen;
    a->files_looks = 0;
    reread_files(a);
}
