#include "gateway/spool/recover.h"

#include "gateway/base/buf.h"

enum { BROKEN_MAX = 64 << 20 /* octets of ids */ };

struct walk {
    const struct recovery *of;
    struct spool_found *found;
    struct buf broken; /* ids, put aside after the walk */
    bool is_out_of_memory;
};

static bool
check_record(uint64_t id, struct slice record, struct envelope_front *front, struct err *err)
{
    TRY(envelope_check(record, err));
    TRY(envelope_read_front(record, front, err));
    if (front->id != id)
        return err_set(err, ERR_SYNTAX, "record of another message");
    return true;
}

static void
note_broken(struct walk *w, uint64_t id, const struct err *why)
{
    struct log_line line;
    log_begin(&line, w->of->log, EV_spool_quarantined, 0);
    log_id(&line, "record", id);
    log_str(&line, "why", why->text);
    log_end(&line);
    w->found->quarantined++;
    buf_put(&w->broken, slice((const char *)&id, sizeof id));
}

static bool
on_record(void *context, uint64_t id, struct slice record)
{
    struct walk *w = context;
    struct envelope_front front;
    struct err err;
    if (id > w->found->highest_id)
        w->found->highest_id = id;
    if (!check_record(id, record, &front, &err)) {
        note_broken(w, id, &err);
        return true;
    }
    w->found->recovered++;
    w->is_out_of_memory = !tally_add(w->of->tally, &front);
    return !w->is_out_of_memory;
}

/* When there is no room to put one aside it stays where it is, and is found again next time. */
static bool
put_aside(const struct walk *w, struct err *err)
{
    struct slice rest = buf_slice(&w->broken);
    for (uint64_t id; rest.len >= sizeof id; slice_skip(&rest, sizeof id)) {
        memcpy(&id, rest.ptr, sizeof id);
        if (!w->of->store->call->quarantine(w->of->store, id, err) && err->kind != ERR_FULL)
            return false;
    }
    return true;
}

static bool
read_records(const struct recovery *r, struct spool_found *found, struct err *err)
{
    struct walk w = {.of = r, .found = found};
    buf_init(&w.broken, BROKEN_MAX);
    bool ok = r->store->call->walk(r->store, on_record, &w, err);
    if (ok && w.is_out_of_memory)
        ok = err_set(err, ERR_NOMEM, "no memory for the tally of the spool");
    ok = ok && put_aside(&w, err);
    buf_fini(&w.broken);
    tally_keep(r->tally);
    return ok;
}

/* ---- Files -------------------------------------------------------------------------------- */

static bool
is_named(void *context, const char *name, uint64_t id)
{
    struct walk *w = context;
    if (id != 0 && w->of->store->call->has(w->of->store, id))
        return true;
    struct log_line line;
    log_begin(&line, w->of->log, EV_spool_discarded, 0);
    log_str(&line, "file", name);
    log_str(&line, "why", id != 0 ? "no record names it" : "it was not finished");
    log_end(&line);
    w->found->discarded++;
    return false;
}

bool
recover(const struct recovery *r, struct spool_found *found, struct err *err)
{
    *found = (struct spool_found){0};
    TRY(read_records(r, found, err));
    struct walk w = {.of = r, .found = found};
    return body_files_sweep(r->files, is_named, &w, err);
}
