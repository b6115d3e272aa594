/*
 * status.h - how the gateway is, in one place: for /status (JSON) and `forestgate status` (the
 * same JSON, or a page of text made from it). No secret, address of a sender or content is in it.
 *
 * The keys are an interface (README): what is there stays; more may come.
 */
#ifndef OPS_STATUS_H
#define OPS_STATUS_H

#include <jansson.h>

#include "gateway/ops/control.h"

/* How many days before its end a certificate is a problem. */
enum { STATUS_CERTIFICATE_DAYS = 14 };

/* A new reference; NULL without memory. "problems" lists what somebody should look at; it is
 * empty when all is fine. From the first worker's thread. */
json_t *status_json(struct workshop *shop, const struct crew *crew,
                    const struct runtime *runtime);

/* Which text of the file a configuration was made from: "configuration"."source", by which two
 * that may differ are told apart. */
enum { STATUS_SOURCE = 33 };
void status_source(const struct config *config, char text[STATUS_SOURCE]);

/* status_text.c: as a page of at most 100 columns, but for sentences. */
void status_put_text(struct buf *out, const json_t *status);

#endif
