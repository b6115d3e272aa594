/*
 * tls_openssl.h - the one place that includes OpenSSL.
 *
 * OpenSSL has a type named ERR_STATE, we an error kind of that name; its type gets another name
 * here, before its headers are read.
 */
#ifndef TLS_TLS_OPENSSL_H
#define TLS_TLS_OPENSSL_H

#define ERR_STATE openssl_ERR_STATE
#include <openssl/bio.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#undef ERR_STATE

#endif
