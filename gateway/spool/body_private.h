/*
 * body_private.h - how bodies come into being; for the spool's own files only.
 *
 * A body in memory is one block, header and octets: a draft grows it, and at commit it is the
 * body, without a copy.
 */
#ifndef SPOOL_BODY_PRIVATE_H
#define SPOOL_BODY_PRIVATE_H

#include <stdatomic.h>

#include "gateway/spool/body.h"

struct body {
    _Atomic unsigned refs;
    int fd; /* the file's; -1: the octets are here */
    uint64_t size;
    size_t cap; /* of octets */
    char octets[];
};

/* An empty body in memory with room for cap octets at least; NULL: no memory. */
struct body *body_new(size_t cap);

/* Append to a body in memory that nobody else refers to yet; *b may move. False: no memory, and
 * it is as it was. */
MUST_USE bool body_append(struct body **b, struct slice octets);

/* A body of `size` octets in a file; the descriptor is the body's from now on, unless NULL is
 * returned: no memory. */
struct body *body_of_file(int fd, uint64_t size);

/* All of a body in memory. */
struct slice body_octets(const struct body *b);

#endif
