#include "gateway/mail/xtext.h"

#include "gateway/base/ascii.h"

static bool
is_xchar(char c)
{
    return c > ' ' && c <= '~' && c != '+' && c != '=';
}

void
xtext_encode(struct buf *out, struct slice raw)
{
    static const char digits[] = "0123456789ABCDEF";
    for (size_t i = 0; i < raw.len; i++) {
        unsigned char c = (unsigned char)raw.ptr[i];
        if (is_xchar(raw.ptr[i]))
            buf_put_char(out, raw.ptr[i]);
        else
            buf_put(out, slice((char[]){'+', digits[c >> 4], digits[c & 15]}, 3));
    }
}

/* The value of a capital hexadecimal digit, or -1. */
static int
hex_value(char c)
{
    return c >= 'a' && c <= 'f' ? -1 : ascii_hex_value(c);
}

/* One octet from the front of *text. */
static bool
decode_one(struct slice *text, char *octet)
{
    char c = text->ptr[0];
    if (is_xchar(c)) {
        *octet = c;
        slice_skip(text, 1);
        return true;
    }
    if (c != '+' || text->len < 3)
        return false;
    int high = hex_value(text->ptr[1]);
    int low = hex_value(text->ptr[2]);
    if (high < 0 || low < 0)
        return false;
    *octet = (char)(high << 4 | low);
    slice_skip(text, 3);
    return true;
}

bool
xtext_decode(struct buf *out, struct slice text)
{
    size_t before = out->len;
    char octet;
    while (text.len > 0 && buf_room(out) > 0 && decode_one(&text, &octet))
        buf_put_char(out, octet);
    if (text.len == 0 && buf_ok(out))
        return true;
    buf_truncate(out, before);
    return false;
}
