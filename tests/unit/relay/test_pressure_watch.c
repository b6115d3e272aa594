/* The watch without its thread, told what it would read; and what an outlet makes of it. */
#include "gateway/relay/pressure_watch.h"

#include "gateway/relay/process_memory.h"
#include "tests/kit/house.h"
#include "tests/kit/test.h"
#include "tests/kit/turns.h"

enum { HOLD_MS = 10 * 1000, SICK_MS = 6 * 1000 }; /* the defaults: high from 5 s */

static struct pressure_watch *
watch_of(struct house *h)
{
    struct pressure_watch *w = pressure_watch_new(h->custody.spool, NULL);
    assert_non_null(w);
    pressure_watch_use(w, h->runtime->config);
    h->shop.pressure = w;
    return w;
}

/* Better throughout the hold time, once for each level. */
static void
recover(struct pressure_watch *w)
{
    for (uint64_t now_ms = 0; pressure_watch_level(w) != PRESSURE_NORMAL; now_ms += HOLD_MS)
        pressure_watch_judge(w, PRESSURE_COMMIT_TIME, 0, now_ms);
}

static void
count_turn(void *turns)
{
    ++*(int *)turns;
}

/* Its timer has fired and found that nothing may be begun: it does so again, each second. */
static void
outlet_on_its_own(struct house *h)
{
    int turns = 0;
    struct timer *t = timer_new(h->loop, count_turn, &turns);
    timer_set(t, loop_now_ms(h->loop) + 1500);
    turns_until_count(h->loop, &turns, 1);
    timer_free(&t);
}

static bool
has_one_ready(void *hub)
{
    return outlet_state(hub).ready == 1;
}

static void
watch_tells_the_level_and_why(void **state)
{
    struct house h;
    char why[PRESSURE_WHY];
    (void)state;
    house_init(&h);
    struct pressure_watch *w = watch_of(&h);
    assert_int_equal(pressure_watch_level(NULL), PRESSURE_NORMAL);
    assert_false(pressure_watch_pauses_delivery(NULL));
    assert_int_equal(pressure_watch_level(w), PRESSURE_NORMAL);
    pressure_watch_why(w, why);
    assert_string_equal(why, "");

    pressure_watch_judge(w, PRESSURE_COMMIT_TIME, 1500, 0);
    assert_int_equal(pressure_watch_level(w), PRESSURE_MEDIUM);
    assert_false(pressure_watch_pauses_delivery(w));
    pressure_watch_why(w, why);
    assert_string_equal(why, "commits take 1.5 s; medium from 1 s");

    pressure_watch_judge(w, PRESSURE_DISK_FREE, 1 << 20, 0);
    assert_int_equal(pressure_watch_level(w), PRESSURE_HIGH);
    assert_false(pressure_watch_pauses_delivery(w));
    pressure_watch_why(w, why);
    assert_string_equal(why, "the disk of the spool has 1 MiB free; high below 256 MiB");
    const struct pressure p = pressure_watch_read(w);
    assert_int_equal(p.of[PRESSURE_COMMIT_TIME].reading, 1500);
    pressure_watch_free(&w);
    house_fini(&h);
}

static void
watch_reads_by_itself_once_it_is_started(void **state)
{
    struct house h;
    struct err err;
    (void)state;
    house_init(&h);
    struct pressure_watch *w = watch_of(&h);
    assert_int_equal(pressure_watch_read(w).of[PRESSURE_MEMORY].reading, 0);
    assert_true(pressure_watch_start(w, &err));
    /* The last one in a round. */
    while (pressure_watch_read(w).of[PRESSURE_SPOOL_SIZE].reading == 0)
        continue;
    const struct pressure p = pressure_watch_read(w);
    assert_true(p.of[PRESSURE_MEMORY].reading > 0);
    assert_true(p.of[PRESSURE_DISK_FREE].reading > 0);
    assert_int_equal(p.of[PRESSURE_MESSAGES].reading, 0);
    pressure_watch_free(&w);
    assert_null(w);
    house_fini(&h);
}

static void
memory_is_less_than_there_may_be(void **state)
{
    (void)state;
    assert_true(process_memory_used() > 0);
    assert_true(process_memory_used() < process_memory_limit());
}

/* No attempt is begun, on no connection old or new; what was kept is used again. */
static void
outlet_begins_no_delivery_while_the_disk_is_sick(void **state)
{
    struct house h;
    (void)state;
    house_init(&h);
    struct pressure_watch *w = watch_of(&h);
    house_send(&h, "ann@fabrikam.example");
    house_until_left(&h, 0);
    assert_int_equal(outlet_state(house_hub(&h)).connections, 1);

    pressure_watch_judge(w, PRESSURE_COMMIT_TIME, SICK_MS, 0);
    assert_true(pressure_watch_pauses_delivery(w));
    assert_int_not_equal(house_send(&h, "bob@fabrikam.example"), 0);
    turns_until(h.loop, has_one_ready, house_hub(&h));
    outlet_retry(house_hub(&h)); /* an operator cannot heal it */
    outlet_on_its_own(&h);
    assert_int_equal(fake_server_took(&h.first, "bob@fabrikam.example"), 0);
    assert_int_equal(outlet_state(house_hub(&h)).connections, 1);
    assert_int_equal(outlet_state(house_hub(&h)).in_flight, 0);

    recover(w);
    house_until_left(&h, 0); /* it looks again by itself */
    assert_int_equal(fake_server_took(&h.first, "bob@fabrikam.example"), 1);
    assert_int_equal(h.first.connections, 1);
    house_fini(&h);
    pressure_watch_free(&w);
}

/* Nothing is kept, and nothing is opened. */
static void
outlet_opens_no_connection_while_the_disk_is_sick(void **state)
{
    struct house h;
    (void)state;
    house_init(&h);
    struct pressure_watch *w = watch_of(&h);
    pressure_watch_judge(w, PRESSURE_COMMIT_TIME, SICK_MS, 0);
    assert_int_not_equal(house_send(&h, "bob@fabrikam.example"), 0);
    turns_until(h.loop, has_one_ready, house_hub(&h));
    outlet_on_its_own(&h);
    assert_int_equal(outlet_state(house_hub(&h)).connections, 0);
    recover(w);
    house_until_left(&h, 0);
    assert_int_equal(fake_server_took(&h.first, "bob@fabrikam.example"), 1);
    house_fini(&h);
    pressure_watch_free(&w);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(watch_tells_the_level_and_why),
        cmocka_unit_test(watch_reads_by_itself_once_it_is_started),
        cmocka_unit_test(memory_is_less_than_there_may_be),
        cmocka_unit_test(outlet_begins_no_delivery_while_the_disk_is_sick),
        cmocka_unit_test(outlet_opens_no_connection_while_the_disk_is_sick),
    };
    return cmocka_run_group_tests_name("pressure_watch", tests, NULL, NULL);
}
