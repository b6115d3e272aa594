#include "tls/tls_verify.h"

#include <stdarg.h>
#include <stdio.h>

#include "gateway/base/mem.h"
#include "tls/tls_cert.h"
#include "tls/tls_err.h"
#include "tls/tls_identity.h"
#include "tls/tls_openssl.h"
#include "tls/tls_profile.h"
#include "tls/tls_trouble_note.h"

enum { SENTENCE = 240, SHORT_NAME = 72 };

/* One sentence into *to, replacing what was there. Without memory there is no sentence; the
 * decision stands all the same. */
static void PRINTF_LIKE(2, 3) say(char **to, const char *fmt, ...)
{
    char text[SENTENCE];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    mem_free(to);
    *to = mem_text(slice_str(text));
}

static bool
has_expired(const X509 *cert)
{
    return X509_cmp_current_time(X509_get0_notAfter(cert)) < 0;
}

static bool
is_not_yet_valid(const X509 *cert)
{
    return X509_cmp_current_time(X509_get0_notBefore(cert)) > 0;
}

static const char *
pin_text(const X509 *cert, char room[TLS_PIN_TEXT])
{
    unsigned char pin[32];
    if (!tls_cert_pin(cert, pin))
        return "sha256:unknown";
    struct buf text;
    buf_init(&text, TLS_PIN_TEXT);
    tls_pin_put(&text, pin);
    snprintf(room, TLS_PIN_TEXT, "%s", buf_text(&text));
    buf_fini(&text);
    return room;
}

static int
key_bits(X509 *cert)
{
    EVP_PKEY *key = X509_get0_pubkey(cert);
    return key != NULL ? EVP_PKEY_get_bits(key) : 0;
}

/* Whatever the profile and whatever vouches for it: a key that can be broken in an afternoon is
 * nobody's. */
static bool
check_key(struct tls_filter *f, X509 *leaf, X509 *cert)
{
    EVP_PKEY *key = X509_get0_pubkey(cert);
    if (key != NULL && tls_profile_takes_key(key))
        return true;
    char subject[SHORT_NAME];
    tls_cert_name(X509_get_subject_name(cert), subject, sizeof subject);
    say(&f->refusal, "the certificate (%s) has a key of %d bits; RSA of %d bits is the least",
        subject, key_bits(cert), TLS_KEY_BITS_LEAST);
    tls_trouble_note(f, TLS_TROUBLE_WEAK_KEY, leaf, cert);
    return false;
}

static bool
check_keys(struct tls_filter *f, const STACK_OF(X509) * chain)
{
    for (int i = 0; i < sk_X509_num(chain); i++)
        if (!check_key(f, sk_X509_value(chain, 0), sk_X509_value(chain, i)))
            return false;
    return true;
}

/* The chain is broken: say where and how, about the certificate at that depth. */
static void
refuse_chain(struct tls_filter *f, X509_STORE_CTX *store)
{
    int code = X509_STORE_CTX_get_error(store);
    int depth = X509_STORE_CTX_get_error_depth(store);
    X509 *cert = X509_STORE_CTX_get_current_cert(store);
    if (cert == NULL)
        cert = X509_STORE_CTX_get0_cert(store);
    const char *which = depth == 0 ? "the certificate" : "the issuing certificate";
    char subject[SHORT_NAME], issuer[SHORT_NAME], date[TLS_DATE_TEXT], pin[TLS_PIN_TEXT];
    tls_cert_name(X509_get_subject_name(cert), subject, sizeof subject);
    tls_cert_name(X509_get_issuer_name(cert), issuer, sizeof issuer);
    tls_trouble_note_chain(f, store);

    switch (code) {
    case X509_V_ERR_CERT_HAS_EXPIRED:
        tls_cert_date(X509_get0_notAfter(cert), date);
        say(&f->refusal, "%s (%s) is expired since %s", which, subject, date);
        break;
    case X509_V_ERR_CERT_NOT_YET_VALID:
        tls_cert_date(X509_get0_notBefore(cert), date);
        say(&f->refusal, "%s (%s) is not valid before %s", which, subject, date);
        break;
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
        say(&f->refusal, "the certificate (%s) is self-signed and not trusted; its pin is %s",
            subject, pin_text(cert, pin));
        break;
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
        say(&f->refusal, "the chain ends at %s, which is not among the trusted roots", subject);
        break;
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
        say(&f->refusal,
            "%s (%s) is issued by %s, which is neither trusted nor in the chain sent", which,
            subject, issuer);
        break;
    case X509_V_ERR_EE_KEY_TOO_SMALL:
    case X509_V_ERR_CA_KEY_TOO_SMALL:
        say(&f->refusal,
            "%s (%s) has a key of %d bits, too weak for tls.profile modern; exchange2003 takes "
            "%d and up",
            which, subject, key_bits(cert), TLS_KEY_BITS_LEAST);
        break;
    case X509_V_ERR_CA_MD_TOO_WEAK:
        say(&f->refusal,
            "%s (%s) is signed with %s, too weak for tls.profile modern; exchange2003 takes it",
            which, subject, OBJ_nid2ln(X509_get_signature_nid(cert)));
        break;
    default:
        say(&f->refusal, "%s (%s): %s", which, subject, X509_verify_cert_error_string(code));
    }
}

static bool
name_matches(const struct tls_filter *f, X509 *cert)
{
    if (f->host_is_address)
        return X509_check_ip_asc(cert, f->host, 0) == 1;
    return X509_check_host(cert, f->host, 0, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS, NULL) == 1;
}

bool
tls_filter_peer_has_name(const struct tls_filter *f)
{
    X509 *leaf = f->refused_peer != NULL ? f->refused_peer : SSL_get0_peer_certificate(f->ssl);
    bool has = leaf != NULL && name_matches(f, leaf);
    tls_err_forget();
    return has;
}

static bool
check_name(struct tls_filter *f, X509 *cert)
{
    if (name_matches(f, cert))
        return true;
    char names[128];
    tls_cert_alt_names(cert, names, sizeof names);
    if (names[0] == '\0')
        tls_cert_name(X509_get_subject_name(cert), names, sizeof names);
    say(&f->refusal, "the certificate is for %s, not for %s", names, f->host);
    tls_trouble_note(f, TLS_TROUBLE_NAME, cert, cert);
    return false;
}

static bool
check_pin(struct tls_filter *f, X509 *cert)
{
    char text[TLS_PIN_TEXT], date[TLS_DATE_TEXT];
    unsigned char pin[32];
    bool found = false;
    if (tls_cert_pin(cert, pin))
        for (size_t i = 0; i < f->context->pin_count; i++)
            found = found || memcmp(f->context->pins[i], pin, sizeof pin) == 0;
    if (!found) {
        say(&f->refusal, "the certificate's key is %s, which is not a pin of this connector",
            pin_text(cert, text));
        tls_trouble_note(f, TLS_TROUBLE_PIN, cert, cert);
        return false;
    }
    if (has_expired(cert)) {
        tls_cert_date(X509_get0_notAfter(cert), date);
        say(&f->warning, "the pinned certificate is expired since %s", date);
    } else if (is_not_yet_valid(cert)) {
        tls_cert_date(X509_get0_notBefore(cert), date);
        say(&f->warning, "the pinned certificate is not valid before %s", date);
    }
    return true;
}

/* The whole decision. Sets the store's error, from which OpenSSL makes the alert. */
static bool
decide(struct tls_filter *f, X509_STORE_CTX *store)
{
    X509 *leaf = X509_STORE_CTX_get0_cert(store);
    enum tls_trust trust = f->context->trust;

    if (trust == TLS_TRUST_NONE) {
        f->verified = "none";
        if (check_key(f, leaf, leaf))
            return true;
        X509_STORE_CTX_set_error(store, X509_V_ERR_EE_KEY_TOO_SMALL);
        return false;
    }
    if (trust == TLS_TRUST_PIN) {
        f->verified = "pin";
        X509_STORE_CTX_set_error(store, X509_V_OK);
        if (check_key(f, leaf, leaf) && check_pin(f, leaf))
            return true;
        X509_STORE_CTX_set_error(store, X509_V_ERR_CERT_UNTRUSTED);
        return false;
    }
    if (X509_verify_cert(store) != 1) {
        refuse_chain(f, store);
        return false;
    }
    if (!check_keys(f, X509_STORE_CTX_get0_chain(store))) {
        X509_STORE_CTX_set_error(store, X509_V_ERR_EE_KEY_TOO_SMALL);
        return false;
    }
    f->verified = trust == TLS_TRUST_NAME ? "name" : "ca";
    if (trust == TLS_TRUST_CA || check_name(f, leaf))
        return true;
    X509_STORE_CTX_set_error(store, X509_V_ERR_HOSTNAME_MISMATCH);
    return false;
}

static void
keep_refused(struct tls_filter *f, X509 *cert)
{
    X509_free(f->refused_peer);
    f->refused_peer = cert;
    if (cert != NULL)
        must(X509_up_ref(cert) == 1);
}

int
tls_verify_callback(X509_STORE_CTX *store, void *unused)
{
    (void)unused;
    SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
    struct tls_filter *f = SSL_get_app_data(ssl);
    if (decide(f, store)) {
        /* With pin and none OpenSSL must not remember an earlier doubt of its own. */
        X509_STORE_CTX_set_error(store, X509_V_OK);
        return 1;
    }
    f->verified = "none";
    keep_refused(f, X509_STORE_CTX_get0_cert(store));
    return 0;
}

bool
tls_verify_resumed(struct tls_filter *f)
{
    static const char *const names[] = {"name", "ca", "pin", "none"};
    enum tls_trust trust = f->context->trust;
    X509 *leaf = SSL_get0_peer_certificate(f->ssl);
    char date[TLS_DATE_TEXT];
    bool ok = true;

    if (trust != TLS_TRUST_NONE && leaf == NULL) {
        say(&f->refusal, "the resumed session has no certificate");
        ok = false;
    } else if (trust == TLS_TRUST_PIN) {
        ok = check_pin(f, leaf);
    } else if (trust != TLS_TRUST_NONE && has_expired(leaf)) {
        tls_cert_date(X509_get0_notAfter(leaf), date);
        say(&f->refusal, "the certificate of the resumed session is expired since %s", date);
        tls_trouble_note(f, TLS_TROUBLE_EXPIRED, leaf, leaf);
        ok = false;
    } else if (trust == TLS_TRUST_NAME) {
        ok = check_name(f, leaf);
    }
    f->verified = ok ? names[trust] : "none";
    if (!ok)
        keep_refused(f, leaf);
    return ok;
}
