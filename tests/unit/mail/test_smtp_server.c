/*
 * The receiving conversation where a dialogue is the wrong shape: every cell of the table of
 * verbs and states, bounds, memory. What it says in order is in tests/dialogue/server.
 */
#include "gateway/mail/smtp_server.h"

#include <stdio.h>

#include "gateway/base/mem.h"
#include "gateway/mail/smtp_server_private.h"
#include "tests/kit/server_driver.h"
#include "tests/kit/test.h"

/* ------------------------------------------------------------------ the table */

#define HELLO "EHLO mx.b.example\r\n"
#define LOGON "AUTH PLAIN AHN2YwBzZWNyZXQ=\r\n" /* \0svc\0secret */
#define MAIL "MAIL FROM:<kim@b.example>\r\n"
#define RCPT "RCPT TO:<lee@a.example>\r\n"

/* How to get into each state that reads commands: lines, and '!' where TLS is done. */
static const struct {
    const char *name;
    const char *way[7];
} states[] = {
    {"new", {NULL}},
    {"TLS is due", {HELLO}},
    {"AUTH is due", {HELLO, "STARTTLS\r\n", "!", HELLO}},
    {"ready", {HELLO, "STARTTLS\r\n", "!", HELLO, LOGON}},
    {"MAIL", {HELLO, "STARTTLS\r\n", "!", HELLO, LOGON, MAIL}},
    {"RCPT", {HELLO, "STARTTLS\r\n", "!", HELLO, LOGON, MAIL RCPT}},
    {"chunks", {HELLO, "STARTTLS\r\n", "!", HELLO, LOGON, MAIL RCPT "BDAT 2\r\nhi"}},
};

static const char hel[] = "503 5.5.2 Send hello first\r\n";
static const char tls[] = "530 5.7.0 Must issue a STARTTLS command first\r\n";
static const char log_on[] = "530 5.7.1 Client was not authenticated\r\n";
static const char seq[] = "503 5.5.1 Bad sequence of commands\r\n";
static const char need[] = "503 5.5.2 Need rcpt command\r\n";
static const char off[] = "502 5.3.3 Command not implemented\r\n";
static const char unknown[] = "500 5.3.3 Unrecognized command\r\n";
static const char in_tls[] = "220 2.0.0 SMTP server ready\r\n";
static const char user[] = "334 VXNlcm5hbWU6\r\n";
static const char vrfy[] = "252 2.1.5 Cannot VRFY user\r\n";
static const char rset[] = "250 2.0.0 Resetting\r\n";
static const char noop[] = "250 2.0.0 OK\r\n";
static const char quit[] = "221 2.0.0 Service closing transmission channel\r\n";
static const char helo[] = "250 gw.a.example Hello [10.1.20.4]\r\n";
static const char ehlo[] = "250-gw.a.example Hello [10.1.20.4]\r\n250-";
static const char help[] = "214 2.0.0 Commands: ";
static const char mail[] = "250 2.1.0 Sender OK\r\n";
static const char rcpt[] = "250 2.1.5 Recipient OK\r\n";
static const char six[] = "250 2.0.0 6 octets received\r\n";
static const char zero[] = "250 2.0.0 0 octets received\r\n";
static const char queued[] = "250 2.6.0 Queued mail for delivery\r\n";
static const char lost[] = "501 5.5.4 Size of the chunk is no number, closing\r\n";
static const char data[] = "354 Start mail input; end with <CRLF>.<CRLF>\r\n";

/* What each verb gets in each state, written down a second time. */
static const struct cell_row {
    const char *line;
    const char *replies[7]; /* each as far as it is told here */
} cells[] = {
    /* clang-format off */
    /*                     new      TLS due  AUTH due ready    MAIL     RCPT     chunks */
    {HELLO, {ehlo, ehlo, ehlo, ehlo, ehlo, ehlo, ehlo}},
    {"HELO b.example\r\n", {helo, helo, helo, helo, helo, helo, helo}},
    {"STARTTLS\r\n", {hel, in_tls, seq, seq, seq, seq, seq}},
    {"AUTH LOGIN\r\n", {hel, tls, user, seq, seq, seq, seq}},
    {MAIL, {hel, tls, log_on, mail, seq, seq, seq}},
    {RCPT, {hel, tls, log_on, seq, rcpt, rcpt, seq}},
    {"DATA\r\n", {hel, tls, log_on, seq, need, data, seq}},
    {"BDAT 6\r\nQUIT\r\n", {hel, tls, log_on, seq, need, six, six}},
    {"BDAT 0\r\n", {hel, tls, log_on, seq, need, zero, zero}},
    {"BDAT 6 LAST\r\nQUIT\r\n", {hel, tls, log_on, seq, need, queued, queued}},
    {"BDAT 0 LAST\r\n", {hel, tls, log_on, seq, need, queued, queued}},
    {"BDAT\r\n", {lost, lost, lost, lost, lost, lost, lost}},
    {"VRFY kim\r\n", {hel, tls, log_on, vrfy, vrfy, vrfy, vrfy}},
    {"RSET\r\n", {rset, rset, rset, rset, rset, rset, rset}},
    {"NOOP\r\n", {noop, noop, noop, noop, noop, noop, noop}},
    {"HELP\r\n", {help, help, help, help, help, help, help}},
    {"QUIT\r\n", {quit, quit, quit, quit, quit, quit, quit}},
    {"ETRN b.example\r\n", {off, off, off, off, off, off, off}},
    {"BOGUS\r\n", {unknown, unknown, unknown, unknown, unknown, unknown, unknown}},
    /* clang-format on */
};

static void
walk_to(struct server_driver *d, const char *const *way)
{
    struct smtp_server_settings settings = server_driver_settings();

    settings.chunking_offered = true;
    server_driver_init(d, &settings);
    for (size_t i = 0; i < 7 && way[i] != NULL; i++) {
        if (*way[i] == '!')
            smtp_server_tls_done(d->server, d->now_ms);
        else
            server_driver_send_str(d, way[i]);
    }
    buf_clear(&d->said);
}

static void
smtp_server_answers_every_verb_in_every_state(void **state)
{
    (void)state;
    for (size_t v = 0; v < COUNT_OF(cells); v++) {
        for (size_t s = 0; s < COUNT_OF(states); s++) {
            struct server_driver d;
            walk_to(&d, states[s].way);
            server_driver_send_str(&d, cells[v].line);
            struct slice said = buf_slice(&d.said);
            /* Of BDAT all is told: a second reply would be to its octets, taken for commands. */
            bool is_bdat = slice_starts(slice_str(cells[v].line), slice_str("BDAT"));
            if (!slice_starts(said, slice_str(cells[v].replies[s])) ||
                (is_bdat && said.len != strlen(cells[v].replies[s])))
                fail_row(states[s].name, "%s: wanted '%s', got '%s'", cells[v].line,
                         cells[v].replies[s], buf_text(&d.said));
            server_driver_fini(&d);
        }
    }
}

static void
smtp_server_keeps_the_transaction_through_what_does_not_end_it(void **state)
{
    (void)state;
    for (size_t v = 0; v < COUNT_OF(cells); v++) {
        struct server_driver d;
        walk_to(&d, states[6].way);
        server_driver_send_str(&d, cells[v].line);
        const char *said = cells[v].replies[6];
        bool ends = said == ehlo || said == helo || said == rset || said == quit ||
                    said == queued || said == lost;
        if (smtp_server_in_transaction(d.server) == ends)
            fail_row(cells[v].line, "in a transaction: %d", !ends);
        assert_int_equal(d.transactions, !ends);
        server_driver_fini(&d);
    }
}

/* --------------------------------------------------------------------- memory */

static struct smtp_server_settings
open_settings(void)
{
    struct smtp_server_settings settings = server_driver_settings();
    settings.tls_required = settings.auth_required = false;
    return settings;
}

static const char transaction[] = MAIL RCPT RCPT "DATA\r\nSubject: x\r\n\r\n..body\r\n.\r\n";

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
        send_in_pieces(&d, transaction, (size_t)i + 1);
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
        cmocka_unit_test(smtp_server_answers_every_verb_in_every_state),
        cmocka_unit_test(smtp_server_keeps_the_transaction_through_what_does_not_end_it),
        cmocka_unit_test(smtp_server_allocates_nothing_once_it_is_warm),
        cmocka_unit_test(smtp_server_survives_every_failed_allocation),
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
