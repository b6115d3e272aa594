/*
 * header_filter.h - the header section of a stored message without the fields that may not leave.
 * Pure.
 *
 * Takes    the message from its first octet, in pieces of any size, until it says that it is
 *          done.
 * Gives    the header section as it goes on, with its blank line, in a buffer of the caller; and
 *          how many octets of the message that stands for. What follows is the body: it is not
 *          looked at, so nobody copies it.
 * Follows  exchange-facts.md 4; firewall.h for the fields and rights.
 * Refuses  a header section over HEADER_FILTER_MAX, which intake lets nobody store.
 *
 * What came in may have been let in by a right of the receive connector that the send connector
 * lacks: then it is removed here, and what is left is the same octets in the same order.
 */
#ifndef ROUTE_HEADER_FILTER_H
#define ROUTE_HEADER_FILTER_H

#include <stdint.h>

#include "gateway/base/err.h"
#include "gateway/mail/header.h"

enum {
    HEADER_FILTER_OURS = 16 * 1024, /* what the gateway put above the fields that came */
    HEADER_FILTER_MAX = HEADER_MAX + HEADER_FILTER_OURS,
};

struct header_filter {
    struct header_scanner scanner;
    unsigned rights;
    struct buf *out;
    uint64_t used;    /* octets of the message that *out stands for */
    unsigned removed; /* fields */
    bool done;
};

/* rights: of the send connector. out: room for HEADER_FILTER_MAX and a blank line behind what it
 * has already; it stays the caller's. */
void header_filter_init(struct header_filter *f, unsigned rights, struct buf *out);
void header_filter_fini(struct header_filter *f);

/* A piece; not to be called any more when done. ERR_LIMIT, ERR_NOMEM. */
MUST_USE bool header_filter_take(struct header_filter *f, struct slice piece, struct err *err);

/* The message ends before its header section did. */
MUST_USE bool header_filter_end(struct header_filter *f, struct err *err);

#endif
