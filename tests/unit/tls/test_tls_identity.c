#include "tls/tls_identity.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "gateway/base/base64.h"
#include "tests/kit/certificates.h"

static char folder[CERTIFICATES_FOLDER];
static char many_names[4000];

static const struct certificate_row certificates[] = {
    {"root", {.common_name = "Contoso Root", .is_authority = true, .rsa_bits = 2048}},
    {"gw",
     {.common_name = "gw",
      .names = "DNS:gw.contoso.example,IP:10.1.1.1,IP:2001:db8::1",
      .issuer = "root"}},
    {"many", {.names = many_names}},
    {"strange", {.common_name = "K\303\266ln\r\nlevel=error"}},
};

static bool
identity_of(const char *name, struct tls_identity *out, struct err *err)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return tls_identity_of_file(path, out, err);
}

static void
tls_identity_reads_the_leaf_of_a_file(void **state)
{
    (void)state;
    struct tls_identity root, leaf;
    struct err err = {0};
    assert_true(identity_of("root.pem", &root, &err));
    assert_true(identity_of("gw.pem", &leaf, &err));
    assert_string_equal(root.subject, "CN=Contoso Root");
    assert_true(root.self_signed);
    assert_string_equal(root.names, "");
    assert_int_equal(root.key_bits, 2048);
    assert_string_equal(leaf.subject, "CN=gw");
    assert_string_equal(leaf.issuer, "CN=Contoso Root");
    assert_string_equal(leaf.names, "gw.contoso.example, 10.1.1.1, 2001:db8::1");
    assert_false(leaf.self_signed);
    assert_int_equal(leaf.key_bits, 256);
    assert_string_equal(root.signature, "RSA-SHA256");
    assert_false(root.is_weak);
    assert_false(leaf.is_weak);
    assert_int_equal(leaf.not_after_unix_s - leaf.not_before_unix_s, 25 * 3600);
    assert_memory_not_equal(root.pin, leaf.pin, 32);
}

/* openssl x509 -pubkey -noout | openssl pkey -pubin -outform DER | openssl dgst -sha256 */
static void
tls_identity_pins_what_openssl_pins(void **state)
{
    (void)state;
    char command[512], want[80] = "";
    struct tls_identity leaf;
    struct err err = {0};
    struct buf text;
    assert_true(identity_of("gw.pem", &leaf, &err));
    buf_init(&text, 100);
    tls_pin_put(&text, leaf.pin);
    snprintf(command, sizeof command,
             "openssl x509 -in %s/gw.pem -pubkey -noout | openssl pkey -pubin -outform DER | "
             "openssl dgst -sha256 -binary | openssl base64",
             folder);
    FILE *tool = popen(command, "r");
    assert_non_null(tool);
    assert_non_null(fgets(want, sizeof want, tool));
    pclose(tool);
    want[strcspn(want, "\n")] = '\0';
    assert_int_equal(text.len, 7 + 44);
    assert_memory_equal(buf_text(&text), "sha256:", 7);
    assert_string_equal(buf_text(&text) + 7, want);
    buf_fini(&text);
}

static void
tls_identity_shows_many_and_strange_names_within_its_room(void **state)
{
    (void)state;
    struct tls_identity many, strange;
    struct err err = {0};
    assert_true(identity_of("many.pem", &many, &err));
    size_t len = strlen(many.names);
    assert_in_range(len, 400, sizeof many.names - 1);
    assert_string_equal(many.names + len - 4, " ...");
    assert_true(identity_of("strange.pem", &strange, &err));
    for (const char *c = strange.subject; *c; c++)
        assert_in_range((unsigned char)*c, 0x20, 0x7e);
}

static void
tls_identity_says_what_is_wrong_with_a_file(void **state)
{
    (void)state;
    struct tls_identity out;
    struct err err = {0};
    assert_false(identity_of("none.pem", &out, &err));
    assert_int_equal(err.kind, ERR_IO);
    assert_non_null(strstr(err.text, "none.pem: No such file"));
    assert_false(identity_of("gw.key", &out, &err));
    assert_int_equal(err.kind, ERR_TLS);
    assert_non_null(strstr(err.text, "gw.key: no start line"));
}

static void
put_many_names(void)
{
    for (size_t i = 0, n = 0; i < 100; i++)
        n += (size_t)snprintf(many_names + n, sizeof many_names - n,
                              "%sDNS:host%zu.contoso.example", i ? "," : "", i);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tls_identity_reads_the_leaf_of_a_file),
        cmocka_unit_test(tls_identity_pins_what_openssl_pins),
        cmocka_unit_test(tls_identity_shows_many_and_strange_names_within_its_room),
        cmocka_unit_test(tls_identity_says_what_is_wrong_with_a_file),
    };
    put_many_names();
    certificates_folder_with(folder, certificates, COUNT_OF(certificates));
    int status = cmocka_run_group_tests(tests, NULL, NULL);
    certificates_folder_remove(folder);
    return status;
}
