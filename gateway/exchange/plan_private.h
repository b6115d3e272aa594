/*
 * plan_private.h - what the files of the plan share: plan.c (which connectors), plan_domains.c,
 * plan_rights.c.
 */
#ifndef EXCHANGE_PLAN_PRIVATE_H
#define EXCHANGE_PLAN_PRIVATE_H

#include "gateway/exchange/plan.h"

/* The forest in which the servers of a send connector stand, of those that it delivers to: the
 * one whose domains hold most of the servers' names, else the first one in the file. NULL: no
 * forest's mail goes there. */
const struct forest *plan_home(const struct config *config, const struct send_connector *s);

/* Is the forest's mail handed to servers of another one? */
bool plan_is_behind(const struct config *config, const struct forest *f,
                    const struct forest *through);

/* Fill accepted, remote, outbound.spaces and outbound.extra. */
MUST_USE bool plan_domains(struct exchange_plan *p);

void plan_rights_of_inbound(struct exchange_inbound *in);
void plan_rights_of_outbound(struct exchange_outbound *out);

#endif
