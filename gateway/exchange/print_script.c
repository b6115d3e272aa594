#include "gateway/exchange/print_script.h"

#include <string.h>

#include "gateway/exchange/quote.h"

enum { COLUMNS = 100 };

static const char byte_order_mark[] = "\xef\xbb\xbf";
static const char rule[] = "# ------------------------------------------------------------------"
                           "--------------------------------\r\n";

/* ---- Comments ---- */

static void
put_clean(struct buf *out, struct slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        buf_put_char(out, c < 0x20 || c == 0x7f ? '?' : text.ptr[i]);
    }
}

static struct slice
next_word(const char **at)
{
    *at += strspn(*at, " ");
    struct slice word = slice(*at, strcspn(*at, " "));
    *at += word.len;
    return word;
}

/* A sentence in lines of at most COLUMNS, but no word is broken: margin, "#" and `first` before
 * the first line, further lines below its text. */
static void
put_comment_at(struct buf *out, size_t margin, const char *first, const char *text)
{
    size_t indent = strlen(first), begin = margin + indent + 1, column = begin;
    buf_printf(out, "%*s#%s", (int)margin, "", first);
    for (struct slice word = next_word(&text); word.len > 0; word = next_word(&text)) {
        bool is_first = column == begin;
        if (!is_first && column + 1 + word.len > COLUMNS) {
            buf_printf(out, "\r\n%*s#%*s", (int)margin, "", (int)indent, "");
            column = begin;
        } else if (!is_first) {
            buf_put_char(out, ' ');
            column++;
        }
        put_clean(out, word);
        column += word.len;
    }
    buf_put_str(out, "\r\n");
}

static void
put_comment(struct buf *out, const char *first, const char *text)
{
    put_comment_at(out, 0, first, text);
}

/* Lines as they are, each behind `before`: "#     " makes comments of them. */
static void
put_lines(struct buf *out, const char *before, const char *lines)
{
    while (*lines != '\0') {
        size_t len = strcspn(lines, "\n");
        buf_put_str(out, len > 0 ? before : *before != '\0' ? "#" : "");
        put_clean(out, slice(lines, len));
        buf_put_str(out, "\r\n");
        lines += len + (lines[len] == '\n');
    }
}

static void
put_block_comment(struct buf *out, const struct exchange_block *b)
{
    switch (b->kind) {
    case EXCHANGE_TEXT:
        put_comment(out, "   ", b->text);
        break;
    case EXCHANGE_FIELD:
        buf_put_str(out, "#     ");
        put_clean(out, slice_str(b->label != NULL ? b->label : ""));
        buf_put_str(out, ": ");
        put_clean(out, slice_str(b->text));
        buf_put_str(out, "\r\n");
        break;
    case EXCHANGE_SHELL:
    case EXCHANGE_COMMAND:
    case EXCHANGE_REGISTRY:
        if (b->label != NULL)
            put_comment(out, "   ", b->label);
        put_lines(out, "#       ", b->text);
        break;
    }
}

/* ---- The head ---- */

static void
put_head(struct buf *out, const struct exchange_document *d)
{
    buf_put_str(out, rule);
    put_comment(out, " ",
                "Mail between this Exchange organization and the other forests through "
                "a forestgate gateway.");
    buf_put_str(out, "#\r\n");
    put_comment(out, " Version:  ", exchange_version_name(d->version));
    put_comment(out, " Forest:   ", d->forest);
    put_comment(out, " Gateway:  ", d->gateway);
    buf_put_str(out, "#\r\n");
    put_comment(out, " ", d->summary);
    buf_put_str(out, "#\r\n");
    put_comment(
        out, " ",
        "Save it as exchange-setup.ps1 and run it in the Exchange Management Shell of this "
        "version. First look at what it would change, which changes and asks nothing:");
    buf_put_str(out, "#\r\n#     .\\exchange-setup.ps1 -WhatIf\r\n#\r\n");
    put_comment(out, " ",
                "then without -WhatIf. It may be run again at any time: what is right "
                "already is left alone. The first failure stops it with a sentence and "
                "exit code 1; steps above that one stay done, and a further run goes "
                "on from there.");
    buf_put_str(out, "#\r\n");
    put_comment(out, " ",
                "\"Check on your system\" marks what the authors of the gateway have "
                "read or concluded but not seen on a server.");
    buf_put_str(out, rule);
}

static void
put_parameters(struct buf *out, const struct exchange_document *d)
{
    buf_put_str(out, "param(\r\n");
    for (size_t i = 0; i < d->parameter_count; i++) {
        const struct exchange_parameter *p = &d->parameters[i];
        put_comment_at(out, 4, " ", p->meaning);
        buf_printf(out, "    [%s]$%s", p->type, p->name);
        if (p->proposal != NULL && strcmp(p->type, "switch") != 0)
            buf_printf(out, " = %s", p->proposal);
        buf_put_str(out, i + 1 < d->parameter_count ? ",\r\n\r\n" : "\r\n");
    }
    buf_put_str(out, ")\r\n\r\n");
}

/* The commands that the shell of 2010 imports see the global preference alone: it is set, and set
 * back at both ends. */
static const char failure[] =
    "$Step = 0\n"
    "$PreferenceBefore = $global:ErrorActionPreference\n"
    "$global:ErrorActionPreference = 'Stop'\n"
    "\n"
    "trap {\n"
    "    Write-Host ''\n"
    "    Write-Host ('STOPPED in step {0}: {1}' -f $Step, $_.Exception.Message)\n"
    "    Write-Host 'Nothing after that was done. Repair it and run the script again.'\n"
    "    $global:ErrorActionPreference = $PreferenceBefore\n"
    "    exit 1\n"
    "}\n"
    "\n";

/* What cannot be known is asked for before anything is done. */
static void
put_questions(struct buf *out, const struct exchange_document *d)
{
    for (size_t i = 0; i < d->parameter_count; i++) {
        const struct exchange_parameter *p = &d->parameters[i];
        if (p->proposal != NULL)
            continue;
        buf_printf(out, "if (-not $%s) {\r\n    throw 'Give -%s: ' + ", p->name, p->name);
        exchange_put_shell(out, p->meaning);
        buf_put_str(out, "\r\n}\r\n");
    }
}

/* ---- Steps ---- */

static void
put_part(struct buf *out, const char *title, const struct exchange_blocks *blocks)
{
    if (blocks->count == 0)
        return;
    buf_printf(out, "#\r\n# %s\r\n", title);
    for (size_t i = 0; i < blocks->count; i++)
        put_block_comment(out, &blocks->at[i]);
}

static void
put_do(struct buf *out, const struct exchange_blocks *blocks)
{
    for (size_t i = 0; i < blocks->count; i++) {
        const struct exchange_block *b = &blocks->at[i];
        if (b->kind == EXCHANGE_SHELL)
            put_lines(out, "", b->text);
        else
            put_block_comment(out, b);
    }
}

static void
put_step(struct buf *out, const struct exchange_step *s, size_t number)
{
    buf_put_str(out, "\r\n");
    buf_put_str(out, rule);
    buf_printf(out, "# Step %zu: ", number);
    put_clean(out, slice_str(s->title));
    buf_put_str(out, s->is_optional ? " (optional)\r\n" : "\r\n");
    buf_put_str(out, rule);
    put_comment(out, " Why: ", s->why);
    if (s->unconfirmed != NULL)
        put_comment(out, " Check on your system: ", s->unconfirmed);
    put_part(out, "Check, changes nothing:", &s->parts[EXCHANGE_CHECK]);
    put_part(out, "Undo:", &s->parts[EXCHANGE_UNDO]);
    buf_printf(out, "#\r\n$Step = %zu\r\nWrite-Host ''\r\nWrite-Host ", number);
    buf_put_str(out, "('Step {0}: {1}' -f $Step, ");
    exchange_put_shell(out, s->title);
    buf_put_str(out, ")\r\n");
    put_do(out, &s->parts[EXCHANGE_DO]);
}

/* The commands alone: what there is to consider stands with the step. */
static void
put_way_back(struct buf *out, const struct exchange_document *d)
{
    buf_put_str(out, "\r\n");
    buf_put_str(out, rule);
    put_comment(out, " ",
                "Back out of everything, in this order: the last step first. Nothing "
                "below is run by this script; what to consider before stands under "
                "Undo of each step.");
    buf_put_str(out, rule);
    for (size_t i = d->step_count; i-- > 0;) {
        const struct exchange_blocks *undo = &d->steps[i].parts[EXCHANGE_UNDO];
        if (undo->count == 0)
            continue;
        buf_printf(out, "# Step %zu: ", i + 1);
        put_clean(out, slice_str(d->steps[i].title));
        buf_put_str(out, "\r\n");
        for (size_t k = 0; k < undo->count; k++)
            if (undo->at[k].kind == EXCHANGE_SHELL || undo->at[k].kind == EXCHANGE_COMMAND)
                put_lines(out, "#       ", undo->at[k].text);
    }
}

void
exchange_print_script(const struct exchange_document *d, struct buf *out)
{
    buf_put_str(out, byte_order_mark);
    put_head(out, d);
    put_parameters(out, d);
    put_lines(out, "", failure);
    put_lines(out, "", d->prelude);
    put_questions(out, d);
    for (size_t i = 0; i < d->step_count; i++)
        put_step(out, &d->steps[i], i + 1);
    buf_put_str(out, "\r\n$global:ErrorActionPreference = $PreferenceBefore\r\n");
    put_way_back(out, d);
}
