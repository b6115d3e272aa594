/*
 * tls_filter.h - TLS as a filter on memory: ciphertext in and out, plaintext in and out.
 *
 * Takes    octets from the wire, octets to protect.
 * Gives    the same the other way round, and facts about the session.
 * Touches  no socket; OpenSSL reads from and writes to our buffers through a BIO of our own, so
 *          nothing is copied that need not be.
 */
#ifndef TLS_TLS_FILTER_H
#define TLS_TLS_FILTER_H

#include "gateway/base/buf.h"
#include "gateway/base/err.h"
#include "tls/tls_context.h"

struct tls_filter;

/* wire_out is borrowed for the filter's life: every octet for the peer is appended there. Bound
 * of handshake input: 64 KiB, then ERR_TLS. NULL: out of memory. */
struct tls_filter *tls_filter_new_server(struct tls_context *c, struct buf *wire_out);

/* host: SNI (but not in the profile exchange2003) and, with TLS_TRUST_NAME, the name to verify
 * (an address literal: no SNI, verified as an IP subject alternative name). session_key: whose
 * earlier session may be resumed: connector, server and policy (copied). The handshake's first
 * flight is in wire_out at once. */
struct tls_filter *tls_filter_new_client(struct tls_context *c, const char *host,
                                         struct slice session_key, struct buf *wire_out);
void tls_filter_free(struct tls_filter **f);

/* Use *wire_in, advancing it: shakes hands, or decrypts into plain_out for as long as that has
 * room. It may stop with input left only when plain_out is full (call again when it is not); with
 * an empty *wire_in it delivers what OpenSSL still holds. False: the session failed or the peer's
 * certificate was refused; wire_out may hold an alert to send. The text is one sentence for an
 * operator, with cause: which check failed, both names on a mismatch, "expired since ...", the
 * pin that came. */
MUST_USE bool tls_filter_feed(struct tls_filter *f, struct slice *wire_in, struct buf *plain_out,
                              struct err *err);

/* Protect octets into wire_out, advancing *plain by what fitted. */
MUST_USE bool tls_filter_write(struct tls_filter *f, struct slice *plain, struct err *err);

bool tls_filter_is_open(const struct tls_filter *f);  /* the handshake is done */
bool tls_filter_is_ended(const struct tls_filter *f); /* the peer said close_notify */
void tls_filter_close(struct tls_filter *f);          /* say close_notify */

/* Facts, valid once open; version and cipher also when the peer's certificate was refused. Static
 * or filter-owned text. */
const char *tls_filter_version(const struct tls_filter *f); /* "TLSv1.3" */
const char *tls_filter_cipher(const struct tls_filter *f);  /* "TLS_AES_256_GCM_SHA384" */
int tls_filter_bits(const struct tls_filter *f);
/* "aead", "cbc_sha2", "cbc_sha1" with keys for this session only; "static_rsa": the server's key
 * opens them all, whatever the cipher. A closed list, for metrics. */
const char *tls_filter_cipher_class(const struct tls_filter *f);
/* What the modern profile would have refused here: "version" (below TLS 1.2), and of a server
 * "renegotiation" (no RFC 5746) or "certificate" (a weak key or signature). NULL: nothing, so
 * this session is no reason to keep a lowered profile. Static RSA in TLS 1.2 is none either. */
const char *tls_filter_needs_legacy(const struct tls_filter *f);
bool tls_filter_is_resumed(const struct tls_filter *f);
/* Is the server's certificate for the filter's host? Asked of any trust; also when refused. */
bool tls_filter_peer_has_name(const struct tls_filter *f);
/* RFC 5746, or a version that never renegotiates. */
bool tls_filter_renegotiates_securely(const struct tls_filter *f);
/* "name", "ca", "pin", "none": what was checked and held. */
const char *tls_filter_verified(const struct tls_filter *f);
/* A pinned certificate that has expired passes; this says so. NULL: nothing to warn about. */
const char *tls_filter_warning(const struct tls_filter *f);
int64_t tls_filter_peer_expires_unix_s(const struct tls_filter *f); /* 0: no certificate */

#endif
