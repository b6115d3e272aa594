/*
 * tls_tickets.h - the keys of a server's session tickets: new ones twice a day.
 *
 * Follows  RFC 5077 4: name, AES-256-CBC, HMAC-SHA256. Tickets of TLS 1.2 can be opened by
 *          whoever learns their key, so no key lives for long. Who comes with an older ticket
 *          shakes hands in full, once.
 * Threads  any number shake hands meanwhile. That is why the keys are kept here: OpenSSL's own
 *          may not be changed while a handshake could look at them.
 */
#ifndef TLS_TLS_TICKETS_H
#define TLS_TLS_TICKETS_H

#include <pthread.h>
#include <stdint.h>

#include "tls/tls_openssl.h"

enum { TLS_TICKET_KEYS_LIFE_MS = 12 * 3600 * 1000 };

struct tls_ticket_keys {
    unsigned char name[16];
    unsigned char cipher[32];
    unsigned char hash[32];
};

struct tls_tickets {
    pthread_mutex_t lock;
    uint64_t made_ms;
    struct tls_ticket_keys keys;
};

void tls_tickets_init(struct tls_tickets *t, uint64_t now_ms);
void tls_tickets_fini(struct tls_tickets *t); /* wipes the keys */

/* The keys to use now; the caller wipes them. Made anew when they have served their time. */
void tls_tickets_keys(struct tls_tickets *t, uint64_t now_ms, struct tls_ticket_keys *out);

/* Arm the two halves of a ticket's protection, to make one (name and iv are filled in) or to open
 * one. As OpenSSL wants it: 1 = done, 0 = a ticket that is not of these keys, -1 = no memory. */
int tls_tickets_make(const struct tls_ticket_keys *k, unsigned char name[16],
                     unsigned char iv[EVP_MAX_IV_LENGTH], EVP_CIPHER_CTX *cipher,
                     EVP_MAC_CTX *hash);
int tls_tickets_open(const struct tls_ticket_keys *k, const unsigned char name[16],
                     const unsigned char iv[EVP_MAX_IV_LENGTH], EVP_CIPHER_CTX *cipher,
                     EVP_MAC_CTX *hash);

#endif
