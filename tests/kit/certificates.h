/*
 * certificates.h - certificates for tests: made in C, in a folder of their own, in no time.
 */
#ifndef KIT_CERTIFICATES_H
#define KIT_CERTIFICATES_H

#include <stdint.h>

#include "gateway/base/must.h"
#include "gateway/base/slice.h"

struct certificate_spec {
    const char *common_name; /* NULL: an empty subject */
    const char *names;       /* "DNS:a.example,IP:127.0.0.1"; NULL: none */
    const char *issuer;      /* name of an earlier one in the same folder; NULL: self-signed */
    bool is_authority;
    bool is_sha1;    /* signed with SHA-1 */
    int rsa_bits;    /* 0: an elliptic curve key, which is much faster */
    int64_t from_s;  /* from now; 0 = an hour ago */
    int64_t until_s; /* from now; 0 = in a day */
};

/* Makes folder/name.pem and folder/name.key; with an issuer that is not self-signed, its
 * certificate follows in the .pem. Aborts when it cannot. */
void certificates_make(const char *folder, const char *name, const struct certificate_spec *spec);

enum { CERTIFICATES_FOLDER = 64 };

/* A new folder below /tmp, and: away with it and all in it (files only). */
void certificates_folder_new(char folder[CERTIFICATES_FOLDER]);
void certificates_folder_remove(const char *folder);

struct certificate_row {
    const char *name;
    struct certificate_spec spec;
};

/* The same with these in it, made in this order. */
void certificates_folder_with(char folder[CERTIFICATES_FOLDER],
                              const struct certificate_row *rows, size_t count);

#endif
