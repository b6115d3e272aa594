/*
 * spool_store.h - what the spool asks of a back end: a table of functions.
 *
 * A store keeps records (envelope.h) with their bodies and finds them by id, by destination and
 * due time, and by the time received; it reads these from the front of a record. It knows nothing
 * of clients, drafts or body files.
 *
 * Threads  the batch functions belong to one thread, the committer; the reading ones may be
 *          called from any thread, and hold nothing of the store when they return.
 * Errors   ERR_FULL (no room: disk or map), ERR_NOMEM, ERR_STATE (no such message), ERR_IO.
 */
#ifndef SPOOL_STORE_H
#define SPOOL_STORE_H

#include "gateway/spool/spool.h"

struct spool_store {
    const struct spool_store_functions *call;
};

struct spool_store_functions {
    /*
     * One batch at a time: begin, changes, then commit or abort. After a change has failed with
     * anything but ERR_STATE only abort is left. Slices are read before the call returns.
     */
    bool (*begin)(struct spool_store *s, struct err *err);
    /* A new message. body NULL: it is kept elsewhere. */
    bool (*put)(struct spool_store *s, struct slice record, const struct slice *body,
                struct err *err);
    /* The record as the batch sees it; valid until the next change. */
    bool (*find)(struct spool_store *s, uint64_t id, struct slice *record, struct err *err);
    /* A record in the place of the one whose front is `old` (not memory of the store). */
    bool (*replace)(struct spool_store *s, const struct envelope_front *old, struct slice record,
                    struct err *err);
    bool (*remove)(struct spool_store *s, const struct envelope_front *old,
                   bool *body_is_elsewhere, struct err *err);
    /* Remember that an operator suspended this queue, or forget it. */
    bool (*mark_suspended)(struct spool_store *s, struct slice queue, bool suspended,
                           struct err *err);
    /* True: durable. ERR_FULL, ERR_NOMEM: nothing of it happened. ERR_IO: in doubt. */
    bool (*commit)(struct spool_store *s, struct err *err);
    void (*abort)(struct spool_store *s);

    /* ---- Reading: as the functions of spool.h say --------------------------------------- */
    size_t (*due)(struct spool_store *s, struct slice connector, struct spool_place after,
                  int64_t upto_unix_ms, struct spool_place *out, size_t max, int64_t *next_due);
    size_t (*received)(struct spool_store *s, struct spool_place after, int64_t upto_unix_ms,
                       struct spool_place *out, size_t max);
    size_t (*list)(struct spool_store *s, uint64_t after, uint64_t *out, size_t max);
    bool (*read)(struct spool_store *s, uint64_t id, struct arena *arena, struct envelope *out,
                 struct err *err);
    /* *out NULL and true: the message is there, its body elsewhere. */
    bool (*body)(struct spool_store *s, uint64_t id, struct body **out, struct err *err);
    /* The first message, by time received, from *place on that waits for connector. False: not
     * among the next `steps` messages; *place is moved behind them. */
    bool (*oldest)(struct spool_store *s, struct slice connector, struct spool_place *place,
                   size_t steps);

    /* ---- At start, before the first batch ------------------------------------------------ */
    /* Every record in the order of ids, until each() says false. */
    bool (*walk)(struct spool_store *s,
                 bool (*each)(void *context, uint64_t id, struct slice record), void *context,
                 struct err *err);
    /* The queues that were marked as suspended, until each() says false. */
    bool (*walk_suspended)(struct spool_store *s, bool (*each)(void *context, struct slice queue),
                           void *context, struct err *err);
    /* Put the record aside, out of every order; its body stays. */
    bool (*quarantine)(struct spool_store *s, uint64_t id, struct err *err);
    /* Is there a record, in use or in quarantine? */
    bool (*has)(struct spool_store *s, uint64_t id);

    /* Octets in use, of how many. exact: without what is free for use again, which takes longer.
     */
    uint64_t (*used)(struct spool_store *s, bool exact, uint64_t *size);
    /* Now and then, between batches. */
    void (*tidy)(struct spool_store *s);
    void (*close)(struct spool_store **s);
};

#endif
