/*
 * outbound_header.h - the header section of a stored message as it may leave through a send
 * connector (route/header_filter.h), read from its body.
 */
#ifndef RELAY_OUTBOUND_HEADER_H
#define RELAY_OUTBOUND_HEADER_H

#include "config/config.h"
#include "gateway/base/buf.h"
#include "gateway/spool/body.h"
#include "gateway/spool/envelope.h"

/* Must it be looked at? A message without reserved fields, to a connector that may send routing
 * fields, leaves as it is. */
bool outbound_header_is_filtered(const struct envelope *e,
                                 const struct send_connector *connector);

/* Appends the header section with its blank line; *offset is where the rest begins in the body,
 * which goes on as it is. ERR_IO, ERR_NOMEM, ERR_LIMIT: *out has been changed. */
MUST_USE bool outbound_header_put(const struct body *body, unsigned rights, struct buf *out,
                                  uint64_t *offset, struct err *err);

#endif
