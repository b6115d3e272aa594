#include "gateway/exchange/verify_private.h"

#include <stdio.h>

#include "tests/kit/test.h"

static const struct {
    const char *ranges, *address;
    const char *width; /* of the last eight octets, in hex; NULL: not in them */
} rows[] = {
    {"{10.1.0.5}", "10.1.0.5", "0000000000000000"},
    {"10.1.0.5", "10.1.0.6", NULL},
    {"{10.1.0.0/24}", "10.1.0.255", "00000000000000ff"},
    {"{10.1.0.7/24}", "10.1.0.1", "00000000000000ff"},
    {"{10.1.0.0/24}", "10.1.1.0", NULL},
    {"{10.1.0.0(255.255.0.0)}", "10.1.9.9", "000000000000ffff"},
    {"{10.1.0.0(255.255.0.0)}", "10.2.0.0", NULL},
    {"{10.1.0.1-10.1.0.9}", "10.1.0.9", "0000000000000008"},
    {"{10.1.0.1-10.1.0.9}", "10.1.0.10", NULL},
    {"{10.1.0.200-10.1.1.3}", "10.1.1.0", "000000000000003b"},
    {"{0.0.0.0-255.255.255.255}", "10.1.0.5", "00000000ffffffff"},
    {"{0.0.0.0/0}", "10.1.0.5", "00000000ffffffff"},
    {"{0.0.0.0/0, 10.1.0.5}", "10.1.0.5", "0000000000000000"},
    {"{::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff}", "10.1.0.5", NULL},
    {"{fd00::/120}", "fd00::12", "00000000000000ff"},
    {"{fd00::1}", "fd00::1", "0000000000000000"},
    {"{fd00::1}", "fd00::2", NULL},
    /* Not ranges: passed over. */
    {"{}", "10.1.0.5", NULL},
    {"{10.1.0.0/33, 10.1.0.0/, 10.1.0.0/x, 10.1.0.0(, 10.1.0.0(x), -, 10.1.0.1-fd00::1}",
     "10.1.0.0", NULL},
    {"{10.1.0.9-10.1.0.1}", "10.1.0.5", NULL},
    {"{10.1.0.5}", "hub1", NULL},
};

static void
ranges_hold_addresses_and_have_a_width(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct verify_width w;
        char hex[17] = "";
        bool is_in = verify_range(rows[i].ranges, rows[i].address, &w);
        if (is_in != (rows[i].width != NULL))
            fail_row(rows[i].ranges, "%s it", is_in ? "holds" : "does not hold");
        for (int k = 0; is_in && k < 8; k++)
            snprintf(hex + 2 * k, 3, "%02x", w.octets[8 + k]);
        if (is_in && strcmp(hex, rows[i].width) != 0)
            fail_row(rows[i].ranges, "is %s wide", hex);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(ranges_hold_addresses_and_have_a_width)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
