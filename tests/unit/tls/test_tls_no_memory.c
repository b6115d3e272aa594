/* OpenSSL without memory: its own allocations fail, one after the other, in a whole session. */
#include "tls/tls_filter.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/kit/certificates.h"
#include "tests/kit/tls_pair.h"
#include "tls/tls_openssl.h"

static long fail_at = -1; /* how many allocations go well before one fails; -1: all do */

static bool
may_allocate(void)
{
    return fail_at < 0 || fail_at-- > 0;
}

static void *
get(size_t n, const char *file, int line)
{
    (void)file, (void)line;
    return may_allocate() ? malloc(n) : NULL;
}

static void *
get_again(void *old, size_t n, const char *file, int line)
{
    (void)file, (void)line;
    return may_allocate() ? realloc(old, n) : NULL;
}

static void
release(void *p, const char *file, int line)
{
    (void)file, (void)line;
    free(p);
}

static char folder[CERTIFICATES_FOLDER];

/* A session from nothing to "hello"; whatever lacks memory ends it with a sentence. */
static bool
run_session(struct tls_context *server, struct tls_context *client)
{
    struct tls_pair p = {0};
    bool whole = false;
    buf_init(&p.client_wire, PAIR_WIRE_MAX);
    buf_init(&p.server_wire, PAIR_WIRE_MAX);
    buf_init(&p.client_plain, 1000);
    buf_init(&p.server_plain, 1000);
    p.server = tls_filter_new_server(server, &p.server_wire);
    p.client =
        tls_filter_new_client(client, "gw.contoso.example", slice_str("k"), &p.client_wire);
    if (p.server != NULL && p.client != NULL) {
        struct slice plain = slice_str("hello");
        struct err err = {0};
        tls_pair_carry(&p, SIZE_MAX);
        if (tls_filter_is_open(p.client) && tls_filter_write(p.client, &plain, &err))
            tls_pair_carry(&p, SIZE_MAX);
        whole = p.server_plain.len == 5;
        if (!whole)
            assert_true(p.client_err.kind || p.server_err.kind || err.kind);
        if (p.client_err.kind)
            assert_true(p.client_err.text[0] != '\0');
        tls_filter_close(p.client);
    }
    tls_pair_fini(&p);
    return whole;
}

static void
tls_filter_ends_with_a_sentence_when_openssl_lacks_memory(void **state)
{
    (void)state;
    char pem[128], key[128];
    struct err err = {0};
    struct tls_context *server = NULL, *client = NULL;
    snprintf(pem, sizeof pem, "%s/gw.pem", folder);
    snprintf(key, sizeof key, "%s/gw.key", folder);
    const struct tls_key_pair pair = {pem, key};
    const struct tls_client_settings s = {.trust = TLS_TRUST_NAME, .ca_file = pem};
    assert_true(tls_context_new_server(TLS_MODERN, &pair, 1, &server, &err));
    assert_true(tls_context_new_client(&s, &client, &err));

    size_t failed = 0, in_a_row = 0;
    for (long n = 0; in_a_row < 200; n++) {
        fail_at = n;
        bool whole = run_session(server, client);
        bool was_hit = fail_at < 0;
        fail_at = -1;
        failed += !whole;
        in_a_row = was_hit ? 0 : in_a_row + 1;
    }
    assert_true(failed > 100);
    assert_true(run_session(server, client));
    tls_context_unref(&server);
    tls_context_unref(&client);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tls_filter_ends_with_a_sentence_when_openssl_lacks_memory),
    };
    if (CRYPTO_set_mem_functions(get, get_again, release) != 1)
        return 1;
    certificates_folder_new(folder);
    certificates_make(
        folder, "gw",
        &(struct certificate_spec){.common_name = "gw", .names = "DNS:gw.contoso.example"});
    int status = cmocka_run_group_tests(tests, NULL, NULL);
    certificates_folder_remove(folder);
    return status;
}
