#include "gateway/route/hop_offers.h"

#include "tests/kit/test.h"

enum { NOW = 10 * 1000 * 1000, OLD = NOW - HOP_OFFERS_FRESH_MS };

#define KNOWN(is_binary, size)                                                                   \
    ((struct hop_offers){.known_ms = NOW - 1, .binary = is_binary, .size_max = size})

static struct hop_offers
join_by(enum hop_join how, struct hop_offers a, struct hop_offers b)
{
    struct hop_offers all = {.known_ms = 77, .binary = true}; /* not looked at */
    hop_offers_add(&all, 0, &a, how, NOW);
    hop_offers_add(&all, 1, &b, how, NOW);
    return all;
}

static struct hop_offers
join(struct hop_offers a, struct hop_offers b)
{
    return join_by(HOP_ANY, a, b);
}

static void
servers_together_take_what_the_best_of_them_takes(void **state)
{
    (void)state;
    assert_false(hop_lacks_binary(&(struct hop_offers){0}));
    struct hop_offers all = join(KNOWN(false, 100), KNOWN(true, 50));
    assert_true(all.known_ms > 0 && all.binary);
    assert_int_equal(all.size_max, 100);
    all = join(KNOWN(false, 100), KNOWN(false, 200));
    assert_true(hop_lacks_binary(&all));
    assert_int_equal(all.size_max, 200);
    all = join(KNOWN(false, 100), KNOWN(false, 0));
    assert_int_equal(all.size_max, 0);
    all = join(KNOWN(false, 0), KNOWN(false, 100));
    assert_int_equal(all.size_max, 0);
}

static void
a_report_fits_what_is_known_to_be_taken(void **state)
{
    const struct hop_offers plain = KNOWN(false, 100);
    struct hop_offers eight = KNOWN(false, 0);
    (void)state;
    eight.eight_bit = true;
    assert_false(hop_takes(&(struct hop_offers){0}, true, 1000));
    assert_true(hop_takes(&(struct hop_offers){0}, false, HOP_ANYBODY_OCTETS));
    assert_false(hop_takes(&(struct hop_offers){0}, false, HOP_ANYBODY_OCTETS + 1));
    assert_true(hop_takes(&plain, false, 100));
    assert_false(hop_takes(&plain, false, 101));
    assert_false(hop_takes(&plain, true, 100));
    assert_true(hop_takes(&eight, true, 1000));
}

static void
a_report_fits_whichever_of_the_servers_gets_it(void **state)
{
    const struct hop_offers plain = KNOWN(true, 100);
    struct hop_offers eight = KNOWN(false, 0);
    (void)state;
    eight.eight_bit = true;
    for (int i = 0; i < 2; i++) {
        const struct hop_offers all =
            i == 0 ? join_by(HOP_EACH, plain, eight) : join_by(HOP_EACH, eight, plain);
        assert_true(hop_takes(&all, false, 100));
        assert_false(hop_takes(&all, false, 101));
        assert_false(hop_takes(&all, true, 100));
        assert_true(hop_lacks_binary(&all));
    }
    const struct hop_offers both = join_by(HOP_EACH, eight, eight);
    assert_true(hop_takes(&both, true, UINT64_MAX));
    assert_int_equal(join_by(HOP_EACH, plain, (struct hop_offers){0}).known_ms, 0);
}

static void
nothing_is_known_as_long_as_one_server_is_not(void **state)
{
    static const struct hop_offers never = {0}, stale = {.known_ms = OLD, .size_max = 100};
    (void)state;
    assert_int_equal(join(KNOWN(false, 100), never).known_ms, 0);
    assert_int_equal(join(never, KNOWN(false, 100)).known_ms, 0);
    assert_int_equal(join(KNOWN(false, 100), stale).known_ms, 0);
    assert_int_equal(join(stale, KNOWN(false, 100)).known_ms, 0);
}

static void
what_the_next_hop_cannot_take_is_refused(void **state)
{
    static const struct {
        struct hop_offers hop;
        enum smtp_body_type body;
        uint64_t size;
        int code; /* 0 = not refused */
    } rows[] = {
        {{0}, SMTP_BODY_BINARYMIME, UINT64_MAX, 0},
        {{.known_ms = 1, .binary = true, .size_max = 0}, SMTP_BODY_BINARYMIME, UINT64_MAX, 0},
        {{.known_ms = 1, .binary = false, .size_max = 0}, SMTP_BODY_BINARYMIME, 0, 554},
        {{.known_ms = 1, .binary = false, .size_max = 0}, SMTP_BODY_8BITMIME, 0, 0},
        {{.known_ms = 1, .binary = false, .size_max = 0}, SMTP_BODY_UNSAID, 0, 0},
        {{.known_ms = 1, .binary = true, .size_max = 100}, SMTP_BODY_BINARYMIME, 100, 0},
        {{.known_ms = 1, .binary = true, .size_max = 100}, SMTP_BODY_7BIT, 101, 552},
        {{.known_ms = 1, .binary = true, .size_max = 100}, SMTP_BODY_7BIT, 0, 0},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct reply reply = {.code = 0};
        bool refused = hop_refuses(&rows[i].hop, rows[i].body, rows[i].size, &reply);
        assert_int_equal(refused, rows[i].code > 0);
        assert_int_equal(reply.code, rows[i].code);
    }
}

static void
binary_needs_chunking_too(void **state)
{
    (void)state;
    const struct ehlo without = {.binary_mime = true, .size_max = 7};
    const struct ehlo with = {.binary_mime = true, .chunking = true};
    assert_false(hop_offers_of(&without, NOW).binary);
    assert_int_equal(hop_offers_of(&without, NOW).size_max, 7);
    assert_true(hop_offers_of(&with, NOW).binary);
    assert_int_equal(hop_offers_of(&with, NOW).known_ms, NOW);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(servers_together_take_what_the_best_of_them_takes),
        cmocka_unit_test(a_report_fits_what_is_known_to_be_taken),
        cmocka_unit_test(a_report_fits_whichever_of_the_servers_gets_it),
        cmocka_unit_test(nothing_is_known_as_long_as_one_server_is_not),
        cmocka_unit_test(what_the_next_hop_cannot_take_is_refused),
        cmocka_unit_test(binary_needs_chunking_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
