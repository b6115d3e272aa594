/*
 * tls_identity.h - whose certificate is it: names, pin, dates. For check, pin and status.
 */
#ifndef TLS_TLS_IDENTITY_H
#define TLS_TLS_IDENTITY_H

#include <stdint.h>

#include "gateway/base/buf.h"
#include "gateway/base/err.h"
#include "tls/tls_filter.h"

struct tls_identity {
    char subject[256];
    char issuer[256];
    char names[512]; /* subject alternative names, "a, b" */
    unsigned char pin[32];
    unsigned char thumbprint[20]; /* SHA-1 of the whole, by which Windows and Exchange call it */
    int64_t not_before_unix_s;
    int64_t not_after_unix_s;
    int key_bits;
    char signature[48]; /* "RSA-SHA1", "ecdsa-with-SHA256" */
    bool is_weak;       /* profile modern takes neither such a key nor such a signature */
    bool self_signed;
};

/* The leaf of a PEM file. */
MUST_USE bool tls_identity_of_file(const char *certificate_file, struct tls_identity *out,
                                   struct err *err);

/* What the peer of an open filter (or one that failed in verification) showed; false: nothing. */
MUST_USE bool tls_identity_of_peer(const struct tls_filter *f, struct tls_identity *out);

/* "sha256:" and base64. */
void tls_pin_put(struct buf *out, const unsigned char pin[32]);

#endif
