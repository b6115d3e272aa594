#include "gateway/base/id.h"

#include "tests/kit/test.h"

static const int64_t now = INT64_C(1795380780123);

static void
ids_count_up_within_a_millisecond_and_across(void **state)
{
    struct id_source s;
    (void)state;
    id_source_init(&s, 7, 0);
    uint64_t last = 0;
    for (int i = 0; i < 20000; i++) { /* more than a millisecond's sequence */
        uint64_t id = id_next(&s, now + i / 10000);
        assert_true(id > last);
        assert_int_equal(id & 1023, 7);
        last = id;
    }
}

static void
ids_never_go_back_with_the_clock(void **state)
{
    struct id_source s;
    (void)state;
    id_source_init(&s, 1, 0);
    uint64_t first = id_next(&s, now);
    assert_true(id_next(&s, now - 3600 * 1000) > first);
}

static void
ids_are_higher_than_what_was_given_before_a_restart(void **state)
{
    struct id_source before, after;
    (void)state;
    id_source_init(&before, 900, 0);
    id_source_init(&after, 3, id_last_of(now));
    for (int i = 0; i < 8000; i++)
        (void)id_next(&before, now);
    assert_true(id_next(&after, now) > id_next(&before, now));
}

static void
ids_read_back_and_sort_as_text(void **state)
{
    struct id_source s;
    char a[ID_TEXT], b[ID_TEXT];
    uint64_t back;
    (void)state;
    id_source_init(&s, 1023, 0);
    uint64_t first = id_next(&s, now), second = id_next(&s, now + 1);
    id_text(first, a);
    id_text(second, b);
    assert_int_equal(strlen(a), ID_TEXT - 1);
    assert_true(strcmp(a, b) < 0);
    assert_true(id_parse(slice_str(a), &back));
    assert_int_equal(back, first);
    id_text(UINT64_MAX, a);
    assert_true(id_parse(slice_str(a), &back));
    assert_int_equal(back, UINT64_MAX);
}

static void
ids_refuse_what_is_none(void **state)
{
    static const char *const rows[] = {"",
                                       "0",
                                       "0N8C2DVX800G",
                                       "0N8C2DVX800G1X",
                                       "GN8C2DVX800G1", /* over 64 bits */
                                       "0N8C2DVX80OG1", /* O is no digit */
                                       "0N8C2DVX80 G1"};
    uint64_t id;
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        if (id_parse(slice_str(rows[i]), &id))
            fail_row(rows[i], "was taken");
    assert_true(id_parse(slice_str("0n8c2dvx800g1"), &id));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ids_count_up_within_a_millisecond_and_across),
        cmocka_unit_test(ids_never_go_back_with_the_clock),
        cmocka_unit_test(ids_are_higher_than_what_was_given_before_a_restart),
        cmocka_unit_test(ids_read_back_and_sort_as_text),
        cmocka_unit_test(ids_refuse_what_is_none),
    };
    return cmocka_run_group_tests_name("id", tests, NULL, NULL);
}
