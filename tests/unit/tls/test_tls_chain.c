#include "tls/tls_chain.h"

#include <stdio.h>

#include "tests/kit/certificates.h"
#include "tests/kit/test.h"

static char folder[CERTIFICATES_FOLDER];
static struct tls_roots *roots;

static struct tls_chain
chain_of(const char *name, const char *host)
{
    char path[128];
    struct tls_chain chain;
    struct err err;
    snprintf(path, sizeof path, "%s/%s.pem", folder, name);
    assert_true(tls_chain_of_file(path, host, roots, &chain, &err));
    return chain;
}

static void
append(const char *to, const char *from)
{
    char path[128], text[8192];
    snprintf(path, sizeof path, "%s/%s.pem", folder, from);
    FILE *in = fopen(path, "r");
    assert_non_null(in);
    size_t n = fread(text, 1, sizeof text, in);
    fclose(in);
    snprintf(path, sizeof path, "%s/%s.pem", folder, to);
    FILE *out = fopen(path, "a");
    assert_non_null(out);
    assert_int_equal(fwrite(text, 1, n, out), n);
    fclose(out);
}

static void
a_leaf_alone_names_who_issued_it(void **state)
{
    (void)state;
    struct tls_chain c = chain_of("gw", "gw.a.example");
    assert_int_equal(c.count, 1);
    assert_true(c.has_name && c.has_exact_name && c.is_ordered && c.serves);
    assert_false(c.is_rsa || c.has_root || c.is_public || c.leaf.self_signed);
    assert_string_equal(c.top_issuer, "CN=Root");
    assert_false(chain_of("gw", "mail.a.example").has_name);
}

static void
a_wildcard_is_not_the_exact_name(void **state)
{
    (void)state;
    struct tls_chain c = chain_of("star", "gw.a.example");
    assert_true(c.has_name && c.is_rsa);
    assert_false(c.has_exact_name);
}

static void
a_file_with_its_root_is_whole(void **state)
{
    (void)state;
    struct tls_chain c = chain_of("deep", "gw.a.example");
    assert_int_equal(c.count, 2); /* certificates.h: the one between follows */
    assert_true(c.is_ordered);
    assert_false(c.has_root);
    assert_string_equal(c.top_issuer, "CN=Root");
    append("deep", "root");
    c = chain_of("deep", "gw.a.example");
    assert_int_equal(c.count, 3);
    assert_true(c.is_ordered && c.has_root);
    assert_false(c.is_public); /* nobody's system knows it */
}

static void
what_does_not_belong_to_the_chain_is_told(void **state)
{
    (void)state;
    append("mixed", "other");
    struct tls_chain c = chain_of("mixed", "gw.a.example");
    assert_int_equal(c.count, 2);
    assert_false(c.is_ordered || c.has_root);
    assert_string_equal(c.top_issuer, "CN=Root");
}

static void
a_self_signed_one_is_its_own_issuer(void **state)
{
    (void)state;
    struct tls_chain c = chain_of("other", "gw.a.example");
    assert_true(c.leaf.self_signed && c.has_name && c.is_ordered);
    assert_false(c.has_root); /* there is nothing behind the leaf */
}

static void
a_file_that_holds_none_is_an_error(void **state)
{
    (void)state;
    struct tls_chain c;
    struct err err;
    assert_false(tls_chain_of_file("/dev/null", "gw", roots, &c, &err));
    assert_false(tls_chain_of_file("/nonexistent", "gw", roots, &c, &err));
    assert_non_null(strstr(err.text, "/nonexistent"));
}

static int
open_folder(void **state)
{
    (void)state;
    struct err err;
    certificates_folder_new(folder);
    certificates_make(folder, "root",
                      &(struct certificate_spec){.common_name = "Root", .is_authority = true});
    certificates_make(folder, "between",
                      &(struct certificate_spec){
                          .common_name = "Between", .is_authority = true, .issuer = "root"});
    const struct certificate_spec gw = {
        .common_name = "gw", .names = "DNS:gw.a.example", .issuer = "root"};
    certificates_make(folder, "gw", &gw);
    certificates_make(folder, "mixed", &gw);
    certificates_make(folder, "star",
                      &(struct certificate_spec){.common_name = "star",
                                                 .names = "DNS:*.a.example",
                                                 .issuer = "root",
                                                 .rsa_bits = 2048});
    certificates_make(folder, "deep",
                      &(struct certificate_spec){
                          .common_name = "gw", .names = "DNS:gw.a.example", .issuer = "between"});
    certificates_make(
        folder, "other",
        &(struct certificate_spec){.common_name = "other", .names = "DNS:gw.a.example"});
    return tls_roots_new(&roots, &err) ? 0 : -1;
}

static int
close_folder(void **state)
{
    (void)state;
    tls_roots_free(&roots);
    certificates_folder_remove(folder);
    return 0;
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_leaf_alone_names_who_issued_it),
        cmocka_unit_test(a_wildcard_is_not_the_exact_name),
        cmocka_unit_test(a_file_with_its_root_is_whole),
        cmocka_unit_test(what_does_not_belong_to_the_chain_is_told),
        cmocka_unit_test(a_self_signed_one_is_its_own_issuer),
        cmocka_unit_test(a_file_that_holds_none_is_an_error),
    };
    return cmocka_run_group_tests(tests, open_folder, close_folder);
}
