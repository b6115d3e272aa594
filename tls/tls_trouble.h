/*
 * tls_trouble.h - what was found when a handshake failed, as facts: for sentences about it
 * (route/diagnosis.h), not for decisions.
 *
 * Everything that the peer wrote is cut to its room and printable ASCII. No secret is in it: pins
 * are hashes of public keys.
 */
#ifndef TLS_TLS_TROUBLE_H
#define TLS_TLS_TROUBLE_H

#include <stdint.h>

#include "gateway/base/slice.h"

struct tls_filter;

enum tls_trouble_kind {
    TLS_TROUBLE_NONE, /* no failure, or none of TLS */
    /* The certificate, or with of_issuer that of an issuer in its chain. */
    TLS_TROUBLE_NAME,          /* wanted, names */
    TLS_TROUBLE_EXPIRED,       /* date_unix_s: its last moment */
    TLS_TROUBLE_NOT_YET_VALID, /* date_unix_s: its first moment */
    TLS_TROUBLE_SELF_SIGNED,   /* and not among what is trusted */
    TLS_TROUBLE_UNTRUSTED,     /* issuer is not among what is trusted */
    TLS_TROUBLE_PIN,           /* pin is not among the connector's; pinned is the first of them */
    TLS_TROUBLE_WEAK_KEY,      /* key_bits; is_hopeless: in any profile */
    TLS_TROUBLE_WEAK_SIGNATURE, /* signature */
    /* The protocol. */
    TLS_TROUBLE_CIPHER,        /* none in common: the alerts that say so, or our own finding */
    TLS_TROUBLE_VERSION,       /* none in common, likewise */
    TLS_TROUBLE_RENEGOTIATION, /* it lacks RFC 5746, which profile modern wants */
    TLS_TROUBLE_NO_ANSWER,  /* no octet came behind our ClientHello: closed, reset, or silent */
    TLS_TROUBLE_BROKEN_OFF, /* some did, and then no more */
    TLS_TROUBLE_NOT_TLS,    /* what came is not TLS */
    TLS_TROUBLE_OTHER,      /* the error text says all that is known */
};

struct tls_trouble {
    enum tls_trouble_kind kind;
    bool of_issuer;
    char wanted[256]; /* the name that the certificate should have had */
    char names[128];  /* the names it has: alternative names, else its subject */
    char subject[96]; /* of the certificate at fault, "CN=..." */
    char issuer[96];
    int64_t date_unix_s;
    unsigned char pin[32]; /* of the server's own certificate */
    bool has_pin;
    unsigned char pinned[32];
    size_t pinned_count;
    int key_bits;
    bool is_hopeless;
    char signature[48]; /* "RSA-SHA1" */
    char alert[32];     /* the peer's, by its name; "" = none came */
};

/* Of a client's filter whose handshake has failed, or whose connection ended before it was done.
 * False: the session is or was open, or it is a server's: kind is NONE then. */
bool tls_filter_trouble(const struct tls_filter *f, struct tls_trouble *out);

#endif
