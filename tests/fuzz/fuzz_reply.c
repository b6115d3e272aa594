/* Cut at any place, a stream of replies reads the same; a reply that was read reads back. */
#include "gateway/mail/reply.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

static void
check_reads_back(const struct reply *r)
{
    struct buf wire;
    buf_init(&wire, 1024);
    reply_put(&wire, r);
    must(wire.len <= 510);
    buf_put_str(&wire, "\r\n");
    struct slice in = buf_slice(&wire);
    struct reply_reader reader;
    reply_reader_init(&reader);
    must(reply_read(&reader, &in) == REPLY_DONE && in.len == 0);
    must(reader.reply.code == r->code && reader.reply.len <= r->len);
    reply_reader_fini(&reader);
    buf_fini(&wire);
}

/* How the stream reads in pieces of `step` octets: the number of replies, or -1 - that when BAD.
 */
static int
read_in_steps(struct slice all, size_t step, unsigned *codes)
{
    struct reply_reader reader;
    reply_reader_init(&reader);
    int count = 0;
    bool bad = false;
    while (all.len > 0 && !bad) {
        struct slice piece = slice_head(all, step);
        slice_skip(&all, piece.len);
        enum reply_parse got;
        while ((got = reply_read(&reader, &piece)) == REPLY_DONE) {
            *codes = *codes * 31 + (unsigned)reader.reply.code + reader.reply.len;
            check_reads_back(&reader.reply);
            count++;
        }
        bad = got == REPLY_BAD;
        must(bad || piece.len == 0);
    }
    reply_reader_fini(&reader);
    return bad ? -1 - count : count;
}

int
LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
    if (size < 1)
        return 0;
    struct slice all = slice((const char *)data + 1, size - 1);
    unsigned whole = 0, cut = 0;
    int a = read_in_steps(all, size, &whole);
    int b = read_in_steps(all, (size_t)data[0] % 16 + 1, &cut);
    must(a == b && whole == cut);
    return 0;
}
