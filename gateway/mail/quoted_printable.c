#include "gateway/mail/quoted_printable.h"

#include "gateway/base/ascii.h"

enum { LINE_MAX_OCTETS = 76, ESCAPE_OCTETS = 3 };

/* Does a line end here: CRLF, or the end of the text? */
static bool
is_line_end(struct slice text)
{
    return text.len == 0 || slice_starts(text, slice_str("\r\n"));
}

/* May the first octet stand for itself? A blank not before a line end: it could get lost there.
 */
static bool
is_literal(struct slice text)
{
    char c = text.ptr[0];
    if (ascii_is_blank(c))
        return !is_line_end(slice_from(text, 1));
    return ascii_is_print(c) && c != '=';
}

void
quoted_printable_put(struct buf *out, struct slice text)
{
    static const char digits[] = "0123456789ABCDEF";
    size_t column = 0;
    while (text.len > 0) {
        if (slice_starts(text, slice_str("\r\n"))) {
            buf_put_str(out, "\r\n");
            slice_skip(&text, 2);
            column = 0;
            continue;
        }
        size_t octets = is_literal(text) ? 1 : ESCAPE_OCTETS;
        /* Room for the '=' of a soft line break stays. */
        if (column + octets > LINE_MAX_OCTETS - 1) {
            buf_put_str(out, "=\r\n");
            column = 0;
        }
        unsigned char c = (unsigned char)text.ptr[0];
        if (octets == 1)
            buf_put_char(out, text.ptr[0]);
        else
            buf_put(out, slice((char[]){'=', digits[c >> 4], digits[c & 15]}, ESCAPE_OCTETS));
        column += octets;
        slice_skip(&text, 1);
    }
}
