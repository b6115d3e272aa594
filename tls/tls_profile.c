#include "tls/tls_profile.h"

#include "tls/tls_err.h"

/* A peer's chain of certificates: some Exchange servers send half their Active Directory, but
 * not more than this, which is also within the bound of handshake input. */
enum { CHAIN_OCTETS_MAX = 48 * 1024 };

/* In OpenSSL's bits of security, RSA 1024 is 80 and RSA 2048 is 112 (its level 2, as SHA-256). */
enum { LEAST_STRENGTH = 80, MODERN_STRENGTH = 112 };

/* Windows Server 2003 with KB948963 and Windows 2008 know the first two; nothing older has
 * anything that OpenSSL still has. The list is short because Schannel of 2003 looks at the first
 * 64 suites of a client and at no more. The others are for whoever else lives in that network and
 * speaks TLS 1.2: a probe, or a successor that has learned to do without SHA-1. */
static const char exchange2003_suites[] =
    "AES128-SHA:AES256-SHA:ECDHE-RSA-AES128-SHA:ECDHE-RSA-AES256-SHA:"
    "ECDHE-RSA-AES128-GCM-SHA256:ECDHE-RSA-AES256-GCM-SHA384";

static bool
set_modern(SSL_CTX *ctx)
{
    return SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) == 1;
}

/* TLS 1.0 is MD5 and SHA-1 in every handshake, which OpenSSL has at level 0 only; the same level
 * then holds for chains, whose SHA-1 signatures and keys of 1024 bits are of that time.
 *
 * No empty fragments: OpenSSL would put an empty record before each one of TLS 1.0, so that the
 * next block's IV cannot be foreseen, and old Microsoft servers are known to stumble over those
 * (Exim left them out until 4.80 for that reason). The attack which they prevent needs somebody
 * who chooses what we send next after he has seen the record before. Here a message is sent when
 * all of it has come, behind our own "MAIL FROM:<", so there is nobody. */
static bool
set_exchange2003(SSL_CTX *ctx)
{
    SSL_CTX_set_security_level(ctx, 0);
    SSL_CTX_set_options(ctx, SSL_OP_LEGACY_SERVER_CONNECT | SSL_OP_DONT_INSERT_EMPTY_FRAGMENTS);
    X509_VERIFY_PARAM_set_auth_level(SSL_CTX_get0_param(ctx), 0);
    return SSL_CTX_set_min_proto_version(ctx, TLS1_VERSION) == 1 &&
           SSL_CTX_set_max_proto_version(ctx, TLS1_2_VERSION) == 1 &&
           SSL_CTX_set_cipher_list(ctx, exchange2003_suites) == 1;
}

SSL_CTX *
tls_profile_new_ctx(const SSL_METHOD *method, enum tls_profile profile, struct err *err)
{
    tls_err_forget();
    SSL_CTX *ctx = SSL_CTX_new(method);
    if (ctx == NULL || !(profile == TLS_EXCHANGE2003 ? set_exchange2003(ctx) : set_modern(ctx))) {
        tls_err_take(err, "TLS context");
        SSL_CTX_free(ctx);
        return NULL;
    }
    SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
    SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_max_cert_list(ctx, CHAIN_OCTETS_MAX);
    return ctx;
}

bool
tls_profile_takes_key(const EVP_PKEY *key)
{
    return EVP_PKEY_get_security_bits(key) >= LEAST_STRENGTH;
}

static bool
has_weak_key(X509 *cert)
{
    EVP_PKEY *key = X509_get0_pubkey(cert);
    return key == NULL || EVP_PKEY_get_security_bits(key) < MODERN_STRENGTH;
}

static bool
has_weak_signature(X509 *cert)
{
    int strength = 0;
    if (X509_self_signed(cert, 0) == 1)
        return false;
    return X509_get_signature_info(cert, NULL, NULL, &strength, NULL) != 1 ||
           strength < MODERN_STRENGTH;
}

bool
tls_profile_is_weak(X509 *cert)
{
    return has_weak_key(cert) || has_weak_signature(cert);
}

bool
tls_profile_is_weak_chain(const STACK_OF(X509) * chain)
{
    for (int i = 0; i < sk_X509_num(chain); i++)
        if (tls_profile_is_weak(sk_X509_value(chain, i)))
            return true;
    return false;
}
