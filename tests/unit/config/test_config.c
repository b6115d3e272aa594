#include "config/config.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>

#include "config/config_value.h"
#include "tests/kit/config_folder.h"
#include "tests/kit/test.h"

static const struct network_row {
    const char *say, *network, *client;
    bool holds;
} rows[] = {
    {"first of the network", "10.2.0.0/16", "10.2.0.0", true},
    {"last of the network", "10.2.0.0/16", "10.2.255.255", true},
    {"the one before", "10.2.0.0/16", "10.1.255.255", false},
    {"the one behind", "10.2.0.0/16", "10.3.0.0", false},
    {"a prefix within an octet", "10.2.128.0/17", "10.2.200.1", true},
    {"just below a prefix within an octet", "10.2.128.0/17", "10.2.127.255", false},
    {"one address", "10.2.3.4", "10.2.3.4", true},
    {"the address beside it", "10.2.3.4", "10.2.3.5", false},
    {"everything", "0.0.0.0/0", "192.0.2.1", true},
    {"IPv6", "2001:db8::/32", "2001:db8:ffff::1", true},
    {"IPv6 beside it", "2001:db8::/32", "2001:db9::1", false},
    {"one IPv6 address", "::1", "::1", true},
    {"IPv6 in an IPv4 network", "0.0.0.0/0", "2001:db8::1", false},
    {"IPv4 in an IPv6 network", "::/0", "10.2.3.4", false},
    {"a dual-stack socket shows IPv4 as IPv6", "10.2.0.0/16", "::ffff:10.2.3.4", true},
    {"such a client of another network", "10.2.0.0/16", "::ffff:10.3.3.4", false},
    {"such a client is not IPv6", "::/0", "::ffff:10.2.3.4", false},
};

static struct sockaddr_storage
address_of(const char *text)
{
    struct sockaddr_storage addr = {0};
    struct sockaddr_in in = {.sin_family = AF_INET};
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6};
    if (inet_pton(AF_INET, text, &in.sin_addr) == 1) {
        memcpy(&addr, &in, sizeof in);
    } else {
        assert_int_equal(inet_pton(AF_INET6, text, &in6.sin6_addr), 1);
        memcpy(&addr, &in6, sizeof in6);
    }
    return addr;
}

static void
config_network_holds_its_addresses_and_no_others(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct network network;
        struct err err;
        struct sockaddr_storage client = address_of(rows[i].client);
        assert_true(value_read_network(slice_str(rows[i].network), &network, &err));
        if (network_holds(&network, (const struct sockaddr *)&client) != rows[i].holds)
            fail_row(rows[i].say, "%s, %s", rows[i].network, rows[i].client);
    }
}

static void
config_network_holds_no_client_without_an_address(void **state)
{
    struct network network;
    struct err err;
    struct sockaddr local = {.sa_family = AF_UNIX};
    (void)state;
    assert_true(value_read_network(slice_str("0.0.0.0/0"), &network, &err));
    assert_false(network_holds(&network, &local));
}

static void
config_finds_connectors_and_forests_by_name(void **state)
{
    struct config_folder folder;
    struct complaints complaints;
    struct config *c = NULL;
    (void)state;
    config_folder_new(&folder);
    assert_true(config_folder_load(&folder, config_folder_small, &c, &complaints));
    assert_ptr_equal(config_send(c, slice_str("fabrikam-hub")), &c->send[1]);
    assert_null(config_send(c, slice_str("fabrikam-hu")));
    assert_null(config_send(c, slice_str("")));
    assert_ptr_equal(config_forest(c, slice_str("contoso")), &c->forests[0]);
    assert_null(config_forest(c, slice_str("Contoso")));
    config_unref(&c);
    complaints_fini(&complaints);
    config_folder_remove(&folder);
}

static void
config_lives_until_the_last_reference_is_back(void **state)
{
    struct config_folder folder;
    struct complaints complaints;
    struct config *first = NULL;
    (void)state;
    config_folder_new(&folder);
    assert_true(config_folder_load(&folder, config_folder_small, &first, &complaints));
    struct config *second = config_ref(first);
    assert_ptr_equal(second, first);
    config_unref(&first);
    assert_null(first);
    assert_string_equal(second->hostname, "gw.contoso.example");
    config_unref(&second);
    config_unref(&second); /* NULL by now */
    complaints_fini(&complaints);
    config_folder_remove(&folder);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(config_network_holds_its_addresses_and_no_others),
        cmocka_unit_test(config_network_holds_no_client_without_an_address),
        cmocka_unit_test(config_finds_connectors_and_forests_by_name),
        cmocka_unit_test(config_lives_until_the_last_reference_is_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
