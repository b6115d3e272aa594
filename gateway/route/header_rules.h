/*
 * header_rules.h - for which header sections a message is refused at the end of its content.
 * Pure.
 *
 * Follows  RFC 5321 6.3 (hops); design.md 6.5, 6.9.
 * Refuses  more hops than limits.hops; a bare CR or LF, or a NUL; a section over HEADER_MAX.
 *
 * Hops are counted twice and the larger count holds: by Received, and by our own trace fields.
 * Connectors without a right to routing fields remove Received, and a loop that changes its
 * recipients at each turn (a forwarding address that grows) never meets its own trace again.
 */
#ifndef ROUTE_HEADER_RULES_H
#define ROUTE_HEADER_RULES_H

#include <stdint.h>

#include "gateway/mail/header.h"
#include "gateway/mail/reply.h"

/* Starts empty: all zero. */
struct hop_count {
    uint32_t received, passes;
};

/* Count this field, if it is a hop. False: one too many, and the refusal. */
MUST_USE bool hop_count_take(struct hop_count *count, struct slice field_name, uint32_t most,
                             struct reply *refusal);
uint32_t hop_count_is(const struct hop_count *count);

/* A field, or the blank line, as it came. What came by BDAT may hold anything. A body may; a
 * header section in which one reader sees a line end and the next one does not is a way around
 * whatever looks at its fields. */
MUST_USE bool header_is_sound(struct slice raw, struct reply *refusal);

struct reply header_too_long(void);

#endif
