#include "gateway/mail/dot.h"

/* How far one search looks ahead. Without it a message of bare CRs would make each octet cost a
 * search through all of the input. Real lines are shorter (RFC 5321 4.5.3.1.6). */
enum { LOOK_AHEAD = 1024 };

void
dot_reader_init(struct dot_reader *r, bool normalise)
{
    *r = (struct dot_reader){.place = DOT_AT_LINE_START, .normalise = normalise};
}

static struct slice
run_of(const char *from, const char *to)
{
    return slice(from, (size_t)(to - from));
}

/* A bare LF at lf, with content before it since from. Normalised, the CR it lacks comes first and
 * the LF itself is then read as the second half of a CRLF that ends no line for dot_read(). */
static const char *
bare_lf(struct dot_reader *r, const char *from, const char *lf, struct slice *run)
{
    r->bare_newline = true;
    r->place = DOT_IN_LINE;
    if (!r->normalise) {
        *run = run_of(from, lf + 1);
        return lf + 1;
    }
    if (lf > from) {
        *run = run_of(from, lf);
        return lf;
    }
    *run = slice("\r\n", 2);
    return lf + 1;
}

/*
 * The longest run from `from` on, which is not a dot at the start of a line. Returns where the
 * input goes on. Two searches a line: for its LF, and for a CR before it.
 */
static const char *
take_run(struct dot_reader *r, const char *from, const char *end, struct slice *run)
{
    const char *at = from;
    bool behind_cr = r->place == DOT_BEHIND_CR;

    r->place = DOT_IN_LINE;
    while (at < end) {
        const char *look = end - at > LOOK_AHEAD ? at + LOOK_AHEAD : end;
        const char *lf = memchr(at, '\n', (size_t)(look - at));
        const char *stop = lf != NULL ? lf : look;
        const char *cr = memchr(at, '\r', (size_t)(stop - at));

        if (cr != NULL && (cr + 1 < stop || (lf == NULL && stop == end))) {
            /* It is bare, or what follows has not come: dot_read() looks at the next octet. */
            r->place = DOT_BEHIND_CR;
            at = cr + 1;
            break;
        }
        if (lf == NULL) {
            at = cr != NULL ? cr : stop;
            continue;
        }
        if (cr == NULL && !(behind_cr && lf == from))
            return bare_lf(r, from, lf, run);
        at = lf + 1;
        if (at == end || *at == '.') {
            r->place = DOT_AT_LINE_START;
            break;
        }
    }
    *run = run_of(from, at);
    return at;
}

/* The run that begins at the front of *in, NULs noted. */
static struct slice
next_run(struct dot_reader *r, struct slice *in)
{
    struct slice run;
    const char *end = in->ptr + in->len;
    const char *rest = take_run(r, in->ptr, end, &run);
    *in = run_of(rest, end);
    r->nul = r->nul || slice_find(run, '\0') < run.len;
    return run;
}

enum dot_result
dot_read(struct dot_reader *r, struct slice *in, struct slice *run)
{
    while (in->len > 0) {
        char c = *in->ptr;

        if (r->place == DOT_AT_LINE_START && c == '.') {
            r->place = DOT_BEHIND_DOT;
            slice_skip(in, 1);
        } else if (r->place == DOT_BEHIND_DOT && c == '\r') {
            r->place = DOT_BEHIND_DOT_CR;
            slice_skip(in, 1);
        } else if (r->place == DOT_BEHIND_DOT_CR && c == '\n') {
            slice_skip(in, 1);
            return DOT_END;
        } else if (r->place == DOT_BEHIND_DOT_CR) {
            r->place = DOT_BEHIND_CR; /* the CR is content after all */
            *run = slice("\r", 1);
            return DOT_RUN;
        } else if (r->place == DOT_BEHIND_CR && c != '\n') {
            r->bare_newline = true;
            r->place = DOT_IN_LINE;
            if (r->normalise) {
                *run = slice("\n", 1);
                return DOT_RUN;
            }
        } else {
            *run = next_run(r, in);
            return DOT_RUN;
        }
    }
    return DOT_MORE;
}
