/*
 * tls_private.h - the insides of contexts and filters, for the files of this room only.
 */
#ifndef TLS_TLS_PRIVATE_H
#define TLS_TLS_PRIVATE_H

#include <stdatomic.h>

#include "tls/tls_bio.h"
#include "tls/tls_context.h"
#include "tls/tls_filter.h"
#include "tls/tls_openssl.h"
#include "tls/tls_roots.h"
#include "tls/tls_session_cache.h"
#include "tls/tls_tickets.h"
#include "tls/tls_trouble.h"

/* Everything is as it was made while more than one thread can see it, but for the count of
 * references, the tickets and the sessions, which look after themselves. */
struct tls_context {
    _Atomic size_t refs;
    bool is_server;
    enum tls_profile profile;
    BIO_METHOD *bio_method;
    SSL_CTX **ctx; /* server: one a key pair, the first is the default; client: one */
    size_t ctx_count;

    struct tls_tickets tickets; /* server only */

    /* Client only. */
    enum tls_trust trust;
    unsigned char (*pins)[32];
    size_t pin_count;
    struct tls_session_cache *sessions;
};

struct tls_roots {
    X509_STORE *store;
};

enum tls_filter_state {
    FILTER_SHAKING, /* the handshake is not done; no plaintext goes either way */
    FILTER_OPEN,    /* plaintext goes both ways */
    FILTER_ENDED,   /* the peer said close_notify; we may still write */
    FILTER_FAILED,  /* nothing can be done but send what is in wire_out and close */
};

enum { HANDSHAKE_MAX = 64 * 1024 }; /* octets of the peer before the session is open */

struct tls_filter {
    enum tls_filter_state state;
    bool said_close;      /* our close_notify is out; nothing can be written */
    bool offered_session; /* the handshake offered a session from the cache */
    struct tls_context *context;
    SSL *ssl;
    struct tls_wire wire;

    /* Client only. */
    char *host; /* without a final dot and without brackets */
    bool host_is_address;
    char *session_key;
    size_t session_key_len;
    X509 *refused_peer; /* the certificate that did not pass, for tls_identity_of_peer() */
    const char *verified;
    char *refusal;               /* the sentence, NULL = none */
    char *warning;               /* likewise */
    struct tls_trouble *trouble; /* the failure as facts; NULL: none noted */
};

#endif
