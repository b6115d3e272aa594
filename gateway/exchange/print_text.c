#include "gateway/exchange/print_text.h"

#include <string.h>

#include "gateway/base/utf8.h"

const char *
print_part_name(enum exchange_part part)
{
    static const char *const names[EXCHANGE_PARTS] = {
        [EXCHANGE_DO] = "Do", [EXCHANGE_CHECK] = "Check", [EXCHANGE_UNDO] = "Undo"};
    return names[part];
}

const struct exchange_blocks *
print_part(const struct exchange_step *s, enum exchange_part part)
{
    static struct exchange_block sentence = {.kind = EXCHANGE_TEXT,
                                             .text = "Nothing: this step changes nothing."};
    static const struct exchange_blocks nothing = {.at = &sentence, .count = 1};
    const struct exchange_blocks *blocks = &s->parts[part];
    return part == EXCHANGE_UNDO && blocks->count == 0 ? &nothing : blocks;
}

const char *
print_kind_name(enum exchange_block_kind kind)
{
    static const char *const names[] = {[EXCHANGE_TEXT] = NULL,
                                        [EXCHANGE_FIELD] = NULL,
                                        [EXCHANGE_SHELL] = "PowerShell",
                                        [EXCHANGE_COMMAND] = "Command line",
                                        [EXCHANGE_REGISTRY] = "Registry file"};
    return names[kind];
}

size_t
print_run(const struct exchange_block *b, size_t count)
{
    size_t n = 1;
    while (n < count && b[n].kind == b->kind && b->label == NULL && b[n].label == NULL)
        n++;
    return n;
}

void
print_title(const struct exchange_document *d, struct buf *out)
{
    buf_printf(out, "%s of forest ", exchange_version_name(d->version));
    print_clean(out, d->forest);
    buf_put_str(out, ": mail through ");
    print_clean(out, d->gateway);
}

static bool
is_switch(const struct exchange_parameter *p)
{
    return strcmp(p->type, "switch") == 0;
}

void
print_proposal(const struct exchange_parameter *p, struct buf *out)
{
    if (p->proposal != NULL) {
        buf_put_str(out, "proposed: ");
        print_clean(out, p->proposal);
    } else {
        buf_put_str(out, is_switch(p) ? "no unless you say so" : "must be given");
    }
}

void
print_prelude(const struct exchange_document *d, struct buf *out)
{
    for (size_t i = 0; i < d->parameter_count; i++) {
        const struct exchange_parameter *p = &d->parameters[i];
        const char *unknown = is_switch(p) ? "$false" : "'' # must be given";
        buf_printf(out, "$%s = %s\n", p->name, p->proposal != NULL ? p->proposal : unknown);
    }
    buf_put_str(out, "$WhatIf = $false # $true: say what would be changed, and change nothing\n");
    buf_put_str(out, d->prelude);
}

/* Cut one character off *s and put it. */
static void
put_character(struct buf *out, struct slice *s)
{
    struct slice before = *s;
    uint32_t character;
    bool is_one = utf8_take(s, &character);
    size_t len = is_one ? before.len - s->len : 1;
    if (!is_one)
        *s = slice(before.ptr + 1, before.len - 1);
    if (!is_one || character < 0x20 || (character >= 0x7f && character < 0xa0))
        buf_put_char(out, '?');
    else
        buf_put(out, slice(before.ptr, len));
}

void
print_clean(struct buf *out, const char *text)
{
    for (struct slice s = slice_str(text); s.len > 0;)
        put_character(out, &s);
}

static size_t
width_of(struct slice s)
{
    size_t width = 0;
    for (size_t i = 0; i < s.len; i++)
        width += ((unsigned char)s.ptr[i] & 0xc0) != 0x80;
    return width;
}

size_t
print_width(const char *text)
{
    return width_of(slice_str(text));
}

void
print_wrapped(struct buf *out, const char *first, const char *rest, const char *text)
{
    size_t column = print_width(first);
    bool is_begun = false;
    buf_put_str(out, first);
    for (const char *at = text; *at != '\0';) {
        struct slice word = slice(at, strcspn(at, " "));
        size_t width = width_of(word);
        if (is_begun && column + 1 + width > PRINT_COLUMNS) {
            buf_put_char(out, '\n');
            buf_put_str(out, rest);
            column = print_width(rest);
        } else if (is_begun) {
            buf_put_char(out, ' ');
            column++;
        }
        for (struct slice s = word; s.len > 0;)
            put_character(out, &s);
        column += width;
        is_begun = true;
        at += word.len;
        at += strspn(at, " ");
    }
    buf_put_char(out, '\n');
}

void
print_lines(struct buf *out, const char *prefix, const char *text)
{
    for (const char *at = text; *at != '\0';) {
        size_t len = strcspn(at, "\n");
        if (len > 0)
            buf_put_str(out, prefix);
        buf_put(out, slice(at, len));
        buf_put_char(out, '\n');
        at += len + (at[len] == '\n');
    }
}
