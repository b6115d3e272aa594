#include "gateway/exchange/print_html.h"

#include "gateway/exchange/print_text.h"
#include "gateway/exchange/quote.h"

/* System colours follow light and dark; on paper, black on white. A page that nothing may be
 * added to: the policy forbids all but this sheet. */
static const char page_head[] =
    "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
    "<meta http-equiv=\"Content-Security-Policy\" "
    "content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
    "<style>\n"
    ":root { color-scheme: light dark; --line: color-mix(in srgb, CanvasText 22%, Canvas);\n"
    "  --soft: color-mix(in srgb, CanvasText 6%, Canvas); --care: #c77700 }\n"
    "* { box-sizing: border-box }\n"
    "body { margin: 0 auto; padding: 2rem 1.25rem 4rem; max-width: 60rem; background: Canvas;\n"
    "  color: CanvasText; font: 1rem/1.5 system-ui, \"Segoe UI\", Tahoma, sans-serif }\n"
    "h1 { margin: 0 0 .75rem; font-size: 1.6rem; line-height: 1.25 }\n"
    "h2 { margin: 0; font-size: 1.15rem; line-height: 1.35 }\n"
    "h3 { margin: 1.1rem 0 .35rem; font-size: .78rem; letter-spacing: .06em;\n"
    "  text-transform: uppercase; opacity: .75 }\n"
    "a { color: LinkText }\n"
    "nav, section { margin-top: 1.5rem; padding: 1.1rem 1.25rem; border: 1px solid var(--line);\n"
    "  border-radius: .5rem }\n"
    "section:target { border-color: LinkText }\n"
    "nav ol { margin: .5rem 0 0; padding-left: 2rem; columns: 2 22rem; column-gap: 2.5rem }\n"
    "nav li { break-inside: avoid; padding: .1rem 0 }\n"
    "p { margin: .35rem 0 }\n"
    ".why { margin-top: .5rem }\n"
    ".tag { font-size: .72rem; font-weight: 600; padding: .1rem .45rem; border-radius: 1rem;\n"
    "  border: 1px solid currentColor; vertical-align: .12em; overflow-wrap: anywhere }\n"
    ".care { margin-top: 1.1rem; padding: .5rem .8rem; border-left: .25rem solid var(--care);\n"
    "  background: var(--soft) }\n"
    ".care h3 { margin-top: 0 }\n"
    ".item { display: flex; gap: .6rem; align-items: baseline; margin: .4rem 0 }\n"
    ".item input, .fields input { flex: none; width: 1rem; height: 1rem; margin: 0;\n"
    "  transform: translateY(.12rem) }\n"
    ".fields { width: 100%; margin: .4rem 0 .7rem; border-collapse: collapse }\n"
    ".fields th, .fields td { padding: .3rem .6rem; border: 1px solid var(--line);\n"
    "  text-align: left; vertical-align: top; overflow-wrap: anywhere }\n"
    ".fields th { width: 45%; font-weight: 400 }\n"
    ".fields .box { width: 2.2rem }\n"
    "code { font: .9em ui-monospace, Consolas, \"DejaVu Sans Mono\", monospace }\n"
    "td code { user-select: all; font-weight: 600 }\n"
    "figure { margin: .6rem 0 }\n"
    "figcaption { font-size: .85rem; opacity: .8 }\n"
    "pre { margin: .25rem 0 0; padding: .7rem .9rem; overflow-x: auto; border: 1px solid "
    "var(--line);\n"
    "  border-radius: .35rem; background: var(--soft); line-height: 1.4 }\n"
    "summary { cursor: pointer; font-weight: 600 }\n"
    "dt { margin-top: .6rem } dd { margin: 0 0 0 1.5rem }\n"
    "@media print { :root { color-scheme: light } body { max-width: none; padding: 0 }\n"
    "  html { font-size: 11px } nav, section { border: 0; border-top: 1px solid; border-radius: "
    "0;\n"
    "  padding: .8rem 0 } h2, h3 { break-after: avoid } tr, .item { break-inside: avoid }\n"
    "  pre { white-space: pre-wrap; overflow-wrap: anywhere } a { color: inherit } }\n"
    "</style>\n";

static void
put_element(struct buf *out, const char *open, const char *text, const char *close)
{
    buf_put_str(out, open);
    exchange_quote_html(out, text);
    buf_put_str(out, close);
}

static void
put_title(const struct exchange_document *d, const char *element, struct buf *out)
{
    struct buf title;
    buf_init(&title, EXCHANGE_DOCUMENT_MAX);
    print_title(d, &title);
    buf_printf(out, "<%s>", element);
    exchange_quote_html(out, buf_text(&title));
    buf_printf(out, "</%s>\n", element);
    buf_fini(&title);
}

static void
begin_figure(enum exchange_block_kind kind, const char *label, struct buf *out)
{
    put_element(out, "<figure><figcaption>", print_kind_name(kind), "");
    if (label != NULL)
        put_element(out, " ", label, "");
    buf_put_str(out, "</figcaption>\n<pre><code>");
}

static void
end_figure(struct buf *out)
{
    buf_put_str(out, "</code></pre></figure>\n");
}

/* ---- Before the steps ---- */

static void
put_parameters(const struct exchange_document *d, struct buf *out)
{
    if (d->parameter_count == 0)
        return;
    buf_put_str(out, "<section id=\"values\">\n<h2>Values that only you know</h2>\n<dl>\n");
    for (size_t i = 0; i < d->parameter_count; i++) {
        const struct exchange_parameter *p = &d->parameters[i];
        struct buf proposal;
        buf_init(&proposal, EXCHANGE_DOCUMENT_MAX);
        print_proposal(p, &proposal);
        put_element(out, "<dt><code>", p->name, "</code>");
        put_element(out, " <span class=\"tag\">", buf_text(&proposal), "</span></dt>\n");
        buf_fini(&proposal);
        put_element(out, "<dd>", p->meaning, "</dd>\n");
    }
    buf_put_str(out, "</dl>\n</section>\n");
}

static void
put_prelude(const struct exchange_document *d, struct buf *out)
{
    struct buf lines;
    if (!exchange_has_shell(d->version))
        return;
    buf_init(&lines, EXCHANGE_DOCUMENT_MAX);
    print_prelude(d, &lines);
    out->over |= !buf_ok(&lines);
    buf_put_str(out,
                "<section id=\"first\">\n<details>\n<summary>By hand: run this in the Exchange "
                "Management Shell first. The commands use its values and functions; \"--format "
                "script\" has all of it in one script.</summary>\n");
    begin_figure(EXCHANGE_SHELL, NULL, out);
    exchange_quote_html(out, buf_text(&lines));
    end_figure(out);
    buf_put_str(out, "</details>\n</section>\n");
    buf_fini(&lines);
}

static void
put_contents(const struct exchange_document *d, struct buf *out)
{
    buf_put_str(out, "<nav aria-label=\"Steps\">\n<h2>Steps, in this order</h2>\n<ol>\n");
    for (size_t i = 0; i < d->step_count; i++) {
        buf_printf(out, "<li><a href=\"#step-%zu\">", i + 1);
        exchange_quote_html(out, d->steps[i].title);
        buf_put_str(out, "</a>");
        buf_put_str(out, d->steps[i].is_optional ? " (optional)</li>\n" : "</li>\n");
    }
    buf_put_str(out, "</ol>\n</nav>\n");
}

/* ---- A step ---- */

/* The fields that follow each other are one table; how many there are. */
static size_t
put_fields(const struct exchange_block *b, size_t count, struct buf *out)
{
    size_t n = 0;
    buf_put_str(out, "<table class=\"fields\">\n");
    for (; n < count && b[n].kind == EXCHANGE_FIELD; n++) {
        put_element(out, "<tr><td class=\"box\"><input type=\"checkbox\" aria-label=\"",
                    b[n].label, "\"></td>");
        put_element(out, "<th scope=\"row\">", b[n].label, "</th>");
        put_element(out, "<td><code>", b[n].text, "</code></td></tr>\n");
    }
    buf_put_str(out, "</table>\n");
    return n;
}

static void
put_part(const struct exchange_blocks *blocks, enum exchange_part part, struct buf *out)
{
    if (blocks->count == 0)
        return;
    put_element(out, "<h3>", print_part_name(part), "</h3>\n");
    for (size_t i = 0; i < blocks->count;) {
        const struct exchange_block *b = &blocks->at[i];
        if (b->kind == EXCHANGE_FIELD) {
            i += put_fields(b, blocks->count - i, out);
        } else if (b->kind == EXCHANGE_TEXT) {
            put_element(out, "<label class=\"item\"><input type=\"checkbox\"><span>", b->text,
                        "</span></label>\n");
            i++;
        } else {
            size_t run = print_run(b, blocks->count - i);
            begin_figure(b->kind, b->label, out);
            for (size_t k = 0; k < run; k++)
                exchange_quote_html(out, b[k].text);
            end_figure(out);
            i += run;
        }
    }
}

static void
put_step(const struct exchange_step *s, size_t number, struct buf *out)
{
    buf_printf(out, "<section id=\"step-%zu\">\n<h2>%zu. ", number, number);
    exchange_quote_html(out, s->title);
    buf_put_str(out, s->is_optional ? " <span class=\"tag\">optional</span></h2>\n" : "</h2>\n");
    put_element(out, "<h3>Why</h3>\n<p class=\"why\">", s->why, "</p>\n");
    for (size_t i = 0; i < EXCHANGE_PARTS; i++)
        put_part(print_part(s, (enum exchange_part)i), (enum exchange_part)i, out);
    if (s->unconfirmed != NULL)
        put_element(out,
                    "<div class=\"care\">\n<h3>Check on your system</h3>\n<p>Not confirmed: ",
                    s->unconfirmed, "</p>\n</div>\n");
    buf_put_str(out, "</section>\n");
}

void
exchange_print_html(const struct exchange_document *d, struct buf *out)
{
    buf_put_str(out, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n");
    put_title(d, "title", out);
    buf_put_str(out, page_head);
    buf_put_str(out, "</head>\n<body>\n<header>\n");
    put_title(d, "h1", out);
    put_element(out, "<p>", d->summary, "</p>\n</header>\n");
    put_parameters(d, out);
    put_prelude(d, out);
    buf_put_str(out, "<main>\n");
    put_contents(d, out);
    for (size_t i = 0; i < d->step_count; i++)
        put_step(&d->steps[i], i + 1, out);
    buf_put_str(out, "</main>\n</body>\n</html>\n");
}
