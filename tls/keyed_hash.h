/*
 * keyed_hash.h - HMAC-SHA256 and random octets: for trace fields and the memory of logons.
 */
#ifndef TLS_KEYED_HASH_H
#define TLS_KEYED_HASH_H

#include "gateway/base/must.h"
#include "gateway/base/slice.h"

enum { KEYED_HASH_KEY = 32, KEYED_HASH_SIZE = 32 };

struct keyed_hash_key {
    unsigned char octets[KEYED_HASH_KEY];
};

/* Over the parts, each preceded by its length, so that ("ab","c") and ("a","bc") differ. */
void keyed_hash(const struct keyed_hash_key *key, const struct slice *parts, size_t part_count,
                unsigned char out[KEYED_HASH_SIZE]);

/* Same in constant time? */
bool keyed_hash_same(const unsigned char *a, const unsigned char *b, size_t n);

/* Unpredictable octets. Aborts if the system has none (it always has). */
void random_octets(void *out, size_t n);

#endif
