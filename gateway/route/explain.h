/*
 * explain.h - the route and every decision in order, in plain words with file and line, for
 * forestgate explain. It calls the same functions as the daemon and decides nothing itself.
 */
#ifndef ROUTE_EXPLAIN_H
#define ROUTE_EXPLAIN_H

#include "config/config.h"
#include "gateway/base/buf.h"

struct explain_question {
    const char *from; /* "<>" or "" = null sender */
    const char *to;
    const char *client;  /* IP, or NULL: then it is told which connectors could be meant */
    const char *account; /* a name as sent in AUTH, or NULL */
    bool has_message;
    struct slice message;  /* its header section at least; the rest is not looked at */
    uint64_t message_size; /* octets in all; 0: not known */
};

/* Writes the explanation, a page of at most 16 KiB (with a message 64) with names of usual
 * length. True: the mail would be accepted; false: refused, or the question leaves open which
 * connector is meant. */
bool explain(const struct config *config, const struct explain_question *q, struct buf *out);

#endif
