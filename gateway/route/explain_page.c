#include "gateway/route/explain_private.h"

#include <stdarg.h>
#include <stdio.h>

enum { LABEL_WIDTH = 19, TEXT_WIDTH = 64 };

static const struct where nowhere = {.line = 0};

void
explain_heading(struct buf *out, const char *text)
{
    buf_printf(out, "\n%s\n", text);
}

/* As many whole words of *rest as fit in a line; a word that is longer than the line stays whole.
 */
static struct slice
take_line(struct slice *rest)
{
    struct slice line = *rest;

    if (line.len > TEXT_WIDTH) {
        size_t end = TEXT_WIDTH;
        while (end > 0 && line.ptr[end] != ' ')
            end--;
        line = slice_head(line, end > 0 ? end : slice_find(line, ' '));
    }
    *rest = slice_from(*rest, line.len + 1);
    return line;
}

void
explain_row(struct buf *out, const char *label, struct where where, const char *fmt, ...)
{
    char text[400];
    va_list args;

    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);

    struct slice rest = slice_str(text);
    struct slice line = take_line(&rest);
    if (where.line == 0)
        buf_printf(out, "  %-*s%.*s\n", LABEL_WIDTH, label, SLICE_ARG(line));
    else
        buf_printf(out, "  %-*s%-*.*s  [%s:%u]\n", LABEL_WIDTH, label, TEXT_WIDTH,
                   SLICE_ARG(line), where.file, where.line);
    while (rest.len > 0) {
        line = take_line(&rest);
        buf_printf(out, "  %-*s%.*s\n", LABEL_WIDTH, "", SLICE_ARG(line));
    }
}

void
explain_reply_row(struct buf *out, const char *label, const struct decision *d)
{
    struct buf text;

    buf_init(&text, REPLY_TEXT + 32);
    reply_put(&text, &d->reply);
    explain_row(out, label, nowhere, "%s", buf_text(&text));
    buf_fini(&text);
}
