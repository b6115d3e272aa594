/*
 * tls_bio.h - a BIO that reads from a borrowed slice and writes to a borrowed buf.
 *
 * So OpenSSL takes ciphertext straight from the socket's input and puts it straight into the
 * socket's output; memory BIOs would copy both once more.
 */
#ifndef TLS_TLS_BIO_H
#define TLS_TLS_BIO_H

#include "gateway/base/buf.h"
#include "gateway/base/err.h"
#include "tls/tls_openssl.h"

/* What lies on the other side of the BIO; lives in the filter. */
struct tls_wire {
    struct slice *in;  /* the caller's, advanced as it is read; NULL between calls */
    struct buf *out;   /* for the filter's life */
    size_t allowance;  /* octets that may still be read: the bound of a handshake */
    bool is_exhausted; /* more was wanted than the allowance */
    bool is_stuck;     /* out had no room, or there was no memory for it */
};

/* The kind of BIO; a context owns one. NULL: out of memory. */
BIO_METHOD *tls_bio_method_new(void);

/* NULL: out of memory. */
BIO *tls_bio_new(BIO_METHOD *method, struct tls_wire *wire);

#endif
