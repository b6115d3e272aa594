/* Which messages the words of a queue command mean. */
#include "gateway/ops/queue_select.h"

#include "gateway/ops/control_words.h"
#include "tests/kit/config_text.h"
#include "tests/kit/test.h"

static const char text[] = CONFIG_TEXT_HEAD
    "forests:\n"
    "  contoso: { domains: { contoso.example: authoritative }, deliver: [bridgeheads] }\n"
    "  fabrikam: { domains: { \"*.fabrikam.example\": authoritative }, deliver: [hub] }\n"
    "receive:\n"
    "  legacy: { listen: [main], networks: [10.1.20.0/24], speaks_for: [contoso], auth: none }\n"
    "send:\n"
    "  bridgeheads: { servers: [192.0.2.1], auth: none }\n"
    "  hub: { servers: [192.0.2.2], auth: none }\n";

enum { NOW = 1000 * 1000 * 1000 };

static bool
knows_gone(void *context, struct slice queue)
{
    (void)context;
    return slice_is(queue, "gone");
}

static struct queue_facts
facts_of(void *context, struct slice queue)
{
    (void)context;
    bool is_hub = slice_is(queue, "hub");
    return (struct queue_facts){.in_retry = is_hub,
                                .last_error = is_hub ? "Connection refused" : ""};
}

/* The words of a request; false: *complaint says why. */
static bool
read_words(const struct config *config, const char *request, struct queue_selector *s,
           struct buf *complaint)
{
    static char room[CONTROL_REQUEST_MAX];
    static struct slice words[CONTROL_WORDS];
    size_t count = control_read_words(slice_str(request), room, words);
    bool ok = queue_select_read(s, config, words, &count, knows_gone, NULL, complaint);
    if (ok)
        assert_int_equal(count, 0);
    return ok;
}

static const struct match_row {
    const char *say, *words;
    bool matches;
} match_rows[] = {
    {"everything", "--all", true},
    {"its id", "0000000000005", true},
    {"its queue", "hub", true},
    {"its queue by option", "--queue hub", true},
    {"another queue", "--queue bridgeheads", false},
    {"a queue of its other recipient", "--queue held", true},
    {"a queue that the configuration has no more", "--queue gone", false},
    {"its forest", "--forest fabrikam", true},
    {"another forest", "--forest contoso", false},
    {"the receive connector", "--connector legacy", true},
    {"the send connector", "--connector hub", true},
    {"another connector", "--connector bridgeheads", false},
    {"the sender", "--sender Kim@Contoso.example", true},
    {"a sender's domain", "--sender *@contoso.example", true},
    {"the null sender", "--sender <>", false},
    {"the recipient", "--recipient lee@eu.fabrikam.example", true},
    {"a part of the recipient is not enough", "--recipient lee", false},
    {"a recipient that is done", "--recipient mia@eu.fabrikam.example", false},
    {"old enough", "--older 10m", true},
    {"not old enough", "--older 11m", false},
    {"young enough", "--newer 11m", true},
    {"not young enough", "--newer 10m", false},
    {"large enough", "--larger 4096", true},
    {"too small", "--larger 4097", false},
    {"small enough", "--smaller 5KiB", true},
    {"not small enough", "--smaller 4096", false},
    {"its queue is in retry", "--state retry", true},
    {"nothing of it is suspended", "--state suspended", false},
    {"the trouble of its connector", "--error connection%20refused", true},
    {"other trouble", "--error certificate", false},
    {"all must hold", "--sender kim* --recipient *lee*", true},
    {"one of two does not", "--sender kim* --recipient *nobody*", false},
    {"both of one recipient", "--queue held --recipient lee*", false},
    {"behind another id", "--all --after 0000000000004", true},
    {"not behind itself", "--all --after 0000000000005", false},
};

static struct envelope
message(struct envelope_recipient r[3])
{
    r[0] = (struct envelope_recipient){.address = slice_str("lee@eu.fabrikam.example"),
                                       .connector = slice_str("hub")};
    r[1] = (struct envelope_recipient){.address = slice_str("mia@eu.fabrikam.example"),
                                       .connector = slice_str("hub"),
                                       .state = RECIPIENT_DELIVERED};
    r[2] = (struct envelope_recipient){.address = slice_str("zoe@nowhere.example"),
                                       .state = RECIPIENT_HELD};
    return (struct envelope){.id = 5,
                             .received_unix_ms = NOW - 10 * 60 * 1000,
                             .size = 4096,
                             .from = slice_str("kim@contoso.example"),
                             .receive_connector = slice_str("legacy"),
                             .recipients = r,
                             .recipient_count = 3};
}

static void
selectors_mean_what_they_say(void **state)
{
    (void)state;
    struct config *config = config_of_text(text);
    struct envelope_recipient r[3];
    struct envelope e = message(r);
    for (size_t i = 0; i < COUNT_OF(match_rows); i++) {
        const struct match_row *row = &match_rows[i];
        struct queue_selector s;
        struct buf complaint;
        buf_init(&complaint, 1000);
        if (!read_words(config, row->words, &s, &complaint))
            fail_row(row->say, "%s", buf_text(&complaint));
        bool is_id = s.id_count == 1 && s.ids[0] == 5; /* the walk looks at these alone */
        if (!is_id && s.id_count > 0)
            fail_row(row->say, "another id");
        if (queue_select_matches(&s, &e, NOW, facts_of, NULL) != row->matches)
            fail_row(row->say, "%s", row->matches ? "does not match" : "matches");
        buf_fini(&complaint);
    }
    config_unref(&config);
}

static const struct {
    const char *words, *complaint;
} wrong_rows[] = {
    {"--queue nowhere", "There is no queue of that name"},
    {"nowhere", "Neither a queue nor a queue id"},
    {"hub bridgeheads", "One queue at a time"},
    {"--forest nowhere", "There is no forest of that name"},
    {"--state asleep", "--state is active"},
    {"--older soon", "An age is"},
    {"--larger big", "A size is"},
    {"--limit 0", "--limit takes"},
    {"--after hub", "--after takes"},
    {"--sender", "A value is missing"},
    {"0000000000005 --sender kim*", "Queue ids stand alone"},
    {"0000000000005 --all", "Queue ids stand alone"},
};

static void
wrong_words_are_refused_with_a_sentence(void **state)
{
    (void)state;
    struct config *config = config_of_text(text);
    for (size_t i = 0; i < COUNT_OF(wrong_rows); i++) {
        struct queue_selector s;
        struct buf complaint;
        buf_init(&complaint, 1000);
        if (read_words(config, wrong_rows[i].words, &s, &complaint))
            fail_row(wrong_rows[i].words, "is taken");
        if (strstr(buf_text(&complaint), wrong_rows[i].complaint) == NULL)
            fail_row(wrong_rows[i].words, "says: %s", buf_text(&complaint));
        buf_fini(&complaint);
    }
    config_unref(&config);
}

static bool
is_whole(const struct config *config, const char *words)
{
    struct queue_selector s;
    struct buf complaint;
    buf_init(&complaint, 1000);
    assert_true(read_words(config, words, &s, &complaint));
    buf_fini(&complaint);
    return s.is_whole;
}

static void
a_queue_is_whole_when_nothing_narrows_it(void **state)
{
    (void)state;
    struct config *config = config_of_text(text);
    assert_true(is_whole(config, "hub"));
    assert_true(is_whole(config, "poison"));
    assert_false(is_whole(config, "--queue hub"));
    assert_false(is_whole(config, "hub --older 1h"));
    assert_false(is_whole(config, "hub --limit 5"));
    assert_false(is_whole(config, "--all"));
    config_unref(&config);
}

static void
patterns_have_stars(void **state)
{
    static const struct {
        const char *pattern, *text;
        bool matches;
    } rows[] = {
        {"", "", true},          {"*", "", true},
        {"", "a", false},        {"a*", "A", true},
        {"a*c", "abbc", true},   {"a*c", "abbd", false},
        {"*b*", "abc", true},    {"*bc", "abcbc", true},
        {"**a**", "a", true},    {"a*b*c", "axbxbxc", true},
        {"a*b*c", "axc", false},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        if (queue_select_glob(slice_str(rows[i].pattern), slice_str(rows[i].text)) !=
            rows[i].matches)
            fail_row(rows[i].pattern, "on \"%s\"", rows[i].text);
}

static void
words_survive_the_socket(void **state)
{
    static const char hostile[] = "a b%41%\n\xff\0c";
    (void)state;
    struct buf request;
    char room[200];
    struct slice words[CONTROL_WORDS];
    buf_init(&request, 200);
    control_put_word(&request, slice_str("queue"));
    control_put_word(&request, slice(hostile, sizeof hostile - 1));
    assert_int_equal(slice_find(buf_slice(&request), '\n'), request.len);
    assert_int_equal(control_read_words(buf_slice(&request), room, words), 2);
    assert_true(slice_equal(words[1], slice(hostile, sizeof hostile - 1)));
    assert_int_equal(control_read_words(slice_str("% %4 %4x %%41"), room, words), 4);
    assert_true(slice_is(words[0], "%") && slice_is(words[1], "%4"));
    assert_true(slice_is(words[2], "%4x") && slice_is(words[3], "%A"));
    buf_fini(&request);
}

static void
an_answer_that_is_cut_short_has_no_end(void **state)
{
    (void)state;
    struct buf answer;
    buf_init(&answer, 100);
    control_put_end(&answer, 1);
    assert_int_equal(control_read_end(buf_slice(&answer)), 1);
    assert_int_equal(control_read_end(slice("\0"
                                            "1",
                                            2)),
                     -1);
    assert_int_equal(control_read_end(slice_str("")), -1);
    assert_int_equal(control_read_end(slice("x1\n", 3)), -1);
    buf_fini(&answer);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(selectors_mean_what_they_say),
        cmocka_unit_test(wrong_words_are_refused_with_a_sentence),
        cmocka_unit_test(a_queue_is_whole_when_nothing_narrows_it),
        cmocka_unit_test(patterns_have_stars),
        cmocka_unit_test(words_survive_the_socket),
        cmocka_unit_test(an_answer_that_is_cut_short_has_no_end),
    };
    return cmocka_run_group_tests_name("queue_select", tests, NULL, NULL);
}
