/*
 * tls_chain.h - a certificate of our own as others will judge it: the names in it, who issued it,
 * and what its file says of the way up to a root.
 *
 * Takes    the PEM file of a listener: leaf first, then whatever follows.
 * Gives    facts; which of them matter depends on who looks.
 */
#ifndef TLS_TLS_CHAIN_H
#define TLS_TLS_CHAIN_H

#include "tls/tls_identity.h"
#include "tls/tls_roots.h"

struct tls_chain {
    struct tls_identity leaf;
    bool has_name;        /* the leaf is for the host that was asked for */
    bool has_exact_name;  /* and says so letter by letter, without a "*" */
    bool is_rsa;          /* its key; else an elliptic curve or something rarer */
    bool serves;          /* it may be a server's: no extended key usage that leaves this out */
    size_t count;         /* certificates in the file */
    bool is_ordered;      /* each is issued by the one behind it */
    bool has_root;        /* the last one, which is not the leaf, signed itself */
    char top_issuer[256]; /* who issued the last one that belongs to the chain */
    bool is_public;       /* by the file alone it ends at one of the system's roots, today */
};

/* The file is read anew. ERR_TLS, ERR_IO: it cannot be used; ERR_NOMEM. */
MUST_USE bool tls_chain_of_file(const char *certificate_file, const char *host,
                                const struct tls_roots *roots, struct tls_chain *out,
                                struct err *err);

#endif
