#include "tls/keyed_hash.h"

#include <limits.h>

#include "tls/tls_openssl.h"

/* Eight octets, most significant first. */
static void
put_length(unsigned char out[8], size_t n)
{
    for (int i = 7; i >= 0; i--, n >>= 8)
        out[i] = (unsigned char)(n & 0xff);
}

/* There is no sensible way on without the hash (the caller would have to forget what it promised
 * to remember), and nothing but a lack of a few hundred octets can make it fail. */
void
keyed_hash(const struct keyed_hash_key *key, const struct slice *parts, size_t part_count,
           unsigned char out[KEYED_HASH_SIZE])
{
    EVP_MAC *hmac = EVP_MAC_fetch(NULL, "HMAC", NULL);
    must(hmac != NULL);
    EVP_MAC_CTX *ctx = EVP_MAC_CTX_new(hmac);
    must(ctx != NULL);

    char digest[] = "SHA256";
    const OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
        OSSL_PARAM_construct_end(),
    };
    must(EVP_MAC_init(ctx, key->octets, sizeof key->octets, params) == 1);
    for (size_t i = 0; i < part_count; i++) {
        unsigned char length[8];
        put_length(length, parts[i].len);
        must(EVP_MAC_update(ctx, length, sizeof length) == 1);
        must(EVP_MAC_update(ctx, (const unsigned char *)parts[i].ptr, parts[i].len) == 1);
    }
    size_t n = 0;
    must(EVP_MAC_final(ctx, out, &n, KEYED_HASH_SIZE) == 1 && n == KEYED_HASH_SIZE);

    EVP_MAC_CTX_free(ctx);
    EVP_MAC_free(hmac);
}

bool
keyed_hash_same(const unsigned char *a, const unsigned char *b, size_t n)
{
    return CRYPTO_memcmp(a, b, n) == 0;
}

void
random_octets(void *out, size_t n)
{
    must(n <= INT_MAX);
    must(RAND_bytes(out, (int)n) == 1);
}
