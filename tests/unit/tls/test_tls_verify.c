#include "tls/tls_verify.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "gateway/base/mem.h"
#include "tests/kit/certificates.h"
#include "tests/kit/tls_pair.h"
#include "tls/tls_identity.h"

enum { DAY = 24 * 3600 };

static char folder[CERTIFICATES_FOLDER];

static const struct certificate_row certificates[] = {
    {"root", {.common_name = "Contoso Root", .is_authority = true}},
    {"below", {.common_name = "Contoso Issuing", .is_authority = true, .issuer = "root"}},
    {"other-root", {.common_name = "Fabrikam Root", .is_authority = true}},
    {"old-below",
     {.common_name = "Contoso Issuing 2003",
      .is_authority = true,
      .issuer = "root",
      .from_s = -9 * DAY,
      .until_s = -DAY}},
    {"gw", {.common_name = "gw", .names = "DNS:gw.contoso.example", .issuer = "root"}},
    {"two", {.names = "DNS:a.contoso.example,DNS:b.contoso.example", .issuer = "root"}},
    {"wild", {.common_name = "any", .names = "DNS:*.contoso.example", .issuer = "root"}},
    {"ip", {.common_name = "ip", .names = "IP:10.1.1.1,IP:2001:db8::1", .issuer = "root"}},
    {"cn", {.common_name = "ex2003.contoso.example", .issuer = "root"}},
    {"deep", {.common_name = "deep", .names = "DNS:gw.contoso.example", .issuer = "below"}},
    {"under-old",
     {.common_name = "gw", .names = "DNS:gw.contoso.example", .issuer = "old-below"}},
    {"old",
     {.common_name = "old",
      .names = "DNS:gw.contoso.example",
      .issuer = "root",
      .from_s = -9 * DAY,
      .until_s = -DAY}},
    {"young",
     {.common_name = "young",
      .names = "DNS:gw.contoso.example",
      .issuer = "root",
      .from_s = DAY,
      .until_s = 9 * DAY}},
    {"self", {.common_name = "self", .names = "DNS:gw.contoso.example"}},
    {"self-old", {.common_name = "hub", .names = "DNS:hub", .from_s = -9 * DAY, .until_s = -DAY}},
    {"self-young", {.common_name = "hub", .names = "DNS:hub", .from_s = DAY, .until_s = 2 * DAY}},
    {"strange", {.common_name = "x", .names = "DNS:gw.contoso.example", .issuer = "other-root"}},
};

#define GW "gw.contoso.example"

/* pin: the certificates whose keys are pinned, or NULL. refusal NULL: it passes. */
static const struct {
    const char *say;
    const char *certificate;
    const char *host;
    enum tls_trust trust;
    const char *ca;
    const char *pin;
    const char *refusal;
    const char *warning;
} rows[] = {
    /* clang-format off */
    {"the right name", "gw", GW, TLS_TRUST_NAME, "root", NULL, NULL, NULL},
    {"case does not matter", "gw", "GW.Contoso.Example", TLS_TRUST_NAME, "root", NULL, NULL, NULL},
    {"nor a final dot", "gw", GW ".", TLS_TRUST_NAME, "root", NULL, NULL, NULL},
    {"another name", "gw", "hub.fabrikam.example", TLS_TRUST_NAME, "root", NULL,
     "the certificate is for gw.contoso.example, not for hub.fabrikam.example", NULL},
    {"one of two names", "two", "b.contoso.example", TLS_TRUST_NAME, "root", NULL, NULL, NULL},
    {"none of two names", "two", "c.contoso.example", TLS_TRUST_NAME, "root", NULL,
     "is for a.contoso.example, b.contoso.example, not for c.contoso.example", NULL},
    {"a wildcard", "wild", GW, TLS_TRUST_NAME, "root", NULL, NULL, NULL},
    {"a wildcard is one label", "wild", "a.b.contoso.example", TLS_TRUST_NAME, "root", NULL,
     "is for *.contoso.example, not for a.b.contoso.example", NULL},
    {"a wildcard is not its parent", "wild", "contoso.example", TLS_TRUST_NAME, "root", NULL,
     "not for contoso.example", NULL},
    {"an address", "ip", "10.1.1.1", TLS_TRUST_NAME, "root", NULL, NULL, NULL},
    {"an address in brackets", "ip", "[10.1.1.1]", TLS_TRUST_NAME, "root", NULL, NULL, NULL},
    {"an IPv6 address", "ip", "2001:db8:0::1", TLS_TRUST_NAME, "root", NULL, NULL, NULL},
    {"another address", "ip", "10.1.1.2", TLS_TRUST_NAME, "root", NULL,
     "is for 10.1.1.1, 2001:db8::1, not for 10.1.1.2", NULL},
    {"an address is no name", "gw", "10.1.1.1", TLS_TRUST_NAME, "root", NULL,
     "is for gw.contoso.example, not for 10.1.1.1", NULL},
    {"a common name alone", "cn", "ex2003.contoso.example", TLS_TRUST_NAME, "root", NULL, NULL, NULL},
    {"another common name", "cn", "ex2007.contoso.example", TLS_TRUST_NAME, "root", NULL,
     "is for CN=ex2003.contoso.example, not for ex2007.contoso.example", NULL},
    {"a common name beside names does not count", "gw", "gw", TLS_TRUST_NAME, "root", NULL,
     "is for gw.contoso.example, not for gw", NULL},
    {"an issuing authority sent along", "deep", GW, TLS_TRUST_NAME, "root", NULL, NULL, NULL},
    {"an issuing authority is trusted itself", "deep", GW, TLS_TRUST_NAME, "below", NULL, NULL, NULL},
    {"expired", "old", GW, TLS_TRUST_NAME, "root", NULL, "the certificate (CN=old) is expired since 20", NULL},
    {"not yet valid", "young", GW, TLS_TRUST_NAME, "root", NULL,
     "the certificate (CN=young) is not valid before 20", NULL},
    {"expired above", "under-old", GW, TLS_TRUST_NAME, "root", NULL,
     "the issuing certificate (CN=Contoso Issuing 2003) is expired since 20", NULL},
    {"another root", "strange", GW, TLS_TRUST_NAME, "root", NULL,
     "(CN=x) is issued by CN=Fabrikam Root, which is neither trusted nor in the chain", NULL},
    {"self-signed", "self", GW, TLS_TRUST_NAME, "root", NULL,
     "the certificate (CN=self) is self-signed and not trusted; its pin is sha256:", NULL},
    {"self-signed and in the ca file", "self", GW, TLS_TRUST_NAME, "self", NULL, NULL, NULL},
    {"the system's roots do not know ours", "gw", GW, TLS_TRUST_NAME, NULL, NULL,
     "is issued by CN=Contoso Root, which is neither trusted nor", NULL},

    {"ca: any name", "gw", "hub", TLS_TRUST_CA, "root", NULL, NULL, NULL},
    {"ca: expired", "old", GW, TLS_TRUST_CA, "root", NULL, "is expired since 20", NULL},
    {"ca: another root", "strange", GW, TLS_TRUST_CA, "root", NULL, "neither trusted nor", NULL},

    {"pin: right", "self", "hub", TLS_TRUST_PIN, NULL, "self", NULL, NULL},
    {"pin: any chain", "strange", "hub", TLS_TRUST_PIN, NULL, "strange", NULL, NULL},
    {"pin: the second of two", "self", "hub", TLS_TRUST_PIN, NULL, "gw,self", NULL, NULL},
    {"pin: wrong", "self", "self", TLS_TRUST_PIN, NULL, "gw",
     "the certificate's key is sha256:", NULL},
    {"pin: that of the issuer is not enough", "gw", GW, TLS_TRUST_PIN, NULL, "root",
     "which is not a pin of this connector", NULL},
    {"pin: none", "self", "self", TLS_TRUST_PIN, NULL, "", "not a pin of this connector", NULL},
    {"pin: right and expired", "self-old", "hub", TLS_TRUST_PIN, NULL, "self-old", NULL,
     "the pinned certificate is expired since 20"},
    {"pin: right and not yet valid", "self-young", "hub", TLS_TRUST_PIN, NULL, "self-young", NULL,
     "the pinned certificate is not valid before 20"},

    {"none: anything", "strange", "hub", TLS_TRUST_NONE, NULL, NULL, NULL, NULL},
    {"none: expired", "self-old", "hub", TLS_TRUST_NONE, NULL, NULL, NULL, NULL},
    /* clang-format on */
};

static const char *const verified_words[] = {"name", "ca", "pin", "none"};

static const char *
file_of(char room[128], const char *name, const char *end)
{
    snprintf(room, 128, "%s/%s%s", folder, name, end);
    return room;
}

static struct tls_context *
server_with(const char *certificate)
{
    char pem[128], key[128];
    struct err err = {0};
    struct tls_context *c = NULL;
    const struct tls_key_pair pair = {file_of(pem, certificate, ".pem"),
                                      file_of(key, certificate, ".key")};
    if (!tls_context_new_server(TLS_MODERN, &pair, 1, &c, &err))
        fail_msg("%s: %s", certificate, err.text);
    return c;
}

static size_t
read_pins(const char *names, unsigned char pins[2][32])
{
    size_t n = 0;
    for (struct slice rest = slice_str(names ? names : ""); rest.len > 0; n++) {
        struct slice one = slice_head(rest, slice_find(rest, ','));
        char name[32], pem[128];
        struct tls_identity identity;
        struct err err = {0};
        snprintf(name, sizeof name, "%.*s", SLICE_ARG(one));
        assert_true(tls_identity_of_file(file_of(pem, name, ".pem"), &identity, &err));
        memcpy(pins[n], identity.pin, 32);
        rest = slice_from(rest, one.len + 1);
    }
    return n;
}

static struct tls_context *
client_for(size_t row)
{
    char ca[128];
    unsigned char pins[2][32];
    struct err err = {0};
    struct tls_context *c = NULL;
    struct tls_client_settings settings = {
        .trust = rows[row].trust,
        .ca_file = rows[row].ca ? file_of(ca, rows[row].ca, ".pem") : NULL,
        .pins = (const unsigned char(*)[32])pins,
        .pin_count = read_pins(rows[row].pin, pins),
    };
    if (!tls_context_new_client(&settings, &c, &err))
        fail_msg("%s: %s", rows[row].say, err.text);
    return c;
}

static void
check_passed(size_t row, const struct tls_pair *p)
{
    const char *warning = tls_filter_warning(p->client);
    if (!tls_filter_is_open(p->client) || !tls_filter_is_open(p->server))
        fail_msg("%s: %s", rows[row].say, p->client_err.text);
    assert_string_equal(tls_filter_verified(p->client), verified_words[rows[row].trust]);
    if (rows[row].trust == TLS_TRUST_NAME)
        assert_true(tls_filter_peer_has_name(p->client));
    if (rows[row].warning == NULL && warning != NULL)
        fail_msg("%s: warned: %s", rows[row].say, warning);
    if (rows[row].warning != NULL && (!warning || !strstr(warning, rows[row].warning)))
        fail_msg("%s: warning is %s", rows[row].say, warning ? warning : "missing");
}

/* The client knows why, the server is told by an alert, and nobody may write. */
static void
check_refused(size_t row, const struct tls_pair *p)
{
    struct tls_identity seen;
    if (p->client_err.kind != ERR_TLS || !strstr(p->client_err.text, rows[row].refusal))
        fail_msg("%s: says \"%s\"", rows[row].say, p->client_err.text);
    assert_false(tls_filter_is_open(p->client));
    assert_string_equal(tls_filter_verified(p->client), "none");
    assert_true(tls_identity_of_peer(p->client, &seen));
    if (rows[row].trust == TLS_TRUST_NAME &&
        tls_filter_peer_has_name(p->client) == (strstr(rows[row].refusal, "not for ") != NULL))
        fail_msg("%s: has it the name?", rows[row].say);
    if (!tls_filter_is_open(p->server) && p->server_err.kind != ERR_TLS)
        fail_msg("%s: the server was not told", rows[row].say);
}

static void
tls_verify_decides_every_row(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct tls_context *server = server_with(rows[i].certificate);
        struct tls_context *client = client_for(i);
        struct tls_pair p;
        tls_pair_init(&p, client, server, rows[i].host, "");
        tls_pair_carry(&p, SIZE_MAX);
        if (rows[i].refusal == NULL)
            check_passed(i, &p);
        else
            check_refused(i, &p);
        tls_pair_fini(&p);
        tls_context_unref(&client);
        tls_context_unref(&server);
    }
}

static void
tls_verify_shows_the_pin_that_came(void **state)
{
    (void)state;
    struct tls_identity identity;
    struct err err = {0};
    char pem[128];
    assert_true(tls_identity_of_file(file_of(pem, "self", ".pem"), &identity, &err));
    struct buf pin;
    buf_init(&pin, 100);
    tls_pin_put(&pin, identity.pin);

    unsigned char wrong[1][32] = {{1, 2, 3}};
    const struct tls_client_settings settings = {
        .trust = TLS_TRUST_PIN, .pins = (const unsigned char(*)[32])wrong, .pin_count = 1};
    struct tls_context *client = NULL, *server = server_with("self");
    assert_true(tls_context_new_client(&settings, &client, &err));
    struct tls_pair p;
    tls_pair_init(&p, client, server, "hub", "");
    tls_pair_carry(&p, SIZE_MAX);
    assert_non_null(strstr(p.client_err.text, buf_text(&pin)));
    tls_pair_fini(&p);
    tls_context_unref(&client);
    tls_context_unref(&server);
    buf_fini(&pin);
}

/* A session must not carry trust to another name, even when the caller mixes up its keys. */
static void
tls_verify_looks_again_at_a_resumed_session(void **state)
{
    (void)state;
    char ca[128];
    struct err err = {0};
    struct tls_context *client = NULL, *server = server_with("gw");
    const struct tls_client_settings settings = {.trust = TLS_TRUST_NAME,
                                                 .ca_file = file_of(ca, "root", ".pem")};
    assert_true(tls_context_new_client(&settings, &client, &err));
    struct tls_pair p;
    tls_pair_init(&p, client, server, GW, "same key");
    tls_pair_carry(&p, SIZE_MAX);
    assert_true(tls_filter_is_open(p.client));
    tls_pair_fini(&p);

    tls_pair_init(&p, client, server, "hub.fabrikam.example", "same key");
    tls_pair_carry(&p, SIZE_MAX);
    assert_true(tls_filter_is_resumed(p.server));
    assert_int_equal(p.client_err.kind, ERR_TLS);
    assert_non_null(strstr(p.client_err.text, "is for gw.contoso.example, not for hub.fabrikam"));
    assert_false(tls_filter_is_open(p.client));
    assert_string_equal(tls_filter_verified(p.client), "none");
    tls_pair_fini(&p);

    /* What was offered is forgotten, so the next one is whole. */
    tls_pair_init(&p, client, server, GW, "same key");
    tls_pair_carry(&p, SIZE_MAX);
    assert_true(tls_filter_is_open(p.client));
    assert_false(tls_filter_is_resumed(p.client));
    tls_pair_fini(&p);
    tls_context_unref(&client);
    tls_context_unref(&server);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tls_verify_decides_every_row),
        cmocka_unit_test(tls_verify_shows_the_pin_that_came),
        cmocka_unit_test(tls_verify_looks_again_at_a_resumed_session),
    };
    certificates_folder_with(folder, certificates, COUNT_OF(certificates));
    int status = cmocka_run_group_tests(tests, NULL, NULL);
    certificates_folder_remove(folder);
    return status;
}
