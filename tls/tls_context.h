/*
 * tls_context.h - settings to an SSL_CTX: one context per profile and role, never loosened later.
 *
 * Takes    profile, certificates (server), trust (client).
 * Gives    a reference-counted context that any number of filters use.
 * Threads  filters of one context may live in different threads at the same time, each in one;
 *          references are given and taken in any thread.
 * Follows  design.md 5 (verify), dependencies.md 3, exchange-facts.md 2; tls_profile.c says why.
 * Owns     the session cache: client sessions are kept by a key of connector, server and policy,
 *          bounded in number; server side uses tickets, with a new key now and then.
 */
#ifndef TLS_TLS_CONTEXT_H
#define TLS_TLS_CONTEXT_H

#include <stdint.h>

#include "gateway/base/err.h"
#include "tls/tls_roots.h"

enum tls_profile {
    TLS_MODERN,       /* TLS 1.2 and up, OpenSSL's default list */
    TLS_EXCHANGE2003, /* TLS 1.0 to 1.2, six suites, static RSA first; SHA-1 and RSA 1024 pass */
};

/* What must be true of a server before mail or a password goes to it. */
enum tls_trust {
    TLS_TRUST_NAME, /* chain to a trusted root, and the name */
    TLS_TRUST_CA,   /* chain to the given ca_file; any name */
    TLS_TRUST_PIN,  /* SHA-256 of the public key info is one of the pins; expiry only warns */
    TLS_TRUST_NONE, /* encrypts only; also for that the key must be one */
};

struct tls_context;

struct tls_key_pair {
    const char *certificate_file; /* PEM, leaf first, then intermediates */
    const char *key_file;         /* PEM */
};

/* first_pair is the default (no SNI, or a name that no certificate has); the others are chosen by
 * the names in them (subject alternative names). Errors: ERR_IO, ERR_TLS, naming the file and
 * saying whether key and certificate do not belong together, or are too weak. Warn about expiry:
 * tls_identity.h.
 */
MUST_USE bool tls_context_new_server(enum tls_profile profile, const struct tls_key_pair *pairs,
                                     size_t pair_count, struct tls_context **out,
                                     struct err *err);

struct tls_client_settings {
    enum tls_profile profile;
    enum tls_trust trust;
    const char *ca_file;           /* NULL: the system's roots */
    const struct tls_roots *roots; /* these when they are at hand (lent); NULL: read them */
    const unsigned char (*pins)[32];
    size_t pin_count;
};
MUST_USE bool tls_context_new_client(const struct tls_client_settings *settings,
                                     struct tls_context **out, struct err *err);

struct tls_context *tls_context_ref(struct tls_context *c);
void tls_context_unref(struct tls_context **c);

#endif
