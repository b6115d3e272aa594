/* What is to be said about an open session. */
#include "tls/tls_filter.h"

#include "tls/tls_cert.h"
#include "tls/tls_private.h"
#include "tls/tls_profile.h"

const char *
tls_filter_version(const struct tls_filter *f)
{
    return SSL_get_version(f->ssl);
}

const char *
tls_filter_cipher(const struct tls_filter *f)
{
    return SSL_get_cipher_name(f->ssl);
}

int
tls_filter_bits(const struct tls_filter *f)
{
    return SSL_get_cipher_bits(f->ssl, NULL);
}

bool
tls_filter_is_resumed(const struct tls_filter *f)
{
    return SSL_session_reused(f->ssl) == 1;
}

const char *
tls_filter_verified(const struct tls_filter *f)
{
    return f->verified;
}

const char *
tls_filter_warning(const struct tls_filter *f)
{
    return f->warning;
}

int64_t
tls_filter_peer_expires_unix_s(const struct tls_filter *f)
{
    X509 *cert = SSL_get0_peer_certificate(f->ssl);
    return cert != NULL ? tls_cert_time_unix_s(X509_get0_notAfter(cert)) : 0;
}

const char *
tls_filter_cipher_class(const struct tls_filter *f)
{
    const SSL_CIPHER *c = SSL_get_current_cipher(f->ssl);
    if (c == NULL)
        return "none";
    if (SSL_CIPHER_get_kx_nid(c) == NID_kx_rsa)
        return "static_rsa";
    if (SSL_CIPHER_is_aead(c))
        return "aead";
    return SSL_CIPHER_get_digest_nid(c) == NID_sha1 ? "cbc_sha1" : "cbc_sha2";
}

bool
tls_filter_renegotiates_securely(const struct tls_filter *f)
{
    return SSL_version(f->ssl) >= TLS1_3_VERSION ||
           SSL_get_secure_renegotiation_support(f->ssl) == 1;
}

/* Of a resumed session we have the chain as it was sent, of others as it was verified. */
static bool
has_weak_chain(const struct tls_filter *f)
{
    if (f->context->trust != TLS_TRUST_NAME && f->context->trust != TLS_TRUST_CA)
        return false;
    const STACK_OF(X509) *chain = SSL_get0_verified_chain(f->ssl);
    return tls_profile_is_weak_chain(chain != NULL ? chain : SSL_get_peer_cert_chain(f->ssl));
}

const char *
tls_filter_needs_legacy(const struct tls_filter *f)
{
    if (f->context->profile == TLS_MODERN)
        return NULL;
    if (SSL_version(f->ssl) < TLS1_2_VERSION)
        return "version";
    if (f->context->is_server)
        return NULL;
    if (SSL_get_secure_renegotiation_support(f->ssl) != 1)
        return "renegotiation";
    return has_weak_chain(f) ? "certificate" : NULL;
}
