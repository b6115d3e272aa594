/*
 * A probe against a server in a thread that says its replies and reads, whatever it hears; in
 * clear, for the handshake has its own tests and the black box sees all of it.
 */
#include "gateway/ops/probe.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "gateway/base/mem.h"
#include "tests/kit/mx.h"
#include "tests/kit/test.h"

enum { SAID_MAX = 4096 };

/* Each reply is said when a line came, the first at once; then it closes. */
struct script {
    struct mx mx;
    const char *const *replies;
    char said[SAID_MAX]; /* by the client */
};

static void
serve(int fd, void *context)
{
    struct script *s = context;
    s->said[0] = '\0';
    for (size_t i = 0; s->replies[i] != NULL; i++) {
        if (i > 0 && !mx_hear_line(fd, s->said, sizeof s->said))
            return;
        if (send(fd, s->replies[i], strlen(s->replies[i]), MSG_NOSIGNAL) < 0)
            return;
    }
}

static void
script_open(struct script *s, const char *const *replies)
{
    *s = (struct script){.replies = replies};
    mx_open(&s->mx, serve, s);
}

static struct probe_settings
settings_in_clear(void)
{
    struct probe_settings s = {.hello = "gw.a.example", .mail_count = 1, .timeout_ms = 20000};
    s.mails[0] = (struct probe_mail){.from = "kim@a.example", .to_count = 2};
    s.mails[0].to[0].address = slice_str("lee@b.example");
    s.mails[0].to[1].address = slice_str("max@b.example");
    s.limits.critical_days = s.limits.warning_days = PROBE_NEVER;
    return s;
}

static const char *const good[] = {"220 mx ESMTP\r\n",   "250-mx\r\n250 PIPELINING\r\n",
                                   "250 2.1.0 ok\r\n",   "550 5.1.1 who?\r\n",
                                   "250 2.1.5 fine\r\n", "250 2.0.0 reset\r\n",
                                   "221 bye\r\n",        NULL};

static void
it_goes_as_far_as_the_envelope_and_leaves_nothing(void **state)
{
    (void)state;
    struct script server;
    struct probe *p = NULL;
    struct err err;
    const struct probe_settings s = settings_in_clear();
    script_open(&server, good);
    const struct probe_target target = {"127.0.0.1", server.mx.port};
    assert_true(probe_run(&s, &target, 1, &p, &err));
    assert_int_equal(probe_count(p), 1);
    const struct probe_result *r = probe_results(p)[0];
    static const enum probe_kind kinds[] = {PROBE_RESOLVE, PROBE_CONNECT, PROBE_BANNER,
                                            PROBE_EHLO,    PROBE_MAIL,    PROBE_RCPT,
                                            PROBE_RCPT,    PROBE_RSET,    PROBE_QUIT};
    uint64_t us = 0;
    assert_int_equal(r->step_count, COUNT_OF(kinds));
    for (size_t i = 0; i < COUNT_OF(kinds); i++) {
        assert_int_equal(r->steps[i].kind, kinds[i]);
        assert_int_equal(r->steps[i].state, i == 5 ? PROBE_CRITICAL : PROBE_OK);
        us += r->steps[i].us;
    }
    assert_true(us <= r->us);
    assert_string_equal(r->steps[5].text, "lee@b.example: 550 5.1.1 who?");
    probe_free(&p);
    mx_close(&server.mx);
    assert_string_equal(server.said, "EHLO gw.a.example\r\nMAIL FROM:<kim@a.example>\r\n"
                                     "RCPT TO:<lee@b.example>\r\nRCPT TO:<max@b.example>\r\n"
                                     "RSET\r\nQUIT\r\n");
}

static void
several_targets_come_back_in_their_order(void **state)
{
    (void)state;
    struct script server;
    struct probe *p = NULL;
    struct err err;
    struct probe_settings s = settings_in_clear();
    s.every_address = true;
    script_open(&server, good);
    const struct probe_target targets[] = {
        {"no..name", 25}, {"127.0.0.1", server.mx.port}, {"127.0.0.1", 1}};
    assert_true(probe_run(&s, targets, COUNT_OF(targets), &p, &err));
    assert_int_equal(probe_count(p), 3);
    const struct probe_result *const *r = probe_results(p);
    assert_int_equal(probe_worst_step(r[0])->kind, PROBE_RESOLVE);
    assert_int_equal(probe_worst_step(r[1])->kind, PROBE_RCPT);
    assert_int_equal(probe_worst_step(r[2])->kind, PROBE_CONNECT);
    probe_free(&p);
    mx_close(&server.mx);
}

static void
the_failure_of_each_allocation_is_told(void **state)
{
    (void)state;
    struct script server;
    struct err err;
    const struct probe_settings s = settings_in_clear();
    script_open(&server, good);
    const struct probe_target target = {"127.0.0.1", server.mx.port};
    bool well = false;
    for (long calls = 0; !well && calls < 500; calls++) {
        struct probe *p = NULL;
        mem_fail_after(calls);
        bool ran = probe_run(&s, &target, 1, &p, &err);
        mem_fail_after(-1);
        assert_true(ran || err.kind == ERR_NOMEM);
        well = ran && probe_results(p)[0]->step_count == 9;
        for (size_t i = 0; ran && !well && i < probe_count(p); i++)
            assert_int_not_equal(probe_state_of(probe_results(p)[i]), PROBE_OK);
        probe_free(&p);
    }
    assert_true(well);
    mx_close(&server.mx);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_goes_as_far_as_the_envelope_and_leaves_nothing),
        cmocka_unit_test(several_targets_come_back_in_their_order),
        cmocka_unit_test(the_failure_of_each_allocation_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
