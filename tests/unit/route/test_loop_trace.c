#include "gateway/route/loop_trace.h"

#include "gateway/base/ascii.h"
#include "gateway/base/mem.h"
#include "tests/kit/flush.h"
#include "tests/kit/test.h"

static const struct keyed_hash_key key = {{1, 2, 3}};
static const struct keyed_hash_key other_key = {{1, 2, 4}};

enum { TO_MAX = 4 };

struct hash_input {
    const char *connector;
    const char *to[TO_MAX];
};

static void
hash_of(const struct keyed_hash_key *with, const struct hash_input *in,
        unsigned char hash[LOOP_TRACE_HASH])
{
    struct slice to[TO_MAX];
    size_t count = 0;

    while (count < TO_MAX && in->to[count] != NULL) {
        to[count] = slice_str(in->to[count]);
        count++;
    }
    assert_true(loop_trace_hash(with, slice_str(in->connector), to, count, hash));
}

static const struct hash_row {
    const char *say;
    struct hash_input a, b;
    bool same;
} hash_rows[] = {
    {"the same", {"hub", {"a@x", "b@x"}}, {"hub", {"a@x", "b@x"}}, true},
    {"another order", {"hub", {"c@x", "a@x", "b@x"}}, {"hub", {"b@x", "c@x", "a@x"}}, true},
    {"another case", {"hub", {"Kim@X.Example"}}, {"hub", {"kim@x.EXAMPLE"}}, true},
    {"order and case at once", {"hub", {"b@x", "A@x"}}, {"hub", {"a@X", "B@x"}}, true},
    {"twice the same recipient", {"hub", {"a@x", "b@x", "A@x"}}, {"hub", {"b@x", "a@x"}}, true},
    {"another connector", {"hub", {"a@x"}}, {"edge", {"a@x"}}, false},
    {"one recipient less", {"hub", {"a@x", "b@x"}}, {"hub", {"a@x"}}, false},
    {"octets moved over the border", {"hub", {"ab@x", "c@x"}}, {"hub", {"a@x", "bc@x"}}, false},
    {"octets moved to the connector", {"hub", {"a@x"}}, {"huba", {"@x"}}, false},
    {"one address that looks like two", {"hub", {"a@xb@x"}}, {"hub", {"a@x", "b@x"}}, false},
};

static void
loop_hash_depends_on_connector_and_recipients_in_any_order_and_case(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(hash_rows); i++) {
        const struct hash_row *r = &hash_rows[i];
        unsigned char a[LOOP_TRACE_HASH], b[LOOP_TRACE_HASH];
        hash_of(&key, &r->a, a);
        hash_of(&key, &r->b, b);
        if ((memcmp(a, b, sizeof a) == 0) != r->same)
            fail_row(r->say, "wanted %s", r->same ? "the same hash" : "different hashes");
    }
}

static void
loop_hash_depends_on_the_key(void **state)
{
    const struct hash_input in = {"hub", {"a@x"}};
    unsigned char a[LOOP_TRACE_HASH], b[LOOP_TRACE_HASH];

    (void)state;
    hash_of(&key, &in, a);
    hash_of(&other_key, &in, b);
    assert_memory_not_equal(a, b, sizeof a);
}

static void
loop_hash_says_when_there_is_no_memory(void **state)
{
    struct slice to = slice_str("a@x");
    unsigned char hash[LOOP_TRACE_HASH];

    (void)state;
    mem_fail_after(0);
    bool done = loop_trace_hash(&key, slice_str("hub"), &to, 1, hash);
    mem_fail_after(-1);
    assert_false(done);
}

static const unsigned char some_hash[LOOP_TRACE_HASH] = {0x00, 0x1f, 0xa0, 0xff, 5,  6,  7,  8,
                                                         9,    10,   11,   12,   13, 14, 15, 16};

static void
loop_field_reads_back_as_it_was_put(void **state)
{
    struct buf out;
    struct slice connector;
    unsigned char hash[LOOP_TRACE_HASH];

    (void)state;
    buf_init(&out, 998);
    loop_trace_put(&out, slice_str("gw.contoso.example"), slice_str("fabrikam-hub"), some_hash);
    assert_string_equal(buf_text(&out),
                        "X-Forestgate-Trace: g=gw.contoso.example; c=fabrikam-hub; "
                        "h=001fa0ff05060708090a0b0c0d0e0f10\r\n");

    struct slice value = slice_from(buf_slice(&out), strlen(LOOP_TRACE_NAME ":"));
    assert_true(loop_trace_parse(value, &connector, hash));
    assert_true(slice_is(connector, "fabrikam-hub"));
    assert_memory_equal(hash, some_hash, sizeof hash);
    buf_fini(&out);
}

#define HEX "001fa0ff05060708090a0b0c0d0e0f10"

static const struct parse_row {
    const char *say, *value;
    const char *connector; /* NULL: not well-formed */
} parse_rows[] = {
    {"as we write it", " g=gw; c=hub; h=" HEX, "hub"},
    {"with its line end", " g=gw; c=hub; h=" HEX "\r\n", "hub"},
    {"no blanks", "g=gw;c=hub;h=" HEX, "hub"},
    {"folded on the way", " g=gw;\r\n\tc=hub;\r\n h=" HEX, "hub"},
    {"capital digits", "g=gw; c=hub; h=001FA0FF05060708090A0B0C0D0E0F10", "hub"},
    {"nothing", "", NULL},
    {"a word", "loop", NULL},
    {"only semicolons", ";;", NULL},
    {"the hash alone", "h=" HEX, NULL},
    {"no gateway", "c=hub; h=" HEX, NULL},
    {"an empty gateway", "g=; c=hub; h=" HEX, NULL},
    {"an empty connector", "g=gw; c=; h=" HEX, NULL},
    {"another order", "c=hub; g=gw; h=" HEX, NULL},
    {"twice a connector", "g=gw; c=hub; c=edge; h=" HEX, NULL},
    {"something behind the hash", "g=gw; c=hub; h=" HEX "; x=1", NULL},
    {"a semicolon behind the hash", "g=gw; c=hub; h=" HEX ";", NULL},
    {"a blank in the connector", "g=gw; c=hub edge; h=" HEX, NULL},
    {"a line end in the connector", "g=gw; c=hub\r\nX-Evil: 1; h=" HEX, NULL},
    {"8-bit in the connector",
     "g=gw; c=h\xc3\xbc"
     "b; h=" HEX,
     NULL},
    {"no hash", "g=gw; c=hub; h=", NULL},
    {"one digit too few", "g=gw; c=hub; h=001fa0ff05060708090a0b0c0d0e0f1", NULL},
    {"one digit too many", "g=gw; c=hub; h=" HEX "0", NULL},
    {"not a digit", "g=gw; c=hub; h=001fa0ff05060708090a0b0c0d0e0f1g", NULL},
    {"capital names", "G=gw; C=hub; H=" HEX, NULL},
};

static void
loop_field_parse_takes_our_own_form_and_nothing_else(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(parse_rows); i++) {
        const struct parse_row *r = &parse_rows[i];
        struct slice connector;
        unsigned char hash[LOOP_TRACE_HASH];
        bool good = loop_trace_parse(flush_copy(slice_str(r->value)), &connector, hash);
        if (good != (r->connector != NULL))
            fail_row(r->say, "%s", good ? "was taken" : "was not taken");
        if (good &&
            (!slice_is(connector, r->connector) || memcmp(hash, some_hash, sizeof hash) != 0))
            fail_row(r->say, "read as %.*s", SLICE_ARG(connector));
    }
}

static void
loop_field_parse_refuses_nul_and_every_cut_of_a_good_value(void **state)
{
    static const char good[] = "g=gw; c=hub; h=" HEX;
    static const char with_nul[] = "g=gw; c=h\0b; h=" HEX;
    struct slice connector;
    unsigned char hash[LOOP_TRACE_HASH];

    (void)state;
    assert_false(loop_trace_parse(slice(with_nul, sizeof with_nul - 1), &connector, hash));
    for (size_t cut = 0; cut < sizeof good - 1; cut++)
        assert_false(loop_trace_parse(flush_copy(slice(good, cut)), &connector, hash));
}

static void
loop_field_parse_refuses_a_name_longer_than_a_host_name(void **state)
{
    struct buf value;
    struct slice connector;
    unsigned char hash[LOOP_TRACE_HASH];

    (void)state;
    for (size_t len = 255; len <= 256; len++) {
        buf_init(&value, 1000);
        buf_put_str(&value, "g=gw; c=");
        for (size_t i = 0; i < len; i++)
            buf_put_char(&value, 'c');
        buf_put_str(&value, "; h=" HEX);
        assert_int_equal(loop_trace_parse(buf_slice(&value), &connector, hash), len == 255);
        buf_fini(&value);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(loop_hash_depends_on_connector_and_recipients_in_any_order_and_case),
        cmocka_unit_test(loop_hash_depends_on_the_key),
        cmocka_unit_test(loop_hash_says_when_there_is_no_memory),
        cmocka_unit_test(loop_field_reads_back_as_it_was_put),
        cmocka_unit_test(loop_field_parse_takes_our_own_form_and_nothing_else),
        cmocka_unit_test(loop_field_parse_refuses_nul_and_every_cut_of_a_good_value),
        cmocka_unit_test(loop_field_parse_refuses_a_name_longer_than_a_host_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
