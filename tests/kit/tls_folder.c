#include "tests/kit/tls_folder.h"

#include <stdio.h>

#include "tests/kit/test.h"

const char *
tls_folder_file(const char *folder, char room[TLS_FOLDER_PATH], const char *name, const char *end)
{
    snprintf(room, TLS_FOLDER_PATH, "%s/%s%s", folder, name, end);
    return room;
}

bool
tls_folder_may_serve(const char *folder, enum tls_profile profile, const char *certificate,
                     struct tls_context **out, struct err *err)
{
    char pem[TLS_FOLDER_PATH], key[TLS_FOLDER_PATH];
    const struct tls_key_pair pair = {tls_folder_file(folder, pem, certificate, ".pem"),
                                      tls_folder_file(folder, key, certificate, ".key")};
    return tls_context_new_server(profile, &pair, 1, out, err);
}

struct tls_context *
tls_folder_server(const char *folder, enum tls_profile profile, const char *certificate)
{
    struct tls_context *c = NULL;
    struct err err = {0};
    if (!tls_folder_may_serve(folder, profile, certificate, &c, &err))
        fail_msg("%s: %s", certificate, err.text);
    return c;
}

struct tls_context *
tls_folder_client(const char *folder, enum tls_profile profile, const char *ca)
{
    char path[TLS_FOLDER_PATH];
    struct tls_context *c = NULL;
    struct err err = {0};
    const struct tls_client_settings s = {
        .profile = profile,
        .trust = ca != NULL ? TLS_TRUST_NAME : TLS_TRUST_NONE,
        .ca_file = ca != NULL ? tls_folder_file(folder, path, ca, ".pem") : NULL,
    };
    if (!tls_context_new_client(&s, &c, &err))
        fail_msg("%s", err.text);
    return c;
}
