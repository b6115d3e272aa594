/* SPF on the loop, over a DNS server in the loop of the test: look-ups, deadlines, ends. */
#include "gateway/net/spf.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>

#include "gateway/base/buf.h"
#include "gateway/net/resolve_private.h"
#include "gateway/net/spf_private.h"
#include "tests/kit/dns_server.h"
#include "tests/kit/test.h"
#include "tests/kit/turns.h"

static const char *const book[] = {
    "pass.example TXT v=spf1 include:mx.example a ptr -all",
    "mx.example TXT v=spf1 mx ~all",
    "mx.example MX mail.mx.example",
    "mail.mx.example A 10.9.0.1",
    "pass.example A 10.9.0.2",
    "7.0.2.10.in-addr.arpa PTR client.pass.example",
    "client.pass.example A 10.2.0.7",
    "fail.example TXT unrelated",
    "fail.example TXT v=spf1 -all",
    "broken.example TXT !",
    "silent.example TXT ~",
    "slow.example TXT v=spf1 a:silent-host.example -all",
    "silent-host.example A ~",
    "long.example TXT v=spf1 ip4:10.9.0.1 ip4:10.9.0.2 ip4:10.9.0.3 ip4:10.9.0.4 ip4:10.9.0.5 "
    "ip4:10.9.0.6 ip4:10.9.0.7 ip4:10.9.0.8 ip4:10.9.0.9 ip4:10.9.0.10 ip4:10.9.0.11 "
    "ip4:10.9.0.12 ip4:10.9.0.13 ip4:10.9.0.14 ip4:10.9.0.15 ip4:10.2.0.7 -all",
    "odd.example TXT v=spf1 exists:%{l}.example -all",
    NULL,
};

struct bed {
    struct loop *loop;
    struct dns_server *server;
    struct endpoint at; /* the server's */
    struct config config;
    struct resolver *resolver;
};

static void
open_resolver(struct bed *b)
{
    struct err err;
    if (!resolver_new_from(b->loop, &b->config, "/nonexistent", "/nonexistent", &b->resolver,
                           &err))
        fail_msg("%s", err.text);
}

static void
set_up(struct bed *b)
{
    *b = (struct bed){.loop = turns_loop()};
    b->server = dns_server_new(b->loop, &b->at.addr);
    dns_server_use_book(b->server, book);
    b->config.dns_servers = &b->at;
    b->config.dns_server_count = 1;
    open_resolver(b);
}

static void
tear_down(struct bed *b)
{
    resolver_free(&b->resolver);
    dns_server_free(&b->server);
    loop_free(&b->loop);
}

struct asked {
    struct spf_query *query;
    struct spf_answer answer;
    int calls;
    void (*and_then)(struct asked *a);
    struct bed *bed;
};

static void
on_done(void *context, const struct spf_answer *answer)
{
    struct asked *a = context;
    a->answer = *answer;
    a->query = NULL;
    a->calls++;
    if (a->and_then != NULL)
        a->and_then(a);
}

static void
ask(struct bed *b, struct asked *a, const char *local, const char *domain)
{
    struct sockaddr_in client = {.sin_family = AF_INET};
    const void *at = &client;
    assert_int_equal(inet_pton(AF_INET, "10.2.0.7", &client.sin_addr), 1);
    const struct spf_question_of of = {at, slice_str("ex03.pass.example"), slice_str(local),
                                       slice_str(domain)};
    *a = (struct asked){.bed = b};
    assert_true(spf_start(b->loop, b->resolver, &of, on_done, a, &a->query));
    assert_int_equal(a->calls, 0);
}

static enum spf_result
result_of(struct bed *b, struct asked *a, const char *local, const char *domain)
{
    ask(b, a, local, domain);
    turns_until_count(b->loop, &a->calls, 1);
    return a->answer.result;
}

/* ---- Tests --------------------------------------------------------------------------------- */

static void
spf_asks_dns_as_long_as_it_needs(void **state)
{
    (void)state;
    struct bed b;
    struct asked a;
    set_up(&b);
    assert_int_equal(result_of(&b, &a, "kim", "pass.example"), SPF_PASS);
    assert_string_equal(a.answer.why, "pass.example lets 10.2.0.7 send its mail");
    assert_false(a.answer.is_closed);
    assert_int_not_equal(dns_server_questions_for(b.server, "client"), 0);
    assert_int_equal(result_of(&b, &a, "kim", "fail.example"), SPF_FAIL);
    assert_int_equal(result_of(&b, &a, "kim", "missing.example"), SPF_NONE);
    assert_int_equal(result_of(&b, &a, "kim", "broken.example"), SPF_TEMPERROR);
    assert_int_equal(result_of(&b, &a, "kim", "long.example"), SPF_PASS); /* two strings */
    tear_down(&b);
}

static void
spf_takes_local_parts_that_are_no_names(void **state)
{
    (void)state;
    struct bed b;
    struct asked a;
    char longest[400];
    memset(longest, 'x', sizeof longest);
    longest[sizeof longest - 1] = '\0';
    set_up(&b);
    assert_int_equal(result_of(&b, &a, "\"kim .. o'hara\\", "odd.example"), SPF_FAIL);
    assert_int_equal(result_of(&b, &a, "..", "odd.example"), SPF_FAIL);
    assert_int_equal(result_of(&b, &a, longest, "odd.example"), SPF_FAIL);
    tear_down(&b);
}

static void
spf_answers_from_the_cache_the_second_time(void **state)
{
    (void)state;
    struct bed b;
    struct asked a;
    set_up(&b);
    assert_int_equal(result_of(&b, &a, "kim", "pass.example"), SPF_PASS);
    int questions = dns_server_questions(b.server);
    assert_int_equal(result_of(&b, &a, "kim", "pass.example"), SPF_PASS);
    assert_int_equal(dns_server_questions(b.server), questions);
    tear_down(&b);
}

static void
a_look_up_without_an_answer_is_a_temporary_error(void **state)
{
    (void)state;
    struct bed b;
    struct asked a;
    set_up(&b);
    resolver_set_deadlines(b.resolver, 20, 20);
    assert_int_equal(result_of(&b, &a, "kim", "silent.example"), SPF_TEMPERROR);
    assert_string_equal(a.answer.why, "DNS could not tell about silent.example");
    tear_down(&b);
}

static void
the_whole_check_has_an_end(void **state)
{
    (void)state;
    struct bed b;
    struct asked a;
    set_up(&b);
    resolver_set_deadlines(b.resolver, 3600 * 1000, 1);
    ask(&b, &a, "kim", "slow.example");
    spf_set_deadline(a.query, 20);
    turns_until_count(b.loop, &a.calls, 1);
    assert_int_equal(a.answer.result, SPF_TEMPERROR);
    assert_string_equal(a.answer.why, "the DNS servers did not answer in time");
    assert_false(a.answer.is_closed);
    tear_down(&b);
}

static void
spf_cancelled_never_answers(void **state)
{
    (void)state;
    struct bed b;
    struct asked silent, known, other;
    set_up(&b);
    ask(&b, &silent, "kim", "silent.example");
    ask(&b, &known, "kim", "fail.example");
    spf_cancel(&silent.query);
    spf_cancel(&known.query);
    spf_cancel(&known.query);
    assert_null(known.query);
    result_of(&b, &other, "kim", "pass.example");
    assert_int_equal(silent.calls + known.calls, 0);
    tear_down(&b);
}

static void
free_resolver(struct asked *a)
{
    resolver_free(&a->bed->resolver);
}

static void
a_freed_resolver_ends_checks_that_can_be_made_again(void **state)
{
    (void)state;
    struct bed b;
    struct asked waiting, trigger;
    set_up(&b);
    ask(&b, &waiting, "kim", "silent.example");
    ask(&b, &trigger, "kim", "fail.example");
    trigger.and_then = free_resolver; /* from inside an answer */
    turns_until_count(b.loop, &waiting.calls, 1);
    assert_int_equal(trigger.answer.result, SPF_FAIL);
    assert_true(waiting.answer.is_closed);
    assert_int_equal(waiting.answer.result, SPF_TEMPERROR);

    open_resolver(&b);
    ask(&b, &waiting, "kim", "pass.example");
    resolver_free(&b.resolver); /* before anything came */
    assert_int_equal(waiting.calls, 0);
    turns_until_count(b.loop, &waiting.calls, 1);
    assert_true(waiting.answer.is_closed);
    tear_down(&b);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(spf_asks_dns_as_long_as_it_needs),
        cmocka_unit_test(spf_takes_local_parts_that_are_no_names),
        cmocka_unit_test(spf_answers_from_the_cache_the_second_time),
        cmocka_unit_test(a_look_up_without_an_answer_is_a_temporary_error),
        cmocka_unit_test(the_whole_check_has_an_end),
        cmocka_unit_test(spf_cancelled_never_answers),
        cmocka_unit_test(a_freed_resolver_ends_checks_that_can_be_made_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
