/*
 * spool_lmdb_read.c - the reading half of the LMDB store.
 *
 * A reader that stays open pins every page that is freed after it began, so each call here begins
 * a transaction, copies what was asked for and ends it.
 */
#include <errno.h>

#include "gateway/spool/body_private.h"
#include "gateway/spool/spool_lmdb_private.h"

/* A read transaction with a cursor. */
struct view {
    MDB_txn *txn;
    MDB_cursor *cursor;
};

static int
view_begin(struct view *v, struct spool_lmdb *db, MDB_dbi which)
{
    int rc = mdb_txn_begin(db->env, NULL, MDB_RDONLY, &v->txn);
    if (rc != 0)
        return rc;
    rc = mdb_cursor_open(v->txn, which, &v->cursor);
    if (rc != 0)
        mdb_txn_abort(v->txn);
    return rc;
}

static void
view_end(struct view *v)
{
    mdb_cursor_close(v->cursor);
    mdb_txn_abort(v->txn);
}

/* The first key at or behind `from`. */
static int
seek(struct view *v, struct lmdb_key *from, MDB_val *key)
{
    MDB_val value;
    *key = spool_lmdb_val(from);
    return mdb_cursor_get(v->cursor, key, &value, MDB_SET_RANGE);
}

static int
next(struct view *v, MDB_val *key)
{
    MDB_val value;
    return mdb_cursor_get(v->cursor, key, &value, MDB_NEXT);
}

static bool
is_same(struct spool_place a, struct spool_place b)
{
    return a.due_unix_ms == b.due_unix_ms && a.id == b.id;
}

/* Is key a place of this index, below its first prefix_len octets? */
static bool
place_below(MDB_val key, const struct lmdb_key *prefix, size_t prefix_len,
            struct spool_place *place)
{
    return key.mv_size == prefix_len + PLACE_OCTETS &&
           memcmp(key.mv_data, prefix->octets, prefix_len) == 0 &&
           spool_lmdb_place_of(key, place);
}

/* The places behind `after`, whose key is `from`, and not later than upto. */
static size_t
read_places(struct view *v, struct lmdb_key *from, struct spool_place after, int64_t upto_unix_ms,
            struct spool_place *out, size_t max)
{
    size_t prefix_len = from->len - PLACE_OCTETS;
    size_t count = 0;
    MDB_val key;
    struct spool_place place;
    int rc = seek(v, from, &key);
    for (; rc == 0 && count < max && place_below(key, from, prefix_len, &place);
         rc = next(v, &key)) {
        if (place.due_unix_ms > upto_unix_ms)
            break;
        if (!is_same(place, after))
            out[count++] = place;
    }
    return count;
}

size_t
spool_lmdb_due(struct spool_store *s, struct slice connector, struct spool_place after,
               int64_t upto_unix_ms, struct spool_place *out, size_t max, int64_t *next_due)
{
    struct spool_lmdb *db = spool_lmdb_of(s);
    struct view v;
    *next_due = INT64_MAX;
    if (view_begin(&v, db, db->dest) != 0) {
        *next_due = upto_unix_ms + 1000; /* no reader slot now: ask again */
        return 0;
    }
    struct lmdb_key from;
    spool_lmdb_key_dest(&from, connector, after);
    size_t count = read_places(&v, &from, after, upto_unix_ms, out, max);

    struct spool_place later = {upto_unix_ms < INT64_MAX ? upto_unix_ms + 1 : upto_unix_ms, 0};
    MDB_val key;
    spool_lmdb_key_dest(&from, connector, later);
    if (seek(&v, &from, &key) == 0 && place_below(key, &from, from.len - PLACE_OCTETS, &later))
        *next_due = later.due_unix_ms;
    view_end(&v);
    return count;
}

size_t
spool_lmdb_received(struct spool_store *s, struct spool_place after, int64_t upto_unix_ms,
                    struct spool_place *out, size_t max)
{
    struct spool_lmdb *db = spool_lmdb_of(s);
    struct view v;
    if (view_begin(&v, db, db->received) != 0)
        return 0;
    struct lmdb_key from;
    spool_lmdb_key_place(&from, after);
    size_t count = read_places(&v, &from, after, upto_unix_ms, out, max);
    view_end(&v);
    return count;
}

size_t
spool_lmdb_list(struct spool_store *s, uint64_t after, uint64_t *out, size_t max)
{
    struct spool_lmdb *db = spool_lmdb_of(s);
    struct view v;
    if (after == UINT64_MAX || view_begin(&v, db, db->msg) != 0)
        return 0;
    struct lmdb_key from;
    spool_lmdb_key_id(&from, after + 1);
    size_t count = 0;
    MDB_val key;
    for (int rc = seek(&v, &from, &key); rc == 0 && count < max; rc = next(&v, &key))
        if (spool_lmdb_id_of(key, &out[count]))
            count++;
    view_end(&v);
    return count;
}

/* The value of id in one of the databases that are ordered by id. */
static int
get(MDB_txn *txn, MDB_dbi which, uint64_t id, MDB_val *value)
{
    struct lmdb_key key;
    spool_lmdb_key_id(&key, id);
    MDB_val k = spool_lmdb_val(&key);
    return mdb_get(txn, which, &k, value);
}

bool
spool_lmdb_read(struct spool_store *s, uint64_t id, struct arena *arena, struct envelope *out,
                struct err *err)
{
    struct spool_lmdb *db = spool_lmdb_of(s);
    MDB_txn *txn;
    int rc = mdb_txn_begin(db->env, NULL, MDB_RDONLY, &txn);
    if (rc != 0)
        return spool_lmdb_error(rc, "read", err);
    MDB_val value;
    rc = get(txn, db->msg, id, &value);
    bool ok = rc == 0 ? envelope_decode(spool_lmdb_slice(value), arena, out, err)
                      : spool_lmdb_error(rc, "read", err);
    mdb_txn_abort(txn);
    return ok;
}

bool
spool_lmdb_body(struct spool_store *s, uint64_t id, struct body **out, struct err *err)
{
    struct spool_lmdb *db = spool_lmdb_of(s);
    MDB_txn *txn;
    MDB_val value;
    *out = NULL;
    int rc = mdb_txn_begin(db->env, NULL, MDB_RDONLY, &txn);
    if (rc != 0)
        return spool_lmdb_error(rc, "read", err);
    rc = get(txn, db->body, id, &value);
    bool is_elsewhere = rc == MDB_NOTFOUND;
    if (is_elsewhere) {
        rc = get(txn, db->msg, id, &value);
    } else if (rc == 0) {
        *out = body_new(value.mv_size);
        if (*out == NULL || !body_append(out, spool_lmdb_slice(value)))
            rc = ENOMEM;
    }
    mdb_txn_abort(txn);
    return rc == 0 || spool_lmdb_error(rc, "read body", err);
}

/* ---- The whole ---------------------------------------------------------------------------- */

static bool
waits_for(struct slice record, struct slice connector)
{
    struct envelope_front front;
    struct envelope_destination d;
    struct err ignored;
    if (!envelope_read_front(record, &front, &ignored))
        return false;
    while (envelope_next_destination(&front.destinations, &d))
        if (slice_equal(d.connector, connector))
            return true;
    return false;
}

bool
spool_lmdb_oldest(struct spool_store *s, struct slice connector, struct spool_place *place,
                  size_t steps)
{
    struct spool_lmdb *db = spool_lmdb_of(s);
    struct view v;
    if (view_begin(&v, db, db->received) != 0)
        return false;
    struct lmdb_key from;
    spool_lmdb_key_place(&from, *place);
    bool found = false;
    MDB_val key, record;
    int rc = seek(&v, &from, &key);
    for (; rc == 0 && !found && steps > 0; steps--) {
        if (spool_lmdb_place_of(key, place) && get(v.txn, db->msg, place->id, &record) == 0)
            found = waits_for(spool_lmdb_slice(record), connector);
        if (!found)
            rc = next(&v, &key);
    }
    view_end(&v);
    return found;
}

bool
spool_lmdb_walk(struct spool_store *s,
                bool (*each)(void *context, uint64_t id, struct slice record), void *context,
                struct err *err)
{
    struct spool_lmdb *db = spool_lmdb_of(s);
    struct view v;
    int rc = view_begin(&v, db, db->msg);
    if (rc != 0)
        return spool_lmdb_error(rc, "walk", err);
    MDB_val key, record;
    uint64_t id;
    while ((rc = mdb_cursor_get(v.cursor, &key, &record, MDB_NEXT)) == 0)
        if (spool_lmdb_id_of(key, &id) && !each(context, id, spool_lmdb_slice(record)))
            break;
    view_end(&v);
    return rc == 0 || rc == MDB_NOTFOUND || spool_lmdb_error(rc, "walk", err);
}

bool
spool_lmdb_walk_suspended(struct spool_store *s, bool (*each)(void *context, struct slice queue),
                          void *context, struct err *err)
{
    struct spool_lmdb *db = spool_lmdb_of(s);
    struct slice prefix = slice_str(LMDB_SUSPENDED_PREFIX);
    struct view v;
    int rc = view_begin(&v, db, db->meta);
    if (rc != 0)
        return spool_lmdb_error(rc, "walk", err);
    MDB_val key, value;
    while ((rc = mdb_cursor_get(v.cursor, &key, &value, MDB_NEXT)) == 0) {
        struct slice name = spool_lmdb_slice(key);
        if (slice_equal(slice_head(name, prefix.len), prefix) &&
            !each(context, slice_from(name, prefix.len)))
            break;
    }
    view_end(&v);
    return rc == 0 || rc == MDB_NOTFOUND || spool_lmdb_error(rc, "walk", err);
}

bool
spool_lmdb_has(struct spool_store *s, uint64_t id)
{
    struct spool_lmdb *db = spool_lmdb_of(s);
    MDB_txn *txn;
    MDB_val value;
    if (mdb_txn_begin(db->env, NULL, MDB_RDONLY, &txn) != 0)
        return true; /* cannot tell: nothing may be thrown away */
    int rc = get(txn, db->msg, id, &value);
    if (rc == MDB_NOTFOUND)
        rc = get(txn, db->quarantine, id, &value);
    mdb_txn_abort(txn);
    return rc != MDB_NOTFOUND;
}

/* Pages that were in use once and are free now. Each entry of LMDB's free list (database 0)
 * begins with their count. */
static uint64_t
free_pages(struct spool_lmdb *db)
{
    enum { FREE_LIST = 0 };
    struct view v;
    if (view_begin(&v, db, FREE_LIST) != 0)
        return 0;
    uint64_t pages = 0;
    MDB_val key, value;
    while (mdb_cursor_get(v.cursor, &key, &value, MDB_NEXT) == 0) {
        size_t count = 0;
        if (value.mv_size >= sizeof count)
            memcpy(&count, value.mv_data, sizeof count);
        pages += count;
    }
    view_end(&v);
    return pages;
}

uint64_t
spool_lmdb_used(struct spool_store *s, bool exact, uint64_t *size)
{
    struct spool_lmdb *db = spool_lmdb_of(s);
    MDB_envinfo info;
    MDB_stat stat;
    if (mdb_env_info(db->env, &info) != 0 || mdb_env_stat(db->env, &stat) != 0) {
        *size = 0;
        return 0;
    }
    *size = info.me_mapsize;
    uint64_t pages = info.me_last_pgno + 1;
    uint64_t idle = exact ? free_pages(db) : 0;
    return (pages > idle ? pages - idle : 0) * stat.ms_psize;
}
