/*
 * tls_err.h - OpenSSL's error queue to one sentence.
 *
 * Every call into OpenSSL that can fail comes after tls_err_forget(): the queue belongs to the
 * thread, and what an earlier session left there would be blamed on this one.
 */
#ifndef TLS_TLS_ERR_H
#define TLS_TLS_ERR_H

#include "gateway/base/err.h"

void tls_err_forget(void);

/* Fill err from the oldest entry of the queue, which is the cause, and empty the queue. what
 * comes first: "what: cause". ERR_IO with errno when the system said no, ERR_NOMEM, else ERR_TLS.
 * Returns false. */
bool tls_err_take(struct err *err, const char *what, ...) PRINTF_LIKE(2, 3);

#endif
