#include "config/config_suggest.h"

#include "gateway/base/must.h"
#include "tests/kit/test.h"

static const struct distance_row {
    const char *say, *a, *b;
    unsigned distance;
} distances[] = {
    {"the same", "port", "port", 0},
    {"but for the case", "PORT", "port", 0},
    {"one left out", "prt", "port", 1},
    {"one too many", "portt", "port", 1},
    {"one wrong", "pott", "port", 1},
    {"two swapped are one slip", "prot", "port", 1},
    {"swapped at the end", "potr", "port", 1},
    {"two slips", "pprot", "port", 2},
    {"nothing typed", "", "ab", 2},
    {"both nothing", "", "", 0},
    {"far away is told apart no more", "monitor", "port", 3},
    {"longer than any word of ours",
     "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "a", 3},
};

static void
config_suggest_counts_slips_of_the_fingers(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(distances); i++) {
        const struct distance_row *row = &distances[i];
        unsigned there = suggest_distance(slice_str(row->a), slice_str(row->b), 2);
        unsigned back = suggest_distance(slice_str(row->b), slice_str(row->a), 2);
        if (there != row->distance || back != row->distance)
            fail_row(row->say, "%u and %u, not %u", there, back, row->distance);
    }
}

static const struct suggest_row {
    const char *say, *typed;
    const char *offered[4];
    const char *text;
} rows[] = {
    {"the nearest", "prot", {"pins", "port", "spool"}, "; did you mean \"port\"?"},
    {"the first of two that are as near", "tame", {"time", "tape"}, "; did you mean \"time\"?"},
    {"nothing near", "monitor", {"pins", "port"}, ""},
    {"nothing offered", "prot", {NULL}, ""},
    {"one slip in a short word", "tsl", {"tls"}, "; did you mean \"tls\"?"},
    {"two slips in a short word make another", "dns", {"tls"}, ""},
};

static void
config_suggest_takes_the_nearest_word_or_none(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct suggest suggest;
        char room[SUGGEST_TEXT];
        suggest_init(&suggest, slice_str(rows[i].typed));
        for (size_t k = 0; rows[i].offered[k] != NULL; k++)
            suggest_offer(&suggest, slice_str(rows[i].offered[k]));
        if (strcmp(suggest_text(&suggest, room), rows[i].text) != 0)
            fail_row(rows[i].say, "said \"%s\"", room);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(config_suggest_counts_slips_of_the_fingers),
        cmocka_unit_test(config_suggest_takes_the_nearest_word_or_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
