/*
 * preflight.h - is everything ready for mail between the forests of a configuration? The checks
 * that can be run from here, one server after the other, as a list in plain words.
 *
 * Takes    a configuration; which forests and send connectors are meant.
 * Makes    doctor's connections to each server of those connectors (at most five to each, and two
 *          more for each further address), one or two to each listener of our own, one to the
 *          control socket.
 * Logs on  at most once to each server; and where a server refused account and password, to no
 *          further server with the same ones: directories lock accounts.
 * Leaves   nothing: MAIL and RCPT are followed by RSET, DATA is never said.
 * Bounds   wish.timeout_ms for each connection; after wish.run_ms no further server is begun
 * with.
 */
#ifndef OPS_PREFLIGHT_H
#define OPS_PREFLIGHT_H

#include "gateway/ops/preflight_checks.h"

/* out is to be fini'd in any case; config must stay until then. False: as preflight_plan_make(),
 * or ERR_NOMEM, ERR_IO, ERR_DNS, ERR_TLS: something of this host cannot be used. */
MUST_USE bool preflight_run(const struct config *config, const struct preflight_wish *wish,
                            struct preflight *out, struct err *err);

#endif
