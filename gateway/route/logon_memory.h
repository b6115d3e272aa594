/*
 * logon_memory.h - a short memory of successful logons, as keyed hashes: Exchange logs on anew
 * for every connection, and a password check costs 24 ms. Pure; one per process, bounded.
 *
 * A key made at start, never stored, hashes account, password and the account's hashes: a changed
 * hash file is forgotten by itself. Failures are never remembered.
 *
 * A success is remembered for its lifetime and not a moment longer, however often it is asked
 * for: then the password is checked in full again. Thread safe.
 */
#ifndef ROUTE_LOGON_MEMORY_H
#define ROUTE_LOGON_MEMORY_H

#include <stdint.h>

#include "gateway/base/must.h"
#include "gateway/base/slice.h"

struct account;
struct logon_memory;

/* Room for entries_max logons, rounded up to a power of two. Each has four places where it may
 * stand; when all are taken, the oldest there gives way. NULL: out of memory. */
struct logon_memory *logon_memory_new(size_t entries_max, uint64_t lifetime_ms);
void logon_memory_free(struct logon_memory **m);

bool logon_memory_knows(struct logon_memory *m, const struct account *account,
                        struct slice password, uint64_t now_ms);
void logon_memory_learn(struct logon_memory *m, const struct account *account,
                        struct slice password, uint64_t now_ms);

#endif
