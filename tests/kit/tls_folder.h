/*
 * tls_folder.h - contexts out of a folder of certificates (certificates.h), in either profile.
 */
#ifndef KIT_TLS_FOLDER_H
#define KIT_TLS_FOLDER_H

#include "tests/kit/certificates.h"
#include "tls/tls_context.h"

enum { TLS_FOLDER_PATH = 128 };

/* folder/name and its ending, in room. */
const char *tls_folder_file(const char *folder, char room[TLS_FOLDER_PATH], const char *name,
                            const char *end);

/* A server with that certificate: or false and why, or else the test fails. */
MUST_USE bool tls_folder_may_serve(const char *folder, enum tls_profile profile,
                                   const char *certificate, struct tls_context **out,
                                   struct err *err);
struct tls_context *tls_folder_server(const char *folder, enum tls_profile profile,
                                      const char *certificate);

/* A client that verifies the name below this root; NULL: it verifies nothing. */
struct tls_context *tls_folder_client(const char *folder, enum tls_profile profile,
                                      const char *ca);

#endif
