#include "gateway/mail/fold.h"

enum { LINE_WIDTH = 77 };

struct fold
fold_begin(struct buf *out)
{
    return (struct fold){.out = out, .line_start = out->len};
}

size_t
fold_begin_word(const struct fold *f)
{
    buf_put_char(f->out, ' ');
    return f->out->len;
}

/* When the word went past the width, the blank before it becomes a fold. */
void
fold_end_word(struct fold *f, size_t start)
{
    static const char fold[] = "\r\n\t";
    struct buf *out = f->out;
    size_t len = out->len - start;
    if (!buf_ok(out) || out->len - f->line_start <= LINE_WIDTH)
        return;
    if (buf_reserve(out, sizeof fold - 2) == NULL)
        return;
    memmove(out->data + start + sizeof fold - 2, out->data + start, len);
    memcpy(out->data + start - 1, fold, sizeof fold - 1);
    buf_grew(out, sizeof fold - 2);
    f->line_start = start + 1;
}

void
fold_put_word(struct fold *f, const char *before, struct slice word, const char *behind)
{
    size_t start = fold_begin_word(f);
    buf_put_str(f->out, before);
    buf_put(f->out, word);
    buf_put_str(f->out, behind);
    fold_end_word(f, start);
}

void
fold_put_text(struct fold *f, const char *word)
{
    fold_put_word(f, word, slice("", 0), "");
}
