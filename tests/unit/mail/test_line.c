/* Every row is read whole, and cut in two at every place, and octet by octet: where the network
 * happens to split the stream must never change the lines. Each piece ends where the memory ends.
 */
#include "gateway/mail/line.h"

#include "gateway/base/mem.h"
#include "tests/kit/flush.h"
#include "tests/kit/test.h"

enum { MAX = 8 };

struct row {
    const char *say;
    struct slice in;
    const char *want; /* one letter a result, and the line: "D[abc]" */
};

#define IN(text)                                                                                 \
    {                                                                                            \
        text, sizeof(text) - 1                                                                   \
    }

static const struct row rows[] = {
    {"nothing", IN(""), ""},
    {"an unfinished line", IN("abc"), ""},
    {"an unfinished line end", IN("abc\r"), ""},
    {"a line", IN("abc\r\n"), "D[abc]"},
    {"an empty line", IN("\r\n"), "D[]"},
    {"two lines and a half", IN("a\r\nb\r\nc"), "D[a]D[b]"},
    {"the longest line", IN("12345678\r\n"), "D[12345678]"},
    {"one octet more", IN("123456789\r\n"), "L"},
    {"two octets more", IN("1234567890\r\n"), "L"},
    {"an endless line, then a good one", IN("123456789012345678901234567890\r\nok\r\n"),
     "LD[ok]"},
    {"an endless line that has not ended", IN("123456789012345678901234567890"), ""},
    {"a bare LF", IN("abc\n"), "F"},
    {"a bare LF alone, then a good line", IN("\nok\r\n"), "FD[ok]"},
    {"a bare LF at the end of an endless line", IN("1234567890123456\nok\r\n"), "FD[ok]"},
    {"a bare CR", IN("a\rb\r\nok\r\n"), "CD[ok]"},
    {"CR CR LF", IN("a\r\r\n"), "C"},
    {"LF CR", IN("a\n\r\n"), "FD[]"},
    {"a NUL", IN("a\0b\r\nok\r\n"), "ND[ok]"},
    {"a NUL goes before a CR", IN("\ra\0\r\n"), "N"},
    {"8-bit octets are not judged here", IN("\xe4\xff\r\n"), "D[\xe4\xff]"},
};

static void
read_all(struct line_reader *r, struct slice in, struct buf *got)
{
    static const char letters[] = "-DLFCNM";
    struct slice line;
    enum line_result result;

    while ((result = line_read(r, &in, &line)) != LINE_MORE) {
        buf_put_char(got, letters[result]);
        if (result == LINE_DONE) {
            buf_put_char(got, '[');
            buf_put(got, line);
            buf_put_char(got, ']');
        }
    }
    assert_int_equal(in.len, 0);
}

/* step: pieces of this many octets; first: the length of the first piece */
static void
check_row(const struct row *row, size_t first, size_t step)
{
    struct line_reader r;
    struct buf got;
    line_reader_init(&r, MAX);
    buf_init(&got, 1000);
    read_all(&r, flush_copy(slice_head(row->in, first)), &got);
    for (size_t at = first; at < row->in.len; at += step)
        read_all(&r, flush_copy(slice_head(slice_from(row->in, at), step)), &got);
    if (!slice_is(buf_slice(&got), row->want))
        fail_msg("%s, cut at %zu: wanted %s, got %s", row->say, first, row->want, buf_text(&got));
    buf_fini(&got);
    line_reader_fini(&r);
}

static void
line_reads_every_row_at_every_split(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        for (size_t cut = 0; cut <= rows[i].in.len; cut++)
            check_row(&rows[i], cut, rows[i].in.len + 1);
        check_row(&rows[i], 0, 1);
    }
}

static void
line_gives_slices_of_the_input_when_it_is_all_there(void **state)
{
    (void)state;
    struct line_reader r;
    struct slice in = slice_str("one\r\ntwo\r\n"), line;
    const char *from = in.ptr;
    line_reader_init(&r, 100);
    mem_fail_after(0); /* nothing is allocated either */
    assert_int_equal(line_read(&r, &in, &line), LINE_DONE);
    assert_ptr_equal(line.ptr, from);
    assert_int_equal(line_read(&r, &in, &line), LINE_DONE);
    assert_ptr_equal(line.ptr, from + 5);
    mem_fail_after(-1);
    line_reader_fini(&r);
}

static void
line_never_keeps_more_than_its_maximum(void **state)
{
    (void)state;
    struct line_reader r;
    line_reader_init(&r, 12288);
    static char flood[65536];
    memset(flood, 'x', sizeof flood);
    for (int i = 0; i < 100; i++) {
        struct slice in = slice(flood, sizeof flood), line;
        assert_int_equal(line_read(&r, &in, &line), LINE_MORE);
        assert_true(r.carry.cap <= 12288 + 3);
    }
    struct slice end = slice_str("\r\n"), line;
    assert_int_equal(line_read(&r, &end, &line), LINE_TOO_LONG);
    line_reader_fini(&r);
}

static void
line_says_when_there_is_no_memory(void **state)
{
    (void)state;
    struct line_reader r;
    struct slice line, a = slice_str("QU"), b = slice_str("IT\r\nNOOP\r\n");
    line_reader_init(&r, 100);
    mem_fail_after(0);
    assert_int_equal(line_read(&r, &a, &line), LINE_MORE);
    mem_fail_after(-1);
    assert_int_equal(line_read(&r, &b, &line), LINE_NOMEM);
    assert_int_equal(line_read(&r, &b, &line), LINE_DONE);
    assert_true(slice_is(line, "NOOP"));
    line_reader_fini(&r);
}

static void
line_wipes_what_its_carry_held(void **state)
{
    (void)state;
    struct line_reader r;
    struct slice line, a = slice_str("c2Vjc"), b = slice_str("mV0\r\n"), c = slice_str("ok\r\n");
    line_reader_init(&r, 12288);
    assert_int_equal(line_read(&r, &a, &line), LINE_MORE);
    assert_int_equal(line_read(&r, &b, &line), LINE_DONE);
    assert_true(slice_is(line, "c2VjcmV0"));
    line_reader_wipe(&r);
    for (size_t i = 0; i < r.carry.cap; i++)
        assert_int_equal(r.carry.data[i], 0);
    assert_int_equal(line_read(&r, &c, &line), LINE_DONE);
    assert_true(slice_is(line, "ok"));
    line_reader_fini(&r);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(line_reads_every_row_at_every_split),
        cmocka_unit_test(line_gives_slices_of_the_input_when_it_is_all_there),
        cmocka_unit_test(line_never_keeps_more_than_its_maximum),
        cmocka_unit_test(line_says_when_there_is_no_memory),
        cmocka_unit_test(line_wipes_what_its_carry_held),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
