#include "gateway/route/spaces.h"

#include "gateway/base/must.h"

#include "tests/kit/test.h"

struct entry {
    const char *name;
    bool wildcard;
};

/* For this domain the first entry is closer than the second, and so on; the last does not cover
 * it at all. */
static const struct order_row {
    const char *say, *domain;
    struct entry entries[5];
    size_t count;
} order_rows[] = {
    {"exact, longest, shorter, all, none",
     "a.contoso.example",
     {{"a.contoso.example", false},
      {"contoso.example", true},
      {"example", true},
      {"", true},
      {"fabrikam.example", true}},
     5},
    {"exact before the wildcard of the same name",
     "contoso.example",
     {{"contoso.example", false}, {"contoso.example", true}, {"a.contoso.example", true}},
     3},
    {"without case",
     "A.Contoso.EXAMPLE",
     {{"contoso.example", true}, {"contoso.example", false}},
     2},
    {"a name is not covered by its end",
     "notcontoso.example",
     {{"", true}, {"contoso.example", true}},
     2},
    {"exact covers nothing below",
     "a.contoso.example",
     {{"", true}, {"contoso.example", false}},
     2},
    {"a wildcard covers nothing above", "example", {{"", true}, {"contoso.example", true}}, 2},
    {"no domain is nobody's", "", {{"", true}}, 1},
    {"an IPv4 literal is nobody's", "[192.0.2.1]", {{"", true}}, 1},
    {"an IPv6 literal is nobody's", "[IPv6:2001:db8::1]", {{"", true}}, 1},
};

static void
spaces_order_entries_by_closeness(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(order_rows); i++) {
        const struct order_row *r = &order_rows[i];
        size_t before = SIZE_MAX;
        for (size_t k = 0; k < r->count; k++) {
            const struct entry *e = &r->entries[k];
            size_t close = space_closeness(e->name, e->wildcard, slice_str(r->domain));
            bool is_last = k + 1 == r->count;
            if ((k > 0 && close >= before) || (close == 0) != is_last)
                fail_row(r->say, "entry %zu: %zu behind %zu", k + 1, close, before);
            before = close;
        }
    }
}

static void
spaces_find_the_closest_entry_of_a_forest_and_of_all(void **state)
{
    struct forest_domain of_one[] = {{.name = "example", .wildcard = true},
                                     {.name = "contoso.example", .wildcard = true}};
    struct forest_domain of_two[] = {{.name = "a.contoso.example"}};
    struct forest forests[] = {{.domains = of_one, .domain_count = 2},
                               {.domains = of_two, .domain_count = 1}};
    struct config config = {.forests = forests, .forest_count = 2};
    struct slice domain = slice_str("a.contoso.example");
    size_t one, two, none;

    (void)state;
    assert_ptr_equal(space_of_forest(&forests[0], domain, &one), &of_one[1]);
    assert_ptr_equal(space_of_forest(&forests[1], domain, &two), &of_two[0]);
    assert_true(two > one);
    assert_int_equal(space_closest(&config, domain), two);

    assert_null(space_of_forest(&forests[1], slice_str("contoso.example"), &none));
    assert_int_equal(none, 0);
    assert_int_equal(space_closest(&config, slice_str("contoso.org")), 0);
}

static void
spaces_are_written_as_the_file_says_them(void **state)
{
    char text[SPACE_TEXT];

    (void)state;
    assert_string_equal(space_text("contoso.example", false, text), "contoso.example");
    assert_string_equal(space_text("contoso.example", true, text), "*.contoso.example");
    assert_string_equal(space_text("", true, text), "*");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(spaces_order_entries_by_closeness),
        cmocka_unit_test(spaces_find_the_closest_entry_of_a_forest_and_of_all),
        cmocka_unit_test(spaces_are_written_as_the_file_says_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
