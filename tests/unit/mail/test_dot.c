/* Rows for what is known to go wrong between relays, and a second, slow reader that must agree
 * with the fast one on anything. */
#include "gateway/mail/dot.h"

#include "gateway/base/buf.h"
#include "tests/kit/flush.h"
#include "tests/kit/test.h"

#define S(text)                                                                                  \
    {                                                                                            \
        text, sizeof(text) - 1                                                                   \
    }

struct row {
    const char *say;
    struct slice in;
    struct slice message;    /* as it came */
    struct slice normalised; /* with normalise */
    struct slice left;       /* behind the end; ignored when there is no end */
    bool ends, bare, nul;
};

static const struct row rows[] = {
    {"an empty message", S(".\r\nQUIT"), S(""), S(""), S("QUIT"), true, false, false},
    {"one line", S("hi\r\n.\r\n"), S("hi\r\n"), S("hi\r\n"), S(""), true, false, false},
    {"a stuffed line", S("..hi\r\n.\r\n"), S(".hi\r\n"), S(".hi\r\n"), S(""), true, false, false},
    {"a stuffed dot", S("a\r\n..\r\n.\r\n"), S("a\r\n.\r\n"), S("a\r\n.\r\n"), S(""), true, false,
     false},
    {"a dot in front of a letter", S(".hi\r\n.\r\n"), S("hi\r\n"), S("hi\r\n"), S(""), true,
     false, false},
    {"dots inside a line", S("a.b.\r\n.\r\n"), S("a.b.\r\n"), S("a.b.\r\n"), S(""), true, false,
     false},
    {"no end", S("hi\r\n."), S("hi\r\n"), S("hi\r\n"), S(""), false, false, false},
    {"a dot without a line end before it", S("hi.\r\n"), S("hi.\r\n"), S("hi.\r\n"), S(""), false,
     false, false},
    {"LF.LF is content", S("a\n.\nb\r\n.\r\n"), S("a\n.\nb\r\n"), S("a\r\n.\r\nb\r\n"), S(""),
     true, true, false},
    {"LF.CRLF is content", S("a\n.\r\nMAIL\r\n.\r\n"), S("a\n.\r\nMAIL\r\n"),
     S("a\r\n.\r\nMAIL\r\n"), S(""), true, true, false},
    {"CRLF.LF is content", S("a\r\n.\nMAIL\r\n.\r\n"), S("a\r\n\nMAIL\r\n"),
     S("a\r\n\r\nMAIL\r\n"), S(""), true, true, false},
    {"CR.CR is content", S("a\r.\rb\r\n.\r\n"), S("a\r.\rb\r\n"), S("a\r\n.\r\nb\r\n"), S(""),
     true, true, false},
    {"CRLF.CR is content", S("a\r\n.\rb\r\n.\r\n"), S("a\r\n\rb\r\n"), S("a\r\n\r\nb\r\n"), S(""),
     true, true, false},
    {"CRLF.CRCRLF is content", S("a\r\n.\r\r\n.\r\n"), S("a\r\n\r\r\n"), S("a\r\n\r\n\r\n"),
     S(""), true, true, false},
    {"CR CR LF", S("a\r\r\n.\r\n"), S("a\r\r\n"), S("a\r\n\r\n"), S(""), true, true, false},
    {"CR CRLF.CRLF ends", S("\r\r\n.\r\nNOOP"), S("\r\r\n"), S("\r\n\r\n"), S("NOOP"), true, true,
     false},
    {"LF at the very start", S("\n.\r\n.\r\n"), S("\n.\r\n"), S("\r\n.\r\n"), S(""), true, true,
     false},
    {"CR at the very start", S("\r.\r\n.\r\n"), S("\r.\r\n"), S("\r\n.\r\n"), S(""), true, true,
     false},
    {"a NUL", S("a\0b\r\n.\r\n"), S("a\0b\r\n"), S("a\0b\r\n"), S(""), true, false, true},
    {"NUL between the dot and its end", S("\r\n.\0\r\n.\r\n"), S("\r\n\0\r\n"), S("\r\n\0\r\n"),
     S(""), true, false, true},
    {"only the first end counts", S("a\r\n.\r\nb\r\n.\r\n"), S("a\r\n"), S("a\r\n"),
     S("b\r\n.\r\n"), true, false, false},
};

/* Read all of in; the message is appended to got. True when the end was seen. */
static bool
read_all(struct dot_reader *r, struct slice *in, struct buf *got)
{
    struct slice run;
    enum dot_result result;
    while ((result = dot_read(r, in, &run)) == DOT_RUN) {
        assert_true(run.len > 0);
        buf_put(got, run);
    }
    return result == DOT_END;
}

static void
check_row(const struct row *row, bool normalise, size_t cut)
{
    struct dot_reader r;
    struct buf got;
    struct slice want = normalise ? row->normalised : row->message;
    struct slice first = flush_copy(slice_head(row->in, cut)), second;

    dot_reader_init(&r, normalise);
    buf_init(&got, 1000);
    bool ended = read_all(&r, &first, &got);
    size_t left = ended ? first.len + row->in.len - cut : 0;
    second = flush_copy(slice_from(row->in, cut));
    if (!ended && read_all(&r, &second, &got)) {
        ended = true;
        left = second.len;
    }
    if (ended != row->ends || !slice_equal(buf_slice(&got), want) || r.nul != row->nul ||
        r.bare_newline != row->bare || (ended && left != row->left.len))
        fail_msg("%s, normalise %d, cut at %zu: got '%s', end %d, bare %d, nul %d, left %zu",
                 row->say, normalise, cut, buf_text(&got), ended, r.bare_newline, r.nul, left);
    buf_fini(&got);
}

static void
dot_reads_every_row_at_every_split(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        for (size_t cut = 0; cut <= rows[i].in.len; cut++) {
            check_row(&rows[i], false, cut);
            check_row(&rows[i], true, cut);
        }
    }
}

/* The same rules, one octet at a time and with no thought of speed. */
static bool
slow_read(struct slice in, bool normalise, struct buf *got, size_t *used)
{
    bool line_start = true; /* CRLF or nothing before */
    for (size_t i = 0; i < in.len;) {
        struct slice rest = slice_from(in, i);
        if (line_start && slice_starts(rest, slice_str(".\r\n"))) {
            *used = i + 3;
            return true;
        }
        if (line_start && *rest.ptr == '.') {
            line_start = false;
            i += 1;
        } else if (slice_starts(rest, slice_str("\r\n"))) {
            buf_put_str(got, "\r\n");
            line_start = true;
            i += 2;
        } else {
            bool bare = *rest.ptr == '\r' || *rest.ptr == '\n';
            if (bare && normalise)
                buf_put_str(got, "\r\n");
            else
                buf_put_char(got, *rest.ptr);
            line_start = false;
            i += 1;
        }
    }
    *used = in.len;
    return false;
}

static unsigned
next_random(unsigned *seed)
{
    *seed = *seed * 1103515245U + 12345U;
    return *seed >> 16 & 0x7fff;
}

static void
dot_agrees_with_the_slow_reader_on_anything(void **state)
{
    (void)state;
    static const char alphabet[] = "\r\n\r\n..ab";
    struct buf fast, slow;
    buf_init(&fast, 8000);
    buf_init(&slow, 8000);
    unsigned seed = 1;
    for (int round = 0; round < 20000; round++) {
        char text[40];
        bool normalise = round % 2;
        size_t len = next_random(&seed) % (sizeof text - 3), used;
        for (size_t i = 0; i < len; i++)
            text[i] = alphabet[next_random(&seed) % (sizeof alphabet - 1)];
        memcpy(text + len, "z\r\n", 3); /* no half line end, which the two keep differently */
        struct slice in = slice(text, len + 3), rest = in;
        struct dot_reader r;
        buf_clear(&fast);
        buf_clear(&slow);
        dot_reader_init(&r, normalise);
        bool ended = false;
        size_t step = 1 + next_random(&seed) % 9;
        while (!ended && rest.len > 0) {
            struct slice piece = slice_head(rest, step);
            size_t before = piece.len;
            ended = read_all(&r, &piece, &fast);
            slice_skip(&rest, before - piece.len);
        }
        assert_int_equal(slow_read(in, normalise, &slow, &used), ended);
        assert_int_equal(in.len - rest.len, used);
        assert_true(slice_equal(buf_slice(&fast), buf_slice(&slow)));
    }
    buf_fini(&fast);
    buf_fini(&slow);
}

static void
dot_finds_its_marks_where_its_look_ahead_ends(void **state)
{
    (void)state;
    static char text[2100];
    for (size_t at = 1000; at < 1050; at++) {
        for (int bare = 0; bare < 3; bare++) {
            struct dot_reader r;
            struct slice in = slice(text, sizeof text), run;
            memset(text, 'x', sizeof text);
            if (bare != 1)
                text[at] = '\r';
            if (bare != 2)
                text[at + 1] = '\n';
            dot_reader_init(&r, false);
            while (dot_read(&r, &in, &run) == DOT_RUN)
                ;
            assert_int_equal(r.bare_newline, bare != 0);
        }
    }
}

static void
dot_gives_a_plain_message_as_one_run_of_the_input(void **state)
{
    (void)state;
    struct slice in = slice_str("a: b\r\n\r\nbody\r\nmore\r\n.\r\n"), run;
    const char *from = in.ptr;
    struct dot_reader r;
    dot_reader_init(&r, false);
    assert_int_equal(dot_read(&r, &in, &run), DOT_RUN);
    assert_ptr_equal(run.ptr, from);
    assert_int_equal(run.len, 20);
    assert_int_equal(dot_read(&r, &in, &run), DOT_END);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(dot_reads_every_row_at_every_split),
        cmocka_unit_test(dot_agrees_with_the_slow_reader_on_anything),
        cmocka_unit_test(dot_finds_its_marks_where_its_look_ahead_ends),
        cmocka_unit_test(dot_gives_a_plain_message_as_one_run_of_the_input),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
