/*
 * spool_lmdb_write.c - the writing half of the LMDB store: the committer's batches.
 */
#include <errno.h>

#include "gateway/spool/spool_lmdb_private.h"

bool
spool_lmdb_begin(struct spool_store *s, struct err *err)
{
    struct spool_lmdb *db = spool_lmdb_of(s);
    must(db->batch == NULL);
    int rc = mdb_txn_begin(db->env, NULL, 0, &db->batch);
    return rc == 0 || spool_lmdb_error(rc, "begin", err);
}

void
spool_lmdb_abort(struct spool_store *s)
{
    struct spool_lmdb *db = spool_lmdb_of(s);
    mdb_txn_abort(db->batch);
    db->batch = NULL;
}

/* Did LMDB lose its faith in the file? It refuses every later batch then. */
static bool
is_dead(struct spool_lmdb *db)
{
    MDB_txn *txn;
    if (mdb_txn_begin(db->env, NULL, 0, &txn) != 0)
        return true;
    mdb_txn_abort(txn);
    return false;
}

bool
spool_lmdb_commit(struct spool_store *s, struct err *err)
{
    struct spool_lmdb *db = spool_lmdb_of(s);
    int rc = mdb_txn_commit(db->batch);
    db->batch = NULL;
    if (rc == 0)
        return true;
    spool_lmdb_error(rc, "commit", err);
    /* Pages for which there is no space were never part of the database; but when it is the meta
     * page that could not be written, nobody knows which of the two is on disk. */
    if (err->kind != ERR_IO && is_dead(db))
        err->kind = ERR_IO;
    return false;
}

/* Put octets under key; the copy goes straight into the page. */
static int
put_octets(struct spool_lmdb *db, MDB_dbi to, struct lmdb_key *key, struct slice octets,
           unsigned flags)
{
    MDB_val k = spool_lmdb_val(key);
    MDB_val room = {.mv_size = octets.len};
    int rc = mdb_put(db->batch, to, &k, &room, MDB_RESERVE | flags);
    if (rc == 0 && octets.len > 0)
        memcpy(room.mv_data, octets.ptr, octets.len);
    return rc;
}

static int
put_mark(struct spool_lmdb *db, MDB_dbi to, struct lmdb_key *key)
{
    MDB_val k = spool_lmdb_val(key);
    MDB_val nothing = {0};
    return mdb_put(db->batch, to, &k, &nothing, 0);
}

/* An index row that is not there is as good as one that was deleted. */
static int
delete_mark(struct spool_lmdb *db, MDB_dbi from, struct lmdb_key *key)
{
    MDB_val k = spool_lmdb_val(key);
    int rc = mdb_del(db->batch, from, &k, NULL);
    return rc == MDB_NOTFOUND ? 0 : rc;
}

static int
each_destination(struct spool_lmdb *db, const struct envelope_front *front,
                 int (*change)(struct spool_lmdb *db, MDB_dbi which, struct lmdb_key *key))
{
    struct slice rest = front->destinations;
    struct envelope_destination d;
    int rc = 0;
    while (rc == 0 && envelope_next_destination(&rest, &d)) {
        struct lmdb_key key;
        spool_lmdb_key_dest(&key, d.connector, (struct spool_place){d.due_unix_ms, front->id});
        rc = change(db, db->dest, &key);
    }
    return rc;
}

static void
received_key(struct lmdb_key *key, const struct envelope_front *front)
{
    spool_lmdb_key_place(key, (struct spool_place){front->received_unix_ms, front->id});
}

bool
spool_lmdb_put(struct spool_store *s, struct slice record, const struct slice *body,
               struct err *err)
{
    struct spool_lmdb *db = spool_lmdb_of(s);
    struct envelope_front front;
    TRY(envelope_read_front(record, &front, err));

    struct lmdb_key id, received;
    spool_lmdb_key_id(&id, front.id);
    received_key(&received, &front);
    int rc = put_octets(db, db->msg, &id, record, MDB_NOOVERWRITE);
    if (rc == 0 && body != NULL)
        rc = put_octets(db, db->body, &id, *body, MDB_NOOVERWRITE);
    if (rc == 0)
        rc = put_mark(db, db->received, &received);
    if (rc == 0)
        rc = each_destination(db, &front, put_mark);
    return rc == 0 || spool_lmdb_error(rc, "put", err);
}

bool
spool_lmdb_find(struct spool_store *s, uint64_t id, struct slice *record, struct err *err)
{
    struct spool_lmdb *db = spool_lmdb_of(s);
    struct lmdb_key key;
    spool_lmdb_key_id(&key, id);
    MDB_val k = spool_lmdb_val(&key);
    MDB_val value;
    int rc = mdb_get(db->batch, db->msg, &k, &value);
    if (rc != 0)
        return spool_lmdb_error(rc, "find", err);
    *record = spool_lmdb_slice(value);
    return true;
}

bool
spool_lmdb_replace(struct spool_store *s, const struct envelope_front *old, struct slice record,
                   struct err *err)
{
    struct spool_lmdb *db = spool_lmdb_of(s);
    struct envelope_front front;
    TRY(envelope_read_front(record, &front, err));
    must(front.id == old->id && front.received_unix_ms == old->received_unix_ms);

    struct lmdb_key id;
    spool_lmdb_key_id(&id, front.id);
    int rc = put_octets(db, db->msg, &id, record, 0);
    if (rc == 0 && !slice_equal(front.destinations, old->destinations)) {
        rc = each_destination(db, old, delete_mark);
        if (rc == 0)
            rc = each_destination(db, &front, put_mark);
    }
    return rc == 0 || spool_lmdb_error(rc, "replace", err);
}

bool
spool_lmdb_remove(struct spool_store *s, const struct envelope_front *old,
                  bool *body_is_elsewhere, struct err *err)
{
    struct spool_lmdb *db = spool_lmdb_of(s);
    struct lmdb_key id, received;
    spool_lmdb_key_id(&id, old->id);
    received_key(&received, old);
    MDB_val k = spool_lmdb_val(&id);
    int rc = mdb_del(db->batch, db->msg, &k, NULL);
    if (rc != 0)
        return spool_lmdb_error(rc, "remove", err);

    rc = mdb_del(db->batch, db->body, &k, NULL);
    *body_is_elsewhere = rc == MDB_NOTFOUND;
    if (rc == 0 || rc == MDB_NOTFOUND)
        rc = delete_mark(db, db->received, &received);
    if (rc == 0)
        rc = each_destination(db, old, delete_mark);
    return rc == 0 || spool_lmdb_error(rc, "remove", err);
}

bool
spool_lmdb_mark_suspended(struct spool_store *s, struct slice queue, bool suspended,
                          struct err *err)
{
    struct spool_lmdb *db = spool_lmdb_of(s);
    struct lmdb_key key = {.len = sizeof LMDB_SUSPENDED_PREFIX - 1};
    must(queue.len <= ENVELOPE_CONNECTOR_MAX);
    _Static_assert(sizeof LMDB_SUSPENDED_PREFIX - 1 <= KEY_MAX - ENVELOPE_CONNECTOR_MAX,
                   "any queue's mark is a key");
    memcpy(key.octets, LMDB_SUSPENDED_PREFIX, key.len);
    memcpy(key.octets + key.len, queue.ptr, queue.len);
    key.len += queue.len;
    int rc = suspended ? put_mark(db, db->meta, &key) : delete_mark(db, db->meta, &key);
    return rc == 0 || spool_lmdb_error(rc, "mark a queue", err);
}

/* ---- Quarantine --------------------------------------------------------------------------- */

/* The record cannot say where its rows are: look through the whole index. */
static int
delete_rows_of(MDB_txn *txn, MDB_dbi index, uint64_t id)
{
    MDB_cursor *cursor;
    int rc = mdb_cursor_open(txn, index, &cursor);
    if (rc != 0)
        return rc;
    MDB_val key, value;
    while ((rc = mdb_cursor_get(cursor, &key, &value, MDB_NEXT)) == 0) {
        uint64_t of;
        if (spool_lmdb_id_of(key, &of) && of == id && (rc = mdb_cursor_del(cursor, 0)) != 0)
            break;
    }
    mdb_cursor_close(cursor);
    return rc == MDB_NOTFOUND ? 0 : rc;
}

static int
move_aside(struct spool_lmdb *db, MDB_txn *txn, uint64_t id)
{
    struct lmdb_key key;
    spool_lmdb_key_id(&key, id);
    MDB_val k = spool_lmdb_val(&key);
    MDB_val record, room;
    int rc = mdb_get(txn, db->msg, &k, &record);
    if (rc != 0)
        return rc;
    /* What mdb_get() gave stays while nothing was written in this transaction but this. */
    room.mv_size = record.mv_size;
    rc = mdb_put(txn, db->quarantine, &k, &room, MDB_RESERVE);
    if (rc != 0)
        return rc;
    if (record.mv_size > 0)
        memcpy(room.mv_data, record.mv_data, record.mv_size);
    rc = mdb_del(txn, db->msg, &k, NULL);
    if (rc == 0)
        rc = delete_rows_of(txn, db->dest, id);
    if (rc == 0)
        rc = delete_rows_of(txn, db->received, id);
    return rc;
}

bool
spool_lmdb_quarantine(struct spool_store *s, uint64_t id, struct err *err)
{
    struct spool_lmdb *db = spool_lmdb_of(s);
    MDB_txn *txn;
    int rc = mdb_txn_begin(db->env, NULL, 0, &txn);
    if (rc != 0)
        return spool_lmdb_error(rc, "begin", err);
    rc = move_aside(db, txn, id);
    if (rc != 0)
        mdb_txn_abort(txn);
    else
        rc = mdb_txn_commit(txn);
    return rc == 0 || spool_lmdb_error(rc, "quarantine", err);
}
