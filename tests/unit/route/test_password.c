#include "gateway/route/password.h"

#include <stdio.h>

#include "gateway/base/mem.h"
#include "tests/kit/test.h"

/* bcrypt at its lowest cost: strong enough for libxcrypt, fast enough for a test. */
static const char of_secret[] = "$2b$04$abcdefghijklmnopqrstuu2r9OfJnfCsdneAXAGHnS4UpFFP8WIrW";
static const char of_other[] = "$2b$04$ABCDEFGHIJKLMNOPQRSTUubdTkc8VfDg3xLFFedNQLivmNw6I3T6K";
static const char weak_of_secret[] = "$1$abc$iCQ2D3nhptRYi27fDYv2s1";

enum { HASH_ROOM = 384 };

static void
password_hashes_with_yescrypt_and_checks_what_it_hashed(void **state)
{
    struct buf hash;
    struct err err;

    (void)state;
    buf_init(&hash, HASH_ROOM);
    assert_true(password_hash("correct horse", &hash, &err));
    const char *text = buf_text(&hash);
    assert_int_equal(strncmp(text, "$y$", 3), 0);
    assert_true(password_hash_is_usable(text, &err));
    assert_int_equal(password_check("correct horse", &text, 1), PASSWORD_RIGHT);
    assert_int_equal(password_check("correct Horse", &text, 1), PASSWORD_WRONG);
    buf_fini(&hash);
}

static void
password_hashes_the_same_password_to_another_hash_each_time(void **state)
{
    struct buf a, b;
    struct err err;

    (void)state;
    buf_init(&a, HASH_ROOM);
    buf_init(&b, HASH_ROOM);
    assert_true(password_hash("x", &a, &err) && password_hash("x", &b, &err));
    assert_false(slice_equal(buf_slice(&a), buf_slice(&b)));
    buf_fini(&a);
    buf_fini(&b);
}

static void
password_refuses_to_hash_nothing_or_too_much(void **state)
{
    char longest[512], too_long[513];
    struct buf hash;
    struct err err;

    (void)state;
    memset(longest, 'x', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    memset(too_long, 'x', sizeof too_long - 1);
    too_long[sizeof too_long - 1] = '\0';
    buf_init(&hash, HASH_ROOM);
    assert_true(password_hash(longest, &hash, &err));
    buf_clear(&hash);
    assert_false(password_hash("", &hash, &err));
    assert_int_equal(err.kind, ERR_SYNTAX);
    assert_false(password_hash(too_long, &hash, &err));
    assert_int_equal(err.kind, ERR_LIMIT);
    assert_int_equal(hash.len, 0);
    buf_fini(&hash);
}

static const struct check_row {
    const char *say, *password;
    const char *hashes[2];
    size_t count;
    enum password_result want;
} check_rows[] = {
    {"the one hash", "secret", {of_secret}, 1, PASSWORD_RIGHT},
    {"the first of two", "secret", {of_secret, of_other}, 2, PASSWORD_RIGHT},
    {"the second of two", "secret", {of_other, of_secret}, 2, PASSWORD_RIGHT},
    {"neither of two", "third", {of_other, of_secret}, 2, PASSWORD_WRONG},
    {"case counts", "Secret", {of_secret}, 1, PASSWORD_WRONG},
    {"the beginning is not enough", "secre", {of_secret}, 1, PASSWORD_WRONG},
    {"empty", "", {of_secret}, 1, PASSWORD_WRONG},
    {"the hash is not a password", of_secret, {of_secret}, 1, PASSWORD_WRONG},
    {"no hash", "secret", {NULL}, 0, PASSWORD_CANNOT_CHECK},
    {"not a hash", "secret", {"secret"}, 1, PASSWORD_CANNOT_CHECK},
    {"an empty hash", "", {""}, 1, PASSWORD_CANNOT_CHECK},
    {"libxcrypt's sign of failure", "secret", {"*0"}, 1, PASSWORD_CANNOT_CHECK},
    {"a weak hash is not used, though it fits",
     "secret",
     {weak_of_secret},
     1,
     PASSWORD_CANNOT_CHECK},
    {"a broken hash beside a good one", "secret", {"$y$broken", of_secret}, 2, PASSWORD_RIGHT},
    {"a broken hash beside one that does not fit",
     "third",
     {"$y$broken", of_secret},
     2,
     PASSWORD_WRONG},
    {"a hash cut off never fits",
     "secret",
     {"$2b$04$abcdefghijklmnopqrstuu2r9OfJnfC"},
     1,
     PASSWORD_WRONG},
};

static void
password_is_right_wrong_or_cannot_be_checked(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(check_rows); i++) {
        const struct check_row *r = &check_rows[i];
        enum password_result got = password_check(r->password, r->hashes, r->count);
        if (got != r->want)
            fail_row(r->say, "%d, wanted %d", got, r->want);
    }
}

static void
password_longer_than_any_hash_takes_is_wrong(void **state)
{
    const char *hash = of_secret;
    char too_long[600];

    (void)state;
    memset(too_long, 'x', sizeof too_long - 1);
    too_long[sizeof too_long - 1] = '\0';
    assert_int_equal(password_check(too_long, &hash, 1), PASSWORD_WRONG);
}

static void
password_cannot_be_checked_without_memory(void **state)
{
    const char *hash = of_secret;
    struct buf out;
    struct err err;

    (void)state;
    buf_init(&out, HASH_ROOM);
    mem_fail_after(0);
    enum password_result result = password_check("secret", &hash, 1);
    bool hashed = password_hash("secret", &out, &err);
    mem_fail_after(-1);
    assert_int_equal(result, PASSWORD_CANNOT_CHECK);
    assert_false(hashed);
    assert_int_equal(err.kind, ERR_NOMEM);
    buf_fini(&out);
}

static void
password_decoy_costs_a_check_and_fits_nothing(void **state)
{
    const char *decoy = password_decoy();
    struct err err;

    (void)state;
    assert_true(password_hash_is_usable(decoy, &err));
    assert_int_equal(strncmp(decoy, "$y$j9T$", 7), 0);
    assert_int_equal(password_check("", &decoy, 1), PASSWORD_WRONG);
}

static const struct usable_row {
    const char *say, *hash;
    const char *why; /* NULL: usable */
} usable_rows[] = {
    {"bcrypt", of_secret, NULL},
    {"sha512crypt",
     "$6$rounds=1000$abcdefgh$nhYjN017qxiYztzyUpZtPnUQcnLy62KsunSLHNeLahp2EHPlAKmFFlrjEwSXGo2kgY5"
     "hR2.peKEg2VGUqIJJu1",
     NULL},
    {"MD5", weak_of_secret, "weak"},
    {"SHA-256", "$5$abc$qsg6EHbUzHQzF1POlD7zUwBINSELQxypPaeDcZe6vH0", "weak"},
    {"DES", "abNANd1rDfiNc", "weak"},
    {"the password itself", "secret!", "not a password hash"},
    {"nothing", "", "not a password hash"},
    {"the end is missing", "$2b$04$abcdefghijklmnopqrstuu2r9OfJnfC", "cut off"},
    {"only the salt", "$y$j9T$pkxnU2uDQ6x29HKpjM8DE/", "cut off"},
    {"a blank in it", "$2b$04$abcdefghijklmnopqrstuu 2r9OfJnfC", "not a password hash"},
    {"something behind it", "$2b$04$abcdefghijklmnopqrstuu2r9OfJnfCsdneAXAGHnS4UpFFP8WIrWxyz",
     "cut off"},
};

static void
password_hash_is_usable_when_strong_and_whole(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(usable_rows); i++) {
        const struct usable_row *r = &usable_rows[i];
        struct err err = {.kind = ERR_NONE};
        bool got = password_hash_is_usable(r->hash, &err);
        if (got != (r->why == NULL))
            fail_row(r->say, "usable %d, %s", got, err.text);
        if (!got && (err.kind != ERR_CONFIG || strstr(err.text, r->why) == NULL))
            fail_row(r->say, "the error is \"%s\"", err.text);
        if (!got && r->hash[0] != '\0' && strstr(err.text, r->hash) != NULL)
            fail_row(r->say, "the error shows the hash");
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(password_hashes_with_yescrypt_and_checks_what_it_hashed),
        cmocka_unit_test(password_hashes_the_same_password_to_another_hash_each_time),
        cmocka_unit_test(password_refuses_to_hash_nothing_or_too_much),
        cmocka_unit_test(password_is_right_wrong_or_cannot_be_checked),
        cmocka_unit_test(password_longer_than_any_hash_takes_is_wrong),
        cmocka_unit_test(password_cannot_be_checked_without_memory),
        cmocka_unit_test(password_decoy_costs_a_check_and_fits_nothing),
        cmocka_unit_test(password_hash_is_usable_when_strong_and_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
