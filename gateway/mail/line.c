#include "gateway/mail/line.h"

#include "gateway/base/mem.h"

/* The carry begins so large that an honest line, a password among them, never makes it move: a
 * buffer that moves leaves a copy behind that nobody wipes. */
enum { CARRY_FIRST = 2048, CARRY_KEEP = 4096, CRLF = 2 };

void
line_reader_init(struct line_reader *r, size_t max)
{
    *r = (struct line_reader){.max = max};
    buf_init(&r->carry, max + CRLF);
}

void
line_reader_fini(struct line_reader *r)
{
    buf_fini(&r->carry);
}

bool
line_is_begun(const struct line_reader *r)
{
    return !r->given && (r->carry.len > 0 || r->skipping || r->lost);
}

void
line_reader_wipe(struct line_reader *r)
{
    if (r->carry.data != NULL)
        mem_wipe(r->carry.data, r->carry.cap);
    buf_clear(&r->carry);
    r->given = r->skipping = r->lost = r->after_cr = false;
}

/* Keep a piece of a line for later: of a line that is too long, its front. */
static void
keep(struct line_reader *r, struct slice piece)
{
    if (piece.len == 0)
        return;
    r->after_cr = piece.ptr[piece.len - 1] == '\r';
    if (r->skipping || r->lost)
        return;
    if (piece.len > buf_room(&r->carry)) {
        r->skipping = true;
        piece = slice_head(piece, buf_room(&r->carry));
    }
    size_t first = r->carry.max < CARRY_FIRST ? r->carry.max : CARRY_FIRST;
    if (r->carry.data == NULL && buf_reserve(&r->carry, first) == NULL)
        r->lost = true;
    buf_put(&r->carry, piece);
    r->lost = r->lost || !buf_ok(&r->carry);
}

/* text: a line up to its LF, without it and without its CR. */
static enum line_result
judge(const struct line_reader *r, struct slice text)
{
    if (text.len > r->max)
        return LINE_TOO_LONG;
    if (slice_find(text, '\0') < text.len)
        return LINE_NUL;
    if (slice_find(text, '\r') < text.len)
        return LINE_BARE_CR;
    return LINE_DONE;
}

/* The rest of a line of which a piece is in the carry: piece ends before the LF. */
static enum line_result
finish(struct line_reader *r, struct slice piece, struct slice *line)
{
    keep(r, piece);
    bool bare_lf = !r->after_cr, skipped = r->skipping, lost = r->lost;
    r->after_cr = r->skipping = r->lost = false;
    r->given = true;
    if (bare_lf)
        return LINE_BARE_LF;
    if (lost)
        return LINE_NOMEM;
    *line = buf_slice(&r->carry);
    if (skipped)
        return LINE_TOO_LONG;
    *line = slice(r->carry.data, r->carry.len - 1);
    return judge(r, *line);
}

enum line_result
line_read(struct line_reader *r, struct slice *in, struct slice *line)
{
    if (r->given) {
        buf_clear(&r->carry);
        if (r->carry.cap > CARRY_KEEP)
            buf_shrink(&r->carry);
        r->given = false;
    }
    size_t lf = slice_find(*in, '\n');
    struct slice piece = slice_head(*in, lf);
    if (lf == in->len) {
        keep(r, piece);
        slice_skip(in, in->len);
        return LINE_MORE;
    }
    slice_skip(in, lf + 1);
    if (r->carry.len > 0 || r->skipping || r->lost)
        return finish(r, piece, line);

    if (piece.len == 0 || piece.ptr[piece.len - 1] != '\r')
        return LINE_BARE_LF;
    *line = slice_head(piece, piece.len - 1);
    return judge(r, *line);
}
