/* Which TXT records the SPF library may see. */
#include "gateway/route/spf_record.h"

#include "gateway/base/buf.h"
#include "gateway/base/must.h"
#include "tests/kit/test.h"

static const struct row {
    const char text[96];
    enum spf_record_kind want;
} rows[] = {
    {"v=spf1", SPF_RECORD_GOOD},
    {"v=spf1 ", SPF_RECORD_GOOD},
    {"V=SPF1 -all", SPF_RECORD_GOOD},
    {"v=spf1 ip4:10.2.0.0/16  mx -all ", SPF_RECORD_GOOD},
    {"v=spf1 exists:%{i}._spf.%{d2} ~all", SPF_RECORD_GOOD},
    {"v=spf1 this is no good record", SPF_RECORD_GOOD}, /* the library's business */
    {"v=spf1 caf\xc3\xa9", SPF_RECORD_REFUSED},
    {"v=spf1 a\tb", SPF_RECORD_REFUSED},
    {"v=spf1 a\x7f", SPF_RECORD_REFUSED},
    {"v=spf10 -all", SPF_RECORD_OTHER},
    {"v=spf1\t-all", SPF_RECORD_OTHER},
    {"v=spf2.0/pra -all", SPF_RECORD_OTHER},
    {" v=spf1 -all", SPF_RECORD_OTHER},
    {"v=spf", SPF_RECORD_OTHER},
    {"google-site-verification=x", SPF_RECORD_OTHER},
    {"", SPF_RECORD_OTHER},
};

static void
only_printable_spf_records_pass(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        if (spf_record_vet(slice_str(rows[i].text)) != rows[i].want)
            fail_row(rows[i].text, "is not %d", rows[i].want);
    assert_int_equal(spf_record_vet(slice("v=spf1 a\0b", 10)), SPF_RECORD_REFUSED);
    assert_int_equal(spf_record_vet(slice("v=spf1\0", 7)), SPF_RECORD_OTHER);
}

/* "v=spf1 " and then `times` times `unit`. */
static enum spf_record_kind
vet_repeated(const char *unit, size_t times, const char *behind)
{
    struct buf text;
    buf_init(&text, 8192);
    buf_put_str(&text, "v=spf1 ");
    for (size_t i = 0; i < times; i++)
        buf_put_str(&text, unit);
    buf_put_str(&text, behind);
    assert_true(buf_ok(&text));
    enum spf_record_kind kind = spf_record_vet(buf_slice(&text));
    buf_fini(&text);
    return kind;
}

static void
each_limit_passes_and_one_more_does_not(void **state)
{
    (void)state;
    assert_int_equal(vet_repeated("x", 255, ""), SPF_RECORD_GOOD);
    assert_int_equal(vet_repeated("x", 256, ""), SPF_RECORD_REFUSED);
    assert_int_equal(vet_repeated("x", 256, " -all"), SPF_RECORD_REFUSED);
    assert_int_equal(vet_repeated("%{d}", 16, ""), SPF_RECORD_GOOD);
    assert_int_equal(vet_repeated("%{d}", 17, ""), SPF_RECORD_REFUSED);
    assert_int_equal(vet_repeated("%%%% ", 400, ""), SPF_RECORD_GOOD);
    assert_int_equal(vet_repeated("a ", 1020, "a"), SPF_RECORD_GOOD); /* 2048 octets */
    assert_int_equal(vet_repeated("a ", 1020, "ab"), SPF_RECORD_REFUSED);
}

static void
the_record_put_in_place_of_a_refused_one_is_within_the_limits(void **state)
{
    (void)state;
    assert_int_equal(spf_record_vet(slice_str(spf_record_invalid)), SPF_RECORD_GOOD);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_printable_spf_records_pass),
        cmocka_unit_test(each_limit_passes_and_one_more_does_not),
        cmocka_unit_test(the_record_put_in_place_of_a_refused_one_is_within_the_limits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
