/*
 * password.h - passwords to hashes and back (libxcrypt lives here). Blocks: 24 ms a check with
 * yescrypt; run it as a job off the loop.
 */
#ifndef ROUTE_PASSWORD_H
#define ROUTE_PASSWORD_H

#include "gateway/base/buf.h"
#include "gateway/base/err.h"

/* A fresh yescrypt hash of password, appended to out. */
MUST_USE bool password_hash(const char *password, struct buf *out, struct err *err);

enum password_result { PASSWORD_RIGHT, PASSWORD_WRONG, PASSWORD_CANNOT_CHECK };

/* Does password match one of the hashes? All are tried even after a match is found, in equal
 * time. CANNOT_CHECK: no hash could be used (454 4.7.0, not 535). Any thread. */
enum password_result password_check(const char *password, const char *const *hashes,
                                    size_t hash_count);

/* A hash that costs as much as a real one: for unknown names, so that they take as long. */
const char *password_decoy(void);

/* Is this a hash that crypt can verify and that is strong enough? False with the reason. */
MUST_USE bool password_hash_is_usable(const char *hash, struct err *err);

#endif
