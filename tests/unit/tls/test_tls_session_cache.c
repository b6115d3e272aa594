#include "tls/tls_session_cache.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "gateway/base/mem.h"

static SSL_SESSION *
session(int version)
{
    SSL_SESSION *s = SSL_SESSION_new();
    assert_non_null(s);
    assert_true(SSL_SESSION_set_protocol_version(s, version));
    return s;
}

static void
put(struct tls_session_cache *c, const char *key, SSL_SESSION *s)
{
    assert_true(SSL_SESSION_up_ref(s));
    tls_session_cache_put(c, slice_str(key), &s);
    assert_null(s);
}

/* Take, and is it this one? */
static bool
takes(struct tls_session_cache *c, const char *key, const SSL_SESSION *want)
{
    SSL_SESSION *s = tls_session_cache_take(c, slice_str(key));
    SSL_SESSION_free(s);
    return s == want;
}

static void
tls_session_cache_uses_a_ticket_once_and_keeps_the_newest_two(void **state)
{
    (void)state;
    struct tls_session_cache *c = tls_session_cache_new();
    SSL_SESSION *s[3];
    for (size_t i = 0; i < 3; i++)
        put(c, "a", s[i] = session(TLS1_3_VERSION));
    assert_true(takes(c, "b", NULL));
    assert_true(takes(c, "a", s[2]));
    assert_true(takes(c, "a", s[1]));
    assert_true(takes(c, "a", NULL));
    for (size_t i = 0; i < 3; i++)
        SSL_SESSION_free(s[i]);
    tls_session_cache_free(&c);
    assert_null(c);
}

static void
tls_session_cache_uses_a_tls_1_2_session_again(void **state)
{
    (void)state;
    struct tls_session_cache *c = tls_session_cache_new();
    SSL_SESSION *first = session(TLS1_2_VERSION), *second = session(TLS1_2_VERSION);
    put(c, "a", first);
    assert_true(takes(c, "a", first) && takes(c, "a", first));
    put(c, "a", second);
    assert_true(takes(c, "a", second) && takes(c, "a", second));
    tls_session_cache_forget(c, slice_str("a"));
    assert_true(takes(c, "a", NULL));
    assert_int_equal(tls_session_cache_count(c), 0);
    SSL_SESSION_free(first);
    SSL_SESSION_free(second);
    tls_session_cache_free(&c);
}

static void
tls_session_cache_drops_what_was_not_used_for_longest(void **state)
{
    (void)state;
    struct tls_session_cache *c = tls_session_cache_new();
    SSL_SESSION *s = session(TLS1_2_VERSION);
    char key[16];
    for (int i = 0; i < TLS_SESSION_KEYS; i++) {
        snprintf(key, sizeof key, "key %d", i);
        put(c, key, s);
    }
    assert_true(takes(c, "key 0", s));
    put(c, "one more", s);
    assert_int_equal(tls_session_cache_count(c), TLS_SESSION_KEYS);
    assert_true(takes(c, "key 0", s));
    assert_true(takes(c, "key 1", NULL));
    assert_true(takes(c, "key 2", s));
    assert_true(takes(c, "one more", s));
    SSL_SESSION_free(s);
    tls_session_cache_free(&c);
}

static void
tls_session_cache_lets_go_without_memory(void **state)
{
    (void)state;
    struct tls_session_cache *c = tls_session_cache_new();
    SSL_SESSION *s = session(TLS1_3_VERSION);
    mem_fail_after(0);
    put(c, "a", s);
    mem_fail_after(-1);
    assert_true(takes(c, "a", NULL));
    SSL_SESSION_free(s);
    tls_session_cache_free(&c);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tls_session_cache_uses_a_ticket_once_and_keeps_the_newest_two),
        cmocka_unit_test(tls_session_cache_uses_a_tls_1_2_session_again),
        cmocka_unit_test(tls_session_cache_drops_what_was_not_used_for_longest),
        cmocka_unit_test(tls_session_cache_lets_go_without_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
