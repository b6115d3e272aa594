/*
 * ledger.h - what spool_driver writes down and spool_checker finds must be comparable: settings
 * of the spool, hash of a body.
 */
#ifndef FAULT_LEDGER_H
#define FAULT_LEDGER_H

#include <inttypes.h>

#include "gateway/spool/spool.h"

static inline struct spool_settings
ledger_settings(const char *path)
{
    return (struct spool_settings){
        .path = path, .map_size = 64 << 20, .reserve = 1 << 20, .body_in_file = 16384};
}

static const uint64_t ledger_hash_start = UINT64_C(14695981039346656037);

/* FNV-1a, on from where it was. */
static inline uint64_t
ledger_hash(uint64_t hash, struct slice octets)
{
    for (size_t i = 0; i < octets.len; i++)
        hash = (hash ^ (unsigned char)octets.ptr[i]) * UINT64_C(1099511628211);
    return hash;
}

#endif
