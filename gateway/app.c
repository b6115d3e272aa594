#include "gateway/app_private.h"

#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "gateway/base/clock.h"
#include "gateway/base/mem.h"
#include "gateway/command_options.h"
#include "gateway/crash.h"
#include "gateway/exceptions.h"
#include "gateway/journal/tracking_index.h"
#include "gateway/relay/changes.h"
#include "gateway/relay/pressure_watch.h"
#include "gateway/relay/protocol_log.h"
#include "gateway/relay/report_limit.h"
#include "gateway/relay/roundtrip.h"
#include "gateway/relay/series.h"
#include "gateway/relay/tls_diary.h"
#include "gateway/version.h"

enum {
    LOGONS_REMEMBERED = 4096,
    LOGON_MS = 5 * 60 * 1000,
    AUTO_WORKERS_MAX = 4, /* design.md 4 */
    EXIT_FINE = 0,
    EXIT_CONFIG = 1,
    EXIT_TROUBLE = 2,
};

/* ---- The log of the process itself ---- */

static void
log_trouble(struct app *a, const char *what, const char *why)
{
    struct log_line line;
    log_begin(&line, a->shop.log, EV_internal_trouble, 0);
    log_str(&line, "what", what);
    log_str(&line, "why", why);
    log_end(&line);
}

static void
log_started(struct app *a, const struct spool_found *found)
{
    const struct config *c = a->worker->runtime->config;
    struct log_line line;
    log_begin(&line, a->shop.log, EV_started, 0);
    log_str(&line, "version", FORESTGATE_VERSION);
    log_str(&line, "hostname", c->hostname);
    log_num(&line, "workers", a->shop.worker_count);
    log_num(&line, "listeners", c->listener_count);
    log_num(&line, "forests", c->forest_count);
    log_num(&line, "messages", found->recovered);
    log_end(&line);
    log_flush(a->shop.log);
}

/* ---- The end ---- */

static void
stop(void *context)
{
    struct app *a = context;
    loop_stop(a->loop);
}

void
app_drain(struct app *a, const char *reason)
{
    if (a->worker->draining) { /* asked twice: at once */
        loop_stop(a->loop);
        return;
    }
    struct log_line line;
    log_begin(&line, a->shop.log, EV_stopping, 0);
    log_str(&line, "reason", reason);
    log_num(&line, "sessions", crew_sessions(a->crew));
    log_num(&line, "deliveries", board_in_flight(a->shop.board));
    log_end(&line);
    a->stop_reason = reason;
    /* The doors stay open: who comes now is told 421, and a balancer sees a server that leaves
     * and not one that is dead. */
    timer_set(a->drain_timer, loop_now_ms(a->loop) + a->worker->runtime->config->drain_ms);
    board_say_draining(a->shop.board);
    crew_drain(a->crew, stop, a);
}

static void
on_term(void *context)
{
    app_drain(context, "SIGTERM");
}

/* On the committer's thread: nothing but a note and a wake. */
static void
on_spool_failure(void *context, const struct err *why)
{
    struct app *a = context;
    a->spool_err = *why;
    waker_wake(a->spool_failure);
}

/* A commit is in doubt: its clients got 451. We leave, and the next start reads from disk what is
 * true (design.md 4): a duplicate is possible, a loss is not. */
static void
on_spool_failed(void *context)
{
    struct app *a = context;
    if (a->spool_err.kind == ERR_NONE)
        return; /* the spool has logged why */
    a->stop_reason = "the spool failed";
    a->status = EXIT_TROUBLE;
    loop_stop(a->loop);
}

/* ---- The beginning ---- */

static bool
open_spool(struct app *a, const struct config *c, struct spool_found *found, struct err *err)
{
    const struct spool_settings settings = {
        .path = c->spool_path,
        .map_size = c->spool_map_size,
        .reserve = c->spool_reserve,
        .body_in_file = c->spool_body_in_file,
        .log = a->shop.log,
        .metrics = a->shop.metrics,
        .on_failure = on_spool_failure,
        .context = a,
    };
    TRY(spool_open(&settings, &a->shop.spool, found, err));
    memcpy(a->shop.trace_key.octets, spool_key(a->shop.spool), KEYED_HASH_KEY);
    crash_watch(spool_in_flight(a->shop.spool));
    return true;
}

/* Its settings are those of the start: a reload changes nothing of it. */
static bool
open_tracking(struct app *a, const struct config *c, struct err *err)
{
    const struct journal_settings settings = {
        .folder = c->tracking_path,
        .prefix = TRACKING_PREFIX,
        .log_type = TRACKING_LOG_TYPE,
        .fields = TRACKING_FIELDS,
        .file_size = c->tracking_file_size,
        .folder_size = c->tracking_folder_size,
        .keep_ms = c->tracking_keep_ms,
        .log = a->shop.log,
        .dropped =
            metrics_series(a->shop.metrics, METRIC_journal_dropped_lines_total, "tracking", NULL),
        .on_complete = tracking_index_make,
        .on_remove = tracking_index_remove,
    };
    return c->tracking_path == NULL || journal_new(&settings, &a->shop.tracking, err) ||
           err_within(err, "tracking");
}

static bool
watch_pressure(struct app *a, const struct config *c, struct err *err)
{
    a->shop.pressure = pressure_watch_new(a->shop.spool, a->shop.log);
    if (a->shop.pressure == NULL)
        return err_set(err, ERR_NOMEM, "out of memory");
    pressure_watch_use(a->shop.pressure, c);
    return pressure_watch_start(a->shop.pressure, err);
}

static bool
reload_for_control(void *context, struct buf *out)
{
    struct complaints list;
    complaints_init(&list);
    bool ok = app_reload(context, &list);
    buf_put(out, buf_slice(&list.text));
    complaints_fini(&list);
    return ok;
}

static void
drain_for_control(void *context)
{
    app_drain(context, "forestgate drain");
}

static bool
make_tools(struct app *a, const struct config *c, struct err *err)
{
    const struct control_means means = {
        .shop = &a->shop,
        .crew = a->crew,
        .worker = a->worker,
        .reload = reload_for_control,
        .drain = drain_for_control,
        .app = a,
    };
    if ((a->doors = doors_new(a->crew)) == NULL)
        return err_set(err, ERR_NOMEM, "out of memory");
    TRY(control_new(c->control_path, &means, &a->control, err));
    TRY(monitor_new(c->monitor, a->crew, &a->monitor, err));
    a->on_term = signal_watch_new(a->loop, SIGTERM, on_term, a);
    a->on_int = signal_watch_new(a->loop, SIGINT, on_term, a);
    a->drain_timer = timer_new(a->loop, stop, a);
    a->files_timer = timer_new(a->loop, app_on_files_timer, a);
    if (a->on_term == NULL || a->on_int == NULL || a->drain_timer == NULL ||
        a->files_timer == NULL)
        return err_set(err, ERR_NOMEM, "out of memory");
    return true;
}

static size_t
worker_count(const struct config *c)
{
    unsigned processors = loop_processors();
    if (c->workers > 0)
        return c->workers;
    return processors < AUTO_WORKERS_MAX ? processors : AUTO_WORKERS_MAX;
}

/* Everything in order; what was made is unmade by tear_down() in any case. */
static bool
build(struct app *a, struct config **take_config, struct spool_found *found, struct err *err)
{
    struct runtime *r = NULL;
    TRY(runtime_new(take_config, &r, err));
    a->shop.metrics = metrics_new();
    a->shop.board = board_new(FORESTGATE_VERSION);
    a->shop.logons = logon_memory_new(LOGONS_REMEMBERED, LOGON_MS);
    a->shop.credentials = credentials_new();
    a->shop.roundtrips = roundtrips_new();
    a->shop.report_limit = report_limit_new();
    a->shop.diary = tls_diary_new(a->shop.log, a->shop.metrics, clock_unix_ms());
    a->shop.admission = admission_new();
    bool ok = a->shop.metrics != NULL && a->shop.board != NULL && a->shop.logons != NULL &&
              a->shop.credentials != NULL && a->shop.roundtrips != NULL &&
              a->shop.report_limit != NULL && a->shop.diary != NULL && a->shop.admission != NULL;
    if (!ok)
        err_set(err, ERR_NOMEM, "out of memory");
    ok = ok && loop_new(&a->loop, err);
    /* From here to the end nobody who asks for a reload ends us, as the signal would by itself:
     * while the spool is recovered it waits, at the end it comes too late. */
    if (ok && (a->on_hup = signal_watch_new(a->loop, SIGHUP, app_on_hup, a)) == NULL)
        ok = err_set(err, ERR_NOMEM, "out of memory");
    if (ok && (a->spool_failure = waker_new(a->loop, on_spool_failed, a)) == NULL)
        ok = err_set(err, ERR_NOMEM, "out of memory");
    ok = ok && open_spool(a, r->config, found, err) && open_tracking(a, r->config, err) &&
         watch_pressure(a, r->config, err) &&
         protocol_log_new(r->config, a->shop.log, a->shop.metrics, &a->shop.protocol_log, err);
    if (ok && (a->shop.changes = changes_new(a->shop.spool, a->shop.log)) == NULL)
        ok = err_set(err, ERR_NOMEM, "out of memory");
    ok = ok && crew_new(&a->shop, worker_count(r->config), a->loop, r, &a->crew, err);
    if (ok)
        a->worker = crew_first(a->crew);
    ok = ok && make_tools(a, r->config, err) && crew_start(a->crew, err) &&
         doors_open(a->doors, r->config, err);
    if (ok) {
        a->files_seen = a->files_tried = r->config->files;
        app_watch_files(a);
        exceptions_log(&a->shop, r->config);
        series_begin(a->shop.metrics, r->config);
        board_say_loaded(a->shop.board, a->generation);
        counter_set(metrics_series(a->shop.metrics, METRIC_build_info, FORESTGATE_VERSION, NULL),
                    1);
    }
    runtime_unref(&r);
    return ok;
}

static void
tear_down(struct app *a)
{
    doors_free(&a->doors);
    monitor_free(&a->monitor);
    control_free(&a->control);
    signal_watch_free(&a->on_term);
    signal_watch_free(&a->on_int);
    timer_free(&a->drain_timer);
    timer_free(&a->files_timer);
    crew_free(&a->crew);
    tls_diary_free(&a->shop.diary);
    journal_free(&a->shop.tracking);
    protocol_log_free(&a->shop.protocol_log);
    crash_watch(NULL);
    pressure_watch_free(&a->shop.pressure);
    changes_free(&a->shop.changes);
    spool_close(&a->shop.spool);
    waker_free(&a->spool_failure);
    signal_watch_free(&a->on_hup);
    if (a->loop != NULL)
        loop_free(&a->loop);
    admission_free(&a->shop.admission);
    logon_memory_free(&a->shop.logons);
    credentials_free(&a->shop.credentials);
    roundtrips_free(&a->shop.roundtrips);
    report_limit_free(&a->shop.report_limit);
    board_free(&a->shop.board);
    metrics_free(&a->shop.metrics);
}

int
app_run(const char *config_path, enum log_level least)
{
    struct err err;
    struct app *a = mem_new(sizeof *a);
    struct config *config = NULL;
    struct complaints list;
    struct spool_found found = {0};
    if (a == NULL || (a->shop.log = log_new(STDERR_FILENO, least)) == NULL)
        return EXIT_TROUBLE;
    a->config_path = config_path;
    complaints_init(&list);
    bool loaded = config_load(config_path, &config, &list);
    options_print(&list.text, stderr);
    complaints_fini(&list);
    a->status = EXIT_CONFIG;
    if (loaded && build(a, &config, &found, &err)) {
        a->status = EXIT_FINE;
        log_started(a, &found);
        loop_run(a->loop);
    } else if (loaded) {
        a->status = err.kind == ERR_CONFIG || err.kind == ERR_TLS ? EXIT_CONFIG : EXIT_TROUBLE;
        log_trouble(a, "the gateway could not start", err.text);
    }
    tear_down(a);
    if (loaded && a->stop_reason != NULL) {
        struct log_line line;
        log_begin(&line, a->shop.log, EV_stopped, 0);
        log_str(&line, "reason", a->stop_reason);
        log_end(&line);
    }
    int status = a->status;
    log_free(&a->shop.log);
    mem_free(&a);
    return status;
}
