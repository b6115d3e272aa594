#include "gateway/relay/ownership.h"

#include <stdio.h>

#include "gateway/base/mem.h"
#include "tests/kit/test.h"

enum { WORKERS = 7, NAMES = 100 };

static void
ownership_gives_each_worker_as_many_names(void **state)
{
    struct ownership *o = ownership_new(WORKERS);
    size_t has[WORKERS] = {0};
    (void)state;
    for (int i = 0; i < WORKERS * 3; i++) {
        char name[16];
        snprintf(name, sizeof name, "hub-%d", i);
        has[ownership_of(o, slice_str(name))]++;
    }
    for (size_t w = 0; w < WORKERS; w++)
        assert_int_equal(has[w], 3);
    assert_int_equal(ownership_of(o, slice_str("")), 0);
    ownership_free(&o);
}

/* Else what is decided about its mail would be on two threads. */
static void
ownership_of_a_name_is_the_same_when_memory_was_short(void **state)
{
    struct ownership *o = ownership_new(WORKERS);
    (void)state;
    for (int i = 0; i < NAMES; i++) {
        char name[16];
        snprintf(name, sizeof name, "hub-%d", i);
        mem_fail_after(0);
        size_t owner = ownership_of(o, slice_str(name));
        mem_fail_after(-1);
        assert_int_equal(ownership_of(o, slice_str(name)), owner);
    }
    ownership_free(&o);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ownership_gives_each_worker_as_many_names),
        cmocka_unit_test(ownership_of_a_name_is_the_same_when_memory_was_short),
    };
    return cmocka_run_group_tests_name("ownership", tests, NULL, NULL);
}
