#include "gateway/relay/crew.h"

#include "gateway/base/mem.h"
#include "gateway/relay/outlet.h"
#include "tests/kit/crew_house.h"
#include "tests/kit/test.h"
#include "tests/kit/turns.h"

/* Of these two names one is the first worker's, whoever has fewer. */
static const char more[] = "  north: { servers: [\"127.0.0.1:1\"], auth: none }\n"
                           "  south: { servers: [\"127.0.0.1:1\"], auth: none }\n";

static bool
has_both(void *context)
{
    struct crew_house *h = context;
    return worker_outlet(crew_first(h->crew), slice_str("north")) != NULL ||
           worker_outlet(crew_first(h->crew), slice_str("south")) != NULL;
}

/* Whichever allocation fails: what was refused is not in force, and what was not refused comes
 * into force whole. */
static void
crew_that_refuses_a_configuration_does_not_use_it(void **state)
{
    struct err err;
    (void)state;
    long calls = 0;
    for (bool whole = false; !whole; calls++) {
        struct crew_house h;
        crew_house_init(&h);
        struct runtime *next = crew_house_runtime(&h, more);
        mem_fail_after(calls);
        bool ok = crew_use(h.crew, next, &err);
        mem_fail_after(-1);
        assert_ptr_equal(crew_first(h.crew)->runtime, ok ? next : h.runtime);
        whole = ok && has_both(&h);
        if (ok)
            turns_until(h.loop, has_both, &h);
        runtime_unref(&next);
        crew_house_fini(&h);
    }
    assert_true(calls > 1);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(crew_that_refuses_a_configuration_does_not_use_it),
    };
    return cmocka_run_group_tests_name("crew", tests, NULL, NULL);
}
