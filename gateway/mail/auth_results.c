#include "gateway/mail/auth_results.h"

#include "gateway/base/ascii.h"
#include "gateway/base/buf.h"

/* Twice the longest name: octets that are quoted one by one. */
enum { ID_MAX = 2 * 255 };

static bool
is_blank(char c)
{
    return ascii_is_blank(c) || c == '\r' || c == '\n';
}

/* A comment at the front; comments nest (RFC 5322 3.2.2). False: it does not end. */
static bool
skip_comment(struct slice *in)
{
    size_t depth = 0;

    while (in->len > 0) {
        char c = in->ptr[0];
        slice_skip(in, 1);
        if (c == '\\' && in->len > 0)
            slice_skip(in, 1);
        else if (c == '(')
            depth++;
        else if (c == ')' && --depth == 0)
            return true;
    }
    return false;
}

/* Blanks, line ends and comments. */
static bool
skip_space(struct slice *in)
{
    while (in->len > 0) {
        if (is_blank(in->ptr[0]))
            slice_skip(in, 1);
        else if (in->ptr[0] != '(')
            return true;
        else if (!skip_comment(in))
            return false;
    }
    return true;
}

/* Behind the opening quote. Line ends within are folding. */
static bool
read_quoted(struct slice *in, struct buf *id)
{
    while (in->len > 0) {
        char c = in->ptr[0];
        slice_skip(in, 1);
        if (c == '"')
            return true;
        if (c == '\\' && in->len > 0) {
            c = in->ptr[0];
            slice_skip(in, 1);
        } else if (c == '\r' || c == '\n') {
            continue;
        }
        buf_put_char(id, c);
    }
    return false;
}

/* RFC 2045 5.1. */
static bool
is_token_char(char c)
{
    static const char specials[] = "()<>@,;:\\\"/[]?=";
    return c > ' ' && c <= '~' && memchr(specials, c, sizeof specials - 1) == NULL;
}

static bool
read_token(struct slice *in, struct buf *id)
{
    size_t n = 0;

    while (n < in->len && is_token_char(in->ptr[n]))
        n++;
    buf_put(id, slice_head(*in, n));
    slice_skip(in, n);
    return n > 0;
}

/* The id at the front, and that what follows can follow: the end, ";" or a version. */
static bool
read_id(struct slice in, struct buf *id)
{
    if (!skip_space(&in) || in.len == 0)
        return false;
    bool quoted = in.ptr[0] == '"';
    if (quoted)
        slice_skip(&in, 1);
    if (!(quoted ? read_quoted(&in, id) : read_token(&in, id)) || !skip_space(&in))
        return false;
    while (in.len > 0 && ascii_is_digit(in.ptr[0]))
        slice_skip(&in, 1);
    return skip_space(&in) && (in.len == 0 || in.ptr[0] == ';') && buf_ok(id);
}

static bool
holds(struct slice text, struct slice word)
{
    for (; word.len > 0 && text.len >= word.len; slice_skip(&text, 1))
        if (ascii_same(slice_head(text, word.len), word))
            return true;
    return false;
}

/* As far as there is room: what a reader sees who takes comments and blanks out first. */
static void
put_bare(struct buf *out, struct slice in)
{
    while (in.len > 0 && out->len < ID_MAX) {
        if (in.ptr[0] == '(') {
            if (!skip_comment(&in))
                return;
            continue;
        }
        if (!is_blank(in.ptr[0]))
            buf_put_char(out, in.ptr[0]);
        slice_skip(&in, 1);
    }
}

static bool
holds_somehow(struct slice value, struct slice authserv_id)
{
    char room[ID_MAX];
    struct buf bare = {.data = room, .cap = sizeof room, .max = sizeof room};

    put_bare(&bare, value);
    return holds(value, authserv_id) || holds(buf_slice(&bare), authserv_id);
}

static bool
is_name(struct slice text, struct slice host)
{
    text = ascii_trim(text);
    if (text.len > 0 && text.ptr[text.len - 1] == '.')
        text.len--;
    return ascii_same(text, host);
}

bool
auth_results_claims(struct slice value, struct slice authserv_id)
{
    char room[ID_MAX];
    struct buf text = {.data = room, .cap = sizeof room, .max = sizeof room};

    if (!read_id(value, &text))
        return holds_somehow(value, authserv_id);
    return is_name(buf_slice(&text), authserv_id);
}

/* Behind the word receiver: "=" and our name. */
static bool
is_receiver(struct slice in, struct slice host)
{
    char room[ID_MAX];
    struct buf text = {.data = room, .cap = sizeof room, .max = sizeof room};
    if (!skip_space(&in) || in.len == 0 || in.ptr[0] != '=')
        return false;
    slice_skip(&in, 1);
    if (!skip_space(&in) || in.len == 0)
        return false;
    bool quoted = in.ptr[0] == '"';
    if (quoted)
        slice_skip(&in, 1);
    return (quoted ? read_quoted(&in, &text) : read_token(&in, &text)) && buf_ok(&text) &&
           is_name(buf_slice(&text), host);
}

/* Behind the opening of a comment: our name and a colon. */
static bool
is_our_word(struct slice in, struct slice host)
{
    while (in.len > 0 && is_blank(in.ptr[0]))
        slice_skip(&in, 1);
    if (in.len < host.len || !ascii_same(slice_head(in, host.len), host))
        return false;
    slice_skip(&in, host.len);
    while (in.len > 0 && is_blank(in.ptr[0]))
        slice_skip(&in, 1);
    return in.len > 0 && in.ptr[0] == ':';
}

bool
received_spf_claims(struct slice value, struct slice host)
{
    static const char key[] = "receiver";
    size_t len = sizeof key - 1;
    for (struct slice in = value; in.len > 0; slice_skip(&in, 1)) {
        if (in.ptr[0] == '(' && is_our_word(slice_from(in, 1), host))
            return true;
        if (in.len > len && ascii_is(slice_head(in, len), key) &&
            is_receiver(slice_from(in, len), host))
            return true;
    }
    return false;
}
