#include "gateway/exchange/print_steps.h"

#include <stdio.h>

#include "gateway/exchange/print_text.h"

/* A heading with a line under it as long as its first line. */
static void
put_heading(struct buf *out, const char *first, const char *text, char line)
{
    size_t columns = print_width(first) + print_width(text);
    print_wrapped(out, first, "", text);
    for (size_t i = 0; i < columns && i < PRINT_COLUMNS; i++)
        buf_put_char(out, line);
    buf_put_char(out, '\n');
}

/* ---- Before the steps ---- */

static void
put_head(const struct exchange_document *d, struct buf *out)
{
    struct buf title;
    buf_init(&title, EXCHANGE_DOCUMENT_MAX);
    print_title(d, &title);
    put_heading(out, "", buf_text(&title), '=');
    buf_fini(&title);
    if (*d->summary == '\0')
        return;
    buf_put_char(out, '\n');
    print_wrapped(out, "", "", d->summary);
}

static void
put_parameters(const struct exchange_document *d, struct buf *out)
{
    if (d->parameter_count == 0)
        return;
    buf_put_char(out, '\n');
    put_heading(out, "", "Values that only you know", '-');
    for (size_t i = 0; i < d->parameter_count; i++) {
        const struct exchange_parameter *p = &d->parameters[i];
        buf_printf(out, "%s  ", i > 0 ? "\n" : "");
        print_clean(out, p->name);
        buf_put_str(out, " (");
        print_proposal(p, out);
        buf_put_str(out, ")\n");
        print_wrapped(out, "      ", "      ", p->meaning);
    }
}

static void
put_note_on_shell(const struct exchange_document *d, struct buf *out)
{
    if (!exchange_has_shell(d->version))
        return;
    buf_put_char(out, '\n');
    print_wrapped(
        out, "", "",
        "\"--format script\" has all commands in one script, which leaves alone what is "
        "right already. To give them by hand, run what stands at the end of this text in "
        "the Exchange Management Shell first: they use its values and functions.");
}

static void
put_contents(const struct exchange_document *d, struct buf *out)
{
    buf_put_char(out, '\n');
    put_heading(out, "", "Steps, in this order", '-');
    for (size_t i = 0; i < d->step_count; i++) {
        const struct exchange_step *s = &d->steps[i];
        char number[40];
        snprintf(number, sizeof number, "  %2zu. %s", i + 1, s->is_optional ? "(optional) " : "");
        print_wrapped(out, number, "      ", s->title);
    }
}

/* ---- A step ---- */

/* "Place: value", the value on a line of its own where both do not fit on one. */
static void
put_field(const struct exchange_block *b, struct buf *out)
{
    static const char indent[] = "      ", deeper[] = "          ";
    if (sizeof indent - 1 + print_width(b->label) + 2 + print_width(b->text) <= PRINT_COLUMNS) {
        buf_put_str(out, indent);
        print_clean(out, b->label);
        buf_put_str(out, ": ");
    } else {
        size_t before = out->len;
        print_wrapped(out, indent, indent, b->label);
        if (out->len > before)
            buf_truncate(out, out->len - 1);
        buf_printf(out, ":\n%s", deeper);
    }
    print_clean(out, b->text);
    buf_put_char(out, '\n');
}

static void
put_code(const struct exchange_block *b, size_t count, struct buf *out)
{
    buf_printf(out, "      %s", print_kind_name(b->kind));
    if (b->label != NULL) {
        buf_put_char(out, ' ');
        print_clean(out, b->label);
    }
    buf_put_str(out, ":\n\n");
    for (size_t i = 0; i < count; i++)
        print_lines(out, "    ", b[i].text);
    buf_put_char(out, '\n');
}

static void
put_part(const struct exchange_blocks *blocks, enum exchange_part part, struct buf *out)
{
    if (blocks->count == 0)
        return;
    buf_printf(out, "\n  %s:\n", print_part_name(part));
    for (size_t i = 0, run; i < blocks->count; i += run) {
        const struct exchange_block *b = &blocks->at[i];
        run = 1;
        if (b->kind == EXCHANGE_TEXT) {
            print_wrapped(out, "    - ", "      ", b->text);
        } else if (b->kind == EXCHANGE_FIELD) {
            put_field(b, out);
        } else {
            run = print_run(b, blocks->count - i);
            put_code(b, run, out);
        }
    }
}

static void
put_step(const struct exchange_step *s, size_t number, struct buf *out)
{
    char first[40];
    snprintf(first, sizeof first, "Step %zu%s. ", number, s->is_optional ? " (optional)" : "");
    buf_put_str(out, "\n\n");
    put_heading(out, first, s->title, '-');
    buf_put_str(out, "  Why:\n");
    print_wrapped(out, "      ", "      ", s->why);
    for (size_t i = 0; i < EXCHANGE_PARTS; i++)
        put_part(print_part(s, (enum exchange_part)i), (enum exchange_part)i, out);
    if (s->unconfirmed == NULL)
        return;
    buf_put_str(out, "\n  Check on your system:\n");
    print_wrapped(out, "      Not confirmed: ", "      ", s->unconfirmed);
}

/* ---- After the steps ---- */

static void
put_prelude(const struct exchange_document *d, struct buf *out)
{
    struct buf lines;
    if (!exchange_has_shell(d->version))
        return;
    buf_init(&lines, EXCHANGE_DOCUMENT_MAX);
    print_prelude(d, &lines);
    out->over |= !buf_ok(&lines);
    buf_put_str(out, "\n\n");
    put_heading(out, "", "What the commands need: to be run in the shell first", '-');
    buf_put_char(out, '\n');
    print_lines(out, "    ", buf_text(&lines));
    buf_fini(&lines);
}

void
exchange_print_steps(const struct exchange_document *d, struct buf *out)
{
    put_head(d, out);
    put_note_on_shell(d, out);
    put_parameters(d, out);
    put_contents(d, out);
    for (size_t i = 0; i < d->step_count; i++)
        put_step(&d->steps[i], i + 1, out);
    put_prelude(d, out);
}
