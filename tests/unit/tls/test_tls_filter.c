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
#include "tls/tls_private.h"

struct world {
    char folder[CERTIFICATES_FOLDER];
    struct tls_context *server;
    struct tls_context *client;
    struct tls_context *client_1_2; /* speaks TLS 1.2 at most */
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
    assert_true(tls_context_new_client(&settings, &w.client_1_2, &err));
    SSL_CTX_set_max_proto_version(w.client_1_2->ctx[0], TLS1_2_VERSION);
    *state = &w;
    return 0;
}

static int
drop_world(void **state)
{
    struct world *w = *state;
    tls_context_unref(&w->client);
    tls_context_unref(&w->client_1_2);
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
check_step(struct tls_context *client, struct tls_context *server, size_t step)
{
    struct tls_pair p;
    tls_pair_init(&p, client, server, "gw.contoso.example", "");
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

static void
tls_filter_shakes_hands_and_carries_text_at_every_split(void **state)
{
    struct world *w = *state;
    for (size_t step = 1; step < 2600; step += step < 64 ? 1 : 97) {
        check_step(w->client, w->server, step);
        check_step(w->client_1_2, w->server, step);
    }
}

/* Cut once, at every place of every flight: the first piece alone must only make it wait. */
static void
tls_filter_waits_at_every_cut_of_a_flight(void **state)
{
    struct world *w = *state;
    bool is_open = false;
    for (size_t cut = 1; !is_open; cut++) {
        struct tls_pair p;
        pair_begin(&p, w, "");
        is_open = p.client_wire.len < cut;
        tls_pair_carry_to_server(&p, cut);
        if (cut < p.client_wire.len)
            assert_int_equal(p.server_wire.len, 0);
        tls_pair_carry_to_server(&p, SIZE_MAX);
        assert_true(p.server_wire.len > 0);
        tls_pair_carry_to_client(&p, cut);
        tls_pair_carry(&p, SIZE_MAX);
        assert_true(tls_filter_is_open(p.client) && tls_filter_is_open(p.server));
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

static char
octet_at(size_t i)
{
    return (char)(i * 7 + i / 251);
}

/* 3 MiB through small buffers: plain_out and wire_out are full all the time. */
static void
check_bulk(struct tls_context *client, struct tls_context *server, size_t plain_max,
           size_t wire_max, size_t step)
{
    enum { TOTAL = 3 << 20, PIECE = 40000 };
    static char piece[PIECE];
    struct tls_pair p;
    struct err err = {0};
    size_t sent = 0, received = 0, records = 0;

    tls_pair_init(&p, client, server, "gw.contoso.example", "");
    tls_pair_carry(&p, SIZE_MAX);
    assert_true(tls_filter_is_open(p.client));
    p.server_plain.max = plain_max;
    p.client_wire.max = wire_max;
    while (received < TOTAL) {
        size_t n = TOTAL - sent < PIECE ? TOTAL - sent : PIECE;
        for (size_t i = 0; i < n; i++)
            piece[i] = octet_at(sent + i);
        struct slice plain = slice(piece, n);
        size_t before = p.client_wire.len;
        assert_true(tls_filter_write(p.client, &plain, &err));
        assert_true(buf_ok(&p.client_wire));
        records += p.client_wire.len > before;
        sent += n - plain.len;

        while (tls_pair_carry_to_server(&p, step))
            continue;
        assert_int_equal(p.server_err.kind, ERR_NONE);
        /* What OpenSSL still holds comes without further input. */
        struct slice nothing = {0};
        assert_true(tls_filter_feed(p.server, &nothing, &p.server_plain, &err));
        assert_true(p.server_plain.len > 0);
        for (size_t i = 0; i < p.server_plain.len; i++)
            if (p.server_plain.data[i] != octet_at(received + i))
                fail_msg("octet %zu is wrong", received + i);
        received += p.server_plain.len;
        buf_clear(&p.server_plain);
    }
    assert_int_equal(received, TOTAL);
    assert_true(records > 0);
    tls_pair_fini(&p);
}

static void
tls_filter_carries_megabytes_through_small_buffers(void **state)
{
    struct world *w = *state;
    check_bulk(w->client, w->server, 1 << 20, 1 << 18, SIZE_MAX);
    check_bulk(w->client, w->server, 16384, 1 << 18, SIZE_MAX);
    check_bulk(w->client, w->server, 1000, 20000, 777);
    check_bulk(w->client, w->server, 4096, 1500, SIZE_MAX);
    check_bulk(w->client_1_2, w->server, 1000, 20000, 777);
    check_bulk(w->client_1_2, w->server, 1 << 20, 1 << 18, SIZE_MAX);
}

static void
tls_filter_makes_records_as_large_as_possible(void **state)
{
    struct tls_pair p;
    struct err err = {0};
    static char plain[100000];
    pair_begin(&p, *state, "");
    tls_pair_carry(&p, SIZE_MAX);
    struct slice rest = slice(plain, sizeof plain);
    assert_true(tls_filter_write(p.client, &rest, &err));
    assert_int_equal(rest.len, 0);
    /* Seven records of 16 KiB at most, 22 octets each beside the plaintext. */
    assert_int_equal(p.client_wire.len, sizeof plain + 7 * 22);
    tls_pair_fini(&p);
}

static void
tls_filter_waits_with_output_that_has_no_room(void **state)
{
    struct tls_pair p;
    struct err err = {0};
    static char plain[20000];
    pair_begin(&p, *state, "");
    struct slice rest = slice(plain, sizeof plain);
    assert_true(tls_filter_write(p.client, &rest, &err)); /* not open: nothing taken */
    assert_int_equal(rest.len, sizeof plain);
    tls_pair_carry(&p, SIZE_MAX);

    p.client_wire.max = 18000;
    assert_true(tls_filter_write(p.client, &rest, &err));
    assert_int_equal(rest.len, sizeof plain - 16384);
    size_t full = p.client_wire.len;
    assert_true(tls_filter_write(p.client, &rest, &err));
    assert_int_equal(p.client_wire.len, full);
    assert_true(buf_ok(&p.client_wire));
    tls_pair_carry(&p, SIZE_MAX);
    assert_true(tls_filter_write(p.client, &rest, &err));
    assert_int_equal(rest.len, 0);
    tls_pair_fini(&p);
}

static void
check_ends(struct tls_context *client, struct tls_context *server)
{
    struct tls_pair p;
    struct err err = {0};
    tls_pair_init(&p, client, server, "gw.contoso.example", "");
    tls_pair_carry(&p, SIZE_MAX);
    say(p.client, "QUIT\r\n");
    tls_pair_carry(&p, SIZE_MAX);
    assert_false(tls_filter_is_ended(p.server)); /* a cut here is a truncation */

    say(p.client, "last words");
    tls_filter_close(p.client);
    tls_filter_close(p.client);
    buf_put_str(&p.client_wire, "octets behind the end");
    struct slice more = slice_str("no");
    assert_false(tls_filter_write(p.client, &more, &err));
    assert_int_equal(err.kind, ERR_STATE);
    assert_int_equal(more.len, 2);

    tls_pair_carry(&p, SIZE_MAX);
    assert_int_equal(p.server_err.kind, ERR_NONE);
    assert_string_equal(buf_text(&p.server_plain), "QUIT\r\nlast words");
    assert_true(tls_filter_is_ended(p.server) && tls_filter_is_open(p.server));
    assert_false(tls_filter_is_ended(p.client));
    tls_filter_close(p.server);
    tls_pair_carry(&p, SIZE_MAX);
    assert_true(tls_filter_is_ended(p.client));
    tls_pair_fini(&p);
}

static void
tls_filter_tells_close_notify_from_a_cut(void **state)
{
    struct world *w = *state;
    check_ends(w->client, w->server);
    check_ends(w->client_1_2, w->server);
}

static void
check_garbage(struct world *w, struct slice octets, size_t step, const char *want)
{
    struct tls_pair p;
    pair_begin(&p, w, "");
    buf_clear(&p.client_wire);
    buf_put(&p.client_wire, octets);
    while (tls_pair_carry_to_server(&p, step))
        continue;
    assert_int_equal(p.server_err.kind, ERR_TLS);
    if (!strstr(p.server_err.text, want))
        fail_msg("says \"%s\"", p.server_err.text);
    assert_false(tls_filter_is_open(p.server));
    struct slice again = slice_str("more");
    assert_false(tls_filter_feed(p.server, &again, &p.server_plain, &p.server_err));
    assert_int_equal(p.server_err.kind, ERR_STATE);
    assert_false(tls_filter_write(p.server, &again, &p.server_err));
    tls_filter_close(p.server);
    assert_int_equal(p.server_plain.len, 0);
    tls_pair_fini(&p);
}

static void
tls_filter_refuses_garbage_instead_of_a_hello(void **state)
{
    for (size_t step = 1; step < 40; step++) {
        check_garbage(*state, slice_str("EHLO hub.contoso.example\r\nMAIL FROM:<a@b>\r\n"), step,
                      "TLS handshake: ");
        check_garbage(*state, slice_str("GET / HTTP/1.0\r\n\r\n"), step, "speaks HTTP, not TLS");
        check_garbage(*state, slice("\x16\x03\x01\xff\xff\x01\x02\x03\x04\x05\x06", 11), step,
                      "TLS handshake: ");
    }
}

static void
tls_filter_says_when_the_server_speaks_no_tls(void **state)
{
    struct tls_pair p;
    pair_begin(&p, *state, "");
    buf_put_str(&p.server_wire, "454 4.7.0 TLS not available\r\n");
    tls_pair_carry_to_client(&p, SIZE_MAX);
    assert_int_equal(p.client_err.kind, ERR_TLS);
    assert_non_null(strstr(p.client_err.text, "does not speak TLS here"));
    tls_pair_fini(&p);
}

/* A hello that says it has 124 KiB, in records of 16: OpenSSL would take it. */
static void
tls_filter_bounds_the_input_of_a_handshake(void **state)
{
    struct world *w = *state;
    static char record[5 + 16384];
    struct buf wire, plain;
    struct err err = {0};
    size_t fed = 0;
    bool ok = true;
    buf_init(&wire, 100000);
    buf_init(&plain, 100000);
    struct tls_filter *f = tls_filter_new_server(w->server, &wire);
    assert_non_null(f);
    memcpy(record, "\x16\x03\x01\x40\x00\x01\x01\xf0\x00\x03\x03", 11);
    while (ok && fed < 200000) {
        struct slice in = slice(record, sizeof record);
        ok = tls_filter_feed(f, &in, &plain, &err);
        fed += sizeof record - in.len;
        memset(record + 5, 0, 6); /* the next one goes on with the message */
    }
    assert_false(ok);
    assert_int_equal(err.kind, ERR_TLS);
    assert_non_null(strstr(err.text, "more than 65536 octets before its end"));
    assert_int_equal(fed, 64 * 1024);
    tls_filter_free(&f);
    buf_fini(&wire);
    buf_fini(&plain);
}

static void
tls_filter_refuses_a_changed_record(void **state)
{
    struct tls_pair p;
    pair_begin(&p, *state, "");
    tls_pair_carry(&p, SIZE_MAX);
    say(p.client, "MAIL FROM:<a@contoso.example>\r\n");
    p.client_wire.data[12] ^= 1;
    tls_pair_carry_to_server(&p, SIZE_MAX);
    assert_int_equal(p.server_err.kind, ERR_TLS);
    assert_int_equal(p.server_plain.len, 0);
    assert_true(p.server_wire.len > 0); /* an alert tells the client */
    tls_pair_carry_to_client(&p, SIZE_MAX);
    assert_non_null(strstr(p.client_err.text, "alert \"bad record mac\""));
    tls_pair_fini(&p);
}

static void
tls_filter_fails_when_the_wire_has_no_room_for_the_handshake(void **state)
{
    struct tls_pair p;
    pair_begin(&p, *state, "");
    p.server_wire.max = 300;
    tls_pair_carry_to_server(&p, SIZE_MAX);
    assert_int_equal(p.server_err.kind, ERR_LIMIT);
    tls_pair_fini(&p);
}

static void
tls_filter_survives_every_lack_of_memory(void **state)
{
    struct world *w = *state;
    bool whole = false;
    for (long n = 0; n < 40 && !whole; n++) {
        struct tls_pair p = {0};
        struct err err = {0};
        buf_init(&p.client_wire, PAIR_WIRE_MAX);
        buf_init(&p.server_wire, PAIR_WIRE_MAX);
        buf_init(&p.client_plain, 1000);
        buf_init(&p.server_plain, 1000);
        mem_fail_after(n);
        p.server = tls_filter_new_server(w->server, &p.server_wire);
        p.client = tls_filter_new_client(w->client, "gw.contoso.example", slice_str("key"),
                                         &p.client_wire);
        if (p.server != NULL && p.client != NULL) {
            tls_pair_carry(&p, SIZE_MAX);
            struct slice plain = slice_str("hello");
            whole = tls_filter_is_open(p.client) && tls_filter_is_open(p.server) &&
                    tls_filter_write(p.client, &plain, &err);
            tls_pair_carry(&p, SIZE_MAX);
            whole = whole && p.server_plain.len == 5;
        }
        mem_fail_after(-1);
        tls_pair_fini(&p);
    }
    assert_true(whole);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tls_filter_shakes_hands_and_carries_text_at_every_split),
        cmocka_unit_test(tls_filter_waits_at_every_cut_of_a_flight),
        cmocka_unit_test(tls_filter_knows_its_facts),
        cmocka_unit_test(tls_filter_carries_megabytes_through_small_buffers),
        cmocka_unit_test(tls_filter_makes_records_as_large_as_possible),
        cmocka_unit_test(tls_filter_waits_with_output_that_has_no_room),
        cmocka_unit_test(tls_filter_tells_close_notify_from_a_cut),
        cmocka_unit_test(tls_filter_refuses_garbage_instead_of_a_hello),
        cmocka_unit_test(tls_filter_says_when_the_server_speaks_no_tls),
        cmocka_unit_test(tls_filter_bounds_the_input_of_a_handshake),
        cmocka_unit_test(tls_filter_refuses_a_changed_record),
        cmocka_unit_test(tls_filter_fails_when_the_wire_has_no_room_for_the_handshake),
        cmocka_unit_test(tls_filter_survives_every_lack_of_memory),
    };
    return cmocka_run_group_tests(tests, make_world, drop_world);
}
