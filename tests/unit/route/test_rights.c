#include "gateway/route/rights.h"

#include "gateway/base/ascii.h"
#include "tests/kit/test.h"

static void
rights_have_each_a_word_a_side_and_two_sentences(void **state)
{
    unsigned all = 0;
    (void)state;
    for (size_t i = 0; i < RIGHT_COUNT; i++) {
        const struct right_name *name = &right_names[i];
        const struct right_meaning *meaning = right_meaning(name->right);
        assert_int_equal(all & (unsigned)name->right, 0);
        all |= (unsigned)name->right;
        assert_string_equal(right_word(name->right), name->word);
        if (strncmp(name->exchange, "ms-Exch-", 8) != 0)
            fail_row(name->word, "is %s", name->exchange);
        if (name->is_send != (strncmp(name->word, "send-", 5) == 0))
            fail_row(name->word, "is on the wrong side");
        if (meaning->held[strlen(meaning->held) - 1] != '.' ||
            meaning->not_held[strlen(meaning->not_held) - 1] != '.')
            fail_row(name->word, "has a sentence without end");
        /* The word is Exchange's, without its prefix. */
        const char *tail = name->exchange + strlen(name->exchange) - strlen(name->word);
        if (!ascii_is(slice_str(tail), name->word))
            fail_row(name->word, "is not %s", name->exchange);
    }
    assert_int_equal(all, 2 * RIGHT_SEND_EXCH50 - 1);
}

static void
rights_bypass_the_limit_of_the_connector_and_not_that_of_all(void **state)
{
    struct config config = {.limit_message_size = 1000};
    struct receive_connector c = {.message_size = 10};
    (void)state;
    assert_int_equal(rights_message_size(&config, &c), 10);
    c.rights = ~(unsigned)RIGHT_BYPASS_MESSAGE_SIZE_LIMIT;
    assert_int_equal(rights_message_size(&config, &c), 10);
    c.rights = RIGHT_BYPASS_MESSAGE_SIZE_LIMIT;
    assert_int_equal(rights_message_size(&config, &c), 1000);
}

static void
rights_manual_names_each_right_with_its_meaning(void **state)
{
    struct buf out;
    (void)state;
    buf_init(&out, 64 * 1024);
    rights_manual(&out);
    const char *text = buf_text(&out);
    for (size_t i = 0; i < RIGHT_COUNT; i++) {
        const struct right_meaning *meaning = right_meaning(right_names[i].right);
        assert_non_null(strstr(text, right_names[i].exchange));
        assert_non_null(strstr(text, meaning->held));
        assert_non_null(strstr(text, meaning->not_held));
    }
    assert_non_null(strstr(text, "\naccept-headers-routing\n    ms-Exch-Accept-Headers-Routing; "
                                 "receive connectors; default\n"));
    assert_non_null(strstr(text, "\naccept-any-sender\n    ms-Exch-SMTP-Accept-Any-Sender; "
                                 "receive connectors\n"));
    buf_fini(&out);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rights_have_each_a_word_a_side_and_two_sentences),
        cmocka_unit_test(rights_bypass_the_limit_of_the_connector_and_not_that_of_all),
        cmocka_unit_test(rights_manual_names_each_right_with_its_meaning),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
