#include "gateway/exchange/quote.h"

#include <string.h>

enum { LITERAL_MAX = 16 * 1024 };

static bool
is_control(char c)
{
    return (unsigned char)c < 0x20 || c == 0x7f;
}

/* U+2018 to U+201B: E2 80 98 to E2 80 9B in UTF-8. */
static bool
is_curly(const char *at)
{
    const unsigned char *u = (const unsigned char *)at;
    return u[0] == 0xe2 && u[1] == 0x80 && u[2] >= 0x98 && u[2] <= 0x9b;
}

static const char *
keep(struct exchange_document *d, struct buf *b)
{
    d->over |= !buf_ok(b);
    const char *text = exchange_text(d, "%s", buf_text(b));
    buf_fini(b);
    return text;
}

void
exchange_put_shell(struct buf *out, const char *value)
{
    buf_put_char(out, '\'');
    for (const char *at = value; *at != '\0'; at++) {
        if (is_curly(at)) {
            buf_put(out, slice(at, 3));
            buf_put(out, slice(at, 3));
            at += 2;
            continue;
        }
        if (*at == '\'')
            buf_put_char(out, '\'');
        buf_put_char(out, is_control(*at) ? '?' : *at);
    }
    buf_put_char(out, '\'');
}

const char *
exchange_quote_shell(struct exchange_document *d, const char *value)
{
    struct buf b;
    buf_init(&b, LITERAL_MAX);
    exchange_put_shell(&b, value);
    return keep(d, &b);
}

/* Backslashes are doubled before a quote and before the closing one, and nowhere else. */
const char *
exchange_quote_command(struct exchange_document *d, const char *value)
{
    struct buf b;
    size_t slashes = 0;
    buf_init(&b, LITERAL_MAX);
    buf_put_char(&b, '"');
    for (const char *at = value; *at != '\0'; at++) {
        size_t more = *at == '"' ? slashes + 1 : 0;
        slashes = *at == '\\' ? slashes + 1 : 0;
        while (more-- > 0)
            buf_put_char(&b, '\\');
        buf_put_char(&b, is_control(*at) ? '?' : *at);
    }
    while (slashes-- > 0)
        buf_put_char(&b, '\\');
    buf_put_char(&b, '"');
    return keep(d, &b);
}

const char *
exchange_quote_registry(struct exchange_document *d, const char *value)
{
    struct buf b;
    buf_init(&b, LITERAL_MAX);
    for (const char *at = value; *at != '\0'; at++) {
        if (*at == '"' || *at == '\\')
            buf_put_char(&b, '\\');
        buf_put_char(&b, is_control(*at) ? '?' : *at);
    }
    return keep(d, &b);
}

void
exchange_quote_html(struct buf *out, const char *text)
{
    static const char *const entities[] = {
        ['<'] = "&lt;", ['>'] = "&gt;", ['&'] = "&amp;", ['"'] = "&quot;", ['\''] = "&#39;"};
    for (const char *at = text; *at != '\0'; at++) {
        size_t c = (unsigned char)*at;
        const char *entity = c < sizeof entities / sizeof entities[0] ? entities[c] : NULL;
        if (entity != NULL)
            buf_put_str(out, entity);
        else
            buf_put_char(out, is_control(*at) && *at != '\n' ? '?' : *at);
    }
}
