/*
 * control.h - the control socket: one request line, one answer, close (control_words.h). For
 * forestgate queue, status, reload and drain; whoever may open the socket (0600 in the daemon's
 * folder) may use it. What may take long runs on a thread of its own (errands.h).
 */
#ifndef OPS_CONTROL_H
#define OPS_CONTROL_H

#include "gateway/ops/control_words.h"
#include "gateway/relay/crew.h"

enum { CONTROL_ANSWER_MAX = 4 * 1024 * 1024, CONTROL_HINT_MAX = 100 };

/* What the commands work on, and what they ask of the app. */
struct control_means {
    struct workshop *shop;
    struct crew *crew;
    struct worker *worker; /* its first: on whose loop the socket lives */
    bool (*reload)(void *app, struct buf *complaints);
    void (*drain)(void *app);
    void *app;
};

struct control;

/* path NULL: no socket, *out is NULL and true. */
MUST_USE bool control_new(const char *path, const struct control_means *means,
                          struct control **out, struct err *err);
void control_free(struct control **c);

/* One command: its words, its answer appended to out, its exit status. */
typedef int control_fn(const struct control_means *means, const struct slice *words, size_t count,
                       struct buf *out);

/* ---- control_roundtrip.c: marked messages ---- */
control_fn control_roundtrip_start; /* FROM TO: its token */
control_fn control_roundtrip_look;  /* TOKEN: one line of JSON */

/* ---- control_log.c ---- */
control_fn control_log_protocol;

/* ---- status.c ---- */
control_fn control_status; /* 1: there are problems */

#endif
