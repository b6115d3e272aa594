#include "tls/tls_filter.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "gateway/base/mem.h"
#include "tests/kit/certificates.h"
#include "tests/kit/tls_pair.h"
#include "tls/tls_identity.h"

struct world {
    char folder[CERTIFICATES_FOLDER];
    struct tls_context *server;
    struct tls_context *client;
};

static int
make_world(void **state)
{
    static struct world w;
    char certificate[128], key[128];
    struct err err = {0};

    certificates_folder_new(w.folder);
    certificates_make(w.folder, "gw",
                      &(struct certificate_spec){.common_name = "gw.contoso.example",
                                                 .names = "DNS:gw.contoso.example"});
    snprintf(certificate, sizeof certificate, "%s/gw.pem", w.folder);
    snprintf(key, sizeof key, "%s/gw.key", w.folder);
    const struct tls_key_pair pair = {certificate, key};
    assert_true(tls_context_new_server(TLS_MODERN, &pair, 1, &w.server, &err));
    const struct tls_client_settings settings = {.trust = TLS_TRUST_NAME, .ca_file = certificate};
    assert_true(tls_context_new_client(&settings, &w.client, &err));
    *state = &w;
    return 0;
}

static int
drop_world(void **state)
{
    struct world *w = *state;
    tls_context_unref(&w->client);
    tls_context_unref(&w->server);
    certificates_folder_remove(w->folder);
    return 0;
}

static void
pair_begin(struct tls_pair *p, const struct world *w, const char *session_key)
{
    tls_pair_init(p, w->client, w->server, "gw.contoso.example", session_key);
}

static void
say(struct tls_filter *f, const char *text)
{
    struct err err = {0};
    struct slice plain = slice_str(text);
    assert_true(tls_filter_write(f, &plain, &err));
    assert_int_equal(plain.len, 0);
}

static void
tls_filter_shakes_hands_and_carries_text_at_every_split(void **state)
{
    for (size_t step = 1; step < 2600; step += step < 64 ? 1 : 97) {
        struct tls_pair p;
        pair_begin(&p, *state, "");
        tls_pair_carry(&p, step);
        if (!tls_filter_is_open(p.client) || !tls_filter_is_open(p.server))
            fail_msg("step %zu: %s / %s", step, p.client_err.text, p.server_err.text);

        say(p.client, "EHLO hub.contoso.example\r\n");
        say(p.server, "250 gw\r\n");
        tls_pair_carry(&p, step);
        assert_string_equal(buf_text(&p.server_plain), "EHLO hub.contoso.example\r\n");
        assert_string_equal(buf_text(&p.client_plain), "250 gw\r\n");
        tls_pair_fini(&p);
    }
}

static void
tls_filter_knows_its_facts(void **state)
{
    struct tls_pair p;
    pair_begin(&p, *state, "");
    tls_pair_carry(&p, SIZE_MAX);
    assert_string_equal(tls_filter_version(p.client), "TLSv1.3");
    assert_string_equal(tls_filter_cipher(p.server), "TLS_AES_256_GCM_SHA384");
    assert_int_equal(tls_filter_bits(p.client), 256);
    assert_string_equal(tls_filter_verified(p.client), "name");
    assert_null(tls_filter_warning(p.client));
    assert_true(tls_filter_peer_expires_unix_s(p.client) > 0);
    assert_string_equal(tls_filter_verified(p.server), "none");
    assert_int_equal(tls_filter_peer_expires_unix_s(p.server), 0);
    assert_false(tls_filter_is_resumed(p.client));
    tls_pair_fini(&p);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tls_filter_shakes_hands_and_carries_text_at_every_split),
        cmocka_unit_test(tls_filter_knows_its_facts),
    };
    return cmocka_run_group_tests(tests, make_world, drop_world);
}
