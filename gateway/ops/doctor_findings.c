#include "gateway/ops/doctor_findings.h"

#include "gateway/base/ascii.h"

/* ---- The banner ---- */

/* The first row whose words all stand in the banner decides. */
static const struct {
    const char *words[2];
    enum doctor_product product;
} shapes[] = {
    {{"Microsoft Exchange Internet Mail", NULL}, PRODUCT_EXCHANGE_5},
    {{"Microsoft ESMTP MAIL Service", "Version: 5.0."}, PRODUCT_WINDOWS_2000},
    {{"Microsoft ESMTP MAIL Service", "Version: 6.0."}, PRODUCT_WINDOWS_2003},
    {{"Microsoft ESMTP MAIL Service", "Version: "}, PRODUCT_WINDOWS_LATER},
    {{"Microsoft ESMTP MAIL Service", NULL}, PRODUCT_EXCHANGE_2007},
    {{"forestgate", NULL}, PRODUCT_FORESTGATE},
    {{"Postfix", NULL}, PRODUCT_POSTFIX},
    {{"Exim", NULL}, PRODUCT_EXIM},
};

static bool
holds(struct slice text, const char *words)
{
    size_t n = words != NULL ? strlen(words) : 0;
    for (size_t i = 0; i + n <= text.len; i++)
        if (ascii_same(slice(text.ptr + i, n), slice(words, n)))
            return true;
    return false;
}

/* The words behind the name: a host may be called postfix.example. */
static struct slice
behind_name(struct slice banner)
{
    return slice_from(banner, slice_find(banner, ' '));
}

static bool
is_masked_banner(struct slice banner)
{
    struct slice name = slice_head(banner, slice_find(banner, ' '));
    struct slice rest = ascii_trim(behind_name(banner));
    return ehlo_is_masked(name) || ehlo_is_masked(slice_head(rest, slice_find(rest, ' ')));
}

enum doctor_product
doctor_product_of(struct slice banner)
{
    struct slice text = behind_name(banner);
    if (is_masked_banner(banner))
        return PRODUCT_MASKED;
    for (size_t i = 0; i < COUNT_OF(shapes); i++)
        if (holds(text, shapes[i].words[0]) && holds(text, shapes[i].words[1]))
            return shapes[i].product;
    return PRODUCT_UNKNOWN;
}

static const struct {
    const char *word, *text;
} products[PRODUCTS] = {
    [PRODUCT_UNKNOWN] = {"unknown", "no product that we know"},
    [PRODUCT_EXCHANGE_5] = {"exchange-5", "Exchange 5.0 or 5.5"},
    [PRODUCT_WINDOWS_2000] = {"windows-2000", "the SMTP service of Windows 2000"},
    [PRODUCT_WINDOWS_2003] = {"windows-2003", "the SMTP service of Windows Server 2003"},
    [PRODUCT_WINDOWS_LATER] = {"windows-later", "the SMTP service of a later Windows"},
    [PRODUCT_EXCHANGE_2007] = {"exchange-2007", "Exchange 2007 or later"},
    [PRODUCT_POSTFIX] = {"postfix", "Postfix"},
    [PRODUCT_EXIM] = {"exim", "Exim"},
    [PRODUCT_FORESTGATE] = {"forestgate", "forestgate"},
    [PRODUCT_MASKED] = {"masked", "overwritten on the way, so that the product is hidden"},
};

const char *
doctor_product_text(enum doctor_product p)
{
    return products[p].text;
}

const char *
doctor_product_word(enum doctor_product p)
{
    return products[p].word;
}

/* ---- The EHLO list ---- */

static const char *const keywords[KEYWORDS] = {
    [KEYWORD_AUTH_EQUALS] = "AUTH=LOGIN",
    [KEYWORD_X_EXPS] = "X-EXPS",
    [KEYWORD_X_ANONYMOUSTLS] = "X-ANONYMOUSTLS",
    [KEYWORD_X_LINK2STATE] = "X-LINK2STATE",
    [KEYWORD_XRDST] = "XRDST",
    [KEYWORD_XSHADOW] = "XSHADOW",
    [KEYWORD_TURN] = "TURN",
    [KEYWORD_ATRN] = "ATRN",
    [KEYWORD_ETRN] = "ETRN",
};

const char *
doctor_keyword_text(enum doctor_keyword k)
{
    return keywords[k];
}

static struct slice
next_line(struct slice *rest)
{
    struct slice line = slice_head(*rest, slice_find(*rest, '\n'));
    *rest = slice_from(*rest, line.len + 1);
    return line;
}

/* Up to a blank, or up to the '=' of X-EXPS=LOGIN. */
static size_t
word_end(struct slice line)
{
    size_t n = 0;
    while (n < line.len && line.ptr[n] != ' ' && line.ptr[n] != '=')
        n++;
    return n;
}

static bool
has_word(const char *words, struct slice word)
{
    struct slice rest = slice_str(words);
    while (rest.len > 0) {
        struct slice one = slice_head(rest, slice_find(rest, ' '));
        if (ascii_same(one, word))
            return true;
        rest = slice_from(rest, one.len + 1);
    }
    return false;
}

static void
add_mechanisms(struct doctor_offers *o, struct slice rest)
{
    while (rest.len > 0) {
        struct slice word = slice_head(rest, slice_find(rest, ' '));
        size_t used = strlen(o->mechanisms), room = sizeof o->mechanisms - 1 - used;
        rest = slice_from(rest, word.len + 1);
        if (word.len == 0 || word.len + 1 > room || has_word(o->mechanisms, word))
            continue;
        if (used > 0)
            o->mechanisms[used++] = ' ';
        slice_copy_text(o->mechanisms + used, sizeof o->mechanisms - used, word);
    }
}

static void
take_line(struct doctor_offers *o, struct slice line)
{
    line = ascii_trim(line);
    ehlo_take_line(&o->ehlo, line);
    struct slice word = slice_head(line, word_end(line));
    if (ehlo_is_masked(word) && o->masked[0] == '\0')
        slice_copy_text(o->masked, sizeof o->masked, word);
    if (ascii_is(word, "AUTH"))
        add_mechanisms(o, slice_from(line, word.len + 1));
    if (ascii_is(line, keywords[KEYWORD_AUTH_EQUALS]))
        word = line;
    for (unsigned k = 0; k < KEYWORDS; k++)
        if (ascii_is(word, keywords[k]))
            o->found |= 1U << k;
}

void
doctor_offers_read(struct doctor_offers *out, const char *hello)
{
    struct slice rest = slice_str(hello);
    *out = (struct doctor_offers){.heard = rest.len > 0};
    (void)next_line(&rest);
    while (rest.len > 0)
        take_line(out, next_line(&rest));
}

void
doctor_put_list(struct buf *out, const char *hello)
{
    struct slice rest = slice_str(hello);
    (void)next_line(&rest);
    for (size_t n = 0; rest.len > 0; n++) {
        if (n > 0)
            buf_put_str(out, ", ");
        buf_put(out, ascii_trim(next_line(&rest)));
    }
}
