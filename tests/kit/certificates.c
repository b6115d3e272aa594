#include "tests/kit/certificates.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "tls/tls_openssl.h"

enum { PATH = 256 };

static EVP_PKEY *
key_new(int rsa_bits)
{
    return rsa_bits > 0 ? EVP_RSA_gen((unsigned)rsa_bits) : EVP_EC_gen("P-256");
}

static void
path_put(char path[PATH], const char *folder, const char *name, const char *end)
{
    must(snprintf(path, PATH, "%s/%s%s", folder, name, end) < PATH);
}

static FILE *
file_open(const char *folder, const char *name, const char *end, const char *mode)
{
    char path[PATH];
    path_put(path, folder, name, end);
    FILE *file = fopen(path, mode);
    must(file != NULL);
    return file;
}

static X509 *
read_certificate(const char *folder, const char *name)
{
    FILE *file = file_open(folder, name, ".pem", "r");
    X509 *cert = PEM_read_X509(file, NULL, NULL, NULL);
    must(cert != NULL);
    fclose(file);
    return cert;
}

static EVP_PKEY *
read_key(const char *folder, const char *name)
{
    FILE *file = file_open(folder, name, ".key", "r");
    EVP_PKEY *key = PEM_read_PrivateKey(file, NULL, NULL, NULL);
    must(key != NULL);
    fclose(file);
    return key;
}

static void
add_extension(X509 *cert, X509 *issuer, int nid, const char *value)
{
    X509V3_CTX context;
    X509V3_set_ctx_nodb(&context);
    X509V3_set_ctx(&context, issuer, cert, NULL, NULL, 0);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
    must(extension != NULL);
    must(X509_add_ext(cert, extension, -1) == 1);
    X509_EXTENSION_free(extension);
}

static void
set_serial(X509 *cert)
{
    unsigned char octets[8];
    must(RAND_bytes(octets, sizeof octets) == 1);
    octets[0] &= 0x7f;
    BIGNUM *number = BN_bin2bn(octets, sizeof octets, NULL);
    must(number != NULL && BN_to_ASN1_INTEGER(number, X509_get_serialNumber(cert)) != NULL);
    BN_free(number);
}

static void
set_subject(X509 *cert, const char *common_name)
{
    X509_NAME *subject = X509_get_subject_name(cert);
    if (common_name != NULL)
        must(X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8,
                                        (const unsigned char *)common_name, -1, -1, 0) == 1);
}

static void
set_dates(X509 *cert, const struct certificate_spec *spec)
{
    time_t now = time(NULL);
    int64_t from = spec->from_s ? spec->from_s : -3600;
    int64_t until = spec->until_s ? spec->until_s : 24 * 3600;
    must(ASN1_TIME_set(X509_getm_notBefore(cert), now + from) != NULL);
    must(ASN1_TIME_set(X509_getm_notAfter(cert), now + until) != NULL);
}

void
certificates_make(const char *folder, const char *name, const struct certificate_spec *spec)
{
    EVP_PKEY *key = key_new(spec->rsa_bits);
    X509 *cert = X509_new();
    must(key != NULL && cert != NULL);
    X509 *issuer = spec->issuer ? read_certificate(folder, spec->issuer) : cert;
    EVP_PKEY *issuer_key = spec->issuer ? read_key(folder, spec->issuer) : key;

    must(X509_set_version(cert, 2) == 1);
    set_serial(cert);
    set_subject(cert, spec->common_name);
    set_dates(cert, spec);
    must(X509_set_issuer_name(cert, X509_get_subject_name(issuer)) == 1);
    must(X509_set_pubkey(cert, key) == 1);
    add_extension(cert, issuer, NID_basic_constraints,
                  spec->is_authority ? "critical,CA:TRUE" : "CA:FALSE");
    if (spec->names != NULL)
        add_extension(cert, issuer, NID_subject_alt_name, spec->names);
    must(X509_sign(cert, issuer_key, spec->is_sha1 ? EVP_sha1() : EVP_sha256()) > 0);

    FILE *file = file_open(folder, name, ".pem", "w");
    must(PEM_write_X509(file, cert) == 1);
    if (issuer != cert && X509_self_signed(issuer, 0) != 1)
        must(PEM_write_X509(file, issuer) == 1);
    must(fclose(file) == 0);
    file = file_open(folder, name, ".key", "w");
    must(PEM_write_PrivateKey(file, key, NULL, NULL, 0, NULL, NULL) == 1);
    must(fclose(file) == 0);

    if (issuer != cert) {
        X509_free(issuer);
        EVP_PKEY_free(issuer_key);
    }
    X509_free(cert);
    EVP_PKEY_free(key);
}

void
certificates_folder_new(char folder[CERTIFICATES_FOLDER])
{
    snprintf(folder, CERTIFICATES_FOLDER, "/tmp/forestgate-tls-XXXXXX");
    must(mkdtemp(folder) != NULL);
}

void
certificates_folder_with(char folder[CERTIFICATES_FOLDER], const struct certificate_row *rows,
                         size_t count)
{
    certificates_folder_new(folder);
    for (size_t i = 0; i < count; i++)
        certificates_make(folder, rows[i].name, &rows[i].spec);
}

void
certificates_folder_remove(const char *folder)
{
    DIR *all = opendir(folder);
    must(all != NULL);
    for (struct dirent *one; (one = readdir(all)) != NULL;) {
        char path[PATH];
        path_put(path, folder, one->d_name, "");
        if (one->d_name[0] != '.')
            unlink(path);
    }
    closedir(all);
    rmdir(folder);
}
