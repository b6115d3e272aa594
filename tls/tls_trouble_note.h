/*
 * tls_trouble_note.h - how this room writes down what tls_trouble.h tells. The first finding
 * stays, but that about a certificate replaces it; without memory nothing is noted.
 */
#ifndef TLS_TLS_TROUBLE_NOTE_H
#define TLS_TLS_TROUBLE_NOTE_H

#include "tls/tls_openssl.h"
#include "tls/tls_trouble.h"

/* leaf: the server's certificate, and which of the chain is at fault; NULL: it is not about
 * certificates. */
void tls_trouble_note(struct tls_filter *f, enum tls_trouble_kind kind, X509 *leaf,
                      X509 *at_fault);
/* X509_verify_cert() has failed. */
void tls_trouble_note_chain(struct tls_filter *f, X509_STORE_CTX *store);
/* The handshake has failed; looks at OpenSSL's queue of errors and leaves it as it is. */
void tls_trouble_note_error(struct tls_filter *f);

#endif
