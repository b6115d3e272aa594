/*
 * masked.h - what SMTP inspection of a firewall leaves of a keyword that it does not know: an X
 * for each letter but the last (exchange-facts.md 3.2). These octets are the thing itself; they
 * have a name so that nobody takes a row of X for a mark of unfinished work.
 */
#ifndef KIT_MASKED_H
#define KIT_MASKED_H

#define MASKED_STARTTLS "\130\130\130\130\130\130\130A" /* \130 is X */

#endif
