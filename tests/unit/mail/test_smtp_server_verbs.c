/*
 * Every cell of the table of verbs and states: what each verb gets in each state.
 */
#include "gateway/mail/smtp_server.h"

#include "tests/kit/server_driver.h"
#include "tests/kit/test.h"

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
static const char no_logon[] = "504 Need to authenticate first\r\n";
static const char binary[] = "354 Send binary data\r\n";
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
    {"XEXCH50 2 2\r\n", {hel, no_logon, no_logon, seq, need, binary, seq}},
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

    settings.exch50_offered = true;
    settings.exch50_max = 1000;
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

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(smtp_server_answers_every_verb_in_every_state),
        cmocka_unit_test(smtp_server_keeps_the_transaction_through_what_does_not_end_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
