/*
 * spf_policy.h - when SPF is asked, about whom, and what its answer means for MAIL; pure.
 *
 * The setting is the receive connector's (receive.*.spf), for all its sessions, logged on or not:
 * an operator sets it where strangers' mail comes in.
 *
 * Follows  RFC 7208 2.4 (the null sender: postmaster at HELO), 4.3 (what is no domain is "none"),
 *          8 (results); RFC 7372 3.2 (5.7.23). gateway/decisions/0007: errors are marked.
 */
#ifndef ROUTE_SPF_POLICY_H
#define ROUTE_SPF_POLICY_H

#include "config/config.h"
#include "gateway/mail/address.h"
#include "gateway/mail/reply.h"
#include "gateway/mail/spf_fields.h"

/* Not of a client on this machine: no domain could name it. */
bool spf_is_asked(const struct receive_connector *connector, const struct sockaddr *client);

/* On whose behalf the client sends: slices of what was given, or static. */
struct spf_identity {
    bool of_hello;
    struct slice local;
    struct slice domain;
};

/* from: of MAIL. False: its domain (or the name at HELO) is none that could have a record, such
 * as a literal or a single label: SPF_NONE. */
MUST_USE bool spf_identity_of(const struct address *from, struct slice hello,
                              struct spf_identity *out);

/* What will be asked, in plain words, for forestgate explain. client may be NULL: any but this
 * machine. False: nothing, the connector says off. */
enum { SPF_PLAN_TEXT = 400 };
MUST_USE bool spf_plan(const struct receive_connector *connector, const struct sockaddr *client,
                       const struct address *from, char text[SPF_PLAN_TEXT]);

/* The reply to MAIL; why: the sentence that came with the result. */
struct reply spf_reply(const struct receive_connector *connector, enum spf_result result,
                       const char *why);

#endif
