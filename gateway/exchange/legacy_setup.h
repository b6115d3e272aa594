/*
 * legacy_setup.h - the set-up of Exchange 2000 and 2003: numbered steps in Exchange System
 * Manager with the exact values, and .reg files for what lives in the registry alone. Pure.
 *
 * Follows  exchange-facts.md 1.5, 1.6, 2.1, 2.2, 3.5, 5.1, 5.3, 6.4, 8; Microsoft KB 829721,
 *          823019, 823024, 319574, 948963, 938397, 968730, 842851, 818222, 288635, 314961,
 *          329061, 266166, 828770, 187498; Exchange 2000 and 2003 help. What was seen in none of
 *          them is marked in the document: "check on your system".
 */
#ifndef EXCHANGE_LEGACY_SETUP_H
#define EXCHANGE_LEGACY_SETUP_H

#include "gateway/exchange/document.h"
#include "gateway/exchange/plan.h"

/* Fill d (of version 2000 or 2003) with summary, parameters and all steps in the order in which
 * they must be done. d keeps texts of p, which must live as long. False: it did not fit, or no
 * memory. */
MUST_USE bool exchange_legacy_write(struct exchange_document *d, const struct exchange_plan *p);

#endif
