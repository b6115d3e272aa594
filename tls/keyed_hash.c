#include "tls/keyed_hash.h"

#include <limits.h>

#include "gateway/base/mem.h"
#include "tls/tls_openssl.h"

/* Eight octets, most significant first. */
static void
put_length(unsigned char out[8], size_t n)
{
    for (int i = 7; i >= 0; i--, n >>= 8)
        out[i] = (unsigned char)(n & 0xff);
}

enum { BLOCK = 64 }; /* of SHA-256, in octets */

/* Begin a digest with the key, padded to a block, each octet changed by mask (RFC 2104 2). NULL
 * goes on with the kind of digest that ctx had. */
static void
begin(EVP_MD_CTX *ctx, const EVP_MD *kind, const struct keyed_hash_key *key, unsigned char mask)
{
    unsigned char pad[BLOCK];
    for (size_t i = 0; i < BLOCK; i++)
        pad[i] = (unsigned char)((i < KEYED_HASH_KEY ? key->octets[i] : 0) ^ mask);
    must(EVP_DigestInit_ex(ctx, kind, NULL) == 1);
    must(EVP_DigestUpdate(ctx, pad, BLOCK) == 1);
    mem_wipe(pad, BLOCK);
}

/* HMAC by hand: OpenSSL's own is looked up by name at every use, which takes twice as long as the
 * hash. There is no sensible way on without it (the caller would have to forget what it promised
 * to remember), and nothing but a lack of a few hundred octets can make it fail. */
void
keyed_hash(const struct keyed_hash_key *key, const struct slice *parts, size_t part_count,
           unsigned char out[KEYED_HASH_SIZE])
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    must(ctx != NULL);
    begin(ctx, EVP_sha256(), key, 0x36);
    for (size_t i = 0; i < part_count; i++) {
        unsigned char length[8];
        put_length(length, parts[i].len);
        must(EVP_DigestUpdate(ctx, length, sizeof length) == 1);
        must(EVP_DigestUpdate(ctx, parts[i].ptr, parts[i].len) == 1);
    }
    must(EVP_DigestFinal_ex(ctx, out, NULL) == 1);
    begin(ctx, NULL, key, 0x5c);
    must(EVP_DigestUpdate(ctx, out, KEYED_HASH_SIZE) == 1);
    must(EVP_DigestFinal_ex(ctx, out, NULL) == 1);
    EVP_MD_CTX_free(ctx);
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
