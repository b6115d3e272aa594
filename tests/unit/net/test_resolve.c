/* Names to addresses: what libunbound is asked to do, and our own deadline when nobody answers.
 */
#include "gateway/net/resolve.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "gateway/base/buf.h"
#include "gateway/net/resolve_private.h"
#include "tests/kit/dns_server.h"
#include "tests/kit/test.h"
#include "tests/kit/turns.h"

struct asked {
    struct resolve_query *query;
    char answer[512]; /* "10.1.1.1:25 [fd00::1]:25", or the reason */
    enum err_kind kind;
    int calls;
    void (*and_then)(struct asked *a);
    void *context;
};

static void
on_done(void *context, const struct sockaddr_storage *list, size_t count,
        const struct err *err_or_null)
{
    struct asked *a = context;
    struct buf text;
    buf_init(&text, sizeof a->answer - 1);
    for (size_t i = 0; i < count; i++) {
        char host[INET6_ADDRSTRLEN] = "";
        const void *to = &list[i];
        const struct sockaddr_in *v4 = to;
        const struct sockaddr_in6 *v6 = to;
        if (i > 0)
            buf_put_char(&text, ' ');
        if (list[i].ss_family == AF_INET)
            buf_printf(&text, "%s:%u", inet_ntop(AF_INET, &v4->sin_addr, host, sizeof host),
                       (unsigned)ntohs(v4->sin_port));
        else
            buf_printf(&text, "[%s]:%u", inet_ntop(AF_INET6, &v6->sin6_addr, host, sizeof host),
                       (unsigned)ntohs(v6->sin6_port));
    }
    assert_true((err_or_null == NULL) == (count > 0));
    if (err_or_null != NULL)
        buf_put_str(&text, err_or_null->text);
    snprintf(a->answer, sizeof a->answer, "%s", buf_text(&text));
    buf_fini(&text);
    a->kind = err_or_null != NULL ? err_or_null->kind : ERR_NONE;
    a->query = NULL;
    a->calls++;
    if (a->and_then != NULL)
        a->and_then(a);
}

/* ---- A resolver, a hosts file of its own, and a server that answers for zone.example --------
 */

struct bed {
    struct loop *loop;
    struct dns_server *server;
    struct endpoint at; /* the server's */
    struct dns_zone zone;
    struct config config;
    char hosts[64];
    struct resolver *resolver;
};

static void
set_up(struct bed *b, const char *hosts)
{
    *b = (struct bed){.loop = turns_loop(), .hosts = "/tmp/forestgate-hosts-XXXXXX"};
    int fd = mkstemp(b->hosts);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, hosts, strlen(hosts)), (ssize_t)strlen(hosts));
    close(fd);
    b->server = dns_server_new(b->loop, &b->at.addr);
}

static void
begin(struct bed *b)
{
    struct err err;
    if (!resolver_new_from(b->loop, &b->config, b->hosts, "/nonexistent", &b->resolver, &err))
        fail_msg("%s", err.text);
}

static void
begin_with_server(struct bed *b, const char *hosts)
{
    set_up(b, hosts);
    b->config.dns_servers = &b->at;
    b->config.dns_server_count = 1;
    begin(b);
}

static void
tear_down(struct bed *b)
{
    resolver_free(&b->resolver);
    dns_server_free(&b->server);
    loop_free(&b->loop);
    unlink(b->hosts);
}

static void
ask(struct bed *b, struct asked *a, const char *host)
{
    struct err err;
    *a = (struct asked){.kind = ERR_NONE};
    if (!resolve_start(b->resolver, host, 25, on_done, a, &a->query, &err))
        fail_msg("%s", err.text);
    assert_int_equal(a->calls, 0);
}

static const char *
answer(struct bed *b, struct asked *a, const char *host)
{
    ask(b, a, host);
    turns_until_count(b->loop, &a->calls, 1);
    return a->answer;
}

/* ---- Tests --------------------------------------------------------------------------------- */

static void
resolve_answers_addresses_without_dns(void **state)
{
    (void)state;
    struct bed b;
    struct asked a;
    begin_with_server(&b, "");
    assert_string_equal(answer(&b, &a, "10.1.1.1"), "10.1.1.1:25");
    assert_string_equal(answer(&b, &a, "2001:db8::1"), "[2001:db8::1]:25");
    assert_int_equal(dns_server_questions(b.server), 0);
    tear_down(&b);
}

static void
resolve_reads_the_hosts_file_also_without_any_server(void **state)
{
    (void)state;
    struct bed b;
    struct asked a;
    set_up(&b, "# private\n10.1.1.2 hub.contoso.test hub\n10.1.1.1\thub.contoso.test\n"
               "fd00::1 hub.contoso.test\n10.1.1.9 only4.contoso.example\n");
    begin(&b); /* no server at all: resolv.conf does not exist */
    assert_string_equal(answer(&b, &a, "hub.contoso.test"),
                        "10.1.1.1:25 10.1.1.2:25 [fd00::1]:25");
    assert_string_equal(answer(&b, &a, "HUB"), "10.1.1.2:25");
    assert_string_equal(answer(&b, &a, "only4.contoso.example"), "10.1.1.9:25");
    tear_down(&b);
}

static void
resolve_asks_the_server(void **state)
{
    (void)state;
    static const struct {
        const char *say, *host, *answer;
        enum err_kind kind;
    } rows[] = {
        {"IPv4 first, each sorted", "both.zone.example",
         "10.0.0.1:25 10.0.0.2:25 10.0.0.10:25 [fd00::1]:25 [fd00::2]:25", ERR_NONE},
        {"IPv4 only", "four.zone.example", "10.0.0.4:25", ERR_NONE},
        {"IPv6 only", "six.zone.example", "[fd00::6]:25", ERR_NONE},
        {"below test.", "four.zone.test", "10.0.0.4:25", ERR_NONE},
        {"no such name", "nowhere.zone.example", "no such name", ERR_DNS},
        {"a name without addresses", "empty.zone.example", "no address", ERR_DNS},
        {"server failure", "broken.zone.example", "server failure", ERR_DNS},
        {"not written like a name", "a..b", "no such name", ERR_DNS},
        {"more than are taken", "many.zone.example",
         "10.0.1.1:25 10.0.1.2:25 10.0.1.3:25 10.0.1.4:25 10.0.1.5:25 10.0.1.6:25 10.0.1.7:25 "
         "10.0.1.8:25 10.0.1.9:25 10.0.1.10:25 10.0.1.11:25 10.0.1.12:25 10.0.1.13:25 "
         "10.0.1.14:25 10.0.1.15:25 10.0.1.16:25",
         ERR_NONE},
    };
    struct bed b;
    struct asked a;
    begin_with_server(&b, "");
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        if (strcmp(answer(&b, &a, rows[i].host), rows[i].answer) != 0 || a.kind != rows[i].kind)
            fail_row(rows[i].say, "%s", a.answer);
    }
    tear_down(&b);
}

static void
resolve_asks_the_servers_of_a_zone_for_its_names_only(void **state)
{
    (void)state;
    struct bed b;
    struct asked a;
    set_up(&b, "");
    struct sockaddr_storage elsewhere;
    struct dns_server *other = dns_server_new(b.loop, &elsewhere);
    struct endpoint other_at = {.addr = elsewhere};
    b.zone = (struct dns_zone){.zone = "forest.test", .servers = &b.at, .server_count = 1};
    b.config.dns_zones = &b.zone;
    b.config.dns_zone_count = 1;
    b.config.dns_servers = &other_at;
    b.config.dns_server_count = 1;
    begin(&b);
    assert_string_equal(answer(&b, &a, "four.forest.test"), "10.0.0.4:25");
    assert_int_not_equal(dns_server_questions(b.server), 0);
    assert_int_equal(dns_server_questions(other), 0);
    assert_string_equal(answer(&b, &a, "six.other.test"), "[fd00::6]:25");
    assert_int_equal(dns_server_questions_for(b.server, "six"), 0);
    assert_int_not_equal(dns_server_questions_for(other, "six"), 0);
    dns_server_free(&other);
    tear_down(&b);
}

static void
resolve_asks_again_only_when_the_answer_is_old(void **state)
{
    (void)state;
    struct bed b;
    struct asked a;
    begin_with_server(&b, "");
    answer(&b, &a, "four.zone.example");
    int asked_once = dns_server_questions(b.server);
    assert_string_equal(answer(&b, &a, "FOUR.zone.example."), "10.0.0.4:25");
    assert_int_equal(dns_server_questions(b.server), asked_once);
    tear_down(&b);
}

static void
resolve_gives_up_on_silent_servers_by_its_own_clock(void **state)
{
    (void)state;
    struct bed b;
    struct asked a;
    begin_with_server(&b, "");
    resolver_set_deadlines(b.resolver, 20, 20);
    assert_string_equal(answer(&b, &a, "silent.zone.example"),
                        "the DNS servers did not answer in time");
    assert_int_equal(a.kind, ERR_TIMEOUT);
    tear_down(&b);
}

static void
resolve_takes_ipv4_when_the_server_is_silent_about_ipv6(void **state)
{
    (void)state;
    struct bed b;
    struct asked a;
    begin_with_server(&b, "");
    resolver_set_deadlines(b.resolver, 3600 * 1000, 1);
    assert_string_equal(answer(&b, &a, "half.zone.example"), "10.0.0.5:25");
    /* Before libunbound itself gave up: that takes it eleven questions and 17 s. */
    assert_in_range(dns_server_questions_for(b.server, "half"), 2, 7);
    tear_down(&b);
}

static void
resolve_cancelled_never_answers(void **state)
{
    (void)state;
    struct bed b;
    struct asked silent, literal, known, other;
    begin_with_server(&b, "");
    ask(&b, &silent, "silent.zone.example");
    ask(&b, &literal, "10.1.1.1");
    ask(&b, &known, "four.zone.example");
    resolve_cancel(&silent.query);
    resolve_cancel(&literal.query);
    resolve_cancel(&known.query);
    resolve_cancel(&known.query);
    assert_null(known.query);
    answer(&b, &other, "six.zone.example");
    assert_int_equal(silent.calls + literal.calls + known.calls, 0);
    tear_down(&b);
}

static void
free_resolver(struct asked *a)
{
    struct bed *b = a->context;
    resolver_free(&b->resolver);
}

static void
resolver_freed_ends_what_is_under_way_from_the_loop(void **state)
{
    (void)state;
    struct bed b;
    struct asked waiting, trigger, literal;
    begin_with_server(&b, "");
    ask(&b, &waiting, "silent.zone.example");
    ask(&b, &trigger, "four.zone.example");
    trigger.context = &b;
    trigger.and_then = free_resolver; /* from inside an answer */
    turns_until_count(b.loop, &waiting.calls, 1);
    assert_string_equal(trigger.answer, "10.0.0.4:25");
    assert_int_equal(waiting.kind, ERR_CLOSED);

    begin(&b);
    ask(&b, &literal, "10.1.1.1");
    resolver_free(&b.resolver);
    resolver_free(&b.resolver);
    assert_int_equal(literal.calls, 0);
    turns_until_count(b.loop, &literal.calls, 1);
    assert_string_equal(literal.answer, "10.1.1.1:25");
    tear_down(&b);
}

static void
resolve_refuses_what_is_too_long_for_a_name(void **state)
{
    (void)state;
    struct bed b;
    struct resolve_query *q = NULL;
    struct err err;
    char longest[300];
    memset(longest, 'a', sizeof longest);
    longest[sizeof longest - 1] = '\0';
    begin_with_server(&b, "");
    assert_false(resolve_start(b.resolver, "", 25, on_done, NULL, &q, &err));
    assert_int_equal(err.kind, ERR_DNS);
    assert_false(resolve_start(b.resolver, longest, 25, on_done, NULL, &q, &err));
    assert_int_equal(err.kind, ERR_DNS);
    assert_null(q);
    tear_down(&b);
}

/* Strangers choose the names that SPF asks about. */
static void
names_without_an_answer_hold_up_no_other(void **state)
{
    (void)state;
    struct bed b;
    enum { SILENT = 200 };
    static struct asked silent[SILENT];
    struct asked a;
    begin_with_server(&b, "");
    for (int i = 0; i < SILENT; i++) {
        char name[64];
        snprintf(name, sizeof name, "silent.x%d.zone.example", i);
        ask(&b, &silent[i], name);
    }
    assert_string_equal(answer(&b, &a, "four.zone.example"), "10.0.0.4:25");
    for (int i = 0; i < SILENT; i++)
        assert_int_equal(silent[i].calls, 0);
    tear_down(&b);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(resolve_answers_addresses_without_dns),
        cmocka_unit_test(resolve_reads_the_hosts_file_also_without_any_server),
        cmocka_unit_test(resolve_asks_the_server),
        cmocka_unit_test(resolve_asks_the_servers_of_a_zone_for_its_names_only),
        cmocka_unit_test(resolve_asks_again_only_when_the_answer_is_old),
        cmocka_unit_test(resolve_gives_up_on_silent_servers_by_its_own_clock),
        cmocka_unit_test(resolve_takes_ipv4_when_the_server_is_silent_about_ipv6),
        cmocka_unit_test(resolve_cancelled_never_answers),
        cmocka_unit_test(resolver_freed_ends_what_is_under_way_from_the_loop),
        cmocka_unit_test(resolve_refuses_what_is_too_long_for_a_name),
        cmocka_unit_test(names_without_an_answer_hold_up_no_other),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
