#include "tls/tls_tickets.h"

#include "gateway/base/mem.h"
#include "tls/keyed_hash.h"

static void
make_keys(struct tls_tickets *t, uint64_t now_ms)
{
    random_octets(&t->keys, sizeof t->keys);
    t->made_ms = now_ms;
}

void
tls_tickets_init(struct tls_tickets *t, uint64_t now_ms)
{
    pthread_mutex_init(&t->lock, NULL);
    make_keys(t, now_ms);
}

void
tls_tickets_fini(struct tls_tickets *t)
{
    mem_wipe(&t->keys, sizeof t->keys);
    pthread_mutex_destroy(&t->lock);
}

void
tls_tickets_keys(struct tls_tickets *t, uint64_t now_ms, struct tls_ticket_keys *out)
{
    pthread_mutex_lock(&t->lock);
    /* Signed: another thread may have looked at the clock a little later and been here before. */
    if ((int64_t)(now_ms - t->made_ms) >= TLS_TICKET_KEYS_LIFE_MS)
        make_keys(t, now_ms);
    *out = t->keys;
    pthread_mutex_unlock(&t->lock);
}

static bool
arm_hash(const struct tls_ticket_keys *k, EVP_MAC_CTX *hash)
{
    unsigned char key[sizeof k->hash];
    char digest[] = "SHA256";
    memcpy(key, k->hash, sizeof key); /* OpenSSL's parameters are not const */
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, key, sizeof key),
        OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
        OSSL_PARAM_construct_end(),
    };
    bool ok = EVP_MAC_CTX_set_params(hash, params) == 1;
    mem_wipe(key, sizeof key);
    return ok;
}

int
tls_tickets_make(const struct tls_ticket_keys *k, unsigned char name[16],
                 unsigned char iv[EVP_MAX_IV_LENGTH], EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *hash)
{
    memcpy(name, k->name, sizeof k->name);
    random_octets(iv, EVP_MAX_IV_LENGTH);
    bool ok = EVP_EncryptInit_ex(cipher, EVP_aes_256_cbc(), NULL, k->cipher, iv) == 1 &&
              arm_hash(k, hash);
    return ok ? 1 : -1;
}

int
tls_tickets_open(const struct tls_ticket_keys *k, const unsigned char name[16],
                 const unsigned char iv[EVP_MAX_IV_LENGTH], EVP_CIPHER_CTX *cipher,
                 EVP_MAC_CTX *hash)
{
    if (memcmp(name, k->name, sizeof k->name) != 0)
        return 0;
    bool ok = EVP_DecryptInit_ex(cipher, EVP_aes_256_cbc(), NULL, k->cipher, iv) == 1 &&
              arm_hash(k, hash);
    return ok ? 1 : -1;
}
