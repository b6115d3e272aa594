#include "gateway/app_private.h"

#include "gateway/exceptions.h"

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
    const struct config *next = *take_config;
    check_fixed(a->worker->runtime->config, next, list);
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
    runtime_unref(&r);
    return ok;
}

static void
log_refused(struct app *a, const struct complaints *list)
{
    struct slice first = buf_slice(&list->text);
    struct log_line line;
    log_begin(&line, a->shop.log, EV_config_refused, 0);
    log_str(&line, "file", a->config_path);
    log_num(&line, "complaints", list->errors);
    log_slice(&line, "why", slice_head(first, slice_find(first, '\n')));
    log_end(&line);
}

bool
app_reload(struct app *a, struct complaints *list)
{
    struct config *config = NULL;
    if (a->worker->draining) { /* it would open doors and outlets again */
        buf_printf(&list->text, "%s: error: the gateway is stopping\n", a->config_path);
        list->errors++;
    }
    bool ok = list->errors == 0 && config_load(a->config_path, &config, list) &&
              use_config(a, &config, list);
    counter_add(
        metrics_series(a->shop.metrics, METRIC_reloads_total, ok ? "ok" : "refused", NULL), 1);
    if (!ok) {
        log_refused(a, list);
        return false;
    }
    exceptions_log(&a->shop, a->worker->runtime->config);
    struct log_line line;
    log_begin(&line, a->shop.log, EV_config_loaded, 0);
    log_str(&line, "file", a->config_path);
    log_end(&line);
    return true;
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
