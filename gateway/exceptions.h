/*
 * exceptions.h - what must be shouted about at start and after a reload: connectors that may pass
 * mail in clear, or with a lowered TLS profile (design.md 6.1).
 */
#ifndef GATEWAY_EXCEPTIONS_H
#define GATEWAY_EXCEPTIONS_H

#include "gateway/relay/worker.h"

/* A line for each, and their number on the metrics page. */
void exceptions_log(struct workshop *shop, const struct config *config);

#endif
