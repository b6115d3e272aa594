#include "gateway/mail/reply.h"

#include "tests/kit/flush.h"
#include "tests/kit/test.h"

#define TEXT(s)                                                                                  \
    {                                                                                            \
        "" s "", sizeof(s) - 1                                                                   \
    }

static const struct reply_row {
    const char *say;
    struct slice in;
    const char *put; /* what reply_put() makes of it; NULL: BAD */
} rows[] = {
    {"one line", TEXT("250 2.1.0 Sender OK\r\n"), "250 2.1.0 Sender OK"},
    {"bare LF", TEXT("250 2.1.0 Sender OK\n"), "250 2.1.0 Sender OK"},
    {"no enhanced code", TEXT("250 OK\r\n"), "250 OK"},
    {"the code alone", TEXT("250\r\n"), "250"},
    {"the code and a blank", TEXT("250 \r\n"), "250"},
    {"the enhanced code alone", TEXT("250 2.0.0\r\n"), "250 2.0.0"},
    {"trailing blanks (Exchange 2003)", TEXT("250 2.1.5 kim@a.example \r\n"),
     "250 2.1.5 kim@a.example"},
    {"big enhanced code", TEXT("550 5.7.606 Access denied\r\n"), "550 5.7.606 Access denied"},
    {"failures of two classes", TEXT("451 5.7.3 Wait\r\n"), "451 5.7.3 Wait"},
    {"354 has no enhanced code", TEXT("354 3.0.0 Go\r\n"), "354 3.0.0 Go"},
    {"four digits are no enhanced code", TEXT("550 5.7.1000 No\r\n"), "550 5.7.1000 No"},
    {"a version is no enhanced code", TEXT("220 2.0 Postfix\r\n"), "220 2.0 Postfix"},
    {"two lines", TEXT("550-5.7.1 One\r\n550 5.7.1 two\r\n"), "550 5.7.1 One two"},
    {"enhanced code only in front", TEXT("550-5.7.1 One\r\n550 two\r\n"), "550 5.7.1 One two"},
    {"another enhanced code later is text", TEXT("550-5.7.1 One\r\n550 5.1.1 two\r\n"),
     "550 5.7.1 One 5.1.1 two"},
    {"empty lines in between", TEXT("250-\r\n250-a\r\n250-\r\n250\r\n"), "250 a  "},
    {"unprintable octets", TEXT("550 \x1b[2J\xc3\xa9\tx\r\r\n"), "550 ?[2J?? x"},
    {"200 is the lowest code", TEXT("200 x\r\n"), "200 x"},
    {"599 is the highest code", TEXT("599 x\r\n"), "599 x"},

    {"empty line", TEXT("\r\n"), NULL},
    {"no code", TEXT("Hello\r\n"), NULL},
    {"two digits", TEXT("25 OK\r\n"), NULL},
    {"two digits and the end", TEXT("25\n"), NULL},
    {"four digits", TEXT("2500 OK\r\n"), NULL},
    {"199", TEXT("199 x\r\n"), NULL},
    {"600", TEXT("600 x\r\n"), NULL},
    {"000", TEXT("000 x\r\n"), NULL},
    {"a sign", TEXT("+25 x\r\n"), NULL},
    {"blank in front", TEXT(" 250 x\r\n"), NULL},
    {"odd separator", TEXT("250=x\r\n"), NULL},
    {"tab as separator", TEXT("250\tx\r\n"), NULL},
    {"codes differ", TEXT("250-a\r\n251 b\r\n"), NULL},
    {"codes differ in the middle", TEXT("250-a\r\n550-b\r\n250 c\r\n"), NULL},
    {"line without code in the middle", TEXT("250-a\r\nb\r\n250 c\r\n"), NULL},
    {"NUL", TEXT("250 a\0b\r\n"), NULL},
    {"NUL in front",
     TEXT("\0"
          "250 a\r\n"),
     NULL},
    {"XML", TEXT("<html>\r\n"), NULL},
};

/* Read in as two pieces; what remains must be untouched behind the reply. */
static void
check_row(const struct reply_row *row, size_t cut)
{
    struct reply_reader reader;
    reply_reader_init(&reader);
    struct slice first = flush_copy(slice_head(row->in, cut));
    enum reply_parse got = reply_read(&reader, &first);
    if (got == REPLY_MORE) {
        if (first.len > 0)
            fail_row(row->say, "cut at %zu: wants more but has some", cut);
        struct slice second = flush_copy(slice_from(row->in, cut));
        got = reply_read(&reader, &second);
        if (got == REPLY_DONE && second.len > 0)
            fail_row(row->say, "cut at %zu: %zu octets left", cut, second.len);
    }

    if (got != (row->put ? REPLY_DONE : REPLY_BAD))
        fail_row(row->say, "cut at %zu: result %d", cut, got);
    if (row->put != NULL) {
        struct buf text;
        buf_init(&text, 1024);
        reply_put(&text, &reader.reply);
        if (strcmp(buf_text(&text), row->put) != 0)
            fail_row(row->say, "cut at %zu: '%s'", cut, buf_text(&text));
        buf_fini(&text);
    }
    reply_reader_fini(&reader);
}

static void
reply_reads_every_row_at_every_split(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        for (size_t cut = 0; cut <= rows[i].in.len; cut++)
            check_row(&rows[i], cut);
}

static void
reply_tells_an_enhanced_code_from_text(void **state)
{
    (void)state;
    static const struct {
        const char *in;
        int class, subject, detail;
        const char *text;
    } codes[] = {
        {"451 5.7.3 Wait\n", 5, 7, 3, "Wait"},
        {"550 4.7.500 x\n", 4, 7, 500, "x"},
        {"250 2.1.5 \n", 2, 1, 5, ""},
        {"250 5.1.1 x\n", 0, 0, 0, "5.1.1 x"},
        {"550 2.1.1 x\n", 0, 0, 0, "2.1.1 x"},
        {"354 3.0.0 x\n", 0, 0, 0, "3.0.0 x"},
        {"550 5.7.1000 x\n", 0, 0, 0, "5.7.1000 x"},
        {"550 5.7 x\n", 0, 0, 0, "5.7 x"},
        {"550 5.7.1: x\n", 0, 0, 0, "5.7.1: x"},
        {"550 5..1 x\n", 0, 0, 0, "5..1 x"},
    };
    for (size_t i = 0; i < COUNT_OF(codes); i++) {
        struct reply_reader reader;
        reply_reader_init(&reader);
        struct slice in = flush_copy(slice_str(codes[i].in));
        assert_int_equal(reply_read(&reader, &in), REPLY_DONE);
        if (!reply_has_enhanced(&reader.reply, codes[i].class, codes[i].subject,
                                codes[i].detail) ||
            strcmp(reader.reply.text, codes[i].text) != 0)
            fail_row(codes[i].in, "'%s'", reader.reply.text);
        reply_reader_fini(&reader);
    }
}

static void
reply_leaves_the_next_reply_in_the_input(void **state)
{
    (void)state;
    struct reply_reader reader;
    reply_reader_init(&reader);
    struct slice in = slice_str("250 2.1.0 a\r\n550-5.1.1 b\r\n550 c\r\n354 d\r\n22");
    assert_int_equal(reply_read(&reader, &in), REPLY_DONE);
    assert_int_equal(reader.reply.code, 250);
    assert_int_equal(reply_read(&reader, &in), REPLY_DONE);
    assert_int_equal(reader.reply.code, 550);
    assert_true(reply_has_enhanced(&reader.reply, 5, 1, 1));
    assert_string_equal(reader.reply.text, "b c");
    assert_int_equal(reply_read(&reader, &in), REPLY_DONE);
    assert_int_equal(reader.reply.code, 354);
    assert_false(reply_has_enhanced(&reader.reply, 5, 1, 1));
    assert_int_equal(reply_read(&reader, &in), REPLY_MORE);
    assert_int_equal(in.len, 0);
    in = slice_str("1 e\n");
    assert_int_equal(reply_read(&reader, &in), REPLY_DONE);
    assert_int_equal(reader.reply.code, 221);
    reply_reader_fini(&reader);
}

/* Lines of n octets (without LF) `lines` times. */
static enum reply_parse
read_big(size_t n, unsigned lines, size_t piece)
{
    static char line[4096];
    memset(line, 'x', sizeof line);
    memcpy(line, "250-", 4);
    line[n] = '\n';
    struct reply_reader reader;
    reply_reader_init(&reader);
    enum reply_parse got = REPLY_MORE;
    for (unsigned i = 1; i <= lines && got == REPLY_MORE; i++) {
        line[3] = i == lines ? ' ' : '-';
        for (size_t at = 0; at <= n && got == REPLY_MORE; at += piece) {
            struct slice in = slice_head(slice(line + at, n + 1 - at), piece);
            got = reply_read(&reader, &in);
        }
    }
    assert_true(got != REPLY_DONE || reader.reply.len == REPLY_TEXT - 1 || n * lines < 500);
    reply_reader_fini(&reader);
    return got;
}

static void
reply_keeps_its_limits_whole_or_in_pieces(void **state)
{
    (void)state;
    static const size_t pieces[] = {1, 7, 2048, 4096};
    for (size_t i = 0; i < COUNT_OF(pieces); i++) {
        assert_int_equal(read_big(2048, 1, pieces[i]), REPLY_DONE);
        assert_int_equal(read_big(2049, 1, pieces[i]), REPLY_BAD);
        assert_int_equal(read_big(600, 128, pieces[i]), REPLY_DONE);
        assert_int_equal(read_big(600, 129, pieces[i]), REPLY_BAD);
    }
}

/* A peer that never ends its line does not make us collect it. */
static void
reply_is_bad_before_an_endless_line_ends(void **state)
{
    (void)state;
    static char noise[2049];
    memset(noise, '2', sizeof noise);
    struct reply_reader reader;
    reply_reader_init(&reader);
    struct slice in = slice(noise, sizeof noise);
    assert_int_equal(reply_read(&reader, &in), REPLY_BAD);
    reply_reader_fini(&reader);
}

static void
collect(void *context, struct slice text)
{
    buf_put(context, text);
    buf_put_char(context, '|');
}

static void
reply_hands_out_the_text_of_each_line(void **state)
{
    (void)state;
    struct buf seen;
    buf_init(&seen, 1024);
    struct reply_reader reader;
    reply_reader_init(&reader);
    reader.on_line = collect;
    reader.context = &seen;
    struct slice in =
        slice_str("250-ex07 Hello [10.0.0.3]\r\n250-SIZE \r\n250-AUTH\r\n250 OK\r\n");
    assert_int_equal(reply_read(&reader, &in), REPLY_DONE);
    assert_string_equal(buf_text(&seen), "ex07 Hello [10.0.0.3]|SIZE|AUTH|OK|");
    reply_reader_fini(&reader);
    buf_fini(&seen);
}

static void
reply_make_is_printable_and_never_too_long(void **state)
{
    (void)state;
    struct reply r = reply_make(452, "4.3.1", "No %s\r\nfor %d", "room", 7);
    assert_int_equal(r.code, 452);
    assert_true(reply_has_enhanced(&r, 4, 3, 1));
    assert_true(reply_is_transient(&r));
    assert_false(reply_is_permanent(&r) || reply_is_success(&r) || r.local);
    assert_string_equal(r.text, "No room??for 7");

    r = reply_make(250, NULL, "%2000d", 1);
    assert_int_equal(r.len, REPLY_TEXT - 1);
    assert_int_equal(strlen(r.text), REPLY_TEXT - 1);
    assert_int_equal(r.enhanced[0], 0);
}

static void
reply_put_fits_a_reply_line(void **state)
{
    (void)state;
    struct buf line;
    buf_init(&line, 1024);
    struct reply r = reply_make(550, "5.999.999", "%2000d", 1);
    reply_put(&line, &r);
    buf_put_str(&line, "\r\n");
    assert_true(line.len <= 512);
    buf_fini(&line);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reply_reads_every_row_at_every_split),
        cmocka_unit_test(reply_tells_an_enhanced_code_from_text),
        cmocka_unit_test(reply_leaves_the_next_reply_in_the_input),
        cmocka_unit_test(reply_keeps_its_limits_whole_or_in_pieces),
        cmocka_unit_test(reply_is_bad_before_an_endless_line_ends),
        cmocka_unit_test(reply_hands_out_the_text_of_each_line),
        cmocka_unit_test(reply_make_is_printable_and_never_too_long),
        cmocka_unit_test(reply_put_fits_a_reply_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
