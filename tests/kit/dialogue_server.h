/*
 * dialogue_server.h - runs a dialogue against the receiving conversation.
 *
 * What happens ("! ..."):
 *
 *  - server key=value ...: before all else; tls=required|offered|off, auth=required|offered|off,
 *    clear=454, size=N, recipients=N, newline=normalise, idle=5m, greet=10m, command=5m,
 *    handshake=1m, rate=N (octets a second), binarymime=on, smtputf8=on,
 *    exch50=N (octets of the blob). Without it: as shipped, TLS and AUTH required.
 *  - refusing 421 4.3.2 text: ... or a server that refuses the connection
 *  - open: ... or one that wants neither TLS nor AUTH
 *  - tls: the handshake is done
 *  - wait 90s: time passes (ms, s, m)
 *  - mail 550 5.7.1 text: the answer to the next question of this name: auth, mail, rcpt, exch50,
 *    data, message; body: the content is refused
 *  - hold rcpt: this question stays open, up to "! go"
 *  - deaf: the client does not read, up to "! go"
 *  - shut 421 4.3.2 text: the gateway ends the session
 *  - together: packets of this dialogue are never cut: it is about what comes in one of them
 *
 * What holds ("= ..."):
 *
 *  - asked rcpt <kim@a.example>: after what the last "= asked" found; '*' as in S
 *  - never-asked rcpt: not once up to now
 *  - message hi\r\n: the content of the last message, escaped as in c; octets 5: its length
 *  - closed quit: the session is over, and why
 *  - waiting 5m: so long until something happens by itself
 *  - injected 12: octets thrown away behind STARTTLS
 *  - said EHLO 2: the client said the verb so often
 *  - rate 9: octets of content a second, as last measured
 *  - hello mx.b.example: what the client calls itself; "= hello" = nothing
 *  - esmtp yes, transaction yes, chunked yes
 */
#ifndef KIT_DIALOGUE_SERVER_H
#define KIT_DIALOGUE_SERVER_H

#include "tests/kit/dialogue.h"

/* True: all came as it must. False: err says file, line, what was wanted and what there was. */
MUST_USE bool dialogue_run_server(const struct dialogue *d, struct dialogue_cut cut,
                                  struct err *err);

#endif
