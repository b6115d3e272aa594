#include "gateway/ops/control.h"

#include "tests/kit/crew_house.h"
#include "tests/kit/test.h"

/* The workers go while a retry of the operator still waits for the spool. */
static void
queue_retry_that_the_end_overtakes_asks_nobody(void **state)
{
    struct crew_house h;
    struct buf out;
    (void)state;
    crew_house_init(&h);
    const struct control_means means = {
        .shop = &h.shop, .crew = h.crew, .worker = crew_first(h.crew)};
    const struct slice all = slice_str("--all");
    buf_init(&out, 1024);
    assert_int_equal(control_queue_retry(&means, &all, 1, &out), 0);
    crew_free(&h.crew);
    buf_fini(&out);
    crew_house_fini(&h);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(queue_retry_that_the_end_overtakes_asks_nobody),
    };
    return cmocka_run_group_tests_name("control_queue", tests, NULL, NULL);
}
