/*
 * hub.h - the set-up of Exchange 2007 and 2010: steps with the PowerShell that does, checks and
 * undoes each. Pure.
 *
 * Follows  exchange-facts.md 1.1 to 1.4, 2.5, 3.4, 3.5, 5.1, 5.2, 6.4, 8; Microsoft's help of
 *          2007 (RTM and SP1) and 2010 for each cmdlet and parameter. What neither of them says
 *          is marked in the document: "check on your system".
 */
#ifndef EXCHANGE_HUB_H
#define EXCHANGE_HUB_H

#include "gateway/exchange/document.h"
#include "gateway/exchange/plan.h"

/* Fill d (of version 2007 or 2010) with summary, prelude, parameters and all steps in the order
 * in which they must be done. d keeps texts of p, which must live as long. False: it did not fit,
 * or no memory. */
MUST_USE bool exchange_hub_write(struct exchange_document *d, const struct exchange_plan *p);

#endif
