#include "gateway/mail/dsn_text.h"

#include "gateway/base/ascii.h"
#include "gateway/base/clock.h"
#include "gateway/base/utf8.h"
#include "gateway/mail/dsn_options.h"
#include "gateway/mail/xtext.h"

enum {
    LINE_WIDTH = 76,
    WORD_MAX = 900, /* what cannot be folded must still fit on a line (RFC 5322 2.1.1) */
};

void
dsn_put_safe(struct buf *out, struct slice text)
{
    for (size_t i = 0; i < text.len; i++)
        buf_put_char(out, ascii_is_print(text.ptr[i]) ? text.ptr[i] : '?');
}

/* What ASCII cannot say, and (whole) what would be taken for an escape. */
static bool
needs_escape(uint32_t c, bool whole)
{
    return c > 0x7e || (whole && (c <= ' ' || c == '\\' || c == '+' || c == '='));
}

/* RFC 6533 3: utf-8-addr-xtext. whole: text is an address; else it is escaped already but for
 * what is beyond ASCII. */
static void
put_escaped(struct buf *out, struct slice text, bool whole)
{
    size_t start = out->len;
    uint32_t c;
    while (text.len > 0 && out->len - start < WORD_MAX && utf8_take(&text, &c)) {
        if (needs_escape(c, whole))
            buf_printf(out, "\\x{%02X}", (unsigned)c);
        else
            dsn_put_safe(out, slice((char[]){(char)c}, 1));
    }
    if (text.len > 0)
        buf_put_char(out, '?');
}

static void
put_utf8(struct buf *out, struct slice text)
{
    for (size_t i = 0; i < text.len; i++)
        buf_put_char(out, (unsigned char)text.ptr[i] > 127 || ascii_is_print(text.ptr[i])
                              ? text.ptr[i]
                              : '?');
}

void
dsn_put_address(struct buf *out, struct slice address, bool utf8)
{
    if (utf8_is_ascii(address) || !utf8_is_text(address))
        dsn_put_safe(out, address);
    else if (utf8)
        put_utf8(out, address);
    else
        put_escaped(out, address, true);
}

void
dsn_put_address_field(struct buf *out, const char *name, struct slice address, bool utf8)
{
    bool fits = strlen(name) + 10 + address.len <= LINE_WIDTH;
    buf_printf(out, "%s: %s;%s ", name, utf8_is_ascii(address) ? "rfc822" : "utf-8",
               fits ? "" : "\r\n");
    dsn_put_address(out, address, utf8);
    buf_put_str(out, "\r\n");
}

void
dsn_put_date(struct buf *out, int64_t unix_ms)
{
    char date[CLOCK_TEXT];
    clock_rfc5322(unix_ms, date);
    buf_put_str(out, date);
}

/* How much of text goes onto a line: whole words, and one at least. */
static size_t
line_length(struct slice text, size_t width)
{
    if (text.len <= width)
        return text.len;
    size_t n = width;
    while (n > 0 && text.ptr[n] != ' ')
        n--;
    return n > 0 ? n : slice_find(text, ' ');
}

void
dsn_put_wrapped(struct buf *out, const char *margin, struct slice text)
{
    while (text.len > 0) {
        size_t n = line_length(text, LINE_WIDTH - strlen(margin));
        buf_put_str(out, margin);
        dsn_put_safe(out, slice_head(text, n));
        buf_put_str(out, "\r\n");
        text = slice_from(text, n + 1);
    }
}

void
dsn_put_field(struct buf *out, const char *name, const char *type, struct slice text)
{
    size_t start = out->len;
    buf_printf(out, "%s:%s%s", name, type[0] != '\0' ? " " : "", type);
    while (text.len > 0) {
        size_t n = slice_find(text, ' ');
        if (out->len - start + 1 + n > LINE_WIDTH && n > 0) {
            buf_put_str(out, "\r\n");
            start = out->len;
        }
        buf_put_char(out, ' ');
        dsn_put_safe(out, slice_head(text, n));
        text = slice_from(text, n + 1);
    }
    buf_put_str(out, "\r\n");
}

void
dsn_put_message_id(struct buf *out, const char *name, struct slice id)
{
    for (size_t i = 0; i < id.len; i++)
        if (!ascii_is_print(id.ptr[i]) || id.ptr[i] == ' ')
            return;
    if (id.len == 0)
        return;
    bool bare = id.ptr[0] != '<';
    buf_printf(out, "%s: %s", name, bare ? "<" : "");
    buf_put(out, id);
    buf_put_str(out, bare ? ">\r\n" : "\r\n");
}

/* Decoded into room; what is no xtext is shown as it came. */
static struct slice
decoded(struct slice text, struct buf *room)
{
    return xtext_decode(room, text) ? buf_slice(room) : text;
}

void
dsn_put_envelope_id(struct buf *out, struct slice envid)
{
    char octets[DSN_ENVID_MAX + 1];
    struct buf room = {.data = octets, .cap = sizeof octets, .max = sizeof octets - 1};
    if (envid.len > 0)
        dsn_put_field(out, "Original-Envelope-Id", "", decoded(envid, &room));
}

/* ORCPT=utf-8;... is escaped, or UTF-8 as it came by SMTPUTF8; never xtext (RFC 6533 3). */
static void
put_utf8_recipient(struct buf *out, struct slice text, bool utf8)
{
    buf_put_str(out, "Original-Recipient: utf-8;\r\n ");
    if (!utf8_is_text(text))
        dsn_put_safe(out, text);
    else if (utf8)
        put_utf8(out, text);
    else
        put_escaped(out, text, false);
    buf_put_str(out, "\r\n");
}

/* RFC 3464 2.1.2: a word like "rfc822", "X400". */
static bool
is_type(struct slice text)
{
    for (size_t i = 0; i < text.len; i++)
        if (!ascii_is_alnum(text.ptr[i]) && text.ptr[i] != '-')
            return false;
    return text.len > 0;
}

void
dsn_put_original_recipient(struct buf *out, struct slice orcpt, bool utf8)
{
    char octets[DSN_ORCPT_MAX + 1], type[DSN_ORCPT_MAX + 2];
    struct buf room = {.data = octets, .cap = sizeof octets, .max = sizeof octets - 1};
    size_t semicolon = slice_find(orcpt, ';');
    if (semicolon >= orcpt.len || orcpt.len > DSN_ORCPT_MAX ||
        !is_type(slice_head(orcpt, semicolon)))
        return;
    if (ascii_is(slice_head(orcpt, semicolon), "utf-8")) {
        put_utf8_recipient(out, slice_from(orcpt, semicolon + 1), utf8);
        return;
    }
    slice_copy_text(type, sizeof type, slice_head(orcpt, semicolon + 1));
    dsn_put_field(out, "Original-Recipient", type,
                  decoded(slice_from(orcpt, semicolon + 1), &room));
}
