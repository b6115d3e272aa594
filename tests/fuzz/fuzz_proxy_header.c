/*
 * However the network cuts the octets, the header, its client and its end are the same; a line is
 * used to its LF and a binary header to the length that it says, and not one octet further.
 */
#include "gateway/mail/proxy_header.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

static enum proxy_result
read_in_pieces(struct proxy_reader *r, struct slice in, size_t step, size_t *used)
{
    enum proxy_result result = PROXY_MORE;
    *used = 0;
    proxy_reader_init(r);
    while (in.len > 0 && result == PROXY_MORE) {
        struct slice piece = slice_head(in, step);
        size_t before = piece.len;
        result = proxy_read(r, &piece);
        must(result != PROXY_MORE || piece.len == 0);
        *used += before - piece.len;
        slice_skip(&in, before - piece.len);
    }
    return result;
}

int
LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
    struct proxy_reader whole, cut;
    size_t used_whole, used_cut;
    if (size < 2)
        return 0;
    struct slice in = slice((const char *)data + 1, size - 1);
    enum proxy_result result = read_in_pieces(&whole, in, in.len, &used_whole);
    must(result == read_in_pieces(&cut, in, 1 + data[0] % 16, &used_cut));
    must(used_whole == used_cut);
    if (result == PROXY_BAD)
        must(whole.fault == cut.fault);
    if (result != PROXY_DONE)
        return 0;
    must(whole.client == cut.client && whole.version == cut.version);
    must(memcmp(&whole.source, &cut.source, sizeof whole.source) == 0);
    must((whole.client == PROXY_CLIENT) == (whole.source.ss_family != AF_UNSPEC));
    if (whole.version == 1)
        must(used_whole == slice_find(in, '\n') + 1 && used_whole <= PROXY_LINE_MAX);
    else
        must(used_whole == 16U + ((unsigned char)in.ptr[14] << 8 | (unsigned char)in.ptr[15]));
    return 0;
}
