/*
 * rights.h - what each right of a connector means. Pure.
 *
 * Follows  exchange-facts.md 1.3 (Exchange's extended rights), 4; design.md 6.6, 6.7.
 *
 * Rights decide in accept.c (senders), recipient.c (address spaces), firewall.c (header fields)
 * and here (sizes); the words are in config/config_rights.h.
 */
#ifndef ROUTE_RIGHTS_H
#define ROUTE_RIGHTS_H

#include "config/config_rights.h"
#include "gateway/base/buf.h"
#include "gateway/mail/reply.h"

struct right_meaning {
    enum right right;
    const char *held;     /* whole sentences ... */
    const char *not_held; /* ... what holds without it */
};

/* In the order of right_names. */
const struct right_meaning *right_meaning(enum right right);

static inline bool
rights_hold(unsigned rights, enum right right)
{
    return (rights & (unsigned)right) != 0;
}

/* The largest message that a session of this connector may bring: its message_size, or with
 * bypass-message-size-limit that of limits, which bounds memory and disk for all. */
uint64_t rights_message_size(const struct config *config, const struct receive_connector *c);
struct reply rights_too_large(void);

/* The line that says which rights a connector has: its `rights:`, or its own when it has the
 * defaults. */
struct where rights_place(struct where rights_where, struct where connector);

/* The chapter of the manual. */
void rights_manual(struct buf *out);

#endif
