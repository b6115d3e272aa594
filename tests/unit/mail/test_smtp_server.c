/*
 * The receiving conversation where a dialogue is the wrong shape: bounds, memory, slices. What it
 * says in order is in tests/dialogue/server, what to which verb in test_smtp_server_verbs.c.
 */
#include "gateway/mail/smtp_server.h"

#include <stdio.h>

#include "gateway/base/mem.h"
#include "gateway/mail/smtp_server_private.h"
#include "tests/kit/server_driver.h"
#include "tests/kit/test.h"

#define HELLO "EHLO mx.b.example\r\n"
#define LOGON "AUTH PLAIN AHN2YwBzZWNyZXQ=\r\n" /* \0svc\0secret */
#define MAIL "MAIL FROM:<kim@b.example>\r\n"
#define RCPT "RCPT TO:<lee@a.example>\r\n"

static const char noop[] = "250 2.0.0 OK\r\n";
static const char rset[] = "250 2.0.0 Resetting\r\n";
static const char mail[] = "250 2.1.0 Sender OK\r\n";

/* --------------------------------------------------------------------- memory */

static struct smtp_server_settings
open_settings(void)
{
    struct smtp_server_settings settings = server_driver_settings();
    settings.tls_required = settings.auth_required = false;
    return settings;
}

static const char transaction[] = MAIL RCPT RCPT "DATA\r\nSubject: x\r\n\r\n..body\r\n.\r\n";

static const char in_chunks[] = MAIL RCPT "BDAT 12\r\nSubject: x\r\nBDAT 8 LAST\r\n\r\nbody\r\n";

static void
send_in_pieces(struct server_driver *d, const char *text, size_t step)
{
    for (struct slice rest = slice_str(text); rest.len > 0; rest = slice_from(rest, step))
        server_driver_send(d, slice_head(rest, step));
}

static void
smtp_server_allocates_nothing_once_it_is_warm(void **state)
{
    (void)state;
    struct server_driver d;
    struct smtp_server_settings settings = open_settings();
    server_driver_init(&d, &settings);
    server_driver_send_str(&d, HELLO);
    send_in_pieces(&d, transaction, 7);
    buf_clear(&d.said);
    buf_clear(&d.asked);
    mem_fail_after(0);
    for (int i = 0; i < 100; i++) {
        send_in_pieces(&d, i % 2 ? in_chunks : transaction, (size_t)i + 1);
        assert_true(buf_ok(&d.said) && slice_starts(buf_slice(&d.said), slice_str(mail)));
        assert_true(smtp_server_question(d.server)->ask == SMTP_ASK_NOTHING);
        buf_clear(&d.said);
        buf_clear(&d.asked);
    }
    mem_fail_after(-1);
    server_driver_fini(&d);
}

/* Only the engine's allocations fail: the driver's buffers have their memory before. */
static void
warm(struct buf *b)
{
    assert_non_null(buf_reserve(b, 20000));
}

static void
smtp_server_survives_every_failed_allocation(void **state)
{
    (void)state;
    static const char session[] = HELLO "AUTH LOGIN\r\n*\r\n" HELLO;
    bool all_went_well = false;
    for (long n = 0; !all_went_well; n++) {
        struct server_driver d;
        struct smtp_server_settings settings = open_settings();
        assert_true(n < 100);
        server_driver_init(&d, &settings);
        warm(&d.said);
        warm(&d.asked);
        warm(&d.message);
        mem_fail_after(n);
        send_in_pieces(&d, session, 1);
        send_in_pieces(&d, LOGON, 1);
        send_in_pieces(&d, transaction, 3);
        mem_fail_after(-1);
        /* Either all was well, or the trouble was told: 4xx, or the end. */
        struct slice said = buf_slice(&d.said);
        bool told = false;
        for (struct slice rest = said; rest.len > 0;) {
            size_t lf = slice_find(rest, '\n');
            told = told || *rest.ptr == '4';
            rest = slice_from(rest, lf + 1);
        }
        enum smtp_ask ask = server_driver_open_question(&d);
        all_went_well = !told && ask != SMTP_ASK_CLOSE;
        if (all_went_well)
            assert_int_equal(d.message.len, 21);
        server_driver_fini(&d);
    }
}

static void
smtp_server_loses_a_blob_but_no_message_for_want_of_memory(void **state)
{
    (void)state;
    static const char blob[] = "QUIT\r\nQUIT\r\nRSET\r\n";
    struct server_driver d;
    struct smtp_server_settings settings = open_settings();
    settings.exch50_offered = true;
    settings.exch50_max = 100;
    server_driver_init(&d, &settings);
    server_driver_send_str(&d, HELLO LOGON);
    server_driver_send_str(&d, MAIL RCPT "XEXCH50 18 2\r\n");
    buf_clear(&d.said);
    warm(&d.said);
    warm(&d.asked);
    mem_fail_after(0);
    send_in_pieces(&d, blob, 7);
    mem_fail_after(-1);
    server_driver_send_str(&d, "DATA\r\nhi\r\n.\r\n");
    assert_string_equal(buf_text(&d.said), "452 4.3.1 Insufficient system resources\r\n"
                                           "354 Start mail input; end with <CRLF>.<CRLF>\r\n"
                                           "250 2.6.0 Queued mail for delivery\r\n");
    server_driver_fini(&d);
}

/* However large it says it is. */
static void
smtp_server_allocates_for_a_blob_only_what_came(void **state)
{
    (void)state;
    struct server_driver d;
    struct smtp_server_settings settings = open_settings();
    settings.exch50_offered = true;
    settings.exch50_max = UINT32_MAX;
    server_driver_init(&d, &settings);
    server_driver_send_str(&d, HELLO LOGON);
    server_driver_send_str(&d, MAIL RCPT "XEXCH50 4294967295 2\r\n1234567");
    assert_int_equal(d.server->exch50.blob.len, 7);
    assert_true(d.server->exch50.blob.cap <= 4096);
    server_driver_fini(&d);
}

static void
smtp_server_gives_a_chunk_as_slices_of_the_input(void **state)
{
    (void)state;
    struct server_driver d;
    struct smtp_server_settings settings = open_settings();
    server_driver_init(&d, &settings);
    server_driver_send_str(&d, HELLO MAIL RCPT "BDAT 0\r\n");
    struct slice in = slice_str("BDAT 7 LAST\r\n\r\n.\r\n.!NOOP\r\n");
    const char *from = in.ptr;
    smtp_server_feed(d.server, &in, 0);
    const struct smtp_question *q = smtp_server_question(d.server);
    assert_int_equal(q->ask, SMTP_ASK_BODY);
    assert_ptr_equal(q->body.ptr, from + 13);
    assert_int_equal(q->body.len, 7);
    smtp_server_took_body(d.server);
    assert_int_equal(q->ask, SMTP_ASK_MESSAGE);
    assert_true(slice_is(in, "NOOP\r\n"));
    server_driver_fini(&d);
}

static void
smtp_server_can_log_on_when_memory_is_back(void **state)
{
    (void)state;
    struct server_driver d;
    struct smtp_server_settings settings = open_settings();
    server_driver_init(&d, &settings);
    server_driver_send_str(&d, HELLO);
    buf_clear(&d.said);
    mem_fail_after(0);
    server_driver_send_str(&d, LOGON);
    mem_fail_after(-1);
    server_driver_send_str(&d, LOGON);
    assert_string_equal(buf_text(&d.said), "454 4.7.0 Temporary authentication failure\r\n"
                                           "235 2.7.0 Authentication successful\r\n");
    server_driver_fini(&d);
}

static void
smtp_server_is_not_made_without_memory(void **state)
{
    (void)state;
    struct smtp_server_settings settings = open_settings();
    const struct reply busy = reply_make(421, "4.3.2", "Busy");
    for (long n = 0; n < 2; n++) {
        mem_fail_after(n);
        assert_null(smtp_server_new(&settings, 0));
        mem_fail_after(n);
        assert_null(smtp_server_new_refusing(&busy, slice_str("gw.a.example"), 0));
    }
    mem_fail_after(-1);
}

/* --------------------------------------------------------------------- bounds */

static void
smtp_server_stops_reading_a_client_that_does_not_read(void **state)
{
    (void)state;
    struct server_driver d;
    struct smtp_server_settings settings = open_settings();
    const int count = 20000;
    server_driver_init(&d, &settings);
    server_driver_send_str(&d, HELLO);
    buf_clear(&d.said);
    d.deaf = true;
    for (int i = 0; i < count; i++)
        server_driver_send_str(&d, "NOOP\r\n");
    assert_true(smtp_server_output(d.server).len <= 16384);
    assert_true(d.in.len > 100000); /* the most is still the gateway's */
    d.deaf = false;
    server_driver_pump(&d);
    assert_int_equal(d.in.len, 0);
    assert_int_equal(d.said.len, (size_t)count * strlen(noop));
    server_driver_fini(&d);
}

static void
smtp_server_gives_its_output_in_pieces_of_any_size(void **state)
{
    (void)state;
    struct server_driver d;
    struct smtp_server_settings settings = open_settings();
    server_driver_init(&d, &settings);
    server_driver_send_str(&d, HELLO);
    buf_clear(&d.said);
    d.deaf = true;
    for (int i = 0; i < 5000; i++) {
        server_driver_send_str(&d, i % 2 ? "NOOP\r\n" : "RSET\r\n");
        struct slice some = slice_head(smtp_server_output(d.server), (size_t)i % 23);
        buf_put(&d.said, some);
        smtp_server_sent(d.server, some.len);
    }
    d.deaf = false;
    server_driver_pump(&d);
    for (int i = 0; i < 5000; i++) {
        const char *want = i % 2 ? noop : rset;
        assert_memory_equal(d.said.data, want, strlen(want));
        buf_drop(&d.said, strlen(want));
    }
    assert_int_equal(d.said.len, 0);
    server_driver_fini(&d);
}

static void
smtp_server_lets_a_deaf_client_go_in_the_end(void **state)
{
    (void)state;
    struct server_driver d;
    struct smtp_server_settings settings = open_settings();
    server_driver_init(&d, &settings);
    server_driver_send_str(&d, HELLO MAIL);
    d.deaf = true;
    for (int i = 0; i < 2000; i++)
        server_driver_send_str(&d, "NOOP\r\n");
    server_driver_wait(&d, settings.idle_ms);
    assert_int_equal(server_driver_open_question(&d), SMTP_ASK_CLOSE);
    server_driver_fini(&d);
}

/* With the longest of all that goes into a reply, at the place where the output is full. */
static void
smtp_server_has_room_for_its_longest_replies(void **state)
{
    (void)state;
    char host[255], client[64], words[REPLY_TEXT];
    memset(host, 'h', sizeof host);
    memset(client, 'c', sizeof client);
    memset(words, 'w', sizeof words);
    const struct reply longest = reply_make(550, "5.7.1", "%.*s", (int)sizeof words - 1, words);
    struct smtp_server_settings settings = open_settings();
    settings.hostname = slice(host, sizeof host);
    settings.client_text = slice(client, sizeof client);
    for (int lines = 0; lines < 40; lines++) {
        struct server_driver d;
        server_driver_init(&d, &settings);
        d.deaf = true;
        for (int i = 0; i < lines; i++)
            server_driver_send_str(&d, "NOOP\r\n");
        for (int i = 0; i < 100; i++)
            server_driver_send_str(&d, HELLO);
        server_driver_prepare(&d, SMTP_ASK_MAIL, &longest);
        server_driver_send_str(&d, MAIL);
        smtp_server_shut(d.server, &longest);
        d.deaf = false;
        server_driver_pump(&d);
        assert_int_equal(server_driver_open_question(&d), SMTP_ASK_CLOSE);
        assert_string_equal(smtp_server_question(d.server)->close_why, "shut down");
        server_driver_fini(&d);
    }
}

/* ------------------------------------------------------------ questions, slices */

static void
smtp_server_gives_content_as_slices_of_the_input(void **state)
{
    (void)state;
    struct server_driver d;
    struct smtp_server_settings settings = open_settings();
    server_driver_init(&d, &settings);
    server_driver_send_str(&d, HELLO MAIL RCPT "DATA\r\n");
    struct slice in = slice_str("one\r\n..two\r\n.\r\n");
    const char *from = in.ptr;
    smtp_server_feed(d.server, &in, 0);
    const struct smtp_question *q = smtp_server_question(d.server);
    assert_int_equal(q->ask, SMTP_ASK_BODY);
    assert_ptr_equal(q->body.ptr, from);
    assert_int_equal(q->body.len, 5);
    smtp_server_feed(d.server, &in, 0); /* asking again gives the same */
    assert_ptr_equal(smtp_server_question(d.server)->body.ptr, from);
    smtp_server_took_body(d.server);
    smtp_server_feed(d.server, &in, 0);
    assert_ptr_equal(q->body.ptr, from + 6);
    smtp_server_took_body(d.server);
    smtp_server_feed(d.server, &in, 0);
    assert_int_equal(q->ask, SMTP_ASK_MESSAGE);
    assert_int_equal(in.len, 0);
    server_driver_fini(&d);
}

static void
smtp_server_gives_no_more_content_than_it_will_take(void **state)
{
    (void)state;
    static const char *const bad[] = {"0123456789abcdefghij\r\n", "bare\n", "bare\r.", "a\0b"};
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        struct server_driver d;
        struct smtp_server_settings settings = open_settings();
        settings.size_max = 20;
        server_driver_init(&d, &settings);
        server_driver_send_str(&d, HELLO MAIL RCPT "DATA\r\n1\r\n");
        size_t good = d.message.len;
        assert_int_equal(good, 3);
        server_driver_send(&d, slice(bad[i], i == 3 ? 3 : strlen(bad[i])));
        /* What was given with the fault itself may have come; what follows it must not. */
        size_t given = d.message.len;
        server_driver_send_str(&d, "more\r\n");
        server_driver_send_str(&d, "more\r\n.\r\n");
        assert_true(d.message.len == given);
        server_driver_fini(&d);
    }
}

static void
smtp_server_keeps_what_it_asks_about_when_the_input_moves(void **state)
{
    (void)state;
    struct server_driver d;
    struct smtp_server_settings settings = open_settings();
    char text[300], want[200];
    memset(want, 'a', sizeof want);
    int len = snprintf(text, sizeof text, "MAIL FROM:<kim@b.example> AUTH=%.*s+2B\r\n",
                       (int)sizeof want - 1, want);
    want[sizeof want - 1] = '+';
    server_driver_init(&d, &settings);
    server_driver_send_str(&d, HELLO);
    struct slice in = slice(text, (size_t)len);
    smtp_server_feed(d.server, &in, 0);
    memset(text, '#', sizeof text);
    const struct smtp_question *q = smtp_server_question(d.server);
    assert_true(slice_is(q->mail.from.text, "kim@b.example"));
    assert_true(slice_is(q->mail.from.domain, "b.example"));
    assert_true(slice_equal(q->mail.auth, slice(want, sizeof want)));
    server_driver_fini(&d);
}

static void
smtp_server_forgets_the_password_after_the_answer(void **state)
{
    (void)state;
    struct server_driver d;
    struct smtp_server_settings settings = open_settings();
    struct reply good = reply_make(235, "2.7.0", "Good");
    server_driver_init(&d, &settings);
    server_driver_send_str(&d, HELLO);
    struct slice in = slice_str(LOGON);
    smtp_server_feed(d.server, &in, 0);
    struct slice password = smtp_server_question(d.server)->auth.password;
    assert_true(slice_is(password, "secret"));
    smtp_server_answer(d.server, &good, 0);
    assert_null(smtp_server_question(d.server)->auth.password.ptr);
    server_driver_fini(&d);
}

/* Looks inside: a password that came in two pieces was also kept as it came. */
static void
smtp_server_wipes_the_line_that_held_a_password(void **state)
{
    (void)state;
    struct server_driver d;
    struct smtp_server_settings settings = open_settings();
    server_driver_init(&d, &settings);
    server_driver_send_str(&d, HELLO);
    send_in_pieces(&d, LOGON, 9);
    assert_true(slice_find(buf_slice(&d.said), '2') < d.said.len);
    const struct buf *carry = &d.server->lines.carry;
    assert_true(carry->cap > 0);
    for (size_t i = 0; i < carry->cap; i++)
        assert_int_equal(carry->data[i], 0);
    assert_null(d.server->sasl.secret.data);
    server_driver_fini(&d);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(smtp_server_allocates_nothing_once_it_is_warm),
        cmocka_unit_test(smtp_server_survives_every_failed_allocation),
        cmocka_unit_test(smtp_server_loses_a_blob_but_no_message_for_want_of_memory),
        cmocka_unit_test(smtp_server_allocates_for_a_blob_only_what_came),
        cmocka_unit_test(smtp_server_gives_a_chunk_as_slices_of_the_input),
        cmocka_unit_test(smtp_server_can_log_on_when_memory_is_back),
        cmocka_unit_test(smtp_server_is_not_made_without_memory),
        cmocka_unit_test(smtp_server_stops_reading_a_client_that_does_not_read),
        cmocka_unit_test(smtp_server_gives_its_output_in_pieces_of_any_size),
        cmocka_unit_test(smtp_server_lets_a_deaf_client_go_in_the_end),
        cmocka_unit_test(smtp_server_has_room_for_its_longest_replies),
        cmocka_unit_test(smtp_server_gives_content_as_slices_of_the_input),
        cmocka_unit_test(smtp_server_gives_no_more_content_than_it_will_take),
        cmocka_unit_test(smtp_server_keeps_what_it_asks_about_when_the_input_moves),
        cmocka_unit_test(smtp_server_forgets_the_password_after_the_answer),
        cmocka_unit_test(smtp_server_wipes_the_line_that_held_a_password),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
