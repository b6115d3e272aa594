/* Conversations as they may be written down: no secret, no content, however it is split. */
#include "gateway/mail/transcript.h"

#include "tests/kit/test.h"

/* "C: " and "S: " pieces of a conversation, and what is to be written down. */
static const struct row {
    const char *say;
    const char *talk[40]; /* 'C' or 'S', then octets */
    const char *wanted;
} rows[] = {
    {"a whole session",
     {"S220 hi\r\n", "CEHLO a\r\n", "S250-hi\r\n250 SIZE\r\n", "CMAIL FROM:<a@b>\r\n",
      "S250 2.1.0 ok\r\n", "CRCPT TO:<c@d>\r\n", "S250 ok\r\n", "CDATA\r\n", "S354 go\r\n",
      "CSubject: secret\r\n\r\nbody\r\n.\r\n", "S250 queued\r\n", "CQUIT\r\n", "S221 bye\r\n"},
     "S 220 hi|C EHLO a|S 250-hi|S 250 SIZE|C MAIL FROM:<a@b>|S 250 2.1.0 ok|C RCPT TO:<c@d>|"
     "S 250 ok|C DATA|S 354 go|C <28 octets>|S 250 queued|C QUIT|S 221 bye|"},
    {"a logon in steps",
     {"S220 hi\r\n", "CAUTH LOGIN\r\n", "S334 VXNlcm5hbWU6\r\n", "Ca2lt\r\n",
      "S334 UGFzc3dvcmQ6\r\n", "CcGFzcw==\r\n", "S235 ok\r\n", "CNOOP\r\n", "S250 ok\r\n"},
     "S 220 hi|C AUTH LOGIN|S 334 VXNlcm5hbWU6|C <authentication response>|S 334 UGFzc3dvcmQ6|"
     "C <authentication response>|S 235 ok|C NOOP|S 250 ok|"},
    {"a logon in one",
     {"S220 hi\r\n", "Cauth  plain AGtpbQBwYXNz\r\n", "S535 no\r\n", "CRSET\r\n"},
     "S 220 hi|C AUTH plain <authentication response>|S 535 no|C RSET|"},
    {"a password behind the logon in one packet is masked",
     {"S220 hi\r\n", "CAUTH LOGIN\r\na2lt\r\ncGFzcw==\r\n", "S503 no\r\n"},
     "S 220 hi|C AUTH LOGIN|C <authentication response>|C <authentication response>|S 503 no|"},
    {"pipelining: the 354 is the third answer",
     {"S220 hi\r\n", "CMAIL FROM:<>\r\nRCPT TO:<c@d>\r\nDATA\r\n",
      "S250 ok\r\n250 ok\r\n354 go\r\n", "Chidden\r\n.\r\nQUIT\r\n", "S250 ok\r\n221 bye\r\n"},
     "S 220 hi|C MAIL FROM:<>|C RCPT TO:<c@d>|C DATA|S 250 ok|S 250 ok|S 354 go|C <11 octets>|"
     "C QUIT|S 250 ok|S 221 bye|"},
    {"refused data: commands again",
     {"S220 hi\r\n", "CDATA\r\n", "S503 no\r\n", "CQUIT\r\n"},
     "S 220 hi|C DATA|S 503 no|C QUIT|"},
    {"content before the 354 is not shown",
     {"S220 hi\r\n", "CDATA\r\nhidden\r\n", "S354 go\r\n", "C.\r\n", "S250 ok\r\n", "CQUIT\r\n"},
     "S 220 hi|C DATA|S 354 go|C <11 octets>|S 250 ok|C QUIT|"},
    {"nor when it is refused",
     {"S220 hi\r\n", "CDATA\r\nhidden\r\n.\r\nmore hidden\r\n", "S503 no\r\n", "CQUIT\r\n"},
     "S 220 hi|C DATA|S 503 no|C <24 octets>|C QUIT|"},
    {"an empty message",
     {"S220 hi\r\n", "CDATA\r\n", "S354 go\r\n", "C.\r\n", "S250 ok\r\n", "CNOOP\r\n"},
     "S 220 hi|C DATA|S 354 go|C <3 octets>|S 250 ok|C NOOP|"},
    {"chunks",
     {"S220 hi\r\n", "CBDAT 5\r\nhid\r\nBDAT 4 LAST\r\nden\nQUIT\r\n", "S250 ok\r\n250 ok\r\n"},
     "S 220 hi|C BDAT 5|C <5 octets>|C BDAT 4 LAST|C <4 octets>|C QUIT|S 250 ok|S 250 ok|"},
    {"a blob of XEXCH50",
     {"S220 hi\r\n", "CXEXCH50 7 2\r\n", "S354 go\r\n", "Chi\r\nden", "S250 ok\r\n", "CRSET\r\n"},
     "S 220 hi|C XEXCH50 7 2|S 354 go|C <7 octets>|S 250 ok|C RSET|"},
    {"a stuffed dot is no end",
     {"S220 hi\r\n", "CDATA\r\n", "S354 go\r\n", "C..\r\n.x\r\n\r\n.\r", "C\n", "S250 ok\r\n"},
     "S 220 hi|C DATA|S 354 go|C <13 octets>|S 250 ok|"},
};

static void
on_line(void *context, bool by_client, struct slice text)
{
    struct buf *out = context;
    buf_printf(out, "%c %.*s|", by_client ? 'C' : 'S', SLICE_ARG(text));
}

/* In pieces of so many octets; 0: as they stand. */
static void
check(const struct row *row, size_t piece)
{
    struct transcript t;
    struct buf out;
    buf_init(&out, 10000);
    transcript_init(&t, on_line, &out);
    for (size_t i = 0; i < COUNT_OF(row->talk) && row->talk[i] != NULL; i++) {
        struct slice rest = slice_str(row->talk[i] + 1);
        while (rest.len > 0) {
            struct slice part = slice_head(rest, piece > 0 ? piece : rest.len);
            (row->talk[i][0] == 'C' ? transcript_client : transcript_server)(&t, part);
            slice_skip(&rest, part.len);
        }
    }
    if (!slice_is(buf_slice(&out), row->wanted))
        fail_row(row->say, "in pieces of %zu: %s", piece, buf_text(&out));
    transcript_fini(&t);
    buf_fini(&out);
}

static void
conversations_are_written_down_without_secrets(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        for (size_t piece = 0; piece < 4; piece++)
            check(&rows[i], piece);
}

static void
a_long_line_is_cut(void **state)
{
    static char line[5000];
    (void)state;
    struct transcript t;
    struct buf out;
    memset(line, 'x', sizeof line);
    line[sizeof line - 1] = '\n';
    buf_init(&out, 10000);
    transcript_init(&t, on_line, &out);
    transcript_client(&t, slice(line, sizeof line));
    transcript_client(&t, slice_str("NOOP\r\n"));
    assert_int_equal(out.len, 2 + TRANSCRIPT_LINE_MAX + 1 + 7);
    transcript_fini(&t);
    buf_fini(&out);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(conversations_are_written_down_without_secrets),
        cmocka_unit_test(a_long_line_is_cut),
    };
    return cmocka_run_group_tests_name("transcript", tests, NULL, NULL);
}
