/* Who still needs the profile exchange2003: exactly those whom the modern one refuses. */
#include "tls/tls_profile.h"

#include "tests/kit/certificates.h"
#include "tests/kit/test.h"
#include "tests/kit/tls_folder.h"
#include "tests/kit/tls_pair.h"
#include "tls/tls_identity.h"

#define GW "gw.contoso.example"

static char folder[CERTIFICATES_FOLDER];

static const struct certificate_row certificates[] = {
    {"root", {.common_name = "Contoso Root", .is_authority = true, .rsa_bits = 2048}},
    {"root-1024", {.common_name = "Old Root", .is_authority = true, .rsa_bits = 1024}},
    {"gw", {.common_name = "gw", .names = "DNS:" GW, .issuer = "root", .rsa_bits = 2048}},
    {"1024", {.common_name = "1024", .names = "DNS:" GW, .issuer = "root", .rsa_bits = 1024}},
    {"sha1",
     {.common_name = "sha1",
      .names = "DNS:" GW,
      .issuer = "root",
      .is_sha1 = true,
      .rsa_bits = 2048}},
    {"old",
     {.common_name = "old",
      .names = "DNS:" GW,
      .issuer = "root-1024",
      .is_sha1 = true,
      .rsa_bits = 1024}},
};

/* The session, and what the modern profile says of the same peer. */
static const struct {
    const char *say;
    int version;
    const char *certificate;
    const char *ca; /* NULL: the key is pinned */
    const char *need;
    const char *modern_refusal;
} needs[] = {
    {"all is well", TLS1_2_VERSION, "gw", "root", NULL, NULL},
    {"TLS 1.0", TLS1_VERSION, "gw", "root", "version", "no TLS version in common"},
    {"TLS 1.1", TLS1_1_VERSION, "gw", "root", "version", "no TLS version in common"},
    {"a key of 1024 bits", TLS1_2_VERSION, "1024", "root", "certificate",
     "the certificate (CN=1024) has a key of 1024 bits, too weak for tls.profile modern"},
    {"a signature by SHA-1", TLS1_2_VERSION, "sha1", "root", "certificate",
     "the certificate (CN=sha1) is signed with sha1WithRSAEncryption, too weak for tls.profile"},
    {"both, and a root of that age", TLS1_2_VERSION, "old", "root-1024", "certificate",
     "has a key of 1024 bits, too weak"},
    {"both, pinned", TLS1_2_VERSION, "old", NULL, NULL, NULL},
    {"both in TLS 1.0, pinned", TLS1_VERSION, "old", NULL, "version", "no TLS version in common"},
};

static struct tls_context *
client_for(size_t row, enum tls_profile profile)
{
    char path[128];
    struct err err = {0};
    struct tls_identity who;
    struct tls_context *c = NULL;
    if (needs[row].ca != NULL)
        return tls_folder_client(folder, profile, needs[row].ca);
    assert_true(tls_identity_of_file(
        tls_folder_file(folder, path, needs[row].certificate, ".pem"), &who, &err));
    const struct tls_client_settings s = {.profile = profile,
                                          .trust = TLS_TRUST_PIN,
                                          .pins = (const unsigned char(*)[32])who.pin,
                                          .pin_count = 1};
    assert_true(tls_context_new_client(&s, &c, &err));
    return c;
}

static void
check_need(size_t row, struct tls_context *client, struct tls_context *server, bool resumes)
{
    struct tls_pair p;
    tls_pair_init(&p, client, server, GW, "k");
    tls_pair_carry(&p, SIZE_MAX);
    if (!tls_pair_is_open(&p))
        fail_msg("%s: %s", needs[row].say, p.client_err.text);
    assert_int_equal(tls_filter_is_resumed(p.client), resumes);
    struct tls_identity who;
    assert_true(tls_identity_of_peer(p.client, &who));
    assert_int_equal(who.is_weak, strcmp(needs[row].certificate, "gw") != 0);
    assert_true(tls_filter_renegotiates_securely(p.client));
    assert_true(tls_filter_peer_has_name(p.client));
    const char *need = tls_filter_needs_legacy(p.client), *want = needs[row].need;
    if (need != want && (!need || !want || strcmp(need, want) != 0))
        fail_msg("%s: needed for %s", needs[row].say, need ? need : "nothing");
    need = tls_filter_needs_legacy(p.server);
    assert_int_equal(need != NULL, needs[row].version < TLS1_2_VERSION);
    tls_pair_fini(&p);
}

static void
check_modern_client(size_t row, struct tls_context *server)
{
    struct tls_context *client = client_for(row, TLS_MODERN);
    struct tls_pair p;
    tls_pair_init(&p, client, server, GW, "k");
    tls_pair_carry(&p, SIZE_MAX);
    const char *refusal = needs[row].modern_refusal;
    if (tls_pair_is_open(&p) != (refusal == NULL))
        fail_msg("%s: the modern profile: %s", needs[row].say, p.client_err.text);
    if (refusal != NULL && !strstr(p.client_err.text, refusal))
        fail_msg("%s: the modern profile says %s", needs[row].say, p.client_err.text);
    if (tls_pair_is_open(&p))
        assert_null(tls_filter_needs_legacy(p.client));
    tls_pair_fini(&p);
    tls_context_unref(&client);
}

static void
tls_exchange2003_is_needed_exactly_where_the_modern_profile_refuses(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(needs); i++) {
        struct tls_context *server =
            tls_folder_server(folder, TLS_EXCHANGE2003, needs[i].certificate);
        struct tls_context *client = client_for(i, TLS_EXCHANGE2003);
        SSL_CTX_set_max_proto_version(server->ctx[0], needs[i].version);
        check_need(i, client, server, false);
        check_need(i, client, server, true);
        check_modern_client(i, server);
        tls_context_unref(&client);
        tls_context_unref(&server);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tls_exchange2003_is_needed_exactly_where_the_modern_profile_refuses),
    };
    certificates_folder_with(folder, certificates, COUNT_OF(certificates));
    int status = cmocka_run_group_tests(tests, NULL, NULL);
    certificates_folder_remove(folder);
    return status;
}
