#include "gateway/spool/spool.h"

#include <time.h>

#include "gateway/base/clock.h"
#include "gateway/base/mem.h"
#include "gateway/spool/batch.h"
#include "gateway/spool/body_private.h"
#include "gateway/spool/recover.h"
#include "gateway/spool/spool_lmdb.h"
#include "gateway/spool/spool_private.h"
#include "gateway/spool/suspensions.h"

/* ---- Open and close ----------------------------------------------------------------------- */

static void
on_synced(void *context, struct request *request)
{
    struct spool *s = context;
    committer_hand_in(s->committer, request);
}

static bool
start_threads(struct spool *s, const struct spool_settings *settings, uint64_t messages,
              struct err *err)
{
    TRY(syncer_new(&s->files, on_synced, s, &s->syncer, err));
    struct committer_parts parts = {
        .store = s->store,
        .tally = s->tally,
        .suspensions = s->suspensions,
        .room = s->room,
        .syncer = s->syncer,
        .log = settings->log,
        .on_failure = settings->on_failure,
        .context = settings->context,
        .messages = messages,
    };
    if (settings->metrics != NULL) {
        parts.commit_seconds =
            metrics_histogram(settings->metrics, METRIC_spool_commit_seconds, NULL, NULL);
        parts.commit_changes =
            metrics_histogram(settings->metrics, METRIC_spool_commit_changes, NULL, NULL);
    }
    return committer_new(&parts, &s->committer, err);
}

static bool
note_suspended(void *context, struct slice queue)
{
    struct suspensions *suspensions = context;
    struct err ignored; /* there were never more than fit */
    if (queue.len <= ENVELOPE_CONNECTOR_MAX &&
        suspensions_make_room(suspensions, queue, &ignored))
        suspensions_set(suspensions, queue, true);
    return true;
}

static bool
open_parts(struct spool *s, const struct spool_settings *settings, struct spool_found *found,
           struct err *err)
{
    TRY(spool_folder_open(&s->folder, settings->path, err));
    TRY(body_files_open(&s->files, s->folder.fd, err));
    TRY(in_flight_open(s->folder.fd, &s->in_flight, err));
    TRY(spool_lmdb_open(settings->path, settings->map_size, &s->store, err));
    s->tally = tally_new(s->store);
    s->room = room_new(s->store, s->folder.fd, settings->reserve, settings->log);
    s->suspensions = suspensions_new();
    if (s->tally == NULL || s->room == NULL || s->suspensions == NULL)
        return err_set(err, ERR_NOMEM, "no memory for the spool");
    TRY(s->store->call->walk_suspended(s->store, note_suspended, s->suspensions, err));
    struct recovery recovery = {s->store, &s->files, s->tally, settings->log};
    return recover(&recovery, found, err);
}

/* The low bits of the key tell the ids of two gateways apart. */
static void
start_ids(struct spool *s, uint64_t highest_id)
{
    uint64_t node = (uint64_t)s->folder.key[0] << 8 | s->folder.key[1];
    /* Of this millisecond an earlier process may have given away ids that never reached the disk.
     * Ours begin with the next one, once the clock is there, so that none is ahead of it. */
    int64_t now_ms = clock_unix_ms();
    uint64_t given = id_last_of(now_ms);
    const struct timespec pause = {.tv_nsec = 100 * 1000};
    for (int i = 0; i < 20 && clock_unix_ms() <= now_ms; i++)
        nanosleep(&pause, NULL);
    id_source_init(&s->ids, node, highest_id > given ? highest_id : given);
}

static void
say_opened(const struct spool_settings *settings, const struct spool_found *found,
           uint64_t took_ms)
{
    struct log_line line;
    log_begin(&line, settings->log, EV_spool_opened, 0);
    log_str(&line, "path", settings->path);
    log_num(&line, "recovered", found->recovered);
    log_num(&line, "discarded", found->discarded);
    log_num(&line, "quarantined", found->quarantined);
    log_num(&line, "took_ms", took_ms);
    log_end(&line);
}

/* ---- After a crash ------------------------------------------------------------------------ */

static void
say_crashed(const struct spool_settings *settings, const struct envelope *e)
{
    bool is_poison = e->crashes >= ENVELOPE_CRASHES_POISON;
    struct log_line line;
    log_begin(&line, settings->log, is_poison ? EV_poison : EV_in_flight_at_crash, e->id);
    log_slice(&line, "from", e->from.len > 0 ? e->from : slice_str("<>"));
    log_num(&line, "size", e->size);
    log_slice(&line, "message_id", e->message_id);
    log_num(&line, "crashes", e->crashes);
    log_end(&line);
}

/* No committer runs yet: one batch of our own. */
static bool
count_crash(struct spool *s, const uint64_t *ids, size_t count, struct err *err)
{
    const struct spool_edit edit = {.verb = SPOOL_CRASHED, .ids = ids, .count = count};
    struct request *request = request_new(REQUEST_EDIT);
    struct batch batch;
    batch_init(&batch, s->store, s->tally, s->suspensions);
    bool ok = (request != NULL && request_take_edit(request, &edit)) ||
              err_set(err, ERR_NOMEM, "no memory for what was in flight at the crash");
    ok = ok && batch_try(&batch, &request, 1, err);
    batch_fini(&batch);
    request_free(&request);
    return ok;
}

/* Once for each crash; a full disk must not keep the gateway from starting. */
static bool
heed_crash(struct spool *s, const struct spool_settings *settings, struct spool_found *found,
           struct err *err)
{
    uint64_t ids[IN_FLIGHT_MAX];
    struct arena arena;
    size_t count = in_flight_at_crash(s->in_flight, ids);
    for (size_t at = 0; at < count; at += SPOOL_EDIT_MAX) {
        size_t page = count - at < SPOOL_EDIT_MAX ? count - at : SPOOL_EDIT_MAX;
        if (!count_crash(s, &ids[at], page, err))
            return err->kind == ERR_FULL;
    }
    arena_init(&arena, 4 * ENVELOPE_RECORD_MAX);
    for (size_t i = 0; i < count; i++) {
        struct envelope e;
        struct err ignored; /* delivered before it crashed */
        arena_reset(&arena);
        if (!spool_read(s, ids[i], &arena, &e, &ignored))
            continue;
        found->crashed++;
        found->poisoned += e.crashes >= ENVELOPE_CRASHES_POISON;
        say_crashed(settings, &e);
    }
    arena_fini(&arena);
    return true;
}

bool
spool_open(const struct spool_settings *settings, struct spool **out, struct spool_found *found,
           struct err *err)
{
    uint64_t begin_ms = clock_ms();
    struct spool *s = mem_new(sizeof *s);
    if (s == NULL)
        return err_set(err, ERR_NOMEM, "no memory for the spool");
    s->body_in_file = settings->body_in_file;
    s->folder.fd = s->folder.lock = s->files.folder = -1;
    if (!open_parts(s, settings, found, err) || !heed_crash(s, settings, found, err) ||
        !start_threads(s, settings, found->recovered, err)) {
        spool_close(&s);
        return false;
    }
    start_ids(s, found->highest_id);
    say_opened(settings, found, clock_ms() - begin_ms);
    *out = s;
    return true;
}

void
spool_close(struct spool **s)
{
    if (*s == NULL)
        return;
    /* The syncer feeds the committer, and removes files for it: it is emptied first, freed last.
     */
    if ((*s)->syncer != NULL)
        syncer_drain((*s)->syncer);
    committer_free(&(*s)->committer);
    syncer_free(&(*s)->syncer);
    room_free(&(*s)->room);
    tally_free(&(*s)->tally);
    suspensions_free(&(*s)->suspensions);
    in_flight_close(&(*s)->in_flight);
    if ((*s)->store != NULL)
        (*s)->store->call->close(&(*s)->store);
    body_files_close(&(*s)->files);
    spool_folder_close(&(*s)->folder);
    mem_free(s);
}

const unsigned char *
spool_key(const struct spool *s)
{
    return s->folder.key;
}

struct id_source *
spool_ids(struct spool *s)
{
    return &s->ids;
}

struct in_flight *
spool_in_flight(struct spool *s)
{
    return s->in_flight;
}

bool
spool_has_room(const struct spool *s)
{
    return !committer_has_failed(s->committer) && room_is_left(s->room);
}

uint64_t
spool_free_octets(struct spool *s)
{
    return room_left(s->room);
}

uint64_t
spool_commit_age_us(const struct spool *s)
{
    return committer_age_us(s->committer);
}

struct spool_load
spool_load(struct spool *s, bool exact)
{
    return room_load(s->room, exact);
}

/* ---- What is there ------------------------------------------------------------------------ */

size_t
spool_due(struct spool *s, struct slice connector, struct spool_place after, int64_t now_unix_ms,
          struct spool_place *out, size_t max, int64_t *next_due)
{
    return s->store->call->due(s->store, connector, after, now_unix_ms, out, max, next_due);
}

size_t
spool_received_before(struct spool *s, struct spool_place after, int64_t unix_ms,
                      struct spool_place *out, size_t max)
{
    return s->store->call->received(s->store, after, unix_ms, out, max);
}

bool
spool_read(struct spool *s, uint64_t id, struct arena *arena, struct envelope *out,
           struct err *err)
{
    return s->store->call->read(s->store, id, arena, out, err);
}

bool
spool_body(struct spool *s, uint64_t id, struct body **out, struct err *err)
{
    TRY(s->store->call->body(s->store, id, out, err));
    if (*out != NULL)
        return true;
    int fd;
    uint64_t size;
    TRY(body_files_find(&s->files, id, &fd, &size, err));
    *out = body_of_file(fd, size);
    return *out != NULL || err_set(err, ERR_NOMEM, "no memory for a body");
}

size_t
spool_list(struct spool *s, uint64_t after, uint64_t *out, size_t max)
{
    return s->store->call->list(s->store, after, out, max);
}

size_t
spool_stats(struct spool *s, struct spool_queue_stats *out, size_t max)
{
    return tally_rows(s->tally, out, max);
}

bool
spool_queue_is_suspended(struct spool *s, struct slice connector)
{
    return suspensions_has(s->suspensions, connector);
}

void
spool_counters(struct spool *s, struct spool_counters *out)
{
    committer_counters(s->committer, out);
}
