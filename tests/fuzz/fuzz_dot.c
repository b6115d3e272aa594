/*
 * However the network cuts the octets, the message, its end and what was noted are the same; the
 * runs hold what came, but for the stuffed dots; and the first CRLF.CRLF is the end.
 */
#include "gateway/base/buf.h"
#include "gateway/mail/dot.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

struct reading {
    struct dot_reader dots;
    struct buf message;
    bool ended;
    size_t used;
};

static void
read_in_pieces(struct reading *r, struct slice in, size_t step, bool normalise)
{
    *r = (struct reading){0};
    buf_init(&r->message, 2 * in.len + 2);
    dot_reader_init(&r->dots, normalise);
    while (in.len > 0 && !r->ended) {
        struct slice piece = slice_head(in, step), run;
        size_t before = piece.len;
        enum dot_result result;
        while ((result = dot_read(&r->dots, &piece, &run)) == DOT_RUN) {
            must(run.len > 0);
            buf_put(&r->message, run);
        }
        r->ended = result == DOT_END;
        must(r->ended || piece.len == 0);
        r->used += before - piece.len;
        slice_skip(&in, before - piece.len);
    }
    must(buf_ok(&r->message));
}

/* Where a message ends if one looks for nothing else. */
static size_t
end_of(struct slice in)
{
    if (slice_starts(in, slice_str(".\r\n")))
        return 3;
    for (size_t i = 0; i + 5 <= in.len; i++)
        if (memcmp(in.ptr + i, "\r\n.\r\n", 5) == 0)
            return i + 5;
    return 0;
}

static void
check(struct slice in, size_t step, bool normalise)
{
    struct reading whole, cut;

    read_in_pieces(&whole, in, in.len, normalise);
    read_in_pieces(&cut, in, step, normalise);
    must(whole.ended == cut.ended && whole.used == cut.used);
    must(slice_equal(buf_slice(&whole.message), buf_slice(&cut.message)));
    must(whole.dots.nul == cut.dots.nul);
    must(whole.dots.bare_newline == cut.dots.bare_newline);

    size_t end = end_of(in);
    must(whole.ended == (end > 0) && (!whole.ended || whole.used == end));
    if (!normalise)
        must(whole.message.len <= in.len);
    if (normalise && whole.ended) {
        /* Nothing is left for anybody to read as the end of a line but CRLF. */
        struct slice m = buf_slice(&whole.message);
        for (size_t i = 0; i < m.len; i++)
            must((m.ptr[i] == '\r') == (i + 1 < m.len && m.ptr[i + 1] == '\n'));
    }
    buf_fini(&whole.message);
    buf_fini(&cut.message);
}

int
LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
    if (size < 2)
        return 0;
    struct slice in = slice((const char *)data + 1, size - 1);
    size_t step = 1 + data[0] % 16;
    check(in, step, false);
    check(in, step, true);
    return 0;
}
