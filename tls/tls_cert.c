#include "tls/tls_cert.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <time.h>

#include "tls/tls_openssl.h"

bool
tls_cert_pin(const X509 *cert, unsigned char pin[32])
{
    unsigned char *der = NULL;
    int n = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(cert), &der);
    if (n <= 0)
        return false;
    bool ok = EVP_Digest(der, (size_t)n, pin, NULL, EVP_sha256(), NULL) == 1;
    OPENSSL_free(der);
    return ok;
}

void
tls_cert_name(const X509_NAME *name, char *out, size_t room)
{
    out[0] = '\0';
    BIO *text = BIO_new(BIO_s_mem());
    if (text == NULL)
        return;
    unsigned long flags = XN_FLAG_SEP_CPLUS_SPC | XN_FLAG_FN_SN | ASN1_STRFLGS_ESC_CTRL |
                          ASN1_STRFLGS_ESC_MSB | ASN1_STRFLGS_UTF8_CONVERT;
    X509_NAME_print_ex(text, name, 0, flags);
    int n = BIO_read(text, out, (int)room - 1);
    out[n > 0 ? n : 0] = '\0';
    BIO_free(text);
}

/* One alternative name as text in room; false: a kind that we do not show. */
static bool
name_text(const GENERAL_NAME *name, char *out, size_t room)
{
    int kind = 0;
    const ASN1_STRING *value = GENERAL_NAME_get0_value(name, &kind);
    const unsigned char *octets = NULL;
    int n = 0;
    if (kind == GEN_DNS || kind == GEN_IPADD) {
        octets = ASN1_STRING_get0_data(value);
        n = ASN1_STRING_length(value);
    }
    if (kind == GEN_IPADD && (n == 4 || n == 16))
        return inet_ntop(n == 4 ? AF_INET : AF_INET6, octets, out, (socklen_t)room) != NULL;
    if (kind != GEN_DNS || n <= 0)
        return false;
    size_t len = (size_t)n < room ? (size_t)n : room - 1;
    for (size_t i = 0; i < len; i++)
        out[i] = octets[i] > 0x20 && octets[i] < 0x7f ? (char)octets[i] : '?';
    out[len] = '\0';
    return true;
}

void
tls_cert_alt_names(const X509 *cert, char *out, size_t room)
{
    static const char more[] = " ...";
    size_t used = 0;
    out[0] = '\0';
    GENERAL_NAMES *names = X509_get_ext_d2i(cert, NID_subject_alt_name, NULL, NULL);
    for (int i = 0; names != NULL && i < sk_GENERAL_NAME_num(names); i++) {
        char one[256];
        if (!name_text(sk_GENERAL_NAME_value(names, i), one, sizeof one))
            continue;
        if (used + strlen(one) + 2 + sizeof more > room) {
            snprintf(out + used, room - used, "%s", more);
            break;
        }
        used += (size_t)snprintf(out + used, room - used, "%s%s", used ? ", " : "", one);
    }
    GENERAL_NAMES_free(names);
}

int64_t
tls_cert_time_unix_s(const ASN1_TIME *t)
{
    struct tm parts = {0};
    if (ASN1_TIME_to_tm(t, &parts) != 1)
        return 0;
    return timegm(&parts);
}

void
tls_cert_date(const ASN1_TIME *t, char text[TLS_DATE_TEXT])
{
    struct tm parts = {0};
    if (ASN1_TIME_to_tm(t, &parts) != 1 ||
        strftime(text, TLS_DATE_TEXT, "%Y-%m-%d %H:%M UTC", &parts) == 0)
        snprintf(text, TLS_DATE_TEXT, "an unknown date");
}
