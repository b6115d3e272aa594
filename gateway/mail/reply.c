#include "gateway/mail/reply.h"

#include <stdarg.h>
#include <stdio.h>

#include "gateway/base/ascii.h"

enum { LINE_MAX_OCTETS = 2048, LINES_MAX = 128 };

/* One number of an enhanced code: one to three digits at the front of *in (RFC 3463 2). */
static bool
read_number(struct slice *in, unsigned short *out)
{
    size_t n = 0;
    while (n < in->len && n < 4 && ascii_is_digit(in->ptr[n]))
        n++;
    uint64_t number;
    if (n > 3 || !ascii_number(slice_head(*in, n), 999, &number))
        return false;
    *out = (unsigned short)number;
    slice_skip(in, n);
    return true;
}

static bool
read_dot(struct slice *in)
{
    if (in->len == 0 || in->ptr[0] != '.')
        return false;
    slice_skip(in, 1);
    return true;
}

/* Success goes with success. Failures mix: Exchange says "451 5.7.3". */
static bool
class_fits(unsigned short class, int code)
{
    if (code < 300)
        return class == 2;
    return code >= 400 && (class == 4 || class == 5);
}

/* "5.7.1" and the blanks behind it at the front of *in, when its class fits the reply code.
 * False: *in is as it was. */
static bool
read_enhanced(struct slice *in, int code, unsigned short enhanced[3])
{
    struct slice rest = *in;
    unsigned short e[3];
    if (!read_number(&rest, &e[0]) || !read_dot(&rest) || !read_number(&rest, &e[1]) ||
        !read_dot(&rest) || !read_number(&rest, &e[2]))
        return false;
    if ((rest.len > 0 && !ascii_is_blank(rest.ptr[0])) || !class_fits(e[0], code))
        return false;
    while (rest.len > 0 && ascii_is_blank(rest.ptr[0]))
        slice_skip(&rest, 1);
    *in = rest;
    memcpy(enhanced, e, sizeof e);
    return true;
}

/* Append to the text what there is room for, every octet printable. */
static void
add_text(struct reply *r, struct slice more)
{
    size_t room = sizeof r->text - 1 - r->len;
    size_t n = more.len < room ? more.len : room;
    char *to = r->text + r->len;
    for (size_t i = 0; i < n; i++) {
        char c = more.ptr[i] == '\t' ? ' ' : more.ptr[i];
        to[i] = ascii_is_print(c) ? c : '?';
    }
    to[n] = '\0';
    r->len = (unsigned short)(r->len + n);
}

struct reply
reply_make(int code, const char *enhanced, const char *fmt, ...)
{
    struct reply r;
    memset(&r, 0, offsetof(struct reply, text));
    must(code >= 200 && code <= 599);
    r.code = (short)code;
    if (enhanced != NULL) {
        struct slice text = slice_str(enhanced);
        must(read_enhanced(&text, code, r.enhanced) && text.len == 0);
    }

    char text[REPLY_TEXT];
    va_list args;
    va_start(args, fmt);
    int n = vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    must(n >= 0);
    add_text(&r, slice(text, (size_t)n < sizeof text ? (size_t)n : sizeof text - 1));
    return r;
}

bool
reply_has_enhanced(const struct reply *r, int class, int subject, int detail)
{
    return r->enhanced[0] == class && r->enhanced[1] == subject && r->enhanced[2] == detail;
}

void
reply_put(struct buf *out, const struct reply *r)
{
    buf_put_num(out, (uint64_t)r->code);
    if (r->enhanced[0] != 0) {
        buf_put_char(out, ' ');
        reply_put_enhanced(out, r);
    }
    if (r->len > 0) {
        buf_put_char(out, ' ');
        buf_put(out, slice(r->text, r->len));
    }
}

void
reply_put_enhanced(struct buf *out, const struct reply *r)
{
    for (size_t i = 0; i < COUNT_OF(r->enhanced); i++) {
        if (i > 0)
            buf_put_char(out, '.');
        buf_put_num(out, r->enhanced[i]);
    }
}

void
reply_reader_init(struct reply_reader *r)
{
    memset(r, 0, sizeof *r);
    buf_init(&r->line, LINE_MAX_OCTETS);
}

void
reply_reader_fini(struct reply_reader *r)
{
    buf_fini(&r->line);
}

static struct slice
without_end(struct slice line)
{
    while (line.len > 0 &&
           (line.ptr[line.len - 1] == '\r' || ascii_is_blank(line.ptr[line.len - 1])))
        line.len--;
    return line;
}

/* The line's text joins the text of the lines before it. The enhanced code counts where it stands
 * first; repeated in the following lines it is not text either. */
static void
join_line(struct reply *r, struct slice text, bool first)
{
    unsigned short again[3];
    struct slice rest = text;
    if (first)
        (void)read_enhanced(&text, r->code, r->enhanced);
    else if (read_enhanced(&rest, r->code, again) &&
             memcmp(again, r->enhanced, sizeof again) == 0)
        text = rest;
    if (r->len > 0)
        add_text(r, slice_str(" "));
    add_text(r, text);
}

/* One whole line, without its LF. */
static enum reply_parse
take_line(struct reply_reader *r, struct slice line)
{
    struct slice digits = slice_head(line, 3);
    uint64_t code;
    if (digits.len < 3 || !ascii_number(digits, 599, &code) || code < 200)
        return REPLY_BAD;
    struct slice text = without_end(slice_from(line, 3));
    bool more = text.len > 0 && text.ptr[0] == '-';
    if (text.len > 0 && text.ptr[0] != ' ' && !more)
        return REPLY_BAD;
    if (slice_find(text, '\0') < text.len)
        return REPLY_BAD;

    bool first = r->lines == 0;
    if (first) {
        memset(&r->reply, 0, offsetof(struct reply, text));
        r->reply.text[0] = '\0';
        r->reply.code = (short)code;
    } else if (r->reply.code != (short)code || r->lines == LINES_MAX) {
        return REPLY_BAD;
    }
    r->lines++;
    text = slice_from(text, 1);
    join_line(&r->reply, text, first);
    if (r->on_line != NULL)
        r->on_line(r->context, text);
    if (more)
        return REPLY_MORE;
    r->lines = 0;
    return REPLY_DONE;
}

enum reply_parse
reply_read(struct reply_reader *r, struct slice *in)
{
    while (in->len > 0) {
        size_t n = slice_find(*in, '\n');
        struct slice piece = slice_head(*in, n);
        bool whole = n < in->len;
        if (r->line.len + piece.len > LINE_MAX_OCTETS)
            return REPLY_BAD;
        slice_skip(in, whole ? n + 1 : n);
        if (!whole || r->line.len > 0) {
            buf_put(&r->line, piece);
            if (!buf_ok(&r->line))
                return REPLY_BAD; /* no memory: as good as unreadable */
            if (!whole)
                break;
            piece = buf_slice(&r->line);
        }
        enum reply_parse result = take_line(r, piece);
        buf_clear(&r->line);
        if (result != REPLY_MORE)
            return result;
    }
    return REPLY_MORE;
}
