#include "config/config_value.h"

#include <netinet/in.h>
#include <stdio.h>

#include "tests/kit/test.h"

/* One row for each text: what it means, or NULL; or the sentence that refuses it. */
struct value_row {
    const char *say;
    const char *text;
    const char *shown; /* how value_show_x writes it; NULL: refused */
    const char *refused;
};

/* Reads text and shows it again. False: err says why. */
typedef bool round_fn(struct slice text, struct buf *shown, struct err *err);

static void
check_rows(const struct value_row *rows, size_t count, round_fn *round)
{
    for (size_t i = 0; i < count; i++) {
        const struct value_row *row = &rows[i];
        struct buf shown;
        struct err err;
        buf_init(&shown, 2000);
        bool good = round(slice_str(row->text), &shown, &err);
        if (good && row->shown == NULL)
            fail_row(row->say, "\"%s\" was taken as %s", row->text, buf_text(&shown));
        if (!good && row->shown != NULL)
            fail_row(row->say, "\"%s\" was refused: %s", row->text, err.text);
        if (good && strcmp(buf_text(&shown), row->shown) != 0)
            fail_row(row->say, "\"%s\" is shown as %s, not %s", row->text, buf_text(&shown),
                     row->shown);
        if (!good && row->refused != NULL && strcmp(err.text, row->refused) != 0)
            fail_row(row->say, "said %s\nnot  %s", err.text, row->refused);
        buf_fini(&shown);
    }
}

static bool
round_duration(struct slice text, struct buf *shown, struct err *err)
{
    uint64_t ms;
    TRY(value_read_duration(text, &ms, err));
    value_show_duration(ms, shown);
    return true;
}

static const struct value_row durations[] = {
    {"milliseconds", "500ms", "500ms", NULL},
    {"seconds", "30s", "30s", NULL},
    {"minutes", "5m", "5m", NULL},
    {"hours", "4h", "4h", NULL},
    {"days", "2d", "2d", NULL},
    {"shown in the largest unit that divides it", "120s", "2m", NULL},
    {"not rounded", "90s", "90s", NULL},
    {"nothing", "0s", "0s", NULL},
    {"leading zeros are decimal", "010s", "10s", NULL},
    {"no unit", "30", NULL, "\"30\" is not a duration; write 30s, 5m, 4h or 2d"},
    {"a unit that is not ours", "5x", NULL, "\"5x\" is not a duration; write 30s, 5m, 4h or 2d"},
    {"no number", "s", NULL, NULL},
    {"empty", "", NULL, NULL},
    {"blank between", "5 m", NULL, NULL},
    {"negative", "-5m", NULL, NULL},
    {"a fraction", "1.5h", NULL, NULL},
    {"two parts", "1h30m", NULL, NULL},
    {"capital unit", "5M", NULL, NULL},
    {"larger than 64 bits", "99999999999999999999d", NULL, NULL},
    {"larger than 64 bits with its unit", "9223372036854775807d", NULL, NULL},
};

static void
config_value_reads_durations_and_shows_them_the_same(void **state)
{
    (void)state;
    check_rows(durations, COUNT_OF(durations), round_duration);
}

static bool
round_size(struct slice text, struct buf *shown, struct err *err)
{
    uint64_t octets;
    TRY(value_read_size(text, &octets, err));
    value_show_size(octets, shown);
    return true;
}

static const struct value_row sizes[] = {
    {"octets", "65535", "65535", NULL},
    {"octets that make a unit", "65536", "64KiB", NULL},
    {"KiB", "512KiB", "512KiB", NULL},
    {"MiB", "25MiB", "25MiB", NULL},
    {"GiB", "4GiB", "4GiB", NULL},
    {"TiB", "1TiB", "1TiB", NULL},
    {"nothing", "0", "0", NULL},
    {"a unit that means two things", "25MB", NULL,
     "\"25MB\" is not a size; write 65536, 512KiB, 25MiB or 4GiB"},
    {"lower case", "25mib", NULL, NULL},
    {"empty", "", NULL, NULL},
    {"larger than 64 bits with its unit", "99999999TiB", NULL, NULL},
};

static void
config_value_reads_sizes_and_shows_them_the_same(void **state)
{
    (void)state;
    check_rows(sizes, COUNT_OF(sizes), round_size);
}

static bool
round_endpoint(struct slice text, struct buf *shown, struct err *err)
{
    struct endpoint endpoint;
    TRY(value_read_endpoint(text, 0, &endpoint, err));
    buf_put_str(shown, endpoint.text);
    return true;
}

static const struct value_row endpoints[] = {
    {"IPv4", "10.1.0.5:25", "10.1.0.5:25", NULL},
    {"IPv6", "[::1]:25", "[::1]:25", NULL},
    {"IPv6 in its short form", "[2001:DB8:0:0::1]:65535", "[2001:db8::1]:65535", NULL},
    {"brackets around IPv4 do no harm", "[10.1.0.5]:25", "10.1.0.5:25", NULL},
    {"no port", "10.1.0.5", NULL, "\"10.1.0.5\" lacks its port; write 10.1.0.5:8025"},
    {"no port after IPv6", "::1", NULL, "\"::1\" lacks its port; write [::1]:8025"},
    {"port 0", "10.1.0.5:0", NULL,
     "\"10.1.0.5:0\" is not an address and port; write 10.1.0.5:25 or [::1]:25"},
    {"port beyond 16 bits", "10.1.0.5:65536", NULL, NULL},
    {"port with a sign", "10.1.0.5:+25", NULL, NULL},
    {"empty port", "10.1.0.5:", NULL, NULL},
    {"a name", "localhost:25", NULL, NULL},
    {"only a port", ":25", NULL, NULL},
    {"bracket left open", "[::1:25", NULL, NULL},
    {"something behind the bracket", "[::1]25", NULL, NULL},
    {"three parts", "10.1.5:25", NULL, NULL},
    {"empty", "", NULL, NULL},
    {"longer than any address", "[1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa:bbbb]:25",
     NULL, NULL},
};

static void
config_value_reads_addresses_with_ports(void **state)
{
    (void)state;
    check_rows(endpoints, COUNT_OF(endpoints), round_endpoint);
}

static void
config_value_takes_the_default_port(void **state)
{
    struct endpoint endpoint;
    struct err err;
    (void)state;

    assert_true(value_read_endpoint(slice_str("10.1.1.1"), 53, &endpoint, &err));
    struct sockaddr_in in;
    memcpy(&in, &endpoint.addr, sizeof in);
    assert_int_equal(in.sin_family, AF_INET);
    assert_int_equal(ntohs(in.sin_port), 53);
    assert_int_equal(ntohl(in.sin_addr.s_addr), 0x0a010101);

    assert_true(value_read_endpoint(slice_str("fe80::2"), 53, &endpoint, &err));
    struct sockaddr_in6 in6;
    memcpy(&in6, &endpoint.addr, sizeof in6);
    assert_int_equal(in6.sin6_family, AF_INET6);
    assert_int_equal(ntohs(in6.sin6_port), 53);
    assert_int_equal(in6.sin6_addr.s6_addr[15], 2);
    assert_string_equal(endpoint.text, "[fe80::2]:53");
}

static bool
round_network(struct slice text, struct buf *shown, struct err *err)
{
    struct network network;
    TRY(value_read_network(text, &network, err));
    buf_put_str(shown, network.text);
    return true;
}

static const struct value_row networks[] = {
    {"IPv4", "10.2.0.0/16", "10.2.0.0/16", NULL},
    {"IPv6", "2001:db8::/32", "2001:db8::/32", NULL},
    {"a prefix within an octet", "10.2.128.0/17", "10.2.128.0/17", NULL},
    {"one IPv4 address", "10.2.3.4", "10.2.3.4/32", NULL},
    {"one IPv6 address", "::1", "::1/128", NULL},
    {"everything", "0.0.0.0/0", "0.0.0.0/0", NULL},
    {"everything of IPv6", "::/0", "::/0", NULL},
    {"bits behind the prefix", "10.1.20.5/24", NULL,
     "\"10.1.20.5/24\" has bits behind its prefix; write 10.1.20.0/24"},
    {"bits behind a prefix within an octet", "10.2.192.0/17", NULL,
     "\"10.2.192.0/17\" has bits behind its prefix; write 10.2.128.0/17"},
    {"too long a prefix", "10.2.0.0/33", NULL,
     "\"10.2.0.0/33\" is not a network; write 10.2.0.0/16, 2001:db8::/32 or one address"},
    {"too long a prefix of IPv6", "::/129", NULL, NULL},
    {"empty prefix", "10.2.0.0/", NULL, NULL},
    {"a mask", "10.2.0.0/255.255.0.0", NULL, NULL},
    {"a name", "contoso.example/16", NULL, NULL},
    {"empty", "", NULL, NULL},
    {"IPv4 in IPv6", "::ffff:10.2.0.0/112", NULL,
     "\"::ffff:10.2.0.0/112\" is IPv4 in disguise; write it as IPv4"},
};

static void
config_value_reads_networks_without_stray_bits(void **state)
{
    (void)state;
    check_rows(networks, COUNT_OF(networks), round_network);
}

static bool
round_server(struct slice text, struct buf *shown, struct err *err)
{
    struct slice host;
    uint16_t port;
    char room[300];
    TRY(value_read_server(text, 25, &host, &port, err));
    snprintf(room, sizeof room, "%.*s", SLICE_ARG(host));
    value_show_server(room, port, shown);
    return true;
}

static const struct value_row servers[] = {
    {"a name", "bh1.contoso.example", "bh1.contoso.example:25", NULL},
    {"a name and port", "bh2.contoso.example:2525", "bh2.contoso.example:2525", NULL},
    {"a NetBIOS name", "EXCH_01", "EXCH_01:25", NULL},
    {"IPv4", "10.1.1.1", "10.1.1.1:25", NULL},
    {"IPv4 and port", "10.1.1.1:26", "10.1.1.1:26", NULL},
    {"IPv6", "2001:db8::1", "[2001:db8::1]:25", NULL},
    {"IPv6 and port", "[2001:db8::1]:26", "[2001:db8::1]:26", NULL},
    {"blank inside", "a b", NULL,
     "\"a b\" is not a server; write hub1.example, hub1.example:25 or [2001:db8::1]:25"},
    {"port 0", "a.example:0", NULL, NULL},
    {"empty host", ":25", NULL, NULL},
    {"empty label", "a..example", NULL, NULL},
    {"empty", "", NULL, NULL},
};

static void
config_value_reads_servers_as_names_or_addresses(void **state)
{
    (void)state;
    check_rows(servers, COUNT_OF(servers), round_server);
}

static bool
round_pin(struct slice text, struct buf *shown, struct err *err)
{
    struct pin pin;
    TRY(value_read_pin(text, &pin, err));
    value_show_pin(&pin, shown);
    return true;
}

static const struct value_row pins[] = {
    {"base64", "sha256:n4bQgYhMfWWaL+qgxVrQFaO/TxsrC4Is0V1sFbDwCgg=",
     "sha256:n4bQgYhMfWWaL+qgxVrQFaO/TxsrC4Is0V1sFbDwCgg=", NULL},
    {"hex", "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
     "sha256:n4bQgYhMfWWaL+qgxVrQFaO/TxsrC4Is0V1sFbDwCgg=", NULL},
    {"capital hex", "SHA256:9F86D081884C7D659A2FEAA0C55AD015A3BF4F1B2B0B822CD15D6C15B0F00A08",
     "sha256:n4bQgYhMfWWaL+qgxVrQFaO/TxsrC4Is0V1sFbDwCgg=", NULL},
    {"too short", "sha256:abcd", NULL,
     "\"sha256:abcd\" is not a pin; write sha256: and 44 characters of base64 or 64 of hex "
     "(forestgate pin SERVER shows it)"},
    {"31 octets", "sha256:n4bQgYhMfWWaL+qgxVrQFaO/TxsrC4Is0V1sFbDwCg==", NULL, NULL},
    {"33 octets", "sha256:n4bQgYhMfWWaL+qgxVrQFaO/TxsrC4Is0V1sFbDwCgg8", NULL, NULL},
    {"no padding", "sha256:n4bQgYhMfWWaL+qgxVrQFaO/TxsrC4Is0V1sFbDwCgg", NULL, NULL},
    {"another hash", "sha1:n4bQgYhMfWWaL+qgxVrQFaO/TxsrC4Is0V1sFbDwCgg=", NULL, NULL},
    {"no hash", "n4bQgYhMfWWaL+qgxVrQFaO/TxsrC4Is0V1sFbDwCgg=", NULL, NULL},
    {"not hex", "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a0g", NULL,
     NULL},
    {"only the prefix", "sha256:", NULL, NULL},
    {"empty", "", NULL, NULL},
};

static void
config_value_reads_pins_in_base64_and_hex(void **state)
{
    (void)state;
    check_rows(pins, COUNT_OF(pins), round_pin);
}

/* Steps apart by blanks, as the list gives them one by one. */
static bool
round_steps(struct slice text, struct buf *shown, struct err *err)
{
    struct retry_steps steps = {.count = 0};
    while (text.len > 0) {
        size_t blank = slice_find(text, ' ');
        TRY(value_read_retry_step(slice_head(text, blank), &steps, err));
        text = slice_from(text, blank + 1);
    }
    value_show_retry_steps(&steps, shown);
    return true;
}

static const struct value_row steps[] = {
    {"Exchange 2007's own", "4x1m 6x5m 10m", "4x1m, 6x5m, 10m", NULL},
    {"each by itself", "1m 1m 5m", "2x1m, 5m", NULL},
    {"one", "30s", "30s", NULL},
    {"as many as there may be", "64x1m", "64x1m", NULL},
    {"one more", "64x1m 1m", NULL, "more than 64 retry steps"},
    {"too many at once", "65x1m", NULL, "\"65x1m\" is not a retry step; write 5m or 4x1m"},
    {"none", "0x1m", NULL, NULL},
    {"no wait", "4x", NULL, NULL},
    {"a wait of nothing would spin", "0s", NULL, NULL},
    {"no number", "x1m", NULL, NULL},
    {"two factors", "2x2x1m", NULL, NULL},
};

static void
config_value_reads_retry_steps_and_shows_equal_ones_together(void **state)
{
    (void)state;
    check_rows(steps, COUNT_OF(steps), round_steps);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(config_value_reads_durations_and_shows_them_the_same),
        cmocka_unit_test(config_value_reads_sizes_and_shows_them_the_same),
        cmocka_unit_test(config_value_reads_addresses_with_ports),
        cmocka_unit_test(config_value_takes_the_default_port),
        cmocka_unit_test(config_value_reads_networks_without_stray_bits),
        cmocka_unit_test(config_value_reads_servers_as_names_or_addresses),
        cmocka_unit_test(config_value_reads_pins_in_base64_and_hex),
        cmocka_unit_test(config_value_reads_retry_steps_and_shows_equal_ones_together),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
