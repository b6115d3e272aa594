/*
 * spool_lmdb.h - the local store: one LMDB file, data.mdb, in the spool folder.
 *
 * Follows  dependencies.md 7. Databases: msg (id: record), body (id: octets), dest (connector NUL
 *          due id), received (time id), quarantine (id: record), meta (version). Keys big-endian,
 *          so their order is the order of time.
 */
#ifndef SPOOL_LMDB_H
#define SPOOL_LMDB_H

#include "gateway/spool/spool_store.h"

/* Open, or create so that a power cut leaves all of it or nothing. ERR_STATE: the spool is of a
 * newer version; ERR_SYNTAX: not a spool; ERR_IO, ERR_FULL, ERR_NOMEM. */
MUST_USE bool spool_lmdb_open(const char *folder, uint64_t map_size, struct spool_store **out,
                              struct err *err);

#endif
