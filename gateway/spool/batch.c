#include "gateway/spool/batch.h"

#include "gateway/spool/body_private.h"

enum { SCRATCH_MAX = 64 << 20 };

void
batch_init(struct batch *b, struct spool_store *store, struct tally *tally,
           struct suspensions *suspensions)
{
    *b = (struct batch){.store = store, .tally = tally, .suspensions = suspensions};
    arena_init(&b->scratch, SCRATCH_MAX);
    buf_init(&b->record, ENVELOPE_RECORD_MAX);
}

void
batch_fini(struct batch *b)
{
    arena_fini(&b->scratch);
    buf_fini(&b->record);
}

static bool
apply_arrival(struct batch *b, const struct arrival *a, struct err *err)
{
    struct envelope_front front;
    struct slice record = buf_slice(&a->record);
    TRY(envelope_read_front(record, &front, err));
    if (!tally_add(b->tally, &front))
        return err_set(err, ERR_NOMEM, "no memory for a row of the tally");
    struct slice octets = a->is_in_file ? slice(NULL, 0) : body_octets(a->body);
    TRY(b->store->call->put(b->store, record, a->is_in_file ? NULL : &octets, err));
    b->arrived++;
    b->changes++;
    return true;
}

/* The envelope of id as the batch sees it, and its front, in scratch. A record that does not read
 * is as good as none: the next start puts it aside. */
static bool
load(struct batch *b, uint64_t id, struct envelope *e, struct envelope_front *front,
     struct err *err)
{
    struct slice record;
    TRY(b->store->call->find(b->store, id, &record, err));
    arena_reset(&b->scratch);
    record = arena_copy(&b->scratch, record);
    bool ok = record.ptr != NULL || err_set(err, ERR_NOMEM, "no memory for an envelope");
    ok = ok && envelope_read_front(record, front, err) &&
         envelope_decode(record, &b->scratch, e, err);
    if (!ok && err->kind != ERR_NOMEM)
        err->kind = ERR_STATE;
    return ok;
}

/* Put e in the place of what `old` was the front of. */
static bool
replace(struct batch *b, const struct envelope *e, const struct envelope_front *old,
        struct err *err)
{
    struct envelope_front front;
    buf_clear(&b->record);
    envelope_encode(e, &b->record);
    if (!buf_ok(&b->record))
        return err_set(err, ERR_NOMEM, "no memory for a record");
    TRY(envelope_read_front(buf_slice(&b->record), &front, err));
    tally_subtract(b->tally, old);
    if (!tally_add(b->tally, &front))
        return err_set(err, ERR_NOMEM, "no memory for a row of the tally");
    TRY(b->store->call->replace(b->store, old, buf_slice(&b->record), err));
    b->changes++;
    return true;
}

static bool
remove_message(struct batch *b, const struct envelope_front *old, struct err *err)
{
    bool is_in_file;
    tally_subtract(b->tally, old);
    TRY(b->store->call->remove(b->store, old, &is_in_file, err));
    if (is_in_file)
        b->gone_files[b->gone_file_count++] = old->id;
    b->removed++;
    b->changes++;
    return true;
}

static bool
is_wish(enum recipient_state state)
{
    return state == RECIPIENT_SUSPENDED || state == RECIPIENT_RETURNING;
}

/* An attempt that was under way when an operator took the recipient: its end counts; if there was
 * none, what the operator wants does. */
static void
merge_row(struct envelope_recipient *r, const struct recipient_change *row)
{
    bool goes_on = row->state == RECIPIENT_WAITING || row->state == RECIPIENT_HELD;
    if (!is_wish(r->state) || !goes_on) {
        r->state = row->state;
        r->due_unix_ms = row->due_unix_ms;
    }
    r->connector = row->connector;
    r->attempts = row->attempts;
    r->last_error = row->last_error;
    if (row->tried_unix_ms != 0)
        r->tried_unix_ms = row->tried_unix_ms;
    if (row->moved_from.len > 0)
        r->moved_from = row->moved_from;
}

/* What is closed stays closed: the first outcome of a recipient is the one that happened. */
static bool
merge_rows(struct envelope *e, const struct request *request, struct err *err)
{
    for (size_t i = 0; i < request->row_count; i++) {
        const struct recipient_change *row = &request->rows[i];
        if (row->index >= e->recipient_count)
            return err_set(err, ERR_STATE, "no such recipient");
        struct envelope_recipient *r = &e->recipients[row->index];
        if (envelope_is_open(r))
            merge_row(r, row);
        else if (request->wants_all_open)
            return err_set(err, ERR_STATE, "a recipient has ended already");
    }
    e->delay_noticed = e->delay_noticed || request->delay_noticed;
    return true;
}

static bool
apply_record(struct batch *b, struct request *request, struct err *err)
{
    struct envelope e;
    struct envelope_front old;
    TRY(load(b, request->id, &e, &old, err));
    TRY(merge_rows(&e, request, err));
    if (envelope_open_count(&e) == 0)
        TRY(remove_message(b, &old, err));
    else
        TRY(replace(b, &e, &old, err));
    return request->arrival.body == NULL || apply_arrival(b, &request->arrival, err);
}

/* ---- What operators want ------------------------------------------------------------------ */

/* True: the verb changes this recipient. */
static bool
edit_recipient(enum spool_verb verb, int64_t now_unix_ms, const struct envelope *e,
               struct envelope_recipient *r)
{
    bool waits = r->state == RECIPIENT_WAITING;
    switch (verb) {
    case SPOOL_SUSPEND:
        r->state = waits ? RECIPIENT_SUSPENDED : r->state;
        return waits;
    case SPOOL_CRASHED:
        waits = waits && e->crashes >= ENVELOPE_CRASHES_POISON;
        r->state = waits ? RECIPIENT_SUSPENDED : r->state;
        return waits;
    case SPOOL_RESUME:
        waits = r->state == RECIPIENT_SUSPENDED;
        r->state = waits ? RECIPIENT_WAITING : r->state;
        return waits;
    case SPOOL_RETRY:
        waits = waits && r->due_unix_ms > now_unix_ms;
        r->due_unix_ms = waits ? now_unix_ms : r->due_unix_ms;
        return waits;
    case SPOOL_RETURN:
        r->state = RECIPIENT_RETURNING;
        r->due_unix_ms = 0;
        r->last_error = slice_str(SPOOL_RETURN_WORDS);
        return true;
    case SPOOL_REMOVE:
        r->state = RECIPIENT_REMOVED;
        return true;
    }
    never("spool_verb has six values");
}

/* True: something of the message is changed. */
static bool
edit_envelope(const struct request *request, struct envelope *e)
{
    const struct spool_edit *edit = &request->edit;
    bool is_changed = edit->verb == SPOOL_CRASHED;
    if (edit->verb == SPOOL_CRASHED && e->crashes < UINT8_MAX)
        e->crashes++;
    bool was_poison = e->crashes >= ENVELOPE_CRASHES_POISON;
    for (size_t i = 0; i < e->recipient_count; i++) {
        struct envelope_recipient *r = &e->recipients[i];
        bool is_meant = envelope_is_open(r) &&
                        (edit->queue == NULL || slice_is(envelope_queue(e, r), edit->queue));
        is_changed =
            (is_meant && edit_recipient(edit->verb, request->now_unix_ms, e, r)) || is_changed;
    }
    if (edit->verb == SPOOL_RESUME && was_poison && is_changed)
        e->crashes = 0;
    return is_changed;
}

static bool
edit_message(struct batch *b, struct request *request, uint64_t id, struct err *err)
{
    struct envelope e;
    struct envelope_front old;
    TRY(load(b, id, &e, &old, err));
    if (!edit_envelope(request, &e))
        return true;
    request->changed++;
    if (envelope_open_count(&e) == 0)
        return remove_message(b, &old, err);
    return replace(b, &e, &old, err);
}

static bool
apply_edit(struct batch *b, struct request *request, struct err *err)
{
    request->changed = 0; /* a batch that failed may be tried again */
    for (size_t i = 0; i < request->edit.count; i++)
        if (!edit_message(b, request, request->edit.ids[i], err) && err->kind != ERR_STATE)
            return false;
    return true;
}

static bool
apply_suspend(struct batch *b, const struct request *request, struct err *err)
{
    if (request->suspended && !suspensions_make_room(b->suspensions, request->connector, err)) {
        err->kind = err->kind == ERR_LIMIT ? ERR_STATE : err->kind;
        return false;
    }
    TRY(b->store->call->mark_suspended(b->store, request->connector, request->suspended, err));
    b->changes++;
    return true;
}

/* ---- The whole ---------------------------------------------------------------------------- */

static bool
apply(struct batch *b, struct request *request, struct err *err)
{
    switch (request->kind) {
    case REQUEST_ACCEPT:
        return apply_arrival(b, &request->arrival, err);
    case REQUEST_RECORD:
        return apply_record(b, request, err);
    case REQUEST_EDIT:
        return apply_edit(b, request, err);
    case REQUEST_SUSPEND:
        return apply_suspend(b, request, err);
    }
    never("a request of no kind");
}

static bool
apply_all(struct batch *b, struct request **requests, size_t count, struct err *err)
{
    for (size_t i = 0; i < count; i++) {
        if (requests[i]->is_settled || apply(b, requests[i], err))
            continue;
        if (err->kind != ERR_STATE)
            return false;
        request_settle(requests[i], err);
    }
    return true;
}

static void
begin_counting(struct batch *b)
{
    b->changes = b->arrived = b->removed = b->gone_file_count = 0;
}

bool
batch_try(struct batch *b, struct request **requests, size_t count, struct err *err)
{
    const struct spool_store_functions *call = b->store->call;
    must(count <= BATCH_JOBS_MAX);
    begin_counting(b);
    TRY(call->begin(b->store, err));

    bool ok = apply_all(b, requests, count, err);
    if (!ok || b->changes == 0)
        call->abort(b->store);
    else
        ok = call->commit(b->store, err);
    if (!ok) {
        tally_forget(b->tally);
        begin_counting(b);
        return false;
    }
    tally_keep(b->tally);
    for (size_t i = 0; i < count; i++) {
        if (!requests[i]->is_settled && requests[i]->kind == REQUEST_SUSPEND)
            suspensions_set(b->suspensions, requests[i]->connector, requests[i]->suspended);
        request_settle(requests[i], NULL);
    }
    return true;
}
