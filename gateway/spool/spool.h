/*
 * spool.h - custody: begin, append, commit, what is due, record outcomes, remove, list.
 *
 * Takes    messages while they arrive, and what became of them.
 * Gives    durability: an answer to a commit or record means that it survives a power cut.
 * Follows  design.md 4 and dependencies.md 7: body durable, then the record that names it, then
 *          250. One committer thread owns the write side: bounded queue in, one batch at a time,
 *          outcomes before accepts, answers collected by the worker that asked.
 * Knows    no back end: struct spool_store (spool_store.h) is that interface; spool_lmdb is one.
 *
 * Threads: reads (due, read, list, stats) from any thread, each within milliseconds; drafts
 * belong to one thread; commit and record may be called from any thread and never block.
 */
#ifndef SPOOL_SPOOL_H
#define SPOOL_SPOOL_H

#include "gateway/base/id.h"
#include "gateway/base/log.h"
#include "gateway/base/metrics.h"
#include "gateway/spool/body.h"
#include "gateway/spool/envelope.h"
#include "gateway/spool/in_flight.h"

struct spool;

struct spool_settings {
    const char *path;
    uint64_t map_size;     /* LMDB address space, octets */
    uint64_t reserve;      /* disk (and map) octets kept so that outcomes can still be recorded */
    uint64_t body_in_file; /* bodies of this size and more are files */
    struct log *log;
    struct metrics *metrics; /* gets what commits take; NULL: nobody wants to know */
    void (*on_failure)(void *context,
                       const struct err *why); /* a commit is in doubt: called once,
                on the committer thread: the process must stop (design.md 4) */
    void *context;
};

struct spool_found {
    size_t recovered;   /* messages with something still to do */
    size_t discarded;   /* half-written body files that no record names: removed, each logged */
    size_t quarantined; /* records that cannot be read: kept aside */
    size_t crashed;     /* messages that were in flight when the last process crashed */
    size_t poisoned;    /* of these: now poison; each logged */
    uint64_t highest_id;
};

/* Open or create; takes `lock` in the folder (ERR_STATE: "in use by process N", or the spool is
 * of a newer version; ERR_CONFIG: `key` is not what it should be); recovers; starts the
 * committer. The folder and its parent are synced after creation. Blocks: at start only. */
MUST_USE bool spool_open(const struct spool_settings *settings, struct spool **out,
                         struct spool_found *found, struct err *err);

/* Finishes what was handed in, stops the committer, gives up the lock. */
void spool_close(struct spool **s);

/* The gateway's own secret of KEYED_HASH_KEY (32) octets, `key` in the folder, 0600, made at
 * first start: signs trace fields. */
const unsigned char *spool_key(const struct spool *s);

struct id_source *spool_ids(struct spool *s);

/* Where deliveries are noted while they are under way; the spool's. */
struct in_flight *spool_in_flight(struct spool *s);

/* ---- Answers ---------------------------------------------------------------------------- */

/* Where a worker's answers gather. wake is called on the committer thread when there is something
 * to collect (net gives uv_async_send). */
struct spool_client;
struct spool_client *spool_client_new(struct spool *s, void (*wake)(void *context),
                                      void *context);
/* Answers that were still to come are dropped. Before spool_close() or after it. */
void spool_client_free(struct spool_client **c);

struct spool_answer {
    uint64_t token; /* as given */
    uint64_t id;    /* of the message (of the report, for records with one: report_id) */
    uint64_t report_id;
    size_t count; /* of an edit: messages that it changed */
    bool ok;
    struct err err; /* when not ok: ERR_FULL (452), ERR_IO (451), ERR_NOMEM (451), ERR_STATE (no
                       such message: a record came too late) */
};

/* Up to max answers; 0 = none now. */
size_t spool_collect(struct spool_client *c, struct spool_answer *out, size_t max);

/* ---- A message comes -------------------------------------------------------------------- */

struct spool_draft;

/* ERR_FULL: no room (452 4.3.1). The draft has its queue id from the start. */
MUST_USE bool spool_begin(struct spool *s, struct spool_draft **out, struct err *err);
/* For a report of our own: it may use the reserve, as an outcome does. */
MUST_USE bool spool_begin_report(struct spool *s, struct spool_draft **out, struct err *err);
uint64_t spool_draft_id(const struct spool_draft *d);

/* Add octets. Past body_in_file they go to a file. ERR_FULL, ERR_IO, ERR_NOMEM: the draft can
 * only be dropped then. */
MUST_USE bool spool_append(struct spool_draft *d, struct slice octets, struct err *err);
uint64_t spool_draft_size(const struct spool_draft *d);
void spool_drop(struct spool_draft **d);

/* Make it durable. The envelope (its id, size set here) is encoded before the call returns. The
 * answer comes through client with this token. body_out (may be NULL) gets a reference for the
 * delivery that begins when the answer is ok. */
void spool_commit(struct spool_client *client, struct spool_draft **take, struct envelope *e,
                  uint64_t token, struct body **body_out);

/* Is there room for new mail? False: 452 4.3.1 at MAIL. Cheap. */
bool spool_has_room(const struct spool *s);

/* Octets that disk and map have left, the reserve included. */
uint64_t spool_free_octets(struct spool *s);

/* For how long the batch that is being made durable has been under way; 0 = none is. */
uint64_t spool_commit_age_us(const struct spool *s);

/* Measured now; any thread. */
struct spool_load {
    uint64_t disk_free;     /* octets that the disk has for us */
    uint64_t database_used; /* octets of map_size */
};
/* exact: what the database can use again counts as free, which takes longer to find out. */
struct spool_load spool_load(struct spool *s, bool exact);

/* ---- What became of it ------------------------------------------------------------------ */

/* What became of one recipient in one attempt. */
struct recipient_change {
    uint32_t index; /* in the envelope's list */
    enum recipient_state state;
    struct slice connector; /* as resolved now */
    uint32_t attempts;
    int64_t due_unix_ms;
    struct slice last_error;
    int64_t tried_unix_ms;   /* 0 = as it was */
    struct slice moved_from; /* "" = as it was */
};

/*
 * One atomic change: these recipients of this message are updated (the others stay as they are on
 * disk: two send connectors may have the same message in hand, so the committer merges); when
 * none is open any more the message is removed; and a report, if there is one, comes into being.
 * A recipient that was suspended (or returned) meanwhile stays so, unless this is its end.
 * All or nothing. A message that is not there any more: ERR_STATE, and no report.
 */
struct spool_change {
    uint64_t id;
    const struct recipient_change *rows; /* copied before the call returns */
    size_t row_count;
    bool delay_noticed;         /* also set that mark */
    bool wants_all_open;        /* nothing happens when one of the recipients has ended already:
                                   ERR_STATE */
    struct spool_draft *report; /* spool_begin_report(); taken; NULL: none */
    struct envelope *report_envelope;
};
/* When there is no memory even to ask, the spool gives up as after an I/O error (on_failure, no
 * answer): an outcome must not be forgotten while the process lives on. */
void spool_record(struct spool_client *client, struct spool_change *change, uint64_t token,
                  struct body **report_body_out);

/* ---- What operators want ---------------------------------------------------------------- */

enum spool_verb {
    SPOOL_SUSPEND, /* WAITING recipients: neither tried nor expired until resumed */
    SPOOL_RESUME,  /* SUSPENDED ones wait again, with the schedule they had; poison no more */
    SPOOL_RETRY,   /* WAITING ones are due now */
    SPOOL_RETURN,  /* every open one: its sender is to be told (RECIPIENT_RETURNING) */
    SPOOL_REMOVE,  /* every open one: gone without a report */
    SPOOL_CRASHED, /* the message was in flight when the process crashed; at the second time
                      (ENVELOPE_CRASHES_POISON) it is suspended */
};

enum { SPOOL_EDIT_MAX = 256 };

/* What the report about who was returned says. Exchange has "550 4.3.2 QUEUE.TransportDelete;
 * message deleted by administrator" (general knowledge, on no page of ours); a failure is 5.x.x
 * by RFC 3464 2.3.4, and 5.3.0 blames neither address. */
#define SPOOL_RETURN_WORDS "550 5.3.0 The postmaster removed this message from the queue"

/* One durable change of some messages; those that are gone, or do not fit the verb, are passed
 * over. The answer's count says how many were changed. An attempt that is under way goes on: its
 * outcome is merged, or comes too late (ERR_STATE). */
struct spool_edit {
    enum spool_verb verb;
    const uint64_t *ids; /* copied before the call returns */
    size_t count;        /* at most SPOOL_EDIT_MAX */
    const char *queue;   /* only recipients in it (envelope_queue); NULL: whatever queue */
};
/* Without memory: as spool_record(). */
void spool_edit(struct spool_client *client, const struct spool_edit *edit, uint64_t token);

/* Suspend the whole queue of a send connector, or resume it; durable when answered, and told at
 * the next start. ENVELOPE_CONNECTOR_MAX octets of name at most. */
void spool_suspend_queue(struct spool_client *client, struct slice connector, bool suspended,
                         uint64_t token);
bool spool_queue_is_suspended(struct spool *s, struct slice connector);

/* ---- What is there ---------------------------------------------------------------------- */

/* A place in the order of due messages of a connector: (due, id). */
struct spool_place {
    int64_t due_unix_ms;
    uint64_t id;
};

/* Messages in the queue of connector (or one of QUEUE_*, envelope.h) behind `after`, due at or
 * before now; up to max. next_due gets the due time of the first one later than now, or
 * INT64_MAX. */
size_t spool_due(struct spool *s, struct slice connector, struct spool_place after,
                 int64_t now_unix_ms, struct spool_place *out, size_t max, int64_t *next_due);

/* Messages received at or before unix_ms, ordered by that time (it is due_unix_ms of the places
 * here). Rows behind `after`. For deadlines: unix_ms is now less the age in question. */
size_t spool_received_before(struct spool *s, struct spool_place after, int64_t unix_ms,
                             struct spool_place *out, size_t max);

/* ERR_STATE: no such message (any more). */
MUST_USE bool spool_read(struct spool *s, uint64_t id, struct arena *arena, struct envelope *out,
                         struct err *err);
MUST_USE bool spool_body(struct spool *s, uint64_t id, struct body **out, struct err *err);

/* Ids behind `after` in order; a page. */
size_t spool_list(struct spool *s, uint64_t after, uint64_t *out, size_t max);

struct spool_queue_stats {
    char connector[64]; /* or one of QUEUE_* (envelope.h) */
    uint64_t messages;
    uint64_t suspended; /* of these */
    uint64_t octets;
    int64_t oldest_unix_ms;
};

/* One row for each queue that has mail; up to max. Kept up to date by the committer. */
size_t spool_stats(struct spool *s, struct spool_queue_stats *out, size_t max);

/* ---- The mark --------------------------------------------------------------------------- */

enum { SPOOL_MARK_MAX = 128 };

/* A line that the process keeps for the next one: how many octets it has; 0: there is none. */
size_t spool_mark(struct spool *s, char out[SPOOL_MARK_MAX]);
/* Durable when this returns, which waits for the disk. "" takes it away. ERR_FULL, ERR_IO. */
MUST_USE bool spool_set_mark(struct spool *s, struct slice mark, struct err *err);

struct spool_counters {
    uint64_t commits;
    uint64_t changes;  /* accepts and records in them */
    uint64_t messages; /* in custody now */
    uint64_t commit_us_total;
};
void spool_counters(struct spool *s, struct spool_counters *out);

#endif
