#include "gateway/base/base64.h"

#include "gateway/base/ascii.h"

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void
base64_encode(struct buf *out, struct slice raw)
{
    for (size_t i = 0; i < raw.len; i += 3) {
        size_t n = raw.len - i < 3 ? raw.len - i : 3;
        unsigned v = 0;
        for (size_t k = 0; k < 3; k++)
            v = v << 8 | (k < n ? (unsigned char)raw.ptr[i + k] : 0U);
        char quad[4] = {alphabet[v >> 18], alphabet[v >> 12 & 63],
                        n > 1 ? alphabet[v >> 6 & 63] : '=', n > 2 ? alphabet[v & 63] : '='};
        buf_put(out, slice(quad, 4));
    }
}

static int
value_of(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (ascii_is_digit(c))
        return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* Four characters to one to three octets; 0 when they are not base64. */
static size_t
decode_quad(const char *quad, bool last, char *octets)
{
    size_t pad = 0;
    if (last && quad[3] == '=')
        pad = quad[2] == '=' ? 2 : 1;
    unsigned v = 0;
    for (size_t i = 0; i < 4; i++) {
        int digit = i >= 4 - pad ? 0 : value_of(quad[i]);
        if (digit < 0)
            return 0;
        v = v << 6 | (unsigned)digit;
    }
    /* Bits that the padding cuts off must be zero: one text for one value. */
    if ((pad == 1 && (v & 0xff)) || (pad == 2 && (v & 0xffff)))
        return 0;
    octets[0] = (char)(v >> 16);
    octets[1] = (char)(v >> 8 & 0xff);
    octets[2] = (char)(v & 0xff);
    return 3 - pad;
}

bool
base64_decode(struct buf *out, struct slice text)
{
    size_t before = out->len;
    bool was_over = out->over;
    if (text.len % 4 != 0 || text.len / 4 * 3 > buf_room(out) + 2)
        return false;
    for (size_t i = 0; i < text.len; i += 4) {
        char octets[3];
        size_t n = decode_quad(text.ptr + i, i + 4 == text.len, octets);
        if (n > 0)
            buf_put(out, slice(octets, n));
        if (n == 0 || !buf_ok(out)) {
            buf_truncate(out, before);
            out->over = was_over;
            return false;
        }
    }
    return true;
}
