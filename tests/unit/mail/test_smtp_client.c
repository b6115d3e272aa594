/*
 * What dialogues (tests/dialogue/client) cannot say: bounds, memory, and secrets.
 */
#include "gateway/mail/smtp_client.h"

#include <stdio.h>

#include "gateway/base/mem.h"
#include "tests/kit/test.h"

enum { MANY = 5000, OUTPUT_BOUND = 64 * 1024 + 2048, BODY_BOUND = 128 * 1024 };

static void
hear(struct smtp_client *c, const char *text)
{
    struct slice in = slice_str(text);
    smtp_client_feed(c, &in, 0);
    assert_int_equal(in.len, 0);
}

static void
flush(struct smtp_client *c)
{
    while (smtp_client_output(c).len > 0)
        smtp_client_sent(c, smtp_client_output(c).len);
}

/* NULL: out of memory on the way. */
static struct smtp_client *
ready_client(const char *offers)
{
    const struct smtp_client_settings settings = {.hello = slice_str("gw.a.example")};
    struct smtp_client *c = smtp_client_new(&settings, 0);
    if (c == NULL)
        return NULL;
    hear(c, "220 mx.b.example\r\n");
    flush(c);
    hear(c, offers);
    if (smtp_client_task(c) != SMTP_TASK_READY)
        smtp_client_free(&c);
    return c;
}

static const char pipelining[] = "250-mx.b.example\r\n250 PIPELINING\r\n";

struct crowd {
    char names[MANY][32];
    struct smtp_to to[MANY];
    struct smtp_outcome outcomes[MANY];
    struct smtp_transaction mail;
};

static struct crowd *
crowd_new(void)
{
    struct crowd *crowd = mem_new(sizeof *crowd);
    assert_non_null(crowd);
    for (size_t i = 0; i < MANY; i++) {
        snprintf(crowd->names[i], sizeof crowd->names[i], "user%zu@contoso.example", i);
        crowd->to[i].address = slice_str(crowd->names[i]);
    }
    crowd->mail = (struct smtp_transaction){.from = slice_str("kim@a.example"),
                                            .to = crowd->to,
                                            .to_count = MANY,
                                            .outcomes = crowd->outcomes};
    return crowd;
}

/* A server that answers nothing must not make us collect thousands of commands. */
static void
smtp_client_says_only_so_much_ahead(void **state)
{
    (void)state;
    struct crowd *crowd = crowd_new();
    struct smtp_client *c = ready_client(pipelining);
    smtp_client_send(c, &crowd->mail, 0);
    size_t total = 0, len;
    while ((len = smtp_client_output(c).len) > 0) {
        assert_true(len < OUTPUT_BOUND);
        size_t n = len < 1000 ? len : 1000;
        smtp_client_sent(c, n);
        total += n;
    }
    assert_true(total > (size_t)MANY * 30); /* all was said in the end */
    hear(c, "250 OK\r\n");
    for (size_t i = 0; i < MANY; i++)
        hear(c, i % 2 ? "550 5.1.1 No\r\n" : "250 2.1.5 OK\r\n");
    hear(c, "354 Go\r\n");
    assert_int_equal(smtp_client_task(c), SMTP_TASK_BODY);
    smtp_client_body_end(c, 0);
    flush(c);
    hear(c, "250 2.6.0 Queued\r\n");
    assert_int_equal(smtp_client_task(c), SMTP_TASK_DONE);
    for (size_t i = 0; i < MANY; i++)
        assert_int_equal(crowd->outcomes[i].reply.code, i % 2 ? 550 : 250);
    smtp_client_free(&c);
    mem_free(&crowd);
}

/* Replies come while most commands are unsaid: they are read, and MAIL's refusal ends the rest.
 */
static void
smtp_client_reads_while_it_writes(void **state)
{
    (void)state;
    struct crowd *crowd = crowd_new();
    struct smtp_client *c = ready_client(pipelining);
    smtp_client_send(c, &crowd->mail, 0);
    size_t first = smtp_client_output(c).len;
    unsigned commands = 0;
    struct slice out = smtp_client_output(c);
    for (size_t i = 0; i < out.len; i++)
        commands += out.ptr[i] == '\n';
    hear(c, "550 5.7.1 Not you\r\n");
    smtp_client_sent(c, first);
    assert_int_equal(smtp_client_output(c).len, 0);
    for (unsigned i = 1; i < commands; i++)
        hear(c, "503 5.5.1 Bad sequence of commands\r\n");
    assert_int_equal(smtp_client_task(c), SMTP_TASK_DONE);
    assert_int_equal(crowd->outcomes[MANY - 1].stage, SMTP_STAGE_MAIL);
    assert_int_equal(crowd->outcomes[MANY - 1].reply.code, 550);
    smtp_client_free(&c);
    mem_free(&crowd);
}

static struct smtp_to one_to[] = {{.address = {"lee@b.example", 13}}};

static struct smtp_transaction
one_mail(struct smtp_outcome *outcome)
{
    return (struct smtp_transaction){
        .from = slice_str("kim@a.example"), .to = one_to, .to_count = 1, .outcomes = outcome};
}

static void
smtp_client_takes_no_more_body_than_it_has_room_for(void **state)
{
    (void)state;
    static char megabyte[1 << 20];
    memset(megabyte, 'a', sizeof megabyte);
    struct smtp_outcome outcome;
    struct smtp_transaction mail = one_mail(&outcome);
    struct smtp_client *c = ready_client(pipelining);
    smtp_client_send(c, &mail, 0);
    flush(c);
    hear(c, "250 OK\r\n250 OK\r\n354 Go\r\n");
    struct slice rest = slice(megabyte, sizeof megabyte);
    while (rest.len > 0) {
        size_t before = rest.len;
        smtp_client_body(c, &rest, 0);
        assert_true(smtp_client_output(c).len <= BODY_BOUND);
        assert_true(rest.len < before || smtp_client_output(c).len > 0);
        smtp_client_sent(c, smtp_client_output(c).len / 2 + 1);
    }
    smtp_client_body_end(c, 0);
    assert_true(smtp_client_output(c).len <= BODY_BOUND);
    flush(c);
    assert_true(smtp_client_is_in_doubt(c));
    smtp_client_free(&c);
}

static void
send_one(struct smtp_client *c, const struct smtp_transaction *mail)
{
    smtp_client_send(c, mail, 0);
    flush(c);
    hear(c, "250 OK\r\n250 OK\r\n354 Go\r\n");
    struct slice body = slice_str("Subject: x\r\n\r\n.Hello\r\n");
    if (smtp_client_task(c) != SMTP_TASK_BODY)
        return;
    smtp_client_body(c, &body, 0);
    if (smtp_client_task(c) != SMTP_TASK_BODY)
        return;
    smtp_client_body_end(c, 0);
    flush(c);
    hear(c, "250 2.6.0 Queued\r\n");
}

static void
smtp_client_needs_no_memory_for_the_second_message(void **state)
{
    (void)state;
    struct smtp_outcome outcome;
    struct smtp_transaction mail = one_mail(&outcome);
    struct smtp_client *c = ready_client(pipelining);
    send_one(c, &mail);
    smtp_client_next(c);
    mem_fail_after(0);
    send_one(c, &mail);
    mem_fail_after(-1);
    assert_int_equal(smtp_client_task(c), SMTP_TASK_DONE);
    assert_int_equal(outcome.reply.code, 250);
    smtp_client_free(&c);
}

/* Wherever memory runs out: no crash, no leak, and the recipient is accounted for. */
static void
smtp_client_survives_the_failure_of_each_allocation(void **state)
{
    (void)state;
    bool delivered = false;
    for (long calls = 0; !delivered; calls++) {
        assert_true(calls < 100);
        struct smtp_outcome outcome = {.reply = {.code = 0}};
        struct smtp_transaction mail = one_mail(&outcome);
        mem_fail_after(calls);
        struct smtp_client *c = ready_client(pipelining);
        if (c != NULL) {
            send_one(c, &mail);
            delivered = smtp_client_task(c) == SMTP_TASK_DONE;
            if (!delivered)
                assert_int_equal(smtp_client_task(c), SMTP_TASK_FAILED);
            assert_int_equal(outcome.reply.code, delivered ? 250 : 451);
        }
        mem_fail_after(-1);
        smtp_client_free(&c);
    }
}

static void
smtp_client_overwrites_the_password_when_it_is_on_the_wire(void **state)
{
    (void)state;
    static const char encoded[] = "c2VjcmV0IHdvcmQ="; /* secret word */
    const struct smtp_client_settings settings = {.hello = slice_str("gw.a.example"),
                                                  .user = slice_str("kim"),
                                                  .password = slice_str("secret word")};
    struct smtp_client *c = smtp_client_new(&settings, 0);
    hear(c, "220 mx\r\n");
    flush(c);
    hear(c, "250-mx\r\n250 AUTH LOGIN\r\n");
    flush(c);
    hear(c, "334 \r\n");
    flush(c);
    hear(c, "334 \r\n");
    struct slice out = smtp_client_output(c);
    assert_non_null(memmem(out.ptr, out.len, encoded, sizeof encoded - 1));
    smtp_client_sent(c, 5);
    smtp_client_sent(c, out.len - 5);
    assert_null(memmem(out.ptr, out.len, encoded + 8, sizeof encoded - 9));
    smtp_client_free(&c);
}

struct heard {
    char text[1024];
    size_t len;
};

static void
note_reply(void *context, enum smtp_stage stage, const struct reply *r)
{
    struct heard *h = context;
    int n = snprintf(h->text + h->len, sizeof h->text - h->len, "%d:%d %s\n", stage, r->code,
                     r->text);
    assert_true(n > 0 && (size_t)n < sizeof h->text - h->len);
    h->len += (size_t)n;
}

static void
note_hello_line(void *context, struct slice line)
{
    struct heard *h = context;
    int n = snprintf(h->text + h->len, sizeof h->text - h->len, "[%.*s]", SLICE_ARG(line));
    assert_true(n > 0 && (size_t)n < sizeof h->text - h->len);
    h->len += (size_t)n;
}

static void
smtp_client_tells_every_reply_and_what_it_answers(void **state)
{
    (void)state;
    struct heard heard = {.len = 0};
    struct smtp_outcome outcome;
    const struct smtp_to to = {.address = slice_str("lee@b.example")};
    const struct smtp_transaction only = {.from = slice_str("kim@a.example"),
                                          .to = &to,
                                          .to_count = 1,
                                          .envelope_only = true,
                                          .outcomes = &outcome};
    const struct smtp_client_settings settings = {.hello = slice_str("gw.a.example"),
                                                  .user = slice_str("kim"),
                                                  .password = slice_str("secret"),
                                                  .on_reply = note_reply,
                                                  .on_hello_line = note_hello_line,
                                                  .context = &heard};
    struct smtp_client *c = smtp_client_new(&settings, 0);
    static const char *const replies[] = {"220 mx hi\r\n", "250-mx\r\n250 AUTH LOGIN\r\n",
                                          "334 a\r\n", "334 b\r\n", "235 welcome, secret\r\n"};
    for (size_t i = 0; i < sizeof replies / sizeof replies[0]; i++) {
        hear(c, replies[i]);
        flush(c);
    }
    smtp_client_send(c, &only, 0);
    flush(c);
    hear(c, "250 ok, c2VjcmV0\r\n");
    flush(c);
    hear(c, "550 5.1.1 no\r\n");
    flush(c);
    hear(c, "250 reset\r\n");
    smtp_client_next(c);
    smtp_client_quit(c, 0);
    flush(c);
    hear(c, "221 bye\r\n");
    assert_int_equal(smtp_client_task(c), SMTP_TASK_CLOSED);
    assert_string_equal(heard.text, "1:220 mx hi\n"
                                    "[mx][AUTH LOGIN]2:250 mx AUTH LOGIN\n"
                                    "5:334 a\n"
                                    "5:334 b\n"
                                    "5:235 (the server repeats what we logged on with)\n"
                                    "6:250 (the server repeats what we logged on with)\n"
                                    "7:550 no\n"
                                    "10:250 reset\n"
                                    "10:221 bye\n");
    smtp_client_free(&c);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(smtp_client_says_only_so_much_ahead),
        cmocka_unit_test(smtp_client_reads_while_it_writes),
        cmocka_unit_test(smtp_client_takes_no_more_body_than_it_has_room_for),
        cmocka_unit_test(smtp_client_needs_no_memory_for_the_second_message),
        cmocka_unit_test(smtp_client_survives_the_failure_of_each_allocation),
        cmocka_unit_test(smtp_client_overwrites_the_password_when_it_is_on_the_wire),
        cmocka_unit_test(smtp_client_tells_every_reply_and_what_it_answers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
