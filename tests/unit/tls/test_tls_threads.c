/* Several workers share each context: what the thread sanitizer is to look at. */
#include "tls/tls_context.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "tests/kit/certificates.h"
#include "tests/kit/tls_pair.h"
#include "tls/tls_private.h"

enum { THREADS = 3, SESSIONS = 40 };

static char folder[CERTIFICATES_FOLDER];

struct one_worker {
    struct tls_context *client;
    struct tls_context *server;
    size_t open;
    size_t resumed;
};

/* All workers use the same keys, so they take and put each other's sessions. */
static void
run_session(struct one_worker *w, size_t turn)
{
    struct tls_pair p;
    struct tls_context *client = tls_context_ref(w->client);
    struct slice plain = slice_str("EHLO hub\r\n");
    struct err err = {0};
    tls_pair_init(&p, client, w->server, "gw.contoso.example", turn % 2 ? "a" : "b");
    tls_context_unref(&client);
    tls_pair_carry(&p, SIZE_MAX);
    w->open += tls_filter_is_open(p.client) && tls_filter_is_open(p.server) &&
               tls_filter_write(p.client, &plain, &err);
    w->resumed += tls_filter_is_resumed(p.client);
    tls_pair_carry(&p, SIZE_MAX);
    tls_filter_close(p.client);
    tls_pair_fini(&p);
}

static void *
run_worker(void *arg)
{
    struct one_worker *w = arg;
    for (size_t i = 0; i < SESSIONS; i++)
        run_session(w, i);
    return NULL;
}

static void
check_threads(enum tls_profile profile, int version, bool keys_get_old)
{
    const char *name = profile == TLS_MODERN ? "gw" : "old";
    char pem[128], key[128];
    struct err err = {0};
    struct tls_context *server = NULL, *client = NULL;
    pthread_t threads[THREADS];
    struct one_worker workers[THREADS];
    snprintf(pem, sizeof pem, "%s/%s.pem", folder, name);
    snprintf(key, sizeof key, "%s/%s.key", folder, name);
    const struct tls_key_pair pair = {pem, key};
    const struct tls_client_settings s = {
        .profile = profile, .trust = TLS_TRUST_NAME, .ca_file = pem};
    assert_true(tls_context_new_server(profile, &pair, 1, &server, &err));
    assert_true(tls_context_new_client(&s, &client, &err));
    SSL_CTX_set_max_proto_version(client->ctx[0], version);

    for (size_t i = 0; i < THREADS; i++) {
        workers[i] = (struct one_worker){.client = client, .server = server};
        assert_int_equal(pthread_create(&threads[i], NULL, run_worker, &workers[i]), 0);
    }
    for (int i = 0; keys_get_old && i < SESSIONS; i++) {
        pthread_mutex_lock(&server->tickets.lock);
        server->tickets.made_ms -= TLS_TICKET_KEYS_LIFE_MS;
        pthread_mutex_unlock(&server->tickets.lock);
    }
    size_t resumed = 0;
    for (size_t i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(workers[i].open, SESSIONS);
        resumed += workers[i].resumed;
    }
    assert_true(resumed > 0);
    assert_int_equal(atomic_load(&client->refs), 1);
    assert_int_equal(atomic_load(&server->refs), 1);
    assert_int_equal(tls_session_cache_count(client->sessions), 2);
    tls_context_unref(&server);
    tls_context_unref(&client);
}

static void
tls_context_serves_several_threads_at_once(void **state)
{
    (void)state;
    check_threads(TLS_MODERN, TLS1_3_VERSION, false);
    check_threads(TLS_MODERN, TLS1_2_VERSION, false);
    check_threads(TLS_EXCHANGE2003, TLS1_VERSION, false);
}

static void
tls_context_changes_its_ticket_keys_between_handshakes(void **state)
{
    (void)state;
    check_threads(TLS_MODERN, TLS1_3_VERSION, true);
    check_threads(TLS_MODERN, TLS1_2_VERSION, true);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tls_context_serves_several_threads_at_once),
        cmocka_unit_test(tls_context_changes_its_ticket_keys_between_handshakes),
    };
    certificates_folder_new(folder);
    certificates_make(
        folder, "gw",
        &(struct certificate_spec){.common_name = "gw", .names = "DNS:gw.contoso.example"});
    certificates_make(folder, "old",
                      &(struct certificate_spec){.common_name = "old",
                                                 .names = "DNS:gw.contoso.example",
                                                 .rsa_bits = 1024});
    int status = cmocka_run_group_tests(tests, NULL, NULL);
    certificates_folder_remove(folder);
    return status;
}
