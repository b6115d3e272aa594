#include "gateway/exchange/print_registry.h"

#include <string.h>

#include "gateway/exchange/print_text.h"

static const char magic[] = "Windows Registry Editor Version 5.00\n";

static bool
has_registry(const struct exchange_step *s)
{
    const struct exchange_blocks *blocks = &s->parts[EXCHANGE_DO];
    for (size_t i = 0; i < blocks->count; i++)
        if (blocks->at[i].kind == EXCHANGE_REGISTRY)
            return true;
    return false;
}

/* The lines of a block's file without the one that may stand in a file only once. */
static const char *
body_of(const struct exchange_block *b)
{
    bool is_whole = strncmp(b->text, magic, sizeof magic - 1) == 0;
    const char *body = is_whole ? b->text + sizeof magic - 1 : b->text;
    return body + strspn(body, "\n");
}

static void
put_comment(struct buf *out, const char *word, const char *text)
{
    char first[24] = "; ";
    memcpy(first + 2, word, strlen(word) + 1);
    print_wrapped(out, first, ";   ", text);
}

static void
put_block(const struct exchange_block *b, bool is_active, struct buf *out)
{
    if (b->kind == EXCHANGE_TEXT) {
        put_comment(out, "- ", b->text);
        return;
    }
    if (b->kind == EXCHANGE_FIELD) {
        buf_put_str(out, ";   ");
        print_clean(out, b->label);
        buf_put_str(out, ": ");
        print_clean(out, b->text);
        buf_put_char(out, '\n');
        return;
    }
    bool is_set = is_active && b->kind == EXCHANGE_REGISTRY;
    print_lines(out, is_set ? "" : ";   ", b->kind == EXCHANGE_REGISTRY ? body_of(b) : b->text);
}

static void
put_part(const struct exchange_step *s, enum exchange_part part, struct buf *out)
{
    const struct exchange_blocks *blocks = &s->parts[part];
    if (blocks->count == 0)
        return;
    buf_printf(out, ";\n; %s:\n", print_part_name(part));
    for (size_t i = 0; i < blocks->count; i++)
        put_block(&blocks->at[i], part == EXCHANGE_DO && !s->is_optional, out);
}

/* What is done comes last: only there may a line be more than a comment. */
static void
put_step(const struct exchange_step *s, struct buf *out)
{
    put_comment(out, s->is_optional ? "---- (not set) " : "---- ", s->title);
    buf_put_str(out, ";\n");
    put_comment(out, "", s->why);
    if (s->unconfirmed != NULL)
        put_comment(out, "Not confirmed: ", s->unconfirmed);
    put_part(s, EXCHANGE_CHECK, out);
    put_part(s, EXCHANGE_UNDO, out);
    put_part(s, EXCHANGE_DO, out);
    buf_put_char(out, '\n');
}

/* As regedit reads it on every Windows: ASCII, CRLF. */
static void
put_lines(struct slice text, struct buf *out)
{
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        if (c == '\n')
            buf_put_char(out, '\r');
        if (c < 0x80)
            buf_put_char(out, (char)c);
        else if ((c & 0xc0) != 0x80)
            buf_put_char(out, '?');
    }
}

void
exchange_print_registry(const struct exchange_document *d, struct buf *out)
{
    struct buf text;
    buf_init(&text, EXCHANGE_DOCUMENT_MAX);
    buf_printf(&text, "%s\n; ", magic);
    print_title(d, &text);
    buf_put_str(&text, "\n;\n");
    put_comment(&text, "",
                "Everything else is done in Exchange System Manager: \"--format steps\" has all "
                "of it, in the order in which it must be done. Values of optional steps are "
                "comments here. To set one, remove the semicolons before its key and value and "
                "nothing else; export the key before.");
    buf_put_char(&text, '\n');
    for (size_t i = 0; i < d->step_count; i++)
        if (has_registry(&d->steps[i]))
            put_step(&d->steps[i], &text);
    out->over |= !buf_ok(&text);
    put_lines(buf_slice(&text), out);
    buf_fini(&text);
}
