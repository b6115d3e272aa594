/*
 * inbound.h - a session: one client from its connection to its end. Engine (mail/smtp_server.h),
 * bytes (net/conn.h) and policy (route/accept.h, route/recipient.h) meet here and only here; each
 * question of the engine is one function.
 *
 *     inbound_open.c   who may come, and what the session is told
 *     inbound_proxy.c  the PROXY header in front of a session
 *     inbound.c        the session: carries bytes, asks who can answer
 *     inbound_end.c    its end, and what the log says about it
 *     inbound_auth.c   who is it
 *     inbound_mail.c   sender, recipients, content, custody
 *     intake.h         the content on its way into the spool
 */
#ifndef RELAY_INBOUND_H
#define RELAY_INBOUND_H

#include "gateway/relay/worker.h"

/* Takes over an accepted descriptor. The session enters itself in the worker's list. */
void inbound_open(struct worker *w, const struct listener *listener, int fd);

/* Draining: sessions between messages are told 421 and closed, the others after their message. */
void inbound_drain(struct inbound *s);
/* Cut: no word, no flush. */
void inbound_cut(struct inbound *s);

/* Addresses whose block after wrong passwords is over get their line in the log. */
void inbound_note_ended_blocks(struct worker *w);

/* The worker ends, all sessions are gone: password checks that still run end without it. */
void inbound_abandon_auth(struct worker *w);

struct inbound *inbound_after(const struct inbound *s);

#endif
