/*
 * spool_lmdb_private.h - what the files of the LMDB store share: handle, keys, errors.
 */
#ifndef SPOOL_LMDB_PRIVATE_H
#define SPOOL_LMDB_PRIVATE_H

#include <lmdb.h>

#include "gateway/spool/spool_lmdb.h"

struct spool_lmdb {
    struct spool_store base;
    MDB_env *env;
    MDB_dbi msg, body, dest, received, quarantine, meta;
    MDB_txn *batch; /* the committer's, between begin and commit or abort */
};

static inline struct spool_lmdb *
spool_lmdb_of(struct spool_store *s)
{
    return CONTAINER(s, struct spool_lmdb, base);
}

enum { PLACE_OCTETS = 16, KEY_MAX = ENVELOPE_CONNECTOR_MAX + 1 + PLACE_OCTETS };

/* A key in the making. */
struct lmdb_key {
    char octets[KEY_MAX];
    size_t len;
};

void spool_lmdb_key_id(struct lmdb_key *key, uint64_t id);
void spool_lmdb_key_place(struct lmdb_key *key, struct spool_place place);
void spool_lmdb_key_dest(struct lmdb_key *key, struct slice connector, struct spool_place place);

static inline MDB_val
spool_lmdb_val(struct lmdb_key *key)
{
    return (MDB_val){key->len, key->octets};
}

static inline struct slice
spool_lmdb_slice(MDB_val v)
{
    return slice(v.mv_data, v.mv_size);
}

/* The number in the last 8 octets of a key, and the place in the last 16; false: too short. */
bool spool_lmdb_id_of(MDB_val key, uint64_t *id);
bool spool_lmdb_place_of(MDB_val key, struct spool_place *place);

/* In `meta`: the mark of a suspended queue. */
#define LMDB_SUSPENDED_PREFIX "suspended:"

/* rc of LMDB as err; false. */
bool spool_lmdb_error(int rc, const char *what, struct err *err);

/* The reading half (spool_lmdb_read.c). */
size_t spool_lmdb_due(struct spool_store *s, struct slice connector, struct spool_place after,
                      int64_t upto_unix_ms, struct spool_place *out, size_t max,
                      int64_t *next_due);
size_t spool_lmdb_received(struct spool_store *s, struct spool_place after, int64_t upto_unix_ms,
                           struct spool_place *out, size_t max);
size_t spool_lmdb_list(struct spool_store *s, uint64_t after, uint64_t *out, size_t max);
bool spool_lmdb_read(struct spool_store *s, uint64_t id, struct arena *arena,
                     struct envelope *out, struct err *err);
bool spool_lmdb_body(struct spool_store *s, uint64_t id, struct body **out, struct err *err);
bool spool_lmdb_oldest(struct spool_store *s, struct slice connector, struct spool_place *place,
                       size_t steps);
bool spool_lmdb_walk(struct spool_store *s,
                     bool (*each)(void *context, uint64_t id, struct slice record), void *context,
                     struct err *err);
bool spool_lmdb_walk_suspended(struct spool_store *s,
                               bool (*each)(void *context, struct slice queue), void *context,
                               struct err *err);
bool spool_lmdb_has(struct spool_store *s, uint64_t id);
uint64_t spool_lmdb_used(struct spool_store *s, bool exact, uint64_t *size);

/* The writing half (spool_lmdb_write.c). */
bool spool_lmdb_begin(struct spool_store *s, struct err *err);
bool spool_lmdb_put(struct spool_store *s, struct slice record, const struct slice *body,
                    struct err *err);
bool spool_lmdb_find(struct spool_store *s, uint64_t id, struct slice *record, struct err *err);
bool spool_lmdb_replace(struct spool_store *s, const struct envelope_front *old,
                        struct slice record, struct err *err);
bool spool_lmdb_remove(struct spool_store *s, const struct envelope_front *old,
                       bool *body_is_elsewhere, struct err *err);
bool spool_lmdb_mark_suspended(struct spool_store *s, struct slice queue, bool suspended,
                               struct err *err);
bool spool_lmdb_commit(struct spool_store *s, struct err *err);
void spool_lmdb_abort(struct spool_store *s);
bool spool_lmdb_quarantine(struct spool_store *s, uint64_t id, struct err *err);

#endif
