#include "tls/tls_identity.h"

#include "gateway/base/base64.h"
#include "tls/tls_cert.h"
#include "tls/tls_err.h"
#include "tls/tls_openssl.h"
#include "tls/tls_private.h"
#include "tls/tls_profile.h"

static bool
fill(X509 *cert, struct tls_identity *out)
{
    *out = (struct tls_identity){0};
    tls_cert_name(X509_get_subject_name(cert), out->subject, sizeof out->subject);
    tls_cert_name(X509_get_issuer_name(cert), out->issuer, sizeof out->issuer);
    tls_cert_alt_names(cert, out->names, sizeof out->names);
    out->not_before_unix_s = tls_cert_time_unix_s(X509_get0_notBefore(cert));
    out->not_after_unix_s = tls_cert_time_unix_s(X509_get0_notAfter(cert));
    EVP_PKEY *key = X509_get0_pubkey(cert);
    out->key_bits = key != NULL ? EVP_PKEY_get_bits(key) : 0;
    out->self_signed = X509_self_signed(cert, 1) == 1;
    out->is_weak = tls_profile_is_weak(cert);
    slice_copy_text(out->signature, sizeof out->signature,
                    slice_str(OBJ_nid2sn(X509_get_signature_nid(cert))));
    return X509_digest(cert, EVP_sha1(), out->thumbprint, NULL) == 1 &&
           tls_cert_pin(cert, out->pin);
}

bool
tls_identity_of_file(const char *certificate_file, struct tls_identity *out, struct err *err)
{
    tls_err_forget();
    BIO *file = BIO_new_file(certificate_file, "r");
    if (file == NULL)
        return tls_err_take(err, "certificate %s", certificate_file);
    X509 *cert = PEM_read_bio_X509(file, NULL, NULL, NULL);
    bool ok = cert != NULL && fill(cert, out);
    if (!ok)
        tls_err_take(err, "certificate %s", certificate_file);
    X509_free(cert);
    BIO_free(file);
    return ok;
}

bool
tls_identity_of_peer(const struct tls_filter *f, struct tls_identity *out)
{
    X509 *cert = f->refused_peer;
    if (cert == NULL)
        cert = SSL_get0_peer_certificate(f->ssl);
    bool ok = cert != NULL && fill(cert, out);
    tls_err_forget();
    return ok;
}

void
tls_pin_put(struct buf *out, const unsigned char pin[32])
{
    buf_put_str(out, "sha256:");
    base64_encode(out, slice((const char *)pin, 32));
}
