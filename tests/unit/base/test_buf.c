#include "gateway/base/buf.h"

#include "gateway/base/arena.h"
#include "gateway/base/mem.h"
#include "tests/kit/test.h"

static void
buf_drops_whole_what_does_not_fit_and_remembers(void **state)
{
    struct buf b;
    (void)state;
    buf_init(&b, 8);
    buf_put_str(&b, "12345");
    buf_put_str(&b, "6789"); /* one too many */
    assert_false(buf_ok(&b));
    assert_true(slice_is(buf_slice(&b), "12345"));
    buf_put_str(&b, "678"); /* still fits; still over */
    assert_int_equal(b.len, 8);
    assert_false(buf_ok(&b));
    buf_clear(&b);
    assert_true(buf_ok(&b));
    buf_fini(&b);
    buf_fini(&b);
}

static void
buf_ends_a_full_buffer_as_text(void **state)
{
    struct buf b;
    (void)state;
    buf_init(&b, 300);
    for (int i = 0; i < 300; i++)
        buf_put_char(&b, 'x');
    assert_true(buf_ok(&b));
    assert_int_equal(strlen(buf_text(&b)), 300);
    buf_fini(&b);
    buf_init(&b, 4);
    assert_string_equal(buf_text(&b), "");
    buf_fini(&b);
}

static void
buf_drops_from_the_front_and_cuts_at_the_end(void **state)
{
    struct buf b;
    (void)state;
    buf_init(&b, 100);
    buf_printf(&b, "%s-%d", "abc", 42);
    buf_drop(&b, 2);
    assert_true(slice_is(buf_slice(&b), "c-42"));
    buf_truncate(&b, 2);
    assert_true(slice_is(buf_slice(&b), "c-"));
    buf_put_num(&b, UINT64_MAX);
    assert_true(slice_is(buf_slice(&b), "c-18446744073709551615"));
    buf_drop(&b, b.len);
    buf_shrink(&b);
    assert_null(b.data);
    buf_put_num(&b, 0);
    assert_true(slice_is(buf_slice(&b), "0"));
    buf_fini(&b);
}

static void
buf_is_over_when_memory_is_out(void **state)
{
    struct buf b;
    (void)state;
    buf_init(&b, 1000);
    mem_fail_after(0);
    buf_put_str(&b, "x");
    mem_fail_after(-1);
    assert_false(buf_ok(&b));
    assert_int_equal(b.len, 0);
    buf_fini(&b);
}

static void
arena_hands_out_zeroes_up_to_its_maximum(void **state)
{
    struct arena a;
    (void)state;
    arena_init(&a, 10000);
    for (int round = 0; round < 3; round++) {
        size_t given = 0;
        unsigned char *p;
        while ((p = arena_new(&a, 100)) != NULL) {
            for (size_t i = 0; i < 100; i++)
                assert_int_equal(p[i], 0);
            memset(p, 0xff, 100);
            given += 100;
        }
        assert_in_range(given, 8000, 10000);
        arena_reset(&a);
    }
    assert_null(arena_new(&a, 10001));
    assert_non_null(arena_new(&a, 9000)); /* larger than a block */
    arena_fini(&a);
}

static void
arena_copies_text_with_its_end(void **state)
{
    struct arena a;
    (void)state;
    arena_init(&a, 100);
    struct slice s = arena_copy(&a, slice("kim@contoso", 3));
    assert_string_equal(s.ptr, "kim");
    assert_int_equal(s.len, 3);
    assert_non_null(arena_copy(&a, slice(NULL, 0)).ptr);
    assert_null(arena_copy(&a, slice(s.ptr, 99)).ptr);
    arena_fini(&a);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(buf_drops_whole_what_does_not_fit_and_remembers),
        cmocka_unit_test(buf_ends_a_full_buffer_as_text),
        cmocka_unit_test(buf_drops_from_the_front_and_cuts_at_the_end),
        cmocka_unit_test(buf_is_over_when_memory_is_out),
        cmocka_unit_test(arena_hands_out_zeroes_up_to_its_maximum),
        cmocka_unit_test(arena_copies_text_with_its_end),
    };
    return cmocka_run_group_tests_name("buf", tests, NULL, NULL);
}
