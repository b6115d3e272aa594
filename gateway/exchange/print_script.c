#include "gateway/exchange/print_script.h"

#include <string.h>

#include "gateway/exchange/print_text.h"
#include "gateway/exchange/quote.h"

/* Everything is put with LF; exchange_print_script() makes CR LF of it. */

static const char byte_order_mark[] = "\xef\xbb\xbf";
static const char rule[] = "# ------------------------------------------------------------------"
                           "--------------------------------\n";

/* ---- Comments ---- */

static void
put_sentence(struct buf *out, const char *text)
{
    print_wrapped(out, "# ", "# ", text);
}

static void
put_block_comment(struct buf *out, const struct exchange_block *b)
{
    switch (b->kind) {
    case EXCHANGE_TEXT:
        print_wrapped(out, "#   ", "#   ", b->text);
        break;
    case EXCHANGE_FIELD:
        buf_put_str(out, "#     ");
        print_clean(out, b->label != NULL ? b->label : "");
        buf_put_str(out, ": ");
        print_clean(out, b->text);
        buf_put_char(out, '\n');
        break;
    case EXCHANGE_SHELL:
    case EXCHANGE_COMMAND:
    case EXCHANGE_REGISTRY:
        if (b->label != NULL)
            print_wrapped(out, "#   ", "#   ", b->label);
        print_lines(out, "#       ", b->text);
        break;
    }
}

/* ---- The head ---- */

static void
put_head(struct buf *out, const struct exchange_document *d)
{
    buf_put_str(out, rule);
    buf_put_str(out, "# ");
    print_title(d, out);
    buf_put_str(out, "\n#\n");
    put_sentence(out, d->summary);
    buf_put_str(out, "#\n");
    put_sentence(out,
                 "Save it as exchange-setup.ps1 and run it in the Exchange Management Shell of "
                 "this version. First look at what it would change, which changes and asks "
                 "nothing:");
    buf_put_str(out, "#\n#     .\\exchange-setup.ps1 -WhatIf\n#\n");
    put_sentence(
        out,
        "then without -WhatIf. It may be run again at any time, with the same parameters: one "
        "that is left out has its default again, and what was made with another value is "
        "set back to that. What is right already is left alone. The first failure stops it with "
        "a sentence and exit code 1; "
        "steps above that one stay done, and a further run goes on from there.");
    buf_put_str(out, "#\n");
    put_sentence(out,
                 "\"Check on your system\" marks what the authors of the gateway have read or "
                 "concluded but not seen on a server.");
    buf_put_str(out, rule);
}

static void
put_parameters(struct buf *out, const struct exchange_document *d)
{
    buf_put_str(out, "param(\n");
    for (size_t i = 0; i < d->parameter_count; i++) {
        const struct exchange_parameter *p = &d->parameters[i];
        print_wrapped(out, "    # ", "    # ", p->meaning);
        buf_printf(out, "    [%s]$%s", p->type, p->name);
        if (p->proposal != NULL)
            buf_printf(out, " = %s", p->proposal);
        buf_put_str(out, ",\n\n");
    }
    buf_put_str(out, "    # Say what would be changed, and change nothing.\n"
                     "    [switch]$WhatIf\n"
                     ")\n\n");
}

/* PowerShell 1.0 refuses no parameter that a script lacks: a misspelt -WhatIf ends in $args, and
 * the run would be a real one. */
static const char refusal[] =
    "if ($args.Count -gt 0) {\n"
    "    throw ('This script has no parameter {0}. Nothing was done.' -f \"$($args[0])\")\n"
    "}\n"
    "\n";

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
        if (p->proposal != NULL || strcmp(p->type, "switch") == 0)
            continue;
        buf_printf(out, "if (-not $%s) {\n    throw 'Give -%s: ' + ", p->name, p->name);
        exchange_put_shell(out, p->meaning);
        buf_put_str(out, "\n}\n");
    }
}

/* ---- Steps ---- */

static void
put_part(struct buf *out, const char *title, const struct exchange_blocks *blocks)
{
    if (blocks->count == 0)
        return;
    buf_printf(out, "#\n# %s\n", title);
    for (size_t i = 0; i < blocks->count; i++)
        put_block_comment(out, &blocks->at[i]);
}

static void
put_do(struct buf *out, const struct exchange_blocks *blocks)
{
    for (size_t i = 0; i < blocks->count; i++) {
        const struct exchange_block *b = &blocks->at[i];
        if (b->kind == EXCHANGE_SHELL)
            print_lines(out, "", b->text);
        else
            put_block_comment(out, b);
    }
}

static void
put_title(struct buf *out, const struct exchange_step *s, size_t number)
{
    buf_printf(out, "# Step %zu: ", number);
    print_clean(out, s->title);
    buf_put_str(out, s->is_optional ? " (optional)\n" : "\n");
}

static void
put_step(struct buf *out, const struct exchange_step *s, size_t number)
{
    buf_put_char(out, '\n');
    buf_put_str(out, rule);
    put_title(out, s, number);
    buf_put_str(out, rule);
    print_wrapped(out, "# Why: ", "#      ", s->why);
    if (s->unconfirmed != NULL)
        print_wrapped(out, "# Check on your system: ", "#     ", s->unconfirmed);
    put_part(out, "Check, changes nothing:", &s->parts[EXCHANGE_CHECK]);
    put_part(out, "Undo:", print_part(s, EXCHANGE_UNDO));
    buf_printf(out, "#\n$Step = %zu\nWrite-Host ''\nWrite-Host ('Step {0}: {1}' -f $Step, ",
               number);
    exchange_put_shell(out, s->title);
    buf_put_str(out, ")\n");
    put_do(out, &s->parts[EXCHANGE_DO]);
}

/* The commands alone: what there is to consider stands with the step. */
static void
put_way_back(struct buf *out, const struct exchange_document *d)
{
    buf_put_char(out, '\n');
    buf_put_str(out, rule);
    put_sentence(out,
                 "Back out of everything, in this order: the last step first. Nothing below is "
                 "run by this script; what to consider before stands under Undo of each step.");
    buf_put_str(out, rule);
    for (size_t i = d->step_count; i-- > 0;) {
        const struct exchange_blocks *undo = &d->steps[i].parts[EXCHANGE_UNDO];
        if (undo->count > 0)
            put_title(out, &d->steps[i], i + 1);
        for (size_t k = 0; k < undo->count; k++)
            if (undo->at[k].kind == EXCHANGE_SHELL || undo->at[k].kind == EXCHANGE_COMMAND)
                print_lines(out, "#       ", undo->at[k].text);
    }
}

static void
put_windows_lines(struct buf *out, struct buf *text)
{
    out->over |= !buf_ok(text);
    for (const char *at = buf_text(text); *at != '\0';) {
        size_t len = strcspn(at, "\n");
        buf_put(out, slice(at, len));
        if (at[len] == '\n')
            buf_put_str(out, "\r\n");
        at += len + (at[len] == '\n');
    }
}

void
exchange_print_script(const struct exchange_document *d, struct buf *out)
{
    struct buf text;
    buf_init(&text, out->max);
    buf_put_str(&text, byte_order_mark);
    put_head(&text, d);
    put_parameters(&text, d);
    buf_put_str(&text, failure);
    buf_put_str(&text, refusal);
    buf_put_str(&text, d->prelude);
    put_questions(&text, d);
    for (size_t i = 0; i < d->step_count; i++)
        put_step(&text, &d->steps[i], i + 1);
    buf_put_str(&text, "\n$global:ErrorActionPreference = $PreferenceBefore\n");
    put_way_back(&text, d);
    put_windows_lines(out, &text);
    buf_fini(&text);
}
