#include "tls/tls_trouble.h"

#include "gateway/base/mem.h"
#include "tls/tls_cert.h"
#include "tls/tls_private.h"
#include "tls/tls_profile.h"
#include "tls/tls_trouble_note.h"

/* ---- Certificates ---- */

/* What X509_verify_cert() calls it. */
static enum tls_trouble_kind
kind_of_chain(int code)
{
    switch (code) {
    case X509_V_ERR_CERT_HAS_EXPIRED:
        return TLS_TROUBLE_EXPIRED;
    case X509_V_ERR_CERT_NOT_YET_VALID:
        return TLS_TROUBLE_NOT_YET_VALID;
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
        return TLS_TROUBLE_SELF_SIGNED;
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
        return TLS_TROUBLE_UNTRUSTED;
    case X509_V_ERR_EE_KEY_TOO_SMALL:
    case X509_V_ERR_CA_KEY_TOO_SMALL:
        return TLS_TROUBLE_WEAK_KEY;
    case X509_V_ERR_CA_MD_TOO_WEAK:
        return TLS_TROUBLE_WEAK_SIGNATURE;
    default:
        return TLS_TROUBLE_OTHER;
    }
}

static void
describe_key(struct tls_trouble *t, X509 *cert)
{
    EVP_PKEY *key = X509_get0_pubkey(cert);
    t->key_bits = key != NULL ? EVP_PKEY_get_bits(key) : 0;
    t->is_hopeless = key == NULL || !tls_profile_takes_key(key);
}

static void
describe(struct tls_trouble *t, X509 *cert)
{
    const ASN1_TIME *date = t->kind == TLS_TROUBLE_NOT_YET_VALID ? X509_get0_notBefore(cert)
                                                                 : X509_get0_notAfter(cert);
    tls_cert_name(X509_get_subject_name(cert), t->subject, sizeof t->subject);
    tls_cert_name(X509_get_issuer_name(cert), t->issuer, sizeof t->issuer);
    t->date_unix_s = tls_cert_time_unix_s(date);
    describe_key(t, cert);
    slice_copy_text(t->signature, sizeof t->signature,
                    slice_str(OBJ_nid2sn(X509_get_signature_nid(cert))));
}

static void
describe_leaf(struct tls_trouble *t, const struct tls_filter *f, X509 *leaf)
{
    tls_cert_alt_names(leaf, t->names, sizeof t->names);
    if (t->names[0] == '\0')
        tls_cert_name(X509_get_subject_name(leaf), t->names, sizeof t->names);
    t->has_pin = tls_cert_pin(leaf, t->pin);
    t->pinned_count = f->context->pin_count;
    if (t->pinned_count > 0)
        memcpy(t->pinned, f->context->pins[0], sizeof t->pinned);
}

void
tls_trouble_note(struct tls_filter *f, enum tls_trouble_kind kind, X509 *leaf, X509 *at_fault)
{
    mem_free(&f->trouble);
    f->trouble = mem_new(sizeof *f->trouble);
    if (f->trouble == NULL)
        return;
    f->trouble->kind = kind;
    f->trouble->of_issuer = at_fault != leaf;
    slice_copy_text(f->trouble->wanted, sizeof f->trouble->wanted, slice_str(f->host));
    if (leaf == NULL)
        return;
    describe(f->trouble, at_fault);
    describe_leaf(f->trouble, f, leaf);
}

void
tls_trouble_note_chain(struct tls_filter *f, X509_STORE_CTX *store)
{
    X509 *leaf = X509_STORE_CTX_get0_cert(store);
    X509 *at_fault = X509_STORE_CTX_get_current_cert(store);
    int code = X509_STORE_CTX_get_error(store);
    bool of_leaf = X509_STORE_CTX_get_error_depth(store) == 0 || at_fault == NULL;
    tls_trouble_note(f, kind_of_chain(code), leaf, of_leaf ? leaf : at_fault);
    /* Its own root, which came along and is not trusted: that is who issued the others. */
    if (f->trouble != NULL && code == X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN) {
        memcpy(f->trouble->issuer, f->trouble->subject, sizeof f->trouble->issuer);
        tls_cert_name(X509_get_subject_name(leaf), f->trouble->subject,
                      sizeof f->trouble->subject);
        f->trouble->of_issuer = false;
    }
}

/* ---- The protocol ---- */

static enum tls_trouble_kind
kind_of_alert(int alert)
{
    switch (alert) {
    case SSL_AD_HANDSHAKE_FAILURE:
    case SSL_AD_INSUFFICIENT_SECURITY:
        return TLS_TROUBLE_CIPHER;
    case SSL_AD_PROTOCOL_VERSION:
        return TLS_TROUBLE_VERSION;
    default:
        return TLS_TROUBLE_OTHER;
    }
}

static enum tls_trouble_kind
kind_of_reason(int reason)
{
    switch (reason) {
    case SSL_R_NO_SHARED_CIPHER:
    case SSL_R_NO_CIPHERS_AVAILABLE:
    case SSL_R_WRONG_CIPHER_RETURNED:
    case SSL_R_UNKNOWN_CIPHER_RETURNED:
        return TLS_TROUBLE_CIPHER;
    case SSL_R_UNSUPPORTED_PROTOCOL:
    case SSL_R_VERSION_TOO_LOW:
        return TLS_TROUBLE_VERSION;
    case SSL_R_UNSAFE_LEGACY_RENEGOTIATION_DISABLED:
        return TLS_TROUBLE_RENEGOTIATION;
    case SSL_R_WRONG_VERSION_NUMBER:
    case SSL_R_HTTP_REQUEST:
    case SSL_R_PACKET_LENGTH_TOO_LONG:
    case SSL_R_BAD_RECORD_TYPE:
        return TLS_TROUBLE_NOT_TLS;
    default:
        return TLS_TROUBLE_OTHER;
    }
}

void
tls_trouble_note_error(struct tls_filter *f)
{
    unsigned long code = ERR_peek_error();
    int reason = ERR_GET_REASON(code);
    if (f->trouble != NULL || f->context->is_server)
        return;
    if (ERR_GET_LIB(code) != ERR_LIB_SSL || ERR_SYSTEM_ERROR(code)) {
        tls_trouble_note(f, TLS_TROUBLE_OTHER, NULL, NULL);
        return;
    }
    int alert = reason > SSL_AD_REASON_OFFSET ? reason - SSL_AD_REASON_OFFSET : -1;
    tls_trouble_note(f, alert >= 0 ? kind_of_alert(alert) : kind_of_reason(reason), NULL, NULL);
    if (f->trouble != NULL && alert >= 0)
        slice_copy_text(f->trouble->alert, sizeof f->trouble->alert,
                        slice_str(SSL_alert_desc_string_long(alert)));
}

/* ---- For whoever asks ---- */

bool
tls_filter_trouble(const struct tls_filter *f, struct tls_trouble *out)
{
    *out = (struct tls_trouble){.kind = TLS_TROUBLE_NONE};
    if (f->context->is_server || f->state == FILTER_OPEN || f->state == FILTER_ENDED)
        return false;
    if (f->trouble != NULL)
        *out = *f->trouble;
    else if (f->state == FILTER_FAILED)
        out->kind = TLS_TROUBLE_OTHER;
    else
        out->kind =
            f->wire.allowance < HANDSHAKE_MAX ? TLS_TROUBLE_BROKEN_OFF : TLS_TROUBLE_NO_ANSWER;
    return true;
}
