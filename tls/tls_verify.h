/*
 * tls_verify.h - is this server the one that the connector means? With a sentence when not.
 *
 * Takes    the certificate that came, what the context trusts and the filter's host.
 * Gives    yes, perhaps with a warning; or no, with a sentence for an operator.
 * Follows  design.md 5 (name, ca, pin, none); RFC 6125 for names, a common name only when the
 *          certificate has no alternative names (old Exchange).
 */
#ifndef TLS_TLS_VERIFY_H
#define TLS_TLS_VERIFY_H

#include "tls/tls_private.h"

/* For SSL_CTX_set_cert_verify_callback(); finds the filter as the SSL's app data. Fills verified,
 * warning, refusal and refused_peer of the filter. */
int tls_verify_callback(X509_STORE_CTX *store, void *unused);

/* A resumed session was verified when it was new. Name, pin and expiry are looked at again, so
 * that a session under a wrong key, or one that outlived its certificate, does not pass. */
bool tls_verify_resumed(struct tls_filter *f);

#endif
