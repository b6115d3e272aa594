/*
 * tls_session_cache.h - client sessions that may be resumed, by key.
 *
 * Follows  RFC 8446 C.4: a TLS 1.3 ticket is used once; the two newest of a key are kept. A TLS
 *          1.2 session is used again and again until it is replaced or fails.
 * Threads  any; a lock inside. A session may be in use by several handshakes at once: OpenSSL
 *          counts its references and never changes one that it resumes.
 * Bounds   TLS_SESSION_KEYS keys; the one that was not used for longest makes room.
 */
#ifndef TLS_TLS_SESSION_CACHE_H
#define TLS_TLS_SESSION_CACHE_H

#include "gateway/base/must.h"
#include "gateway/base/slice.h"
#include "tls/tls_openssl.h"

enum { TLS_SESSION_KEYS = 256, TLS_SESSIONS_PER_KEY = 2 };

struct tls_session_cache;

struct tls_session_cache *tls_session_cache_new(void); /* NULL: out of memory */
void tls_session_cache_free(struct tls_session_cache **c);

/* Keep *take_session for key; ours, and NULL afterwards. Out of memory: it is let go. */
void tls_session_cache_put(struct tls_session_cache *c, struct slice key,
                           SSL_SESSION **take_session);

/* The newest usable session of key, now the caller's, or NULL. */
SSL_SESSION *tls_session_cache_take(struct tls_session_cache *c, struct slice key);

/* Forget all of key: a handshake that offered one of them failed. */
void tls_session_cache_forget(struct tls_session_cache *c, struct slice key);

size_t tls_session_cache_count(struct tls_session_cache *c); /* keys with a session */

#endif
