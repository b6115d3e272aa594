/*
 * runtime.h - a configuration in force: the immutable snapshot and what is made from it once, the
 * TLS contexts of its listeners and send connectors.
 *
 * Swapped whole on reload. Sessions and outlets hold a reference for as long as they use it, so a
 * reload never pulls anything from under a conversation.
 */
#ifndef RELAY_RUNTIME_H
#define RELAY_RUNTIME_H

#include "config/config.h"
#include "gateway/base/err.h"
#include "tls/tls_context.h"
#include "tls/tls_identity.h"

enum { RUNTIME_PROFILES = TLS_PROFILE_EXCHANGE2003 + 1 };

/* One context a profile, so that no peer of another network gets a lowered one. NULL: no receive
 * connector of this listener asks for it; but one there is in any case. */
struct listener_tls {
    struct tls_context *of[RUNTIME_PROFILES];
};

struct runtime {
    _Atomic unsigned refs;
    struct config *config;
    struct listener_tls *listener_tls; /* as config->listeners */
    struct tls_context **send_tls;     /* as config->send */
    struct tls_identity *identities;   /* of what was read: as config->certificates */
};

/* Takes the config in any case. ERR_TLS, ERR_IO: a certificate or trust file cannot be used; the
 * text names listener or connector and file. */
MUST_USE bool runtime_new(struct config **take_config, struct runtime **out, struct err *err);
struct runtime *runtime_ref(struct runtime *r);
void runtime_unref(struct runtime **r);

/* For a client whose receive connectors (they agree) are on this listener with this profile. For
 * one that has none (a probe) that of the listener's other clients when nobody uses the profile;
 * never NULL. */
struct tls_context *runtime_listener_tls(const struct runtime *r, const struct listener *l,
                                         enum tls_profile_name profile);
/* What its context is made from; the roots are the system's where it names no file. */
struct tls_client_settings runtime_send_trust(const struct send_connector *c);
struct tls_context *runtime_send_tls(const struct runtime *r, const struct send_connector *c);

#endif
