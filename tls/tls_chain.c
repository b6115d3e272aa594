#include "tls/tls_chain.h"

#include "tls/tls_cert.h"
#include "tls/tls_err.h"
#include "tls/tls_openssl.h"
#include "tls/tls_private.h"

enum { CERTIFICATES_MAX = 16 }; /* more of a file are not looked at */

/* ---- Reading ---- */

static bool
read_into(STACK_OF(X509) * list, BIO *file)
{
    while (sk_X509_num(list) < CERTIFICATES_MAX) {
        X509 *cert = PEM_read_bio_X509(file, NULL, NULL, NULL);
        if (cert == NULL)
            break;
        if (sk_X509_push(list, cert) == 0) {
            X509_free(cert);
            return false;
        }
    }
    tls_err_forget(); /* the end of the file is an error, too */
    return sk_X509_num(list) > 0;
}

static STACK_OF(X509) * read_file(const char *path, struct err *err)
{
    tls_err_forget();
    BIO *file = BIO_new_file(path, "r");
    STACK_OF(X509) *list = sk_X509_new_null();
    bool ok = file != NULL && list != NULL && read_into(list, file);
    if (!ok) {
        tls_err_take(err, "certificate %s", path);
        sk_X509_pop_free(list, X509_free);
        list = NULL;
    }
    BIO_free(file);
    return list;
}

/* ---- Judging ---- */

static bool
is_for(X509 *cert, const char *host, unsigned flags)
{
    flags |= X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS;
    return X509_check_host(cert, host, 0, flags, NULL) == 1;
}

/* How many, from the leaf on, are each issued by the next. */
static int
ordered_count(const STACK_OF(X509) * list)
{
    int n = 1;
    while (n < sk_X509_num(list) &&
           X509_check_issued(sk_X509_value(list, n), sk_X509_value(list, n - 1)) == X509_V_OK)
        n++;
    return n;
}

static void
look_up(const STACK_OF(X509) * list, struct tls_chain *out)
{
    int ordered = ordered_count(list);
    X509 *top = sk_X509_value(list, ordered - 1);
    out->count = (size_t)sk_X509_num(list);
    out->is_ordered = ordered == sk_X509_num(list);
    out->has_root = ordered > 1 && X509_self_signed(top, 1) == 1;
    tls_cert_name(X509_get_issuer_name(top), out->top_issuer, sizeof out->top_issuer);
}

static bool
ends_at_root(STACK_OF(X509) * list, const struct tls_roots *roots)
{
    X509_STORE_CTX *judge = X509_STORE_CTX_new();
    bool ok = judge != NULL &&
              X509_STORE_CTX_init(judge, roots->store, sk_X509_value(list, 0), list) == 1 &&
              X509_STORE_CTX_set_default(judge, "ssl_server") == 1 &&
              X509_verify_cert(judge) == 1;
    X509_STORE_CTX_free(judge);
    return ok;
}

bool
tls_chain_of_file(const char *certificate_file, const char *host, const struct tls_roots *roots,
                  struct tls_chain *out, struct err *err)
{
    *out = (struct tls_chain){.count = 0};
    TRY(tls_identity_of_file(certificate_file, &out->leaf, err));
    STACK_OF(X509) *list = read_file(certificate_file, err);
    if (list == NULL)
        return false;
    X509 *leaf = sk_X509_value(list, 0);
    out->has_name = is_for(leaf, host, 0);
    out->has_exact_name = is_for(leaf, host, X509_CHECK_FLAG_NO_WILDCARDS);
    EVP_PKEY *key = X509_get0_pubkey(leaf);
    out->is_rsa = key != NULL && EVP_PKEY_is_a(key, "RSA") == 1;
    out->serves = X509_check_purpose(leaf, X509_PURPOSE_SSL_SERVER, 0) == 1;
    look_up(list, out);
    out->is_public = ends_at_root(list, roots);
    sk_X509_pop_free(list, X509_free);
    tls_err_forget();
    return true;
}
