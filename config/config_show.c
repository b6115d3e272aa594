#include "config/config_show.h"

#include <stdio.h>

#include "config/config_schema.h"
#include "gateway/base/ascii.h"

enum { INDENT = 2, VALUE_MAX = 4096 };

static void show_keys(const char *parent, const void *base, unsigned depth, struct buf *out);

static void
indent(unsigned depth, struct buf *out)
{
    for (unsigned i = 0; i < depth * INDENT; i++)
        buf_put_char(out, ' ');
}

/* Plain where YAML could not take it for anything else, else in single quotes. */
static void
put_scalar(struct slice text, struct buf *out)
{
    bool plain = text.len > 0 && (ascii_is_alnum(text.ptr[0]) || text.ptr[0] == '/');
    for (size_t i = 0; i < text.len && plain; i++)
        plain = ascii_is_alnum(text.ptr[i]) || memchr("-_./@\\", text.ptr[i], 6) != NULL;
    if (plain) {
        buf_put(out, text);
        return;
    }
    buf_put_char(out, '\'');
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] == '\'')
            buf_put_char(out, '\'');
        buf_put_char(out, text.ptr[i]);
    }
    buf_put_char(out, '\'');
}

static void
put_value(const struct row *row, const void *from, struct buf *out)
{
    struct buf text;
    buf_init(&text, VALUE_MAX);
    row->type->show(row, from, &text);
    if (row->shape == SHAPE_GATHERED)
        buf_printf(out, "[%s]", buf_text(&text));
    else
        put_scalar(buf_slice(&text), out);
    buf_fini(&text);
}

static void
put_list(const struct row *row, const void *base, struct buf *out)
{
    struct row_items items = row_items(row, base);
    buf_put_char(out, '[');
    for (size_t i = 0; i < items.count; i++) {
        if (i > 0)
            buf_put_str(out, ", ");
        put_value(row, (const char *)items.first + i * items.size, out);
    }
    buf_put_char(out, ']');
}

/* "key: value" of a row that is on one line. */
static void
show_value(const struct row *row, const void *base, struct buf *out)
{
    if (row->shape == SHAPE_LIST)
        put_list(row, base, out);
    else
        put_value(row, row_member_const(row, base), out);
    buf_put_char(out, '\n');
}

static void
show_items(const struct row *row, const void *base, unsigned depth, struct buf *out)
{
    struct row_items items = row_items(row, base);
    const struct row *each = row_of_each(row);
    char below[ROW_PATH];

    row_below(row, below);
    for (size_t i = 0; i < items.count; i++) {
        const char *item = (const char *)items.first + i * items.size;
        indent(depth, out);
        put_value(row, item, out);
        buf_put_str(out, each != NULL ? ": " : ":\n");
        if (each != NULL)
            show_value(each, item, out);
        else
            show_keys(below, item, depth + 1, out);
    }
}

/* Is there anything to show? Without a word for nothing, nothing is shown as nothing. */
static bool
is_shown(const struct row *row, const void *base)
{
    switch (row->shape) {
    case SHAPE_ONE:
        return row->required || row->unset != NULL || row->none != NULL ||
               !row_is_none(row, base);
    case SHAPE_LIST:
    case SHAPE_NAMED:
        return row->none != NULL || !row_is_none(row, base);
    case SHAPE_GATHERED:
    case SHAPE_SECTION:
        return true;
    case SHAPE_NOT_YET:
        break;
    }
    return false;
}

static void
show_row(const struct row *row, const void *base, unsigned depth, struct buf *out)
{
    char below[ROW_PATH];
    indent(depth, out);
    buf_printf(out, "%s:", row_key(row));
    if (row->none != NULL && row_is_none(row, base)) {
        buf_printf(out, " %s\n", row->none);
    } else if (row->shape == SHAPE_SECTION) {
        buf_put_char(out, '\n');
        show_keys(row_below(row, below), base, depth + 1, out);
    } else if (row->shape == SHAPE_NAMED) {
        buf_put_char(out, '\n');
        show_items(row, base, depth + 1, out);
    } else {
        buf_put_char(out, ' ');
        show_value(row, base, out);
    }
}

static void
show_keys(const char *parent, const void *base, unsigned depth, struct buf *out)
{
    for (const struct row *row = NULL; (row = schema_next(parent, row)) != NULL;)
        if (is_shown(row, base))
            show_row(row, base, depth, out);
}

void
config_show(const struct config *config, struct buf *out)
{
    show_keys("", config, 0, out);
}

/* ---- The manual ---------------------------------------------------------------------------- */

/* A bound is 64 bits wide; the type shows what its member holds. */
static void
tell_bound(const struct row *row, uint64_t bound, struct buf *out)
{
    uint32_t narrow = (uint32_t)bound;
    row->type->show(row, row->type->size == sizeof narrow ? (const void *)&narrow : &bound, out);
}

static void
tell_range(const struct row *row, struct buf *out)
{
    if (row->max == 0)
        return;
    if (row->shape == SHAPE_LIST) {
        buf_printf(out, ", at most %u", (unsigned)row->max);
        return;
    }
    buf_put_str(out, ", ");
    tell_bound(row, row->min, out);
    if (row->max == row->min)
        return;
    buf_put_str(out, " to ");
    tell_bound(row, row->max, out);
}

static void
tell_words(const struct row *row, struct buf *out)
{
    const char *between = ": ";
    for (const struct word *w = row->words; w != NULL && w->text != NULL; w++) {
        buf_printf(out, "%s%s", between, w->text);
        between = ", ";
    }
}

/* "list of networks; required" */
static void
tell_kind(const struct row *row, struct buf *out)
{
    switch (row->shape) {
    case SHAPE_ONE:
        buf_put_str(out, row->type->name);
        break;
    case SHAPE_LIST:
    case SHAPE_GATHERED:
        buf_printf(out, "list of %s", row->type->name);
        break;
    case SHAPE_NAMED:
        buf_printf(out, "map, each key a %s", row->type->name);
        break;
    case SHAPE_SECTION:
    case SHAPE_NOT_YET:
        buf_put_str(out, "keys");
        break;
    }
    if (row->target != NULL)
        buf_printf(out, " from %s", row->target);
    if (row->words != NULL)
        tell_words(row, out);
    else
        tell_range(row, out);
    if (row->none != NULL)
        buf_printf(out, ", or %s", row->none);
}

static void
tell_default(const struct row *row, struct buf *out)
{
    if (row->required)
        buf_put_str(out, "; required");
    else if (row->unset != NULL)
        buf_printf(out, row->shape == SHAPE_GATHERED ? "; default [%s]" : "; default %s",
                   row->unset);
    else if (row->none != NULL)
        buf_printf(out, "; default %s", row->none);
}

static void
tell(const char *parent, struct buf *out)
{
    char below[ROW_PATH];
    for (const struct row *row = NULL; (row = schema_next(parent, row)) != NULL;) {
        /* A capability is in the manual when it works, not before. */
        if (row->shape == SHAPE_NOT_YET)
            continue;
        buf_printf(out, "%s\n    ", row->path);
        tell_kind(row, out);
        tell_default(row, out);
        buf_printf(out, "\n    %c%s.\n\n", ascii_upper(row->say[0]), row->say + 1);
        const struct row *each = row->shape == SHAPE_NAMED ? row_of_each(row) : NULL;
        if (each != NULL)
            tell(row->path, out);
        else if (row->shape == SHAPE_NAMED || row->shape == SHAPE_SECTION)
            tell(row_below(row, below), out);
    }
}

void
config_manual(struct buf *out)
{
    tell("", out);
}
