/*
 * returning.h - recipients whose end is decided and whose report is still to be made: an operator
 * removed them, or their sender has had too many reports (report_limit.h). Their last words are
 * the reason. The report is made here, and with it they end.
 *
 * Follows  Remove-Message -WithNDR (exchange-facts.md 7.4).
 */
#ifndef RELAY_RETURNING_H
#define RELAY_RETURNING_H

#include "gateway/relay/worker.h"

/* The first worker's, once a minute and when an operator has changed something: a page of them.
 * True: there may be more. */
bool returning_look(struct worker *w);

#endif
