/*
 * returning.h - mail that an operator removed from the queue, and whose senders are to be told:
 * the report is made here, and with it the recipients end.
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
