#include "gateway/ops/doctor_findings.h"

#include "tests/kit/masked.h"
#include "tests/kit/test.h"

static void
a_product_is_told_by_the_shape_of_its_banner(void **state)
{
    (void)state;
    static const struct {
        const char *banner;
        enum doctor_product product;
    } rows[] = {
        {"host ESMTP Server (Microsoft Exchange Internet Mail Service 5.5.2653.13) ready",
         PRODUCT_EXCHANGE_5},
        {"host Microsoft ESMTP MAIL Service, Version: 5.0.2195.6713 ready at  Sat, 3 Sep 2011 "
         "08:39:16 -0700",
         PRODUCT_WINDOWS_2000},
        {"host Microsoft ESMTP MAIL Service, Version: 6.0.3790.4675 ready at  Sat, 3 Sep 2011",
         PRODUCT_WINDOWS_2003},
        {"host Microsoft ESMTP MAIL Service, Version: 7.5.7601.17514 ready at Sat",
         PRODUCT_WINDOWS_LATER},
        {"host Microsoft ESMTP MAIL Service ready at Thu, 6 May 2010 10:00:00 +0200",
         PRODUCT_EXCHANGE_2007},
        {"host microsoft esmtp mail service ready at", PRODUCT_EXCHANGE_2007},
        {"host ESMTP Postfix (Debian/GNU)", PRODUCT_POSTFIX},
        {"host ESMTP Exim 4.96 Mon, 23 Nov 2026 03:28:32 +0000", PRODUCT_EXIM},
        {"gw.contoso.example ESMTP forestgate", PRODUCT_FORESTGATE},
        {"postfix.contoso.example ESMTP", PRODUCT_UNKNOWN},
        {"mx ESMTP", PRODUCT_UNKNOWN},
        {"mx", PRODUCT_UNKNOWN},
        {"", PRODUCT_UNKNOWN},
        {"**************************************", PRODUCT_MASKED},
        {"****0*2******** ********", PRODUCT_MASKED},
        {"host *************0**", PRODUCT_MASKED},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct slice banner = slice_str(rows[i].banner);
        enum doctor_product found = doctor_product_of(banner);
        if (found != rows[i].product)
            fail_msg("%.*s: %s", SLICE_ARG(banner), doctor_product_text(found));
    }
}

static void
every_product_has_words(void **state)
{
    (void)state;
    for (unsigned p = 0; p < PRODUCTS; p++) {
        assert_non_null(doctor_product_text((enum doctor_product)p));
        assert_non_null(doctor_product_word((enum doctor_product)p));
    }
}

#define BIT(k) (1U << KEYWORD_##k)

static void
a_list_is_read_by_lines(void **state)
{
    (void)state;
    static const struct {
        const char *say, *hello;
        unsigned found;
        const char *mechanisms, *masked;
    } rows[] = {
        {"nothing", "", 0, "", ""},
        {"a name alone, whatever it is", "XEXCH50", 0, "", ""},
        {"2003",
         "h Hello [10.1.1.1]\nTURN\nATRN\nETRN\nDSN\nBINARYMIME\nCHUNKING\nX-EXPS GSSAPI\n"
         "X-EXPS=LOGIN\nAUTH GSSAPI NTLM LOGIN\nAUTH=LOGIN\nX-LINK2STATE\nXEXCH50\nOK",
         BIT(TURN) | BIT(ATRN) | BIT(ETRN) | BIT(X_EXPS) | BIT(AUTH_EQUALS) | BIT(X_LINK2STATE),
         "GSSAPI NTLM LOGIN", ""},
        {"2010", "h\nx-anonymoustls\nXRDST\nXSHADOW\nAUTH\nSMTPUTF8\nENHANCEDSTATUSCODES",
         BIT(X_ANONYMOUSTLS) | BIT(XRDST) | BIT(XSHADOW), "", ""},
        {"a mechanism twice", "h\nAUTH LOGIN\nAUTH=LOGIN\nAUTH login  NTLM", BIT(AUTH_EQUALS),
         "LOGIN NTLM", ""},
        {"a word that only begins so", "h\nDSNX\nXEXCH500", 0, "", ""},
        {"masked", "h\n" MASKED_STARTTLS "\n********\nDSN", 0, "", MASKED_STARTTLS},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct doctor_offers o;
        doctor_offers_read(&o, rows[i].hello);
        if (o.found != rows[i].found || strcmp(o.mechanisms, rows[i].mechanisms) != 0 ||
            strcmp(o.masked, rows[i].masked) != 0)
            fail_row(rows[i].say, "%x \"%s\" \"%s\"", o.found, o.mechanisms, o.masked);
        assert_int_equal(o.heard, rows[i].hello[0] != '\0');
        assert_int_equal(o.ehlo.masked, o.masked[0] != '\0');
    }
}

static void
more_mechanisms_than_have_room_are_left_out(void **state)
{
    (void)state;
    struct doctor_offers o;
    char hello[600] = "h\nAUTH ";
    for (size_t n = strlen(hello); n + 12 < sizeof hello; n += 11)
        memcpy(hello + n, "MECHANISM-A", 12), hello[n + 9] = (char)('A' + n % 23),
                                                        hello[n + 10] = ' ';
    doctor_offers_read(&o, hello);
    assert_in_range(strlen(o.mechanisms), 100, sizeof o.mechanisms - 1);
}

static void
the_list_is_shown_without_the_name(void **state)
{
    (void)state;
    struct buf out;
    buf_init(&out, 100);
    doctor_put_list(&out, "hub1 Hello [10.1.1.1]\nSIZE 1000\nOK ");
    assert_string_equal(buf_text(&out), "SIZE 1000, OK");
    buf_clear(&out);
    doctor_put_list(&out, "hub1");
    assert_string_equal(buf_text(&out), "");
    buf_fini(&out);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_product_is_told_by_the_shape_of_its_banner),
        cmocka_unit_test(every_product_has_words),
        cmocka_unit_test(a_list_is_read_by_lines),
        cmocka_unit_test(more_mechanisms_than_have_room_are_left_out),
        cmocka_unit_test(the_list_is_shown_without_the_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
