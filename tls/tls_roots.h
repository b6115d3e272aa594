/*
 * tls_roots.h - the system's trusted roots, read once and shared.
 *
 * Reading them takes some 25 ms and a megabyte, which need not be spent for each send connector.
 * Never changed after it was made; contexts in any thread keep what they need of it.
 */
#ifndef TLS_TLS_ROOTS_H
#define TLS_TLS_ROOTS_H

#include "gateway/base/err.h"

struct tls_roots;

/* ERR_TLS, ERR_NOMEM. A system without roots is no error: then nothing is trusted. */
MUST_USE bool tls_roots_new(struct tls_roots **out, struct err *err);
void tls_roots_free(struct tls_roots **r); /* contexts that use them stay whole */

#endif
