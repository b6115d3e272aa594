/*
 * preflight_report.h - what preflight found, for people and for machines.
 */
#ifndef OPS_PREFLIGHT_REPORT_H
#define OPS_PREFLIGHT_REPORT_H

#include "gateway/base/buf.h"
#include "gateway/ops/preflight_checks.h"

/* "1 of 3 forests is ready." */
void preflight_report_sentence(struct buf *out, const struct preflight *p);

void preflight_report_text(struct buf *out, const struct preflight *p, const char *config_file);

/* The same as one line of JSON; its keys are an interface:
 *
 *     exit message file ready asked connections logons forests[] gateway not_checked[]
 *       forests:  forest verdict checks[];  gateway: verdict checks[]
 *       checks:   check subject state text lines[]
 *       lines:    subject state note found advice who[] command
 *
 * verdict is ready, warnings, unproven or not-ready; state ok, warning, failed or not-tried; who
 * gateway, exchange, network, other-gateway. What there is not is null. */
void preflight_report_json(struct buf *out, const struct preflight *p, const char *config_file);

/* What nobody can see from here, and how to see it; NULL behind the last. */
const char *preflight_not_checked(size_t i);

#endif
