#include "gateway/mail/header.h"

#include "gateway/base/ascii.h"

void
header_scanner_init(struct header_scanner *s)
{
    header_scanner_init_max(s, HEADER_MAX);
}

void
header_scanner_init_max(struct header_scanner *s, size_t max)
{
    *s = (struct header_scanner){.place = HEADER_AT_NAME, .max = max};
    buf_init(&s->pending, max + HEADER_HEAD_MAX);
}

void
header_scanner_fini(struct header_scanner *s)
{
    buf_fini(&s->pending);
}

static void
begin_line(struct header_scanner *s)
{
    s->place = HEADER_AT_NAME;
    s->name_len = 0;
}

void
header_scanner_reset(struct header_scanner *s)
{
    begin_line(s);
    s->passed = 0;
    s->given = false;
    buf_clear(&s->pending);
}

/* RFC 5322 2.2: printable, but for the colon. */
static bool
is_name_char(char c)
{
    return c > ' ' && c <= '~' && c != ':';
}

enum head { HEAD_UNDECIDED, HEAD_FIELD, HEAD_BLANK_LINE, HEAD_NO_FIELD };

/* One octet of a line that is not yet known to be a field. */
static enum head
judge_octet(struct header_scanner *s, char c)
{
    bool nothing_yet = s->place == HEADER_AT_NAME && s->name_len == 0;

    if (s->place == HEADER_AT_CR)
        return c == '\n' ? HEAD_BLANK_LINE : HEAD_NO_FIELD;
    if (nothing_yet && c == '\n')
        return HEAD_BLANK_LINE;
    if (nothing_yet && c == '\r') {
        s->place = HEADER_AT_CR;
        return HEAD_UNDECIDED;
    }
    if (c == ':')
        return nothing_yet ? HEAD_NO_FIELD : HEAD_FIELD;
    if (s->place == HEADER_AT_NAME && is_name_char(c)) {
        s->name_len++;
        return HEAD_UNDECIDED;
    }
    if (ascii_is_blank(c) && !nothing_yet) {
        s->place = HEADER_AT_BLANKS;
        return HEAD_UNDECIDED;
    }
    return HEAD_NO_FIELD;
}

/* Go through `in` until it is known what its line is; *used is how far that was. */
static enum head
judge_head(struct header_scanner *s, struct slice in, size_t *used)
{
    for (size_t i = 0; i < in.len; i++) {
        enum head head = judge_octet(s, in.ptr[i]);
        if (head == HEAD_UNDECIDED && s->pending.len + i + 1 > HEADER_HEAD_MAX)
            head = HEAD_NO_FIELD;
        *used = i + 1;
        if (head != HEAD_UNDECIDED)
            return head;
    }
    return HEAD_UNDECIDED;
}

/* Go through `in` from *at until the field is over: its last line end was seen and what follows
 * goes on with no blank. *at is where that was, or the end of `in`. */
static bool
find_field_end(struct header_scanner *s, struct slice in, size_t *at)
{
    while (*at < in.len) {
        if (s->place == HEADER_AT_LINE_START && !ascii_is_blank(in.ptr[*at]))
            return true;
        s->place = HEADER_AT_VALUE;
        *at += slice_find(slice_from(in, *at), '\n');
        if (*at < in.len) {
            s->place = HEADER_AT_LINE_START;
            ++*at;
        }
    }
    return false;
}

/* What is pending and the first n octets of *in, as one slice. */
static struct slice
join(struct header_scanner *s, struct slice *in, size_t n)
{
    struct slice front = slice_head(*in, n);
    slice_skip(in, n);
    if (s->pending.len == 0)
        return front;
    buf_put(&s->pending, front);
    s->given = true;
    return buf_slice(&s->pending);
}

/* Nothing is decided: all of *in becomes pending. */
static enum header_event
wait_for_more(struct header_scanner *s, struct slice *in)
{
    buf_put(&s->pending, *in);
    slice_skip(in, in->len);
    return buf_ok(&s->pending) ? HEADER_MORE : HEADER_NOMEM;
}

static enum header_event
end_section(struct header_scanner *s, enum header_event event, struct slice raw,
            struct header_field *field)
{
    s->place = HEADER_AT_BODY;
    *field = (struct header_field){.raw = raw, .name = slice_head(raw, 0)};
    return buf_ok(&s->pending) ? event : HEADER_NOMEM;
}

static enum header_event
give_field(struct header_scanner *s, struct slice raw, struct header_field *field)
{
    *field = (struct header_field){.raw = raw, .name = slice_head(raw, s->name_len)};
    s->passed += raw.len;
    begin_line(s);
    return buf_ok(&s->pending) ? HEADER_FIELD : HEADER_NOMEM;
}

enum header_event
header_scan(struct header_scanner *s, struct slice *in, struct header_field *field)
{
    must(s->place != HEADER_AT_BODY);
    if (s->given) {
        buf_clear(&s->pending);
        s->given = false;
    }
    size_t used = 0;
    if (s->place != HEADER_AT_VALUE && s->place != HEADER_AT_LINE_START) {
        enum head head = judge_head(s, *in, &used);
        if (head == HEAD_UNDECIDED)
            return wait_for_more(s, in);
        if (head == HEAD_BLANK_LINE)
            return end_section(s, HEADER_END, join(s, in, used), field);
        if (head == HEAD_NO_FIELD)
            return end_section(s, HEADER_END_UNMARKED, buf_slice(&s->pending), field);
        s->place = HEADER_AT_VALUE;
    }
    bool whole = find_field_end(s, *in, &used);
    if (s->passed + s->pending.len + used > s->max)
        return HEADER_TOO_LONG;
    return whole ? give_field(s, join(s, in, used), field) : wait_for_more(s, in);
}

enum header_event
header_scan_end(struct header_scanner *s, struct header_field *field)
{
    must(s->place != HEADER_AT_BODY);
    struct slice rest = s->given ? slice("", 0) : buf_slice(&s->pending);
    s->given = true;
    if (s->place == HEADER_AT_VALUE || s->place == HEADER_AT_LINE_START)
        return give_field(s, rest, field);
    return end_section(s, HEADER_END_UNMARKED, rest, field);
}

struct slice
header_value(const struct header_field *field)
{
    struct slice behind = slice_from(field->raw, field->name.len);
    return slice_from(behind, slice_find(behind, ':') + 1);
}

static bool
is_line_end(char c)
{
    return c == '\r' || c == '\n';
}

void
header_unfold(struct buf *out, const struct header_field *field)
{
    struct slice rest = header_value(field);
    while (rest.len > 0 && (is_line_end(rest.ptr[0]) || ascii_is_blank(rest.ptr[0])))
        slice_skip(&rest, 1);
    while (rest.len > 0 &&
           (is_line_end(rest.ptr[rest.len - 1]) || ascii_is_blank(rest.ptr[rest.len - 1])))
        rest.len--;
    while (rest.len > 0) {
        size_t n = 0;
        while (n < rest.len && !is_line_end(rest.ptr[n]))
            n++;
        buf_put(out, slice_head(rest, n));
        while (n < rest.len && is_line_end(rest.ptr[n]))
            n++;
        slice_skip(&rest, n);
    }
}
