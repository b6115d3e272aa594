/*
 * dialogue_client.h - runs a dialogue against the sending conversation.
 *
 * Lines of the server that follow each other are one packet.
 */
/* clang-format off */
/*
 * What happens:
 *     ! client key=value ...        before all else; hello=NAME tls=required user=NAME
 *                                   password=WORD. Without: gw.a.example, TLS if any, no logon
 *     ! tls                         the handshake is done
 *     ! send from=<a> to=<b>,<c>    a transaction; also size=N body=8bit|7bit auth=<>|ADDRESS
 *                                   only=envelope bare unended utf8 ret=full|headers envid=XTEXT
 *                                   blob=OCTETS; behind to=, of the first recipient: notify=N (of
 *                                   enum dsn_notify) orcpt=TEXT
 *     ! body hi\r\n                 octets of the message, escaped as in c; ! end: it is over
 *     ! next                        the outcomes were read
 *     ! quit
 *     ! abort TEXT                  the message cannot be read any more
 *     ! lost TEXT                   the connection broke
 *     ! write N                     only so many octets go out for now
 *     ! wait N                      so many seconds pass, nothing is heard
 *
 * What holds:
 *     = task ready                  wait, starttls, ready, body, done, failed, closed
 *     = stage mail                  connect, banner, ehlo, starttls, tls, auth, mail, rcpt, data,
 *                                   content, idle
 *     = outcome 0 rcpt 550 5.1.1 *  of the first recipient; "data local 451 *": made by ourselves
 *     = failure auth 535 *
 *     = silent                      there is nothing to say
 *     = blob taken                  none, taken, not-offered, recipients, refused, closed,
 *                                   hung
 *     = wake 300                    so many seconds until something happens by itself, or never
 *     = doubt yes, = authenticated yes, = masked yes, = 8bitmime yes, = size N, = banner NAME
 */
/* clang-format on */
#ifndef KIT_DIALOGUE_CLIENT_H
#define KIT_DIALOGUE_CLIENT_H

#include "tests/kit/dialogue.h"

/* True: all came as it must. False: err says file, line, what was wanted and what there was.
 * *longest, unless NULL: octets of the longest packet. */
MUST_USE bool dialogue_run_client(const struct dialogue *d, struct dialogue_cut cut,
                                  size_t *longest, struct err *err);

#endif
