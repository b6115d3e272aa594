#include "gateway/base/metrics.h"

#include <pthread.h>
#include <stdio.h>

#include "tests/kit/test.h"

/* The page as text; freed with the buffer. */
static const char *
page_of(struct metrics *m, struct buf *page)
{
    buf_init(page, 1 << 20);
    metrics_put(m, page);
    assert_true(buf_ok(page));
    return buf_text(page);
}

static void
a_family_has_its_type_and_a_line_for_each_series_with_escaped_labels(void **state)
{
    struct metrics *m = metrics_new();
    struct buf page;
    (void)state;
    counter *a = metrics_series(m, METRIC_recipients_total, "hub \"1\"\\\n", "delivered");
    counter_add(a, 41);
    counter_add(metrics_series(m, METRIC_recipients_total, "hub \"1\"\\\n", "delivered"), 1);
    counter_set(metrics_series(m, METRIC_spool_messages, NULL, NULL), 7);
    const char *text = page_of(m, &page);
    assert_non_null(strstr(text, "# TYPE forestgate_recipients_total counter\n"));
    assert_non_null(strstr(text, "forestgate_recipients_total{connector=\"hub \\\"1\\\"\\\\\\n\","
                                 "outcome=\"delivered\"} 42\n"));
    assert_non_null(strstr(text, "# TYPE forestgate_spool_messages gauge\n"));
    assert_non_null(strstr(text, "\nforestgate_spool_messages 7\n"));
    buf_fini(&page);
    metrics_free(&m);
}

static void
a_histogram_counts_each_value_in_its_bucket_and_all_above(void **state)
{
    struct metrics *m = metrics_new();
    struct buf page;
    (void)state;
    struct histogram *h = metrics_histogram(m, METRIC_spool_commit_seconds, NULL, NULL);
    histogram_add(h, 100);      /* on the bound: in it */
    histogram_add(h, 101);      /* just above */
    histogram_add(h, 2000000);  /* 2 s */
    histogram_add(h, 99000000); /* above all */
    const char *text = page_of(m, &page);
    assert_non_null(strstr(text, "# TYPE forestgate_spool_commit_seconds histogram\n"));
    assert_non_null(strstr(text, "forestgate_spool_commit_seconds_bucket{le=\"0.0001\"} 1\n"));
    assert_non_null(strstr(text, "forestgate_spool_commit_seconds_bucket{le=\"0.00025\"} 2\n"));
    assert_non_null(strstr(text, "forestgate_spool_commit_seconds_bucket{le=\"1\"} 2\n"));
    assert_non_null(strstr(text, "forestgate_spool_commit_seconds_bucket{le=\"2.5\"} 3\n"));
    assert_non_null(strstr(text, "forestgate_spool_commit_seconds_bucket{le=\"10\"} 3\n"));
    assert_non_null(strstr(text, "forestgate_spool_commit_seconds_bucket{le=\"+Inf\"} 4\n"));
    assert_non_null(strstr(text, "forestgate_spool_commit_seconds_sum 101.000201\n"));
    assert_non_null(strstr(text, "forestgate_spool_commit_seconds_count 4\n"));
    buf_fini(&page);
    metrics_free(&m);
}

static void
a_histogram_of_things_shows_whole_numbers(void **state)
{
    struct metrics *m = metrics_new();
    struct buf page;
    (void)state;
    histogram_add(metrics_histogram(m, METRIC_spool_commit_changes, NULL, NULL), 3);
    const char *text = page_of(m, &page);
    assert_non_null(strstr(text, "forestgate_spool_commit_changes_bucket{le=\"2\"} 0\n"));
    assert_non_null(strstr(text, "forestgate_spool_commit_changes_bucket{le=\"4\"} 1\n"));
    assert_non_null(strstr(text, "forestgate_spool_commit_changes_sum 3\n"));
    buf_fini(&page);
    metrics_free(&m);
}

/* The index found by halving is the one found by looking at each bound in turn. */
static void
a_bucket_is_the_first_whose_bound_is_not_below_the_value(void **state)
{
    const struct ladder *ladders[] = {&LADDER_COMMIT, &LADDER_STAGE, &LADDER_CUSTODY,
                                      &LADDER_COUNT};
    (void)state;
    for (size_t l = 0; l < 4; l++) {
        const struct ladder *ladder = ladders[l];
        assert_in_range(ladder->count, 1, HISTOGRAM_BOUNDS_MAX);
        for (size_t i = 0; i < ladder->count; i++) {
            if (i > 0)
                assert_true(ladder->bounds[i] > ladder->bounds[i - 1]);
            assert_int_equal(ladder_index(ladder, ladder->bounds[i]), i);
            assert_int_equal(ladder_index(ladder, ladder->bounds[i] + 1), i + 1);
        }
        assert_int_equal(ladder_index(ladder, 0), 0);
        assert_int_equal(ladder_index(ladder, UINT64_MAX), ladder->count);
    }
}

static void
series_with_more_labels_are_told_apart_by_each_of_them(void **state)
{
    struct metrics *m = metrics_new();
    (void)state;
    const char *values[] = {"a", "b", "c", "d", "e"};
    counter *first = metrics_series_of(m, METRIC_recipients_total, values, METRIC_LABELS_MAX);
    for (size_t i = 0; i < METRIC_LABELS_MAX; i++) {
        const char *others[] = {"a", "b", "c", "d", "e"};
        others[i] = "x";
        assert_ptr_not_equal(
            metrics_series_of(m, METRIC_recipients_total, others, METRIC_LABELS_MAX), first);
    }
    assert_ptr_equal(metrics_series_of(m, METRIC_recipients_total, values, METRIC_LABELS_MAX),
                     first);
    metrics_free(&m);
}

static void
what_is_hidden_is_off_the_page_until_asked_for_and_keeps_its_number(void **state)
{
    struct metrics *m = metrics_new();
    struct buf page;
    (void)state;
    counter *c = metrics_series(m, METRIC_queue_messages, "hub", NULL);
    counter_set(c, 5);
    metrics_series(m, METRIC_queue_messages, "gone", NULL);
    metrics_hide(m, METRIC_queue_messages);
    assert_null(strstr(page_of(m, &page), "queue_messages"));
    buf_fini(&page);
    assert_ptr_equal(metrics_series(m, METRIC_queue_messages, "hub", NULL), c);
    const char *text = page_of(m, &page);
    assert_non_null(strstr(text, "forestgate_queue_messages{connector=\"hub\"} 5\n"));
    assert_null(strstr(text, "gone"));
    buf_fini(&page);
    metrics_free(&m);
}

static void
metrics_never_give_null(void **state)
{
    struct metrics *m = metrics_new();
    char name[16];
    (void)state;
    for (int i = 0; i < 5000; i++) {
        snprintf(name, sizeof name, "c%d", i);
        assert_non_null(metrics_series(m, METRIC_connector_up, name, NULL));
    }
    histogram_add(metrics_histogram(m, METRIC_spool_commit_seconds, NULL, NULL), 1);
    metrics_free(&m);
}

enum { THREADS = 4, ADDS = 20000 };

static void *
count_a_lot(void *context)
{
    struct metrics *m = context;
    counter *c = metrics_series(m, METRIC_recipients_total, "hub", "delivered");
    struct histogram *h = metrics_histogram(m, METRIC_spool_commit_changes, NULL, NULL);
    for (unsigned i = 0; i < ADDS; i++) {
        counter_add(c, 1);
        histogram_add(h, i % 8);
    }
    return NULL;
}

static void
nothing_is_lost_when_threads_count_while_the_page_is_read(void **state)
{
    struct metrics *m = metrics_new();
    struct buf page;
    pthread_t threads[THREADS];
    (void)state;
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, count_a_lot, m), 0);
    page_of(m, &page);
    buf_fini(&page);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    const char *text = page_of(m, &page);
    assert_non_null(strstr(text, "outcome=\"delivered\"} 80000\n"));
    assert_non_null(strstr(text, "forestgate_spool_commit_changes_count 80000\n"));
    assert_non_null(strstr(text, "forestgate_spool_commit_changes_sum 280000\n"));
    buf_fini(&page);
    metrics_free(&m);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_family_has_its_type_and_a_line_for_each_series_with_escaped_labels),
        cmocka_unit_test(a_histogram_counts_each_value_in_its_bucket_and_all_above),
        cmocka_unit_test(a_histogram_of_things_shows_whole_numbers),
        cmocka_unit_test(a_bucket_is_the_first_whose_bound_is_not_below_the_value),
        cmocka_unit_test(series_with_more_labels_are_told_apart_by_each_of_them),
        cmocka_unit_test(what_is_hidden_is_off_the_page_until_asked_for_and_keeps_its_number),
        cmocka_unit_test(metrics_never_give_null),
        cmocka_unit_test(nothing_is_lost_when_threads_count_while_the_page_is_read),
    };
    return cmocka_run_group_tests_name("metrics", tests, NULL, NULL);
}
