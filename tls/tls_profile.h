/*
 * tls_profile.h - what a profile allows: versions, suites, keys; and who could not do without it.
 *
 * Takes    the enum of tls_context.h.
 * Gives    an SSL_CTX in which nothing is loaded yet, and a judgement of an open session.
 * Follows  dependencies.md 3.1, exchange-facts.md 2.
 */
#ifndef TLS_TLS_PROFILE_H
#define TLS_TLS_PROFILE_H

#include "tls/tls_private.h"

/* The least key of anybody, in bits of RSA: 1024. Security level 0 alone would take 512. */
enum { TLS_KEY_BITS_LEAST = 1024 };

/* NULL: err says why. Certificates and keys come after this, since the profile's security level
 * looks at them when they are loaded. */
SSL_CTX *tls_profile_new_ctx(const SSL_METHOD *method, enum tls_profile profile, struct err *err);

/* As strong as RSA with TLS_KEY_BITS_LEAST, or stronger? */
bool tls_profile_takes_key(const EVP_PKEY *key);

/* Would the modern profile have refused these certificates (leaf first)? For a key below RSA 2048
 * or a signature by SHA-1 or MD5, but for that of a root, which nobody looks at. */
bool tls_profile_is_weak_chain(const STACK_OF(X509) * chain);
bool tls_profile_is_weak(X509 *cert);

#endif
