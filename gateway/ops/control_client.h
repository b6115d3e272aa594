/*
 * control_client.h - the other end of control.h: one request to the daemon, and its answer.
 */
#ifndef OPS_CONTROL_CLIENT_H
#define OPS_CONTROL_CLIENT_H

#include "gateway/base/buf.h"
#include "gateway/base/err.h"

/* The descriptor, or -1: ERR_CLOSED, nobody listens there; ERR_LIMIT, ERR_IO. */
int control_dial(const char *socket_path, struct err *err);
/* One line, without its LF. */
MUST_USE bool control_say(int fd, struct slice request, struct err *err);

/* request: one line, without its LF. *status: 0 to 2, as the daemon says; what else it says is
 * put to answer (CONTROL_ANSWER_MAX octets at most). Blocks until the daemon closes, timeout_ms
 * for each piece at most (0 = for ever). False: ERR_CLOSED, nobody listens there; ERR_LIMIT,
 * ERR_IO, ERR_TIMEOUT, ERR_SYNTAX, ERR_NOMEM; the text names the socket. */
MUST_USE bool control_ask(const char *socket_path, struct slice request, uint64_t timeout_ms,
                          int *status, struct buf *answer, struct err *err);

#endif
