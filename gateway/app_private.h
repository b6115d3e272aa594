/*
 * app_private.h - the inside of the daemon, shared by app.c (its beginning and end) and
 * app_reload.c (what changes while it runs).
 */
#ifndef GATEWAY_APP_PRIVATE_H
#define GATEWAY_APP_PRIVATE_H

#include "gateway/app.h"
#include "gateway/net/watch.h"
#include "gateway/ops/control.h"
#include "gateway/ops/monitor.h"
#include "gateway/relay/doors.h"

struct app {
    const char *config_path;
    uint64_t generation;
    struct workshop shop;
    struct loop *loop;
    struct crew *crew;
    struct worker *worker; /* the first of the crew */
    struct doors *doors;
    struct control *control;
    struct monitor *monitor;
    struct signal_watch *on_term;
    struct signal_watch *on_int;
    struct signal_watch *on_hup;
    struct waker *spool_failure;
    struct err spool_err; /* written by the committer before the wake, read after */
    struct timer *drain_timer;
    struct timer *files_timer;
    uint64_t files_seen;  /* config_files_look(): at the last look */
    uint64_t files_tried; /* with which the configuration in force was read, or was to be */
    unsigned files_looks; /* since they were read */
    const char *stop_reason;
    int status;
};

/* SIGHUP. */
void app_on_hup(void *app);

/* Look at the files that the configuration names, now and then (`reread`). */
void app_watch_files(struct app *a);
void app_on_files_timer(void *app);

#endif
