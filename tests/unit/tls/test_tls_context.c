#include "tls/tls_context.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "gateway/base/mem.h"
#include "tests/kit/certificates.h"
#include "tests/kit/tls_pair.h"
#include "tls/tls_identity.h"
#include "tls/tls_private.h"

static char folder[CERTIFICATES_FOLDER];

static const struct certificate_row certificates[] = {
    {"gw", {.common_name = "gw", .names = "DNS:gw.contoso.example"}},
    {"legacy",
     {.common_name = "legacy", .names = "DNS:legacy.contoso.example", .rsa_bits = 2048}},
    {"wild", {.common_name = "wild", .names = "DNS:*.fabrikam.example"}},
    {"rsa", {.common_name = "rsa", .rsa_bits = 2048}},
    {"weak", {.common_name = "weak", .rsa_bits = 1024}},
};

static const char *
file_of(char room[128], const char *name)
{
    snprintf(room, 128, "%s/%s", folder, name);
    return room;
}

static void
write_file(const char *name, const char *text)
{
    char path[128];
    FILE *file = fopen(file_of(path, name), "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static struct tls_context *
server_of(const char *const *names, size_t count)
{
    char files[2 * 4][128];
    struct tls_key_pair pairs[4];
    struct tls_context *c = NULL;
    struct err err = {0};
    for (size_t i = 0; i < count; i++) {
        snprintf(files[2 * i], 128, "%s/%s.pem", folder, names[i]);
        snprintf(files[2 * i + 1], 128, "%s/%s.key", folder, names[i]);
        pairs[i] = (struct tls_key_pair){files[2 * i], files[2 * i + 1]};
    }
    if (!tls_context_new_server(TLS_MODERN, pairs, count, &c, &err))
        fail_msg("%s", err.text);
    return c;
}

static struct tls_context *
client_of(enum tls_trust trust, const char *ca)
{
    char path[128];
    struct tls_context *c = NULL;
    struct err err = {0};
    const struct tls_client_settings s = {.trust = trust,
                                          .ca_file = ca ? file_of(path, ca) : NULL};
    if (!tls_context_new_client(&s, &c, &err))
        fail_msg("%s", err.text);
    return c;
}

/* Which certificate does a client see that asks for host? */
static void
check_sni(struct tls_context *server, const char *host, const char *want)
{
    struct tls_context *client = client_of(TLS_TRUST_NONE, NULL);
    struct tls_identity seen;
    struct tls_pair p;
    tls_pair_init(&p, client, server, host, "");
    tls_pair_carry(&p, SIZE_MAX);
    assert_true(tls_identity_of_peer(p.client, &seen));
    if (strcmp(seen.subject, want) != 0)
        fail_msg("for %s came %s instead of %s", host, seen.subject, want);
    tls_pair_fini(&p);
    tls_context_unref(&client);
}

static void
tls_context_chooses_the_certificate_by_name(void **state)
{
    (void)state;
    const char *const names[] = {"gw", "legacy", "wild"};
    struct tls_context *server = server_of(names, 3);
    check_sni(server, "gw.contoso.example", "CN=gw");
    check_sni(server, "legacy.contoso.example", "CN=legacy");
    check_sni(server, "LEGACY.contoso.example", "CN=legacy");
    check_sni(server, "x.fabrikam.example", "CN=wild");
    check_sni(server, "nobody.example", "CN=gw");
    check_sni(server, "10.1.1.1", "CN=gw"); /* no name is sent */
    tls_context_unref(&server);
}

static void
refuses(const char *say, const char *certificate, const char *key, enum err_kind kind,
        const char *want)
{
    char pem_path[128], key_path[128];
    struct tls_context *c = NULL;
    struct err err = {0};
    const struct tls_key_pair pair = {file_of(pem_path, certificate), file_of(key_path, key)};
    if (tls_context_new_server(TLS_MODERN, &pair, 1, &c, &err))
        fail_msg("%s: accepted", say);
    if (err.kind != kind || !strstr(err.text, want))
        fail_msg("%s: kind %d, \"%s\"", say, (int)err.kind, err.text);
    assert_null(c);
}

static void
tls_context_names_the_file_that_is_wrong(void **state)
{
    (void)state;
    write_file("empty.pem", "");
    write_file("text.key", "-----BEGIN PRIVATE KEY-----\nnothing\n-----END PRIVATE KEY-----\n");
    write_file("locked.key", "-----BEGIN ENCRYPTED PRIVATE KEY-----\n"
                             "MIGjMF8GCSqGSIb3DQEFDTBSMDEGCSqGSIb3DQEFDDAk\n"
                             "-----END ENCRYPTED PRIVATE KEY-----\n");
    refuses("no such certificate", "no.pem", "gw.key", ERR_IO, "/no.pem: No such file");
    refuses("no such key", "gw.pem", "no.key", ERR_IO, "/no.key: No such file");
    refuses("an empty certificate", "empty.pem", "gw.key", ERR_TLS, "/empty.pem: ");
    refuses("no key", "gw.pem", "text.key", ERR_TLS, "/text.key: not a private key");
    refuses("a pass phrase", "gw.pem", "locked.key", ERR_TLS, "or it has a pass phrase");
    refuses("another key", "gw.pem", "legacy.key", ERR_TLS, "does not belong to certificate");
    refuses("a key of another kind", "gw.pem", "rsa.key", ERR_TLS, "does not belong to");
    refuses("swapped", "gw.key", "gw.pem", ERR_TLS, "certificate /tmp");
    refuses("a weak key", "weak.pem", "weak.key", ERR_TLS, "weak.pem: ee key too small");
}

static void
tls_context_refuses_a_bad_ca_file(void **state)
{
    (void)state;
    char path[128];
    struct tls_context *c = NULL;
    struct err err = {0};
    struct tls_client_settings s = {.trust = TLS_TRUST_CA, .ca_file = file_of(path, "no.pem")};
    assert_false(tls_context_new_client(&s, &c, &err));
    assert_int_equal(err.kind, ERR_IO);
    assert_non_null(strstr(err.text, "no.pem: No such file"));
    write_file("empty.pem", "");
    s.ca_file = file_of(path, "empty.pem");
    assert_false(tls_context_new_client(&s, &c, &err));
    assert_int_equal(err.kind, ERR_TLS);
}

/* One session; was it resumed? Both ends must agree. */
static bool
is_resumed(struct tls_context *client, struct tls_context *server, const char *key, bool polite)
{
    struct tls_pair p;
    tls_pair_init(&p, client, server, "gw.contoso.example", key);
    tls_pair_carry(&p, SIZE_MAX);
    assert_true(tls_filter_is_open(p.client) && tls_filter_is_open(p.server));
    bool resumed = tls_filter_is_resumed(p.client);
    assert_int_equal(resumed, tls_filter_is_resumed(p.server));
    assert_string_equal(tls_filter_verified(p.client), "name");
    assert_true(tls_filter_peer_expires_unix_s(p.client) > 0);
    if (polite)
        tls_filter_close(p.client);
    tls_pair_fini(&p);
    return resumed;
}

static void
check_resumption(int version, bool polite)
{
    const char *const names[] = {"gw"};
    struct tls_context *server = server_of(names, 1);
    struct tls_context *client = client_of(TLS_TRUST_NAME, "gw.pem");
    SSL_CTX_set_max_proto_version(client->ctx[0], version);

    assert_false(is_resumed(client, server, "a", polite));
    assert_false(is_resumed(client, server, "b", polite)); /* another key: another session */
    for (int i = 0; i < 5; i++)
        assert_true(is_resumed(client, server, "a", polite));
    assert_false(is_resumed(client, server, "", polite)); /* no key: neither kept nor used */
    assert_false(is_resumed(client, server, "", polite));
    assert_int_equal(tls_session_cache_count(client->sessions), 2);

    /* After a restart of the server its tickets are strange: a whole handshake, no failure. */
    tls_context_unref(&server);
    server = server_of(names, 1);
    assert_false(is_resumed(client, server, "a", polite));
    assert_true(is_resumed(client, server, "a", polite));
    tls_context_unref(&server);
    tls_context_unref(&client);
}

static void
tls_context_resumes_sessions_in_both_versions(void **state)
{
    (void)state;
    check_resumption(TLS1_3_VERSION, true);
    check_resumption(TLS1_2_VERSION, true);
}

static void
tls_context_resumes_sessions_that_were_cut_off(void **state)
{
    (void)state;
    check_resumption(TLS1_3_VERSION, false);
    check_resumption(TLS1_2_VERSION, false);
}

static void
tls_context_makes_new_ticket_keys_twice_a_day(void **state)
{
    (void)state;
    const char *const names[] = {"gw"};
    const uint64_t hour_ms = 3600 * 1000;
    for (int version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
        struct tls_context *server = server_of(names, 1);
        struct tls_context *client = client_of(TLS_TRUST_NAME, "gw.pem");
        SSL_CTX_set_max_proto_version(client->ctx[0], version);
        assert_false(is_resumed(client, server, "a", true));
        server->tickets.made_ms -= 11 * hour_ms;
        assert_true(is_resumed(client, server, "a", true));
        server->tickets.made_ms -= hour_ms;
        assert_false(is_resumed(client, server, "a", true));
        assert_true(is_resumed(client, server, "a", true));
        tls_context_unref(&server);
        tls_context_unref(&client);
    }
}

static void
tls_context_takes_tls_1_2_and_nothing_below(void **state)
{
    (void)state;
    const char *const names[] = {"gw"};
    static const struct {
        int version;
        bool ok;
    } rows[] = {{TLS1_3_VERSION, true},
                {TLS1_2_VERSION, true},
                {TLS1_1_VERSION, false},
                {TLS1_VERSION, false}};
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct tls_context *server = server_of(names, 1);
        struct tls_context *client = client_of(TLS_TRUST_NONE, NULL);
        SSL_CTX_set_security_level(client->ctx[0], 0);
        SSL_CTX_set_min_proto_version(client->ctx[0], TLS1_VERSION);
        SSL_CTX_set_max_proto_version(client->ctx[0], rows[i].version);
        struct tls_pair p;
        tls_pair_init(&p, client, server, "gw.contoso.example", "");
        tls_pair_carry(&p, SIZE_MAX);
        assert_int_equal(tls_filter_is_open(p.server), rows[i].ok);
        if (!rows[i].ok) {
            assert_non_null(strstr(p.server_err.text, "no TLS version in common"));
            assert_non_null(strstr(p.client_err.text, "alert \"protocol version\""));
        }
        tls_pair_fini(&p);
        tls_context_unref(&client);
        tls_context_unref(&server);
    }
}

/* Schannel of Windows Server 2003 looks at the first 64 suites only. */
static void
tls_context_offers_few_suites(void **state)
{
    (void)state;
    struct tls_context *client = client_of(TLS_TRUST_NONE, NULL);
    struct buf wire;
    buf_init(&wire, 10000);
    struct tls_filter *f = tls_filter_new_client(client, "gw", slice_str(""), &wire);
    assert_non_null(f);
    const unsigned char *hello = (const unsigned char *)wire.data;
    size_t at = 5 + 4 + 2 + 32; /* record, message, version, random */
    at += 1 + (size_t)hello[at];
    assert_true(wire.len > at + 2);
    size_t suites = ((size_t)hello[at] << 8 | hello[at + 1]) / 2;
    assert_in_range(suites, 3, 63);
    tls_filter_free(&f);
    buf_fini(&wire);
    tls_context_unref(&client);
}

static void
tls_context_lives_as_long_as_its_filters(void **state)
{
    (void)state;
    const char *const names[] = {"gw"};
    struct tls_context *server = server_of(names, 1);
    struct tls_context *client = client_of(TLS_TRUST_NAME, "gw.pem");
    struct tls_pair p;
    tls_pair_init(&p, client, server, "gw.contoso.example", "k");
    tls_context_unref(&client);
    tls_context_unref(&server);
    assert_null(server);
    tls_pair_carry(&p, SIZE_MAX);
    assert_true(tls_filter_is_open(p.client) && tls_filter_is_open(p.server));
    tls_pair_fini(&p);
}

/* Whatever lacks memory says so and leaves nothing behind. */
static void
tls_context_survives_every_lack_of_memory(void **state)
{
    (void)state;
    char pem[128], key[128];
    struct err err = {0};
    const struct tls_key_pair pair = {file_of(pem, "gw.pem"), file_of(key, "gw.key")};
    const struct tls_client_settings s = {.trust = TLS_TRUST_NAME, .ca_file = pem};
    bool server_ok = false, client_ok = false;
    for (long n = 0; n < 20 && !(server_ok && client_ok); n++) {
        struct tls_context *c = NULL;
        mem_fail_after(n);
        server_ok = tls_context_new_server(TLS_MODERN, &pair, 1, &c, &err);
        assert_true(server_ok || err.kind == ERR_NOMEM);
        tls_context_unref(&c);
        mem_fail_after(n);
        client_ok = tls_context_new_client(&s, &c, &err);
        assert_true(client_ok || err.kind == ERR_NOMEM);
        tls_context_unref(&c);
    }
    mem_fail_after(-1);
    assert_true(server_ok && client_ok);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tls_context_chooses_the_certificate_by_name),
        cmocka_unit_test(tls_context_names_the_file_that_is_wrong),
        cmocka_unit_test(tls_context_refuses_a_bad_ca_file),
        cmocka_unit_test(tls_context_resumes_sessions_in_both_versions),
        cmocka_unit_test(tls_context_resumes_sessions_that_were_cut_off),
        cmocka_unit_test(tls_context_makes_new_ticket_keys_twice_a_day),
        cmocka_unit_test(tls_context_takes_tls_1_2_and_nothing_below),
        cmocka_unit_test(tls_context_offers_few_suites),
        cmocka_unit_test(tls_context_lives_as_long_as_its_filters),
        cmocka_unit_test(tls_context_survives_every_lack_of_memory),
    };
    certificates_folder_with(folder, certificates, COUNT_OF(certificates));
    int status = cmocka_run_group_tests(tests, NULL, NULL);
    certificates_folder_remove(folder);
    return status;
}
