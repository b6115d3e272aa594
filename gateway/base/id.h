/*
 * id.h - ids of messages and sessions: short, in order of time, unique across restarts and nodes.
 *
 * 64 bits: 41 of milliseconds since 2024, 13 of sequence, 10 of node. As text 13 characters of
 * 0-9 and A-Z without I, L, O, U (nobody misreads them), whose order is the order of the numbers.
 */
#ifndef BASE_ID_H
#define BASE_ID_H

#include <stdatomic.h>
#include <stdint.h>

#include "gateway/base/must.h"
#include "gateway/base/slice.h"

enum { ID_TEXT = 14 };

struct id_source {
    _Atomic uint64_t last;
    uint64_t node; /* 10 bits */
};

/* node: any number that differs between gateways (its low 10 bits count). after: the highest id
 * already given away, or 0; all new ones are higher even when the clock went back. */
void id_source_init(struct id_source *s, uint64_t node, uint64_t after);

/* The highest id of this millisecond, of any node: with it as `after`, none that an earlier
 * process gave away up to now is given again, even if it never reached the disk. */
uint64_t id_last_of(int64_t unix_ms);

/* A new id, never 0. Any thread. */
uint64_t id_next(struct id_source *s, int64_t now_unix_ms);

void id_text(uint64_t id, char text[ID_TEXT]);

/* False: not an id. Small letters are taken too. */
MUST_USE bool id_parse(struct slice text, uint64_t *id);

#endif
