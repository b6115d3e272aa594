#include "gateway/spool/spool_lmdb.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "gateway/base/mem.h"
#include "gateway/spool/spool_lmdb_private.h"

/* check-words: fsync 1: LMDB does not sync the folder in which it made its file */

enum { SPOOL_VERSION = 3, DATABASES = 6 };

static const char version_key[] = "version";

/* ---- Keys and errors ---------------------------------------------------------------------- */

static void
put_number(struct lmdb_key *key, uint64_t n)
{
    for (size_t i = 8; i-- > 0; n >>= 8)
        key->octets[key->len + i] = (char)(n & 0xff);
    key->len += 8;
}

static uint64_t
number_at(const char *from)
{
    uint64_t n = 0;
    for (size_t i = 0; i < 8; i++)
        n = n << 8 | (unsigned char)from[i];
    return n;
}

static void
put_place(struct lmdb_key *key, struct spool_place place)
{
    put_number(key, place.due_unix_ms > 0 ? (uint64_t)place.due_unix_ms : 0);
    put_number(key, place.id);
}

void
spool_lmdb_key_id(struct lmdb_key *key, uint64_t id)
{
    key->len = 0;
    put_number(key, id);
}

void
spool_lmdb_key_place(struct lmdb_key *key, struct spool_place place)
{
    key->len = 0;
    put_place(key, place);
}

void
spool_lmdb_key_dest(struct lmdb_key *key, struct slice connector, struct spool_place place)
{
    must(connector.len <= ENVELOPE_CONNECTOR_MAX);
    if (connector.len > 0)
        memcpy(key->octets, connector.ptr, connector.len);
    key->octets[connector.len] = '\0';
    key->len = connector.len + 1;
    put_place(key, place);
}

bool
spool_lmdb_id_of(MDB_val key, uint64_t *id)
{
    if (key.mv_size < 8)
        return false;
    *id = number_at((const char *)key.mv_data + key.mv_size - 8);
    return true;
}

bool
spool_lmdb_place_of(MDB_val key, struct spool_place *place)
{
    if (key.mv_size < PLACE_OCTETS)
        return false;
    const char *at = (const char *)key.mv_data + key.mv_size - PLACE_OCTETS;
    place->due_unix_ms = (int64_t)(number_at(at) & INT64_MAX);
    place->id = number_at(at + 8);
    return true;
}

bool
spool_lmdb_error(int rc, const char *what, struct err *err)
{
    enum err_kind kind = ERR_IO;
    if (rc == MDB_MAP_FULL || rc == MDB_TXN_FULL || rc == ENOSPC || rc == EDQUOT)
        kind = ERR_FULL;
    else if (rc == ENOMEM)
        kind = ERR_NOMEM;
    else if (rc == MDB_NOTFOUND)
        return err_set(err, ERR_STATE, "no such message");
    return err_set_at(err, kind, 0, ERR_HERE, "spool database: %s: %s", what, mdb_strerror(rc));
}

/* ---- Open and close ----------------------------------------------------------------------- */

static void
tidy(struct spool_store *s)
{
    int dead; /* slots of readers whose process is gone: they would pin pages for ever */
    (void)mdb_reader_check(spool_lmdb_of(s)->env, &dead);
}

static void
close_store(struct spool_store **s)
{
    if (*s == NULL)
        return;
    struct spool_lmdb *db = spool_lmdb_of(*s);
    mdb_env_close(db->env);
    mem_free(&db);
    *s = NULL;
}

static const struct spool_store_functions functions = {
    .begin = spool_lmdb_begin,
    .put = spool_lmdb_put,
    .find = spool_lmdb_find,
    .replace = spool_lmdb_replace,
    .remove = spool_lmdb_remove,
    .mark_suspended = spool_lmdb_mark_suspended,
    .commit = spool_lmdb_commit,
    .abort = spool_lmdb_abort,
    .due = spool_lmdb_due,
    .received = spool_lmdb_received,
    .list = spool_lmdb_list,
    .read = spool_lmdb_read,
    .body = spool_lmdb_body,
    .oldest = spool_lmdb_oldest,
    .walk = spool_lmdb_walk,
    .walk_suspended = spool_lmdb_walk_suspended,
    .quarantine = spool_lmdb_quarantine,
    .has = spool_lmdb_has,
    .used = spool_lmdb_used,
    .tidy = tidy,
    .close = close_store,
};

static int
open_env(MDB_env **env, const char *path, unsigned flags, uint64_t map_size)
{
    int rc = mdb_env_create(env);
    if (rc != 0) {
        *env = NULL;
        return rc;
    }
    rc = mdb_env_set_maxdbs(*env, DATABASES);
    if (rc == 0)
        rc = mdb_env_set_mapsize(*env, (size_t)map_size);
    if (rc == 0)
        rc = mdb_env_open(*env, path, flags | MDB_NOTLS, 0600);
    return rc;
}

/* Open the handles; flags MDB_CREATE: make the databases. */
static int
open_databases(struct spool_lmdb *db, MDB_txn *txn, unsigned flags)
{
    const struct {
        const char *name;
        MDB_dbi *handle;
    } rows[DATABASES] = {
        {"msg", &db->msg},           {"body", &db->body}, {"dest", &db->dest},
        {"received", &db->received}, {"meta", &db->meta}, {"quarantine", &db->quarantine},
    };
    int rc = 0;
    for (size_t i = 0; i < DATABASES && rc == 0; i++)
        rc = mdb_dbi_open(txn, rows[i].name, flags, rows[i].handle);
    return rc;
}

/* The databases, where there are none, and our version, in one durable transaction. */
static int
write_version(struct spool_lmdb *db)
{
    MDB_txn *txn;
    int rc = mdb_txn_begin(db->env, NULL, 0, &txn);
    if (rc != 0)
        return rc;
    struct lmdb_key version;
    spool_lmdb_key_id(&version, SPOOL_VERSION);
    char name[sizeof version_key];
    memcpy(name, version_key, sizeof name);
    MDB_val key = {sizeof name - 1, name};
    MDB_val value = spool_lmdb_val(&version);

    rc = open_databases(db, txn, MDB_CREATE);
    if (rc == 0)
        rc = mdb_put(txn, db->meta, &key, &value, 0);
    if (rc != 0) {
        mdb_txn_abort(txn);
        return rc;
    }
    return mdb_txn_commit(txn);
}

/* LMDB writes the first pages of a new file without syncing them, so a power cut could leave half
 * a database: it is made under another name and gets its own when it is whole and durable. */
static bool
create(int folder, const char *path, uint64_t map_size, struct err *err)
{
    char name[4096];
    if (snprintf(name, sizeof name, "%s/new.mdb", path) >= (int)sizeof name)
        return err_set(err, ERR_LIMIT, "path of the spool is too long");
    (void)unlinkat(folder, "new.mdb", 0);
    (void)unlinkat(folder, "new.mdb-lock", 0);

    struct spool_lmdb db = {0};
    int rc = open_env(&db.env, name, MDB_NOSUBDIR, map_size);
    if (rc == 0)
        rc = write_version(&db);
    mdb_env_close(db.env);
    (void)unlinkat(folder, "new.mdb-lock", 0);
    if (rc != 0)
        return spool_lmdb_error(rc, "create", err);
    if (renameat(folder, "new.mdb", folder, "data.mdb") != 0 || fsync(folder) != 0)
        return err_sys(err, ERR_IO, "cannot put the spool database in place");
    return true;
}

static bool
check_version(struct spool_lmdb *db, MDB_txn *txn, uint64_t *version, struct err *err)
{
    char name[sizeof version_key];
    memcpy(name, version_key, sizeof name);
    MDB_val key = {sizeof name - 1, name};
    MDB_val value;
    int rc = mdb_get(txn, db->meta, &key, &value);
    if (rc != 0 || !spool_lmdb_id_of(value, version) || *version == 0)
        return err_set(err, ERR_SYNTAX, "spool database has no version");
    if (*version > SPOOL_VERSION)
        return err_set(err, ERR_STATE,
                       "spool is of version %llu, this program knows up to %d: use the newer "
                       "program that wrote it",
                       (unsigned long long)*version, SPOOL_VERSION);
    return true;
}

static bool
attach(struct spool_lmdb *db, struct err *err)
{
    MDB_txn *txn;
    uint64_t version = 0;
    int rc = mdb_txn_begin(db->env, NULL, MDB_RDONLY, &txn);
    if (rc != 0)
        return spool_lmdb_error(rc, "first read", err);
    /* The version first: a newer spool may have other databases. */
    rc = mdb_dbi_open(txn, "meta", 0, &db->meta);
    bool ok = rc == 0 && check_version(db, txn, &version, err);
    if (ok)
        rc = open_databases(db, txn, 0);
    if (rc == MDB_NOTFOUND)
        ok = err_set(err, ERR_SYNTAX, "data.mdb is not the database of a spool");
    else if (rc != 0)
        ok = spool_lmdb_error(rc, "open databases", err);
    if (!ok) {
        mdb_txn_abort(txn);
        return false;
    }
    mdb_txn_commit(txn); /* of a reader: keeps the handles, writes nothing */
    /* From the first record of ours on, the program before must not open it: it would put aside
     * as broken what it cannot read. */
    rc = version < SPOOL_VERSION ? write_version(db) : 0;
    return rc == 0 || spool_lmdb_error(rc, "raise the version", err);
}

/* Make data.mdb when there is none. */
static bool
create_if_missing(const char *path, uint64_t map_size, struct err *err)
{
    int folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder < 0)
        return err_sys(err, ERR_IO, "cannot open %s", path);
    bool ok = faccessat(folder, "data.mdb", F_OK, 0) == 0 || create(folder, path, map_size, err);
    close(folder);
    return ok;
}

bool
spool_lmdb_open(const char *folder, uint64_t map_size, struct spool_store **out, struct err *err)
{
    TRY(create_if_missing(folder, map_size, err));
    struct spool_lmdb *db = mem_new(sizeof *db);
    if (db == NULL)
        return err_set(err, ERR_NOMEM, "no memory for the spool");
    db->base.call = &functions;
    int rc = open_env(&db->env, folder, 0, map_size);
    if (rc != 0 || !attach(db, err)) {
        if (rc != 0)
            spool_lmdb_error(rc, "open", err);
        mdb_env_close(db->env);
        mem_free(&db);
        return false;
    }
    *out = &db->base;
    return true;
}
