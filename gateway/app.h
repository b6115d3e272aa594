/*
 * app.h - the daemon: makes every part in order, runs, unmakes them in reverse.
 *
 *     configuration, TLS contexts   what can be wrong is found before anything is touched
 *     spool                         recovered and locked
 *     loop, worker                  outlets begin to deliver what was recovered
 *     control socket, monitor
 *     listeners                     last: from now on mail comes in
 */
#ifndef GATEWAY_APP_H
#define GATEWAY_APP_H

#include "config/config_load.h"
#include "gateway/base/log.h"

struct app;

/* Runs until SIGTERM or SIGINT have drained it, or a commit failed. The exit status: 0 ended as
 * asked, 1 the configuration cannot be used, 2 something failed. */
int app_run(const char *config_path, enum log_level least);

/* Read the configuration and the files that it names again and use them, or leave everything as
 * it is. Also what SIGHUP does. Files alone are read again when they change on disk. False:
 * complaints say why (they may also tell that something needs a restart). */
MUST_USE bool app_reload(struct app *app, struct complaints *complaints);

/* Take nothing new (whoever connects is told 421), finish what is under way, end. */
void app_drain(struct app *app, const char *reason);

#endif
