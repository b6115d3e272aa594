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
    const char *stop_reason;
    int status;
};

/* SIGHUP. */
void app_on_hup(void *app);

#endif
