/* The profile exchange2003: what it says, what it takes, and that the modern one takes none of
 * it. */
#include "tls/tls_profile.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "gateway/base/mem.h"
#include "tests/kit/certificates.h"
#include "tests/kit/tls_folder.h"
#include "tests/kit/tls_pair.h"
#include "tls/tls_identity.h"

#define GW "gw.contoso.example"

static char folder[CERTIFICATES_FOLDER];

static const struct certificate_row certificates[] = {
    {"root", {.common_name = "Contoso Root", .is_authority = true, .rsa_bits = 2048}},
    {"root-1024", {.common_name = "Old Root", .is_authority = true, .rsa_bits = 1024}},
    {"root-512", {.common_name = "Toy Root", .is_authority = true, .rsa_bits = 512}},
    {"gw", {.common_name = "gw", .names = "DNS:" GW, .issuer = "root", .rsa_bits = 2048}},
    {"old",
     {.common_name = "old",
      .names = "DNS:" GW,
      .issuer = "root-1024",
      .is_sha1 = true,
      .rsa_bits = 1024}},
    {"512", {.common_name = "512", .names = "DNS:" GW, .issuer = "root", .rsa_bits = 512}},
    {"under-512",
     {.common_name = "under", .names = "DNS:" GW, .issuer = "root-512", .rsa_bits = 2048}},
    {"curve", {.common_name = "curve", .names = "DNS:" GW, .issuer = "root"}},
    {"self", {.common_name = "HUB1", .names = "DNS:hub1", .is_sha1 = true, .rsa_bits = 1024}},
};

/* A server whose key is below every floor, as no context of ours would be. */
static struct tls_context *
server_with_toy_key(const char *certificate)
{
    char path[128];
    struct tls_context *c = tls_folder_server(folder, TLS_EXCHANGE2003, "gw");
    assert_true(SSL_CTX_use_certificate_file(
                    c->ctx[0], tls_folder_file(folder, path, certificate, ".pem"), 1) == 1);
    assert_true(SSL_CTX_use_PrivateKey_file(
                    c->ctx[0], tls_folder_file(folder, path, certificate, ".key"), 1) == 1);
    return c;
}

/* ---- The hello that we send ---------------------------------------------------------------- */

static size_t
number(const unsigned char *at)
{
    return (size_t)at[0] << 8 | at[1];
}

/* RFC 5246 7.4.1.2: record, message, version, random, session id; suites, methods, extensions. */
static void
tls_exchange2003_offers_static_rsa_first_and_no_name(void **state)
{
    (void)state;
    static const size_t want[] = {0x002f, 0x0035, 0xc013, 0xc014,
                                  0xc02f, 0xc030, 0x00ff /* RFC 5746 3.3 */};
    struct tls_context *client = tls_folder_client(folder, TLS_EXCHANGE2003, NULL);
    struct buf wire;
    buf_init(&wire, 10000);
    struct tls_filter *f = tls_filter_new_client(client, GW, slice_str(""), &wire);
    const unsigned char *hello = (const unsigned char *)wire.data;
    assert_int_equal(hello[0], 22);
    assert_int_equal(number(hello + 1), TLS1_VERSION);
    assert_int_equal(number(hello + 9), TLS1_2_VERSION);
    size_t at = 5 + 4 + 2 + 32;
    at += 1 + (size_t)hello[at];
    size_t suites = number(hello + at) / 2;
    assert_int_equal(suites, COUNT_OF(want)); /* of the 64 that Schannel of 2003 looks at */
    for (size_t i = 0; i < suites; i++)
        assert_int_equal(number(hello + at + 2 + 2 * i), want[i]);

    at += 2 + 2 * suites;
    at += 1 + (size_t)hello[at];
    size_t end = at + 2 + number(hello + at);
    assert_int_equal(end, wire.len);
    for (at += 2; at < end; at += 4 + number(hello + at + 2))
        assert_int_not_equal(number(hello + at), 0); /* server_name, RFC 6066 3 */
    tls_filter_free(&f);
    buf_fini(&wire);
    tls_context_unref(&client);
}

/* ---- Who meets whom ------------------------------------------------------------------------ */

static void
check_versions(enum tls_profile profile, int version, bool opens, const char *name)
{
    struct tls_context *server = tls_folder_server(folder, profile, "gw");
    struct tls_context *client = tls_folder_client(folder, TLS_EXCHANGE2003, "root");
    struct tls_pair p;
    SSL_CTX_set_max_proto_version(client->ctx[0], version);
    tls_pair_init(&p, client, server, GW, "");
    tls_pair_carry(&p, SIZE_MAX);
    assert_int_equal(tls_pair_is_open(&p), opens);
    if (opens) {
        assert_string_equal(tls_filter_version(p.server), name);
        assert_string_equal(tls_filter_cipher(p.server), "AES128-SHA");
        assert_string_equal(tls_filter_cipher_class(p.server), "static_rsa");
    } else {
        assert_non_null(strstr(p.server_err.text, "tls.profile modern takes 1.2 and up"));
        assert_non_null(strstr(p.client_err.text, "\"protocol version\": no TLS version in"));
    }
    tls_pair_fini(&p);
    tls_context_unref(&client);
    tls_context_unref(&server);
}

static void
tls_exchange2003_takes_tls_1_0_and_the_modern_profile_does_not(void **state)
{
    (void)state;
    check_versions(TLS_EXCHANGE2003, TLS1_VERSION, true, "TLSv1");
    check_versions(TLS_EXCHANGE2003, TLS1_1_VERSION, true, "TLSv1.1");
    check_versions(TLS_EXCHANGE2003, TLS1_2_VERSION, true, "TLSv1.2");
    check_versions(TLS_MODERN, TLS1_VERSION, false, NULL);
    check_versions(TLS_MODERN, TLS1_1_VERSION, false, NULL);
    check_versions(TLS_MODERN, TLS1_2_VERSION, true, "TLSv1.2");
}

/* How old clients begin: SSL 2.0's CLIENT-HELLO, offering TLS 1.0 (RFC 2246 E). */
static const unsigned char old_hello[] = {
    0x80, 0x2e,                                           /* 46 octets follow */
    0x01, 0x03, 0x01,                                     /* CLIENT-HELLO, TLS 1.0 */
    0x00, 0x15,                                           /* seven suites of three octets */
    0x00, 0x00, 0x00, 0x10,                               /* no session id, challenge of 16 */
    0x00, 0x00, 0x04, 0x00, 0x00, 0x05, 0x00, 0x00, 0x0a, /* RC4-MD5, RC4-SHA, 3DES: 2003's own */
    0x00, 0x00, 0x2f, 0x00, 0x00, 0x35,                   /* AES128-SHA, AES256-SHA: KB948963 */
    0x01, 0x00, 0x80, 0x07, 0x00, 0xc0,                   /* SSL 2.0's own RC4 and 3DES */
    1,    2,    3,    4,    5,    6,    7,    8,    9,    10, 11, 12, 13, 14, 15, 16,
};

static bool
answer_to_old_hello(enum tls_profile profile, const unsigned char hello[sizeof old_hello],
                    struct buf *wire, struct err *err)
{
    struct tls_context *server = tls_folder_server(folder, profile, "gw");
    struct slice in = slice((const char *)hello, sizeof old_hello);
    struct buf plain;
    _Static_assert(sizeof old_hello == 2 + 46, "the length in the hello is right");
    buf_init(&plain, 1000);
    struct tls_filter *f = tls_filter_new_server(server, wire);
    bool ok = tls_filter_feed(f, &in, &plain, err);
    tls_filter_free(&f);
    buf_fini(&plain);
    tls_context_unref(&server);
    return ok;
}

static void
tls_exchange2003_answers_a_hello_in_the_format_of_sslv2(void **state)
{
    (void)state;
    struct err err = {0};
    struct buf wire;
    buf_init(&wire, 20000);
    assert_true(answer_to_old_hello(TLS_EXCHANGE2003, old_hello, &wire, &err));
    const unsigned char *hello = (const unsigned char *)wire.data;
    assert_true(wire.len > 100);
    assert_int_equal(hello[0], 22);                         /* a record of the handshake */
    assert_int_equal(number(hello + 1), TLS1_VERSION);      /* in TLS 1.0 */
    assert_int_equal(hello[5], 2);                          /* ServerHello */
    assert_int_equal(number(hello + 9), TLS1_VERSION);      /* which chooses TLS 1.0 */
    assert_int_equal(number(hello + 44 + hello[43]), 0x2f); /* and AES128-SHA */
    buf_clear(&wire);

    assert_false(answer_to_old_hello(TLS_MODERN, old_hello, &wire, &err));
    assert_non_null(strstr(err.text, "no TLS version in common"));
    assert_int_equal(((const unsigned char *)wire.data)[0], 21); /* an alert and nothing else */
    buf_fini(&wire);
}

/* Nothing that it knows is left in OpenSSL; the log says what would help. */
static void
tls_exchange2003_tells_a_server_2003_without_the_update_apart(void **state)
{
    (void)state;
    unsigned char hello[sizeof old_hello];
    struct err err = {0};
    struct buf wire;
    memcpy(hello, old_hello, sizeof hello);
    memcpy(hello + 20, "\0\0\x09\0\0\x64", 6); /* DES in place of AES */
    buf_init(&wire, 20000);
    assert_false(answer_to_old_hello(TLS_EXCHANGE2003, hello, &wire, &err));
    assert_string_equal(err.text,
                        "TLS handshake: no cipher in common; Windows Server 2003 has one "
                        "with KB948963, Windows 2000 none");
    buf_fini(&wire);
}

/* A probe or a successor in the same network: met in the middle, and no reason for the exception.
 */
static void
tls_exchange2003_meets_a_modern_client_in_tls_1_2(void **state)
{
    (void)state;
    struct tls_context *server = tls_folder_server(folder, TLS_EXCHANGE2003, "gw");
    struct tls_context *client = tls_folder_client(folder, TLS_MODERN, "root");
    struct tls_pair p;
    tls_pair_init(&p, client, server, GW, "");
    tls_pair_carry(&p, SIZE_MAX);
    assert_true(tls_pair_is_open(&p));
    assert_string_equal(tls_filter_version(p.server), "TLSv1.2");
    assert_string_equal(tls_filter_cipher(p.server), "ECDHE-RSA-AES256-GCM-SHA384");
    assert_string_equal(tls_filter_cipher_class(p.server), "aead");
    assert_null(tls_filter_needs_legacy(p.server));
    assert_null(tls_filter_needs_legacy(p.client));
    tls_pair_fini(&p);
    tls_context_unref(&client);
    tls_context_unref(&server);
}

/* ---- Without RFC 5746 ---------------------------------------------------------------------- */

/* Takes the extension renegotiation_info (RFC 5746 3.2) out of the ServerHello at the begin of
 * the wire. Whoever would have gone on stumbles over it at the end of the handshake, not here. */
static void
forget_secure_renegotiation(struct buf *wire)
{
    static const char extension[] = {'\xff', '\x01', 0, 1, 0};
    unsigned char *hello = (unsigned char *)wire->data;
    size_t list =
        46 + 1 + (size_t)hello[43]; /* record, head, version, random, id, suite, method */
    size_t at = list + 2, end = at + number(hello + list);
    while (at < end && memcmp(hello + at, extension, sizeof extension) != 0)
        at += 4 + number(hello + at + 2);
    assert_true(at < end);
    memmove(hello + at, hello + at + 5, wire->len - at - 5);
    wire->len -= 5;
    hello[4] = (unsigned char)(hello[4] - 5);
    hello[8] = (unsigned char)(hello[8] - 5);
    hello[list + 1] = (unsigned char)(hello[list + 1] - 5);
}

static void
meet_without_secure_renegotiation(enum tls_profile profile, struct err *err)
{
    struct tls_context *server = tls_folder_server(folder, TLS_EXCHANGE2003, "gw");
    struct tls_context *client = tls_folder_client(folder, profile, "root");
    struct tls_pair p;
    SSL_CTX_set_max_proto_version(server->ctx[0], TLS1_2_VERSION);
    tls_pair_init(&p, client, server, GW, "");
    assert_true(tls_pair_carry_to_server(&p, SIZE_MAX));
    forget_secure_renegotiation(&p.server_wire);
    tls_pair_carry_to_client(&p, SIZE_MAX);
    *err = p.client_err;
    tls_pair_fini(&p);
    tls_context_unref(&client);
    tls_context_unref(&server);
}

static void
tls_exchange2003_goes_on_without_secure_renegotiation(void **state)
{
    (void)state;
    struct err err;
    meet_without_secure_renegotiation(TLS_EXCHANGE2003, &err);
    assert_int_equal(err.kind, ERR_NONE);
    meet_without_secure_renegotiation(TLS_MODERN, &err);
    assert_int_equal(err.kind, ERR_TLS);
    assert_non_null(strstr(err.text, "does not know secure renegotiation (RFC 5746), which"));
}

/* ---- Keys ---------------------------------------------------------------------------------- */

static void
check_toy(const char *certificate, struct tls_context *client, const char *want)
{
    struct tls_context *server = server_with_toy_key(certificate);
    struct tls_pair p;
    tls_pair_init(&p, client, server, GW, "");
    tls_pair_carry(&p, SIZE_MAX);
    assert_false(tls_filter_is_open(p.client));
    if (!strstr(p.client_err.text, want))
        fail_msg("%s: %s", certificate, p.client_err.text);
    struct tls_trouble t;
    assert_true(tls_filter_trouble(p.client, &t) && t.is_hopeless);
    assert_int_equal(t.kind, TLS_TROUBLE_WEAK_KEY);
    assert_int_equal(t.key_bits, 512);
    tls_pair_fini(&p);
    tls_context_unref(&server);
}

static void
tls_exchange2003_refuses_a_key_of_512_bits(void **state)
{
    (void)state;
    static const char want[] = "(CN=512) has a key of 512 bits; RSA of 1024 bits is the least";
    struct tls_identity who;
    struct err err = {0};
    char path[128];
    struct tls_context *client = tls_folder_client(folder, TLS_EXCHANGE2003, "root");
    check_toy("512", client, want);
    tls_context_unref(&client);

    /* Above the leaf too. */
    client = tls_folder_client(folder, TLS_EXCHANGE2003, "root-512");
    check_toy("under-512", client, "(CN=Toy Root) has a key of 512 bits");
    tls_context_unref(&client);

    /* Who verifies nothing wants it encrypted, at least. */
    for (enum tls_profile profile = TLS_MODERN; profile <= TLS_EXCHANGE2003; profile++) {
        client = tls_folder_client(folder, profile, NULL);
        check_toy("512", client, want);
        tls_context_unref(&client);
    }

    /* A pin does not make it better. */
    assert_true(tls_identity_of_file(tls_folder_file(folder, path, "512", ".pem"), &who, &err));
    const struct tls_client_settings s = {.profile = TLS_EXCHANGE2003,
                                          .trust = TLS_TRUST_PIN,
                                          .pins = (const unsigned char(*)[32])who.pin,
                                          .pin_count = 1};
    assert_true(tls_context_new_client(&s, &client, &err));
    check_toy("512", client, want);
    tls_context_unref(&client);
}

static void
tls_exchange2003_has_a_key_that_its_suites_can_use(void **state)
{
    (void)state;
    struct tls_context *c = NULL;
    struct err err = {0};
    assert_false(tls_folder_may_serve(folder, TLS_EXCHANGE2003, "curve", &c, &err));
    assert_int_equal(err.kind, ERR_TLS);
    assert_non_null(
        strstr(err.text, "curve.key is not an RSA key, and tls.profile exchange2003"));
    assert_true(tls_folder_may_serve(folder, TLS_MODERN, "curve", &c, &err));
    tls_context_unref(&c);
}

static void
tls_exchange2003_has_no_key_of_512_bits_itself(void **state)
{
    (void)state;
    struct tls_context *c = NULL;
    struct err err = {0};
    assert_false(tls_folder_may_serve(folder, TLS_EXCHANGE2003, "512", &c, &err));
    assert_int_equal(err.kind, ERR_TLS);
    assert_non_null(strstr(err.text, "512.key has only 512 bits; RSA of 1024 bits is the least"));
    /* What it may have, and the modern profile may not. */
    assert_true(tls_folder_may_serve(folder, TLS_EXCHANGE2003, "old", &c, &err));
    tls_context_unref(&c);
    assert_false(tls_folder_may_serve(folder, TLS_MODERN, "old", &c, &err));
    assert_non_null(strstr(err.text, "old.pem: ee key too small"));
}

/* ---- How 2003 and 2007 talk ---------------------------------------------------------------- */

/* Exchange 2007 has such a certificate at hand, for whoever asks. */
static void
tls_client_with_a_self_signed_certificate_is_taken_as_not_verified(void **state)
{
    (void)state;
    char path[128];
    for (int version = TLS1_VERSION; version <= TLS1_2_VERSION; version++) {
        struct tls_context *server = tls_folder_server(folder, TLS_EXCHANGE2003, "gw");
        struct tls_context *client = tls_folder_client(folder, TLS_EXCHANGE2003, "root");
        struct tls_pair p;
        SSL_CTX *ctx = client->ctx[0];
        SSL_CTX_set_max_proto_version(ctx, version);
        assert_true(SSL_CTX_use_certificate_file(
                        ctx, tls_folder_file(folder, path, "self", ".pem"), 1) == 1);
        assert_true(SSL_CTX_use_PrivateKey_file(
                        ctx, tls_folder_file(folder, path, "self", ".key"), 1) == 1);
        tls_pair_init(&p, client, server, GW, "");
        tls_pair_carry(&p, SIZE_MAX);
        assert_true(tls_pair_is_open(&p));
        assert_string_equal(tls_filter_verified(p.server), "none");
        tls_pair_fini(&p);
        tls_context_unref(&client);
        tls_context_unref(&server);
    }
}

static void
say(struct tls_filter *f, const char *text, size_t n)
{
    struct err err = {0};
    struct slice plain = slice(text, n);
    assert_true(tls_filter_write(f, &plain, &err));
}

/* Records on a wire: all whole, none longer than 256 octets. */
static size_t
count_records(const struct buf *wire)
{
    const unsigned char *at = (const unsigned char *)wire->data;
    size_t n = 0, used = 0;
    for (; used < wire->len; n++)
        used += 5 + number(at + used + 3);
    assert_int_equal(used, wire->len);
    return n;
}

/* 1/n-1 (KB2643584): the first octet of each write has a record of its own. With `empty` as
 * OpenSSL does by itself: a record of nothing before each. */
static void
check_records(bool empty)
{
    static const char text[] = "EHLO hub1.contoso.example\r\n";
    const size_t n = sizeof text - 1;
    struct tls_context *server = tls_folder_server(folder, TLS_EXCHANGE2003, "gw");
    struct tls_context *client = tls_folder_client(folder, TLS_EXCHANGE2003, "root");
    struct tls_pair p;
    SSL_CTX_set_max_proto_version(client->ctx[0], TLS1_VERSION);
    if (empty)
        SSL_CTX_clear_options(client->ctx[0], SSL_OP_DONT_INSERT_EMPTY_FRAGMENTS);
    tls_pair_init(&p, client, server, GW, "");
    tls_pair_carry(&p, SIZE_MAX);
    for (int i = 0; i < 3; i++) {
        say(p.client, text, 1);
        say(p.client, text + 1, n - 1);
    }
    assert_int_equal(count_records(&p.client_wire), empty ? 12 : 6);
    while (tls_pair_carry_to_server(&p, 1))
        continue;
    assert_int_equal(p.server_plain.len, 3 * n);
    for (size_t i = 0; i < 3; i++)
        assert_memory_equal(p.server_plain.data + i * n, text, n);

    /* Our own side: a write is a record, and none is empty. */
    say(p.server, text, n);
    assert_int_equal(count_records(&p.server_wire), 1);
    tls_pair_carry(&p, SIZE_MAX);
    assert_string_equal(buf_text(&p.client_plain), text);
    tls_pair_fini(&p);
    tls_context_unref(&client);
    tls_context_unref(&server);
}

static void
tls_exchange2003_reads_split_and_empty_records_and_sends_none(void **state)
{
    (void)state;
    check_records(false);
    check_records(true);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tls_exchange2003_offers_static_rsa_first_and_no_name),
        cmocka_unit_test(tls_exchange2003_takes_tls_1_0_and_the_modern_profile_does_not),
        cmocka_unit_test(tls_exchange2003_answers_a_hello_in_the_format_of_sslv2),
        cmocka_unit_test(tls_exchange2003_tells_a_server_2003_without_the_update_apart),
        cmocka_unit_test(tls_exchange2003_meets_a_modern_client_in_tls_1_2),
        cmocka_unit_test(tls_exchange2003_goes_on_without_secure_renegotiation),
        cmocka_unit_test(tls_exchange2003_refuses_a_key_of_512_bits),
        cmocka_unit_test(tls_exchange2003_has_a_key_that_its_suites_can_use),
        cmocka_unit_test(tls_exchange2003_has_no_key_of_512_bits_itself),
        cmocka_unit_test(tls_client_with_a_self_signed_certificate_is_taken_as_not_verified),
        cmocka_unit_test(tls_exchange2003_reads_split_and_empty_records_and_sends_none),
    };
    certificates_folder_with(folder, certificates, COUNT_OF(certificates));
    int status = cmocka_run_group_tests(tests, NULL, NULL);
    certificates_folder_remove(folder);
    return status;
}
