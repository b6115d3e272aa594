/*
 * tls_cert.h - what stands in a certificate, as text that may be shown.
 */
#ifndef TLS_TLS_CERT_H
#define TLS_TLS_CERT_H

#include <stdint.h>

#include "gateway/base/must.h"
#include "gateway/base/slice.h"
#include "tls/tls_openssl.h"

enum { TLS_DATE_TEXT = 24, TLS_PIN_TEXT = 64 };

/* SHA-256 of the public key info, in DER. False: out of memory. */
MUST_USE bool tls_cert_pin(const X509 *cert, unsigned char pin[32]);

/* "CN=gw.contoso.example, O=Contoso"; cut to the room. Unprintable bytes are escaped. */
void tls_cert_name(const X509_NAME *name, char *out, size_t room);

/* The DNS names and addresses, "a, b"; whole names only, as many as fit, then " ...". "" = none.
 * Bytes that are not printable ASCII become '?'. */
void tls_cert_alt_names(const X509 *cert, char *out, size_t room);

int64_t tls_cert_time_unix_s(const ASN1_TIME *t); /* 0: not a time */

/* "2026-11-22 20:33 UTC" */
void tls_cert_date(const ASN1_TIME *t, char text[TLS_DATE_TEXT]);

#endif
