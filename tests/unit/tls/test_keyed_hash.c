#include "tls/keyed_hash.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

static void
hash(const char *const *texts, size_t n, int key, unsigned char out[KEYED_HASH_SIZE])
{
    struct keyed_hash_key k;
    struct slice parts[4];
    memset(k.octets, key, sizeof k.octets);
    for (size_t i = 0; i < n; i++)
        parts[i] = slice_str(texts[i]);
    keyed_hash(&k, parts, n, out);
}

static void
keyed_hash_is_hmac_sha256_over_parts_with_lengths(void **state)
{
    (void)state;
    /* python3: hmac.new(b"\x0b" * 32, b"\0"*7 + b"\2ab" + b"\0"*7 + b"\1c", "sha256") */
    static const unsigned char want[] = {0xdd, 0x39, 0x26, 0xe3, 0xcd, 0xf1, 0x0d, 0x32,
                                         0xb3, 0x9c, 0x7f, 0xfb, 0x5c, 0xb1, 0x2b, 0x1b,
                                         0x8c, 0xe7, 0x76, 0x3e, 0xa4, 0xd6, 0x67, 0x66,
                                         0x89, 0xb5, 0x5a, 0xbf, 0x77, 0x66, 0xc8, 0x88};
    unsigned char got[KEYED_HASH_SIZE];
    hash((const char *const[]){"ab", "c"}, 2, 0x0b, got);
    assert_memory_equal(got, want, sizeof want);
}

static void
keyed_hash_differs_when_anything_differs(void **state)
{
    (void)state;
    unsigned char a[KEYED_HASH_SIZE], b[KEYED_HASH_SIZE];
    hash((const char *const[]){"ab", "c"}, 2, 1, a);
    hash((const char *const[]){"ab", "c"}, 2, 1, b);
    assert_true(keyed_hash_same(a, b, sizeof a));
    hash((const char *const[]){"a", "bc"}, 2, 1, b);
    assert_false(keyed_hash_same(a, b, sizeof a));
    hash((const char *const[]){"ab", "c"}, 2, 2, b);
    assert_false(keyed_hash_same(a, b, sizeof a));
    hash((const char *const[]){"ab", "c", ""}, 3, 1, b);
    assert_false(keyed_hash_same(a, b, sizeof a));
    hash(NULL, 0, 1, b);
    assert_false(keyed_hash_same(a, b, sizeof a));
}

static void
keyed_hash_random_octets_do_not_repeat(void **state)
{
    (void)state;
    unsigned char a[32] = {0}, b[32] = {0};
    random_octets(a, sizeof a);
    random_octets(b, sizeof b);
    assert_memory_not_equal(a, b, sizeof a);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keyed_hash_is_hmac_sha256_over_parts_with_lengths),
        cmocka_unit_test(keyed_hash_differs_when_anything_differs),
        cmocka_unit_test(keyed_hash_random_octets_do_not_repeat),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
