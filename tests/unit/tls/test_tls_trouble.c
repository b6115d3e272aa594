#include "tls/tls_trouble.h"

#include <stdio.h>

#include "gateway/base/clock.h"
#include "tests/kit/certificates.h"
#include "tests/kit/test.h"
#include "tests/kit/tls_pair.h"
#include "tls/tls_identity.h"

enum { DAY = 24 * 3600 };

#define GW "gw.contoso.example"

static char folder[CERTIFICATES_FOLDER];

static const struct certificate_row certificates[] = {
    {"root", {.common_name = "Contoso Root", .is_authority = true, .rsa_bits = 2048}},
    {"foreign", {.common_name = "Fabrikam Root", .is_authority = true}},
    {"old-below",
     {.common_name = "Contoso Issuing",
      .is_authority = true,
      .issuer = "root",
      .from_s = -9 * DAY,
      .until_s = -DAY}},
    {"gw", {.common_name = "gw", .names = "DNS:" GW, .issuer = "root"}},
    {"two", {.common_name = "HUB1", .names = "DNS:HUB1,DNS:hub1.contoso.example"}},
    {"odd", {.common_name = "x\n\x01y", .names = "DNS:evil\n\x01name"}},
    {"old",
     {.common_name = "old",
      .names = "DNS:" GW,
      .issuer = "root",
      .from_s = -9 * DAY,
      .until_s = -DAY}},
    {"young",
     {.common_name = "young",
      .names = "DNS:" GW,
      .issuer = "root",
      .from_s = DAY,
      .until_s = 9 * DAY}},
    {"under-old", {.common_name = "gw", .names = "DNS:" GW, .issuer = "old-below"}},
    {"self", {.common_name = "self", .names = "DNS:" GW}},
    {"strange", {.common_name = "x", .names = "DNS:" GW, .issuer = "foreign"}},
    {"short", {.common_name = "short", .names = "DNS:" GW, .issuer = "root", .rsa_bits = 1024}},
    {"sha1",
     {.common_name = "sha1",
      .names = "DNS:" GW,
      .issuer = "root",
      .rsa_bits = 2048,
      .is_sha1 = true}},
};

/* subject and issuer: what is told; NULL: it does not matter. */
static const struct {
    const char *certificate;
    enum tls_profile profile;
    enum tls_trust trust;
    enum tls_trouble_kind kind;
    bool of_issuer;
    const char *subject, *issuer;
    const char *names;
    int key_bits;
    int days; /* from now to its date */
} rows[] = {
    /* clang-format off */
    {"two", TLS_MODERN, TLS_TRUST_PIN, TLS_TROUBLE_PIN, false, "CN=HUB1", "CN=HUB1",
     "HUB1, hub1.contoso.example", 256, 1},
    {"old", TLS_MODERN, TLS_TRUST_NAME, TLS_TROUBLE_EXPIRED, false, "CN=old", "CN=Contoso Root", GW, 256, -1},
    {"old", TLS_MODERN, TLS_TRUST_CA, TLS_TROUBLE_EXPIRED, false, "CN=old", "CN=Contoso Root", GW, 256, -1},
    {"young", TLS_MODERN, TLS_TRUST_NAME, TLS_TROUBLE_NOT_YET_VALID, false, "CN=young", NULL, GW, 256, 1},
    {"under-old", TLS_MODERN, TLS_TRUST_NAME, TLS_TROUBLE_EXPIRED, true, "CN=Contoso Issuing",
     "CN=Contoso Root", GW, 256, -1},
    {"self", TLS_MODERN, TLS_TRUST_NAME, TLS_TROUBLE_SELF_SIGNED, false, "CN=self", "CN=self", GW, 256, 1},
    {"strange", TLS_MODERN, TLS_TRUST_NAME, TLS_TROUBLE_UNTRUSTED, false, "CN=x", "CN=Fabrikam Root", GW, 256, 1},
    {"short", TLS_MODERN, TLS_TRUST_NAME, TLS_TROUBLE_WEAK_KEY, false, "CN=short", NULL, GW, 1024, 1},
    {"sha1", TLS_MODERN, TLS_TRUST_NAME, TLS_TROUBLE_WEAK_SIGNATURE, false, "CN=sha1", NULL, GW, 2048, 1},
    {"gw", TLS_MODERN, TLS_TRUST_NAME, TLS_TROUBLE_NONE, false, NULL, NULL, NULL, 0, 0},
    {"old", TLS_MODERN, TLS_TRUST_NONE, TLS_TROUBLE_NONE, false, NULL, NULL, NULL, 0, 0},
    {"short", TLS_EXCHANGE2003, TLS_TRUST_NAME, TLS_TROUBLE_NONE, false, NULL, NULL, NULL, 0, 0},
    /* clang-format on */
};

static const char *
file_of(char room[128], const char *name, const char *end)
{
    snprintf(room, 128, "%s/%s%s", folder, name, end);
    return room;
}

static struct tls_identity
identity_of(const char *certificate)
{
    char pem[128];
    struct tls_identity identity;
    struct err err;
    assert_true(tls_identity_of_file(file_of(pem, certificate, ".pem"), &identity, &err));
    return identity;
}

static struct tls_context *
server_with(const char *certificate)
{
    char pem[128], key[128];
    struct err err = {0};
    struct tls_context *c = NULL;
    const struct tls_key_pair pair = {file_of(pem, certificate, ".pem"),
                                      file_of(key, certificate, ".key")};
    /* Only the old profile shows weak certificates, and it wants RSA. */
    bool is_rsa = false;
    for (size_t i = 0; i < COUNT_OF(certificates); i++)
        is_rsa = is_rsa || (strcmp(certificates[i].name, certificate) == 0 &&
                            certificates[i].spec.rsa_bits > 0);
    if (!tls_context_new_server(is_rsa ? TLS_EXCHANGE2003 : TLS_MODERN, &pair, 1, &c, &err))
        fail_msg("%s: %s", certificate, err.text);
    return c;
}

/* The pins are of "gw" and "root". */
static struct tls_context *
client_with(enum tls_profile profile, enum tls_trust trust)
{
    char ca[128];
    struct err err = {0};
    struct tls_context *c = NULL;
    const struct tls_identity first = identity_of("gw"), second = identity_of("root");
    unsigned char pins[2][32];
    memcpy(pins[0], first.pin, 32);
    memcpy(pins[1], second.pin, 32);
    const struct tls_client_settings settings = {.profile = profile,
                                                 .trust = trust,
                                                 .ca_file = file_of(ca, "root", ".pem"),
                                                 .pins = (const unsigned char(*)[32])pins,
                                                 .pin_count = 2};
    if (!tls_context_new_client(&settings, &c, &err))
        fail_msg("%s", err.text);
    return c;
}

static void
assert_told(const char *say, const char *want, const char *got)
{
    if (want != NULL && strcmp(want, got) != 0)
        fail_row(say, "\"%s\", not \"%s\"", got, want);
}

static void
check_row(size_t i, const struct tls_pair *p)
{
    struct tls_trouble t;
    const struct tls_identity shown = identity_of(rows[i].certificate);
    bool failed = tls_filter_trouble(p->client, &t);
    if (t.kind != rows[i].kind || failed != (t.kind != TLS_TROUBLE_NONE))
        fail_row(rows[i].certificate, "kind %d: %s", t.kind, p->client_err.text);
    if (!failed)
        return;
    assert_int_equal(t.of_issuer, rows[i].of_issuer);
    assert_told(rows[i].certificate, rows[i].subject, t.subject);
    assert_told(rows[i].certificate, rows[i].issuer, t.issuer);
    assert_told(rows[i].certificate, rows[i].names, t.names);
    assert_told(rows[i].certificate, GW, t.wanted);
    assert_int_equal(t.key_bits, rows[i].key_bits);
    assert_false(t.is_hopeless);
    assert_true(t.has_pin);
    assert_memory_equal(t.pin, shown.pin, 32);
    assert_int_equal(t.pinned_count, rows[i].trust == TLS_TRUST_PIN ? 2 : t.pinned_count);
    if (rows[i].trust == TLS_TRUST_PIN)
        assert_memory_equal(t.pinned, identity_of("gw").pin, 32);
    int64_t left = t.date_unix_s - clock_unix_ms() / 1000 - (int64_t)rows[i].days * DAY;
    assert_in_range(left + 3600, 0, 7200);
    assert_false(tls_filter_trouble(p->server, &t));
}

static void
tls_trouble_tells_what_was_wrong_with_the_certificate(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct tls_context *server = server_with(rows[i].certificate);
        struct tls_context *client = client_with(rows[i].profile, rows[i].trust);
        struct tls_pair p;
        tls_pair_init(&p, client, server, GW, "");
        tls_pair_carry(&p, SIZE_MAX);
        check_row(i, &p);
        tls_pair_fini(&p);
        tls_context_unref(&client);
        tls_context_unref(&server);
    }
}

static void
tls_trouble_has_both_names(void **state)
{
    (void)state;
    struct tls_context *server = server_with("gw");
    struct tls_context *client = client_with(TLS_MODERN, TLS_TRUST_NAME);
    struct tls_pair p;
    struct tls_trouble t;
    tls_pair_init(&p, client, server, "hub.fabrikam.example.", "");
    tls_pair_carry(&p, SIZE_MAX);
    assert_true(tls_filter_trouble(p.client, &t));
    assert_int_equal(t.kind, TLS_TROUBLE_NAME);
    assert_string_equal(t.wanted, "hub.fabrikam.example");
    assert_string_equal(t.names, GW);
    tls_pair_fini(&p);
    tls_context_unref(&client);
    tls_context_unref(&server);
}

static void
tls_trouble_shows_nothing_unprintable(void **state)
{
    (void)state;
    struct tls_context *server = server_with("odd");
    struct tls_context *client = client_with(TLS_MODERN, TLS_TRUST_PIN);
    struct tls_pair p;
    struct tls_trouble t;
    tls_pair_init(&p, client, server, GW, "");
    tls_pair_carry(&p, SIZE_MAX);
    assert_true(tls_filter_trouble(p.client, &t));
    assert_string_equal(t.names, "evil??name");
    for (const char *at = t.subject; *at != '\0'; at++)
        assert_in_range(*at, ' ', '~');
    tls_pair_fini(&p);
    tls_context_unref(&client);
    tls_context_unref(&server);
}

/* ---- What a server says instead of a handshake ---- */

#define RANDOM "\1\2\3\4\5\6\7\10\1\2\3\4\5\6\7\10\1\2\3\4\5\6\7\10\1\2\3\4\5\6\7\10"

static const struct {
    const char *say;
    const char *octets;
    size_t len;
    enum tls_profile profile;
    enum tls_trouble_kind kind;
    const char *alert;
} answers[] = {
/* clang-format off */
#define OCTETS(text) text, sizeof text - 1
    {"nothing", OCTETS(""), TLS_MODERN, TLS_TROUBLE_NO_ANSWER, ""},
    {"half a record", OCTETS("\x16\3\1\0\x40"), TLS_MODERN, TLS_TROUBLE_BROKEN_OFF, ""},
    {"alert handshake_failure", OCTETS("\x15\3\1\0\2\2\x28"), TLS_MODERN, TLS_TROUBLE_CIPHER,
     "handshake failure"},
    {"alert handshake_failure", OCTETS("\x15\3\1\0\2\2\x28"), TLS_EXCHANGE2003,
     TLS_TROUBLE_CIPHER, "handshake failure"},
    {"alert insufficient_security", OCTETS("\x15\3\3\0\2\2\x47"), TLS_MODERN, TLS_TROUBLE_CIPHER,
     "insufficient security"},
    {"alert protocol_version", OCTETS("\x15\3\1\0\2\2\x46"), TLS_MODERN, TLS_TROUBLE_VERSION,
     "protocol version"},
    {"alert internal_error", OCTETS("\x15\3\3\0\2\2\x50"), TLS_MODERN, TLS_TROUBLE_OTHER,
     "internal error"},
    {"a ServerHello of TLS 1.0 with AES256-SHA",
     OCTETS("\x16\3\1\0\x2a\2\0\0\x26\3\1" RANDOM "\0\0\x35\0"), TLS_MODERN,
     TLS_TROUBLE_VERSION, ""},
    {"a ServerHello without RFC 5746",
     OCTETS("\x16\3\3\0\x2a\2\0\0\x26\3\3" RANDOM "\0\xc0\x2f\0"), TLS_MODERN,
     TLS_TROUBLE_RENEGOTIATION, ""},
    {"a cipher that we did not offer",
     OCTETS("\x16\3\1\0\x2a\2\0\0\x26\3\1" RANDOM "\0\0\4\0"), TLS_EXCHANGE2003,
     TLS_TROUBLE_CIPHER, ""},
    {"SMTP", OCTETS("454 4.7.0 TLS not available\r\n"), TLS_MODERN, TLS_TROUBLE_NOT_TLS, ""},
    {"HTTP", OCTETS("HTTP/1.1 400 Bad Request\r\n\r\n"), TLS_MODERN, TLS_TROUBLE_NOT_TLS, ""},
    /* clang-format on */
};

static void
tls_trouble_knows_the_shape_of_what_came_instead(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(answers); i++) {
        struct tls_context *client = client_with(answers[i].profile, TLS_TRUST_NAME);
        struct buf wire, plain;
        struct err err = {0};
        struct tls_trouble t;
        buf_init(&wire, 64 * 1024);
        buf_init(&plain, 64 * 1024);
        struct tls_filter *f = tls_filter_new_client(client, GW, slice("", 0), &wire);
        struct slice in = slice(answers[i].octets, answers[i].len);
        assert_non_null(f);
        bool goes_on = tls_filter_feed(f, &in, &plain, &err);
        assert_true(tls_filter_trouble(f, &t));
        if (t.kind != answers[i].kind || strcmp(t.alert, answers[i].alert) != 0)
            fail_row(answers[i].say, "kind %d, alert \"%s\": %s", t.kind, t.alert,
                     goes_on ? "it goes on" : err.text);
        tls_filter_free(&f);
        buf_fini(&wire);
        buf_fini(&plain);
        tls_context_unref(&client);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tls_trouble_tells_what_was_wrong_with_the_certificate),
        cmocka_unit_test(tls_trouble_has_both_names),
        cmocka_unit_test(tls_trouble_shows_nothing_unprintable),
        cmocka_unit_test(tls_trouble_knows_the_shape_of_what_came_instead),
    };
    certificates_folder_with(folder, certificates, COUNT_OF(certificates));
    int status = cmocka_run_group_tests(tests, NULL, NULL);
    certificates_folder_remove(folder);
    return status;
}
