/*
 * queue_desk.h - what an operator may ask of the queue, and the desk that does it: in the daemon
 * for whoever comes by the control socket, or in the tool itself on the spool of a daemon that
 * does not run. One implementation for both.
 *
 * Blocks (disk, the reader of the answer): a thread of its own, never a loop. Walks the queue in
 * pages, so memory does not grow with it; what it changes is durable before it is said.
 */
#ifndef OPS_QUEUE_DESK_H
#define OPS_QUEUE_DESK_H

#include "gateway/journal/journal.h"
#include "gateway/ops/clerk.h"
#include "gateway/ops/queue_changes.h"
#include "gateway/ops/queue_rows.h"
#include "gateway/ops/queue_select.h"
#include "gateway/ops/stream.h"

/* What the words ask for beside the messages that they select. */
struct queue_wishes {
    bool json, messages, headers, body, reroute, yes, dsn, no_dsn;
    bool is_terminal; /* control characters must not reach it */
    size_t width;     /* columns; 0: as wide as it gets */
};

struct queue_desk {
    /* Of whoever opens the desk: */
    struct spool *spool;
    const struct config *config;
    struct board *board;     /* NULL: no daemon runs */
    struct changes *changes; /* likewise */
    struct log *log;
    struct journal *tracking; /* NULL: none is kept, or no daemon runs */
    uint64_t uid;             /* who asks */
    const _Atomic bool *give_up;
    struct stream *out;
    int in;            /* where what is imported comes from ... */
    struct slice head; /* ... and what of it was read already */
    /* The messages were changed; NULL: nobody keeps anything in memory. As crew_heed_edit(). */
    bool (*heed)(void *context, const uint64_t *ids, size_t count, size_t *under_way);
    /* Forget the waits of this queue ("" = every one) after the answer; NULL: there are none. */
    void (*wake)(void *context, const char *queue);
    void *context;
    /* Its own: */
    struct clerk *clerk;
    struct queue_wishes wish;
    struct queue_row *rows;
    size_t row_count;
    int64_t now_unix_ms;
    struct arena arena; /* of the message that is looked at */
    bool had_trouble;   /* and it was said */
};

/* words: what stands behind "queue". The exit status: 0 done, 1 a negative finding, 2 usage or
 * failure; the answer is on desk->out. */
int queue_desk_run(struct queue_desk *d, struct slice *words, size_t count);

/* ---- For the files that do it ---- */

/* Each message that is meant, in pages; each() false: stop. False: it was stopped, by that, by
 * the limit, or by trouble, which has been said. */
bool queue_desk_walk(struct queue_desk *d, const struct queue_selector *s,
                     bool (*each)(void *context, const struct envelope *e), void *context);
struct queue_facts queue_desk_facts(void *desk, struct slice queue);
/* It did not go: the sentence, and 2. */
int queue_desk_trouble(struct queue_desk *d, const struct err *err);

/* queue_list.c, queue_show.c, queue_verbs.c, queue_export.c, queue_import.c */
int queue_list(struct queue_desk *d, const struct queue_selector *s);
int queue_show(struct queue_desk *d, const struct queue_selector *s);
int queue_suspend(struct queue_desk *d, const struct queue_selector *s);
int queue_resume(struct queue_desk *d, const struct queue_selector *s);
int queue_retry(struct queue_desk *d, const struct queue_selector *s);
int queue_remove(struct queue_desk *d, const struct queue_selector *s);
int queue_export(struct queue_desk *d, const struct queue_selector *s);
int queue_import(struct queue_desk *d, const struct queue_selector *s);

#endif
