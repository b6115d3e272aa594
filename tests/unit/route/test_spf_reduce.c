/* A record as one client meets it. */
#include "gateway/route/spf_reduce.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include "gateway/base/must.h"
#include "tests/kit/test.h"

static const struct row {
    const char *client, *record, *want;
} rows[] = {
    {"10.2.0.7", "v=spf1", "v=spf1"},
    {"10.2.0.7", "V=SPF1  a   mx -all ", "V=SPF1 a mx -all"},
    {"10.2.0.7", "v=spf1 ip4:10.9.0.1 ip4:10.9.0.0/24 ip6:fd00::/8 -all", "v=spf1 -all"},
    {"10.2.0.7", "v=spf1 ip4:10.9.0.1 ~IP4:10.2.0.0/16 ip4:10.0.0.0/8 -all",
     "v=spf1 ~ip4:10.2.0.7 -all"},
    {"10.2.0.7", "v=spf1 a ip4:10.2.0.7 mx", "v=spf1 a ip4:10.2.0.7 mx"},
    {"10.2.0.7", "v=spf1 ?ip4:0.0.0.0/0 -all", "v=spf1 ?ip4:10.2.0.7 -all"},
    {"10.2.0.7", "v=spf1 ip6:::/0 -all", "v=spf1 -all"},
    {"fd00::7", "v=spf1 ip4:0.0.0.0/0 -ip6:::/0 ip6:fd00::7", "v=spf1 -ip6:fd00::7"},
    {"fd00::7", "v=spf1 ip6:fd00::/8 -all", "v=spf1 ip6:fd00::7 -all"},
    /* What is wrong stays for the library to find. */
    {"10.2.0.7", "v=spf1 ip4:10.2.0.0/33 -all", "v=spf1 ip4:10.2.0.0/33 -all"},
    {"10.2.0.7", "v=spf1 ip4:10.2.0.0/08 -all", "v=spf1 ip4:10.2.0.0/08 -all"},
    {"10.2.0.7", "v=spf1 ip4:10.2.0.0/ -all", "v=spf1 ip4:10.2.0.0/ -all"},
    {"10.2.0.7", "v=spf1 ip4:10.2 ip4: ip6:10.2.0.7 ip4 -all",
     "v=spf1 ip4:10.2 ip4: ip6:10.2.0.7 ip4 -all"},
    {"10.2.0.7", "v=spf1 ip4:fd00::7 +-ip4:10.2.0.7", "v=spf1 ip4:fd00::7 +-ip4:10.2.0.7"},
    /* redirect is last, or not at all. */
    {"10.2.0.7", "v=spf1 redirect=a.example mx exp=b.example",
     "v=spf1 mx exp=b.example redirect=a.example"},
    {"10.2.0.7", "v=spf1 Redirect=a.example ?ALL", "v=spf1 ?ALL"},
    {"10.2.0.7", "v=spf1 redirect=a.example redirect=b.example", "v=spf1 refused-by-forestgate"},
    {"10.2.0.7", "v=spf1 exp=a.example Exp=a.example -all", "v=spf1 refused-by-forestgate"},
};

static void
terms_that_cannot_matter_go_and_the_others_stay(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct sockaddr_storage client = {.ss_family = AF_INET};
        void *at = &client;
        struct sockaddr_in *v4 = at;
        struct sockaddr_in6 *v6 = at;
        struct buf out;
        if (inet_pton(AF_INET, rows[i].client, &v4->sin_addr) != 1) {
            client.ss_family = AF_INET6;
            assert_int_equal(inet_pton(AF_INET6, rows[i].client, &v6->sin6_addr), 1);
        }
        buf_init(&out, 256);
        spf_reduce(&out, slice_str(rows[i].record), at);
        if (!slice_is(buf_slice(&out), rows[i].want))
            fail_row(rows[i].record, "gave %s", buf_text(&out));
        buf_fini(&out);
    }
}

static void
mechanisms_are_all_terms_but_modifiers(void **state)
{
    (void)state;
    assert_int_equal(spf_mechanisms(slice_str("v=spf1")), 0);
    assert_int_equal(spf_mechanisms(slice_str("v=spf1  a  -mx:x.example/24 ~all ")), 3);
    assert_int_equal(spf_mechanisms(slice_str("v=spf1 exp=x some-thing.x_1=y a:b=c")), 1);
    assert_int_equal(spf_mechanisms(slice_str("v=spf1 redirect=x.example")), 1);
    assert_int_equal(spf_mechanisms(slice_str("v=spf1 =x 1=x")), 2);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(terms_that_cannot_matter_go_and_the_others_stay),
        cmocka_unit_test(mechanisms_are_all_terms_but_modifiers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
