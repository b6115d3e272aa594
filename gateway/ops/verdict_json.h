/*
 * verdict_json.h - what differs in a forest's Exchange, for machines.
 */
#ifndef OPS_VERDICT_JSON_H
#define OPS_VERDICT_JSON_H

#include "gateway/exchange/verify.h"

/* One line of JSON; its keys are an interface:
 *
 *     exit forest gateway compared more findings[]
 *       findings: severity place line found wanted why
 *
 * severity is stops, harms, worth-a-look or unknown; line is null for what is missing; more says
 * that there were more findings than are listed. */
void exchange_verdict_json(const struct exchange_plan *plan, const struct exchange_verdict *v,
                           struct buf *out);

#endif
