#include "config/config_report.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "gateway/base/ascii.h"
#include "gateway/base/mem.h"

enum {
    TEXT_MAX = 400,           /* of one sentence */
    COMPLAINTS_MAX = 1 << 19, /* of all of them: REPORT_MAX with their lines fit */
    SHOWN_MAX = 160,          /* octets of a line; more is cut on both sides of the caret */
};

struct report_note {
    struct report_note *next;
    struct where at;
    size_t order; /* as found: what stands at one place keeps this order */
    enum complaint_level level;
    const char *text;
};

void
complaints_init(struct complaints *c)
{
    *c = (struct complaints){0};
    buf_init(&c->text, COMPLAINTS_MAX);
}

void
complaints_fini(struct complaints *c)
{
    buf_fini(&c->text);
}

void
report_init(struct report *r, const char *file, struct slice source)
{
    *r = (struct report){.file = file, .source = source};
    arena_init(&r->memory, COMPLAINTS_MAX);
}

void
report_fini(struct report *r)
{
    arena_fini(&r->memory);
    r->notes = NULL;
}

static void
add_note(struct report *r, struct where at, enum complaint_level level, const char *fmt,
         va_list args)
{
    char text[TEXT_MAX];
    int n = vsnprintf(text, sizeof text, fmt, args);

    *(level == COMPLAINT_ERROR ? &r->errors : &r->warnings) += 1;
    if (++r->count > REPORT_MAX || n < 0)
        return;
    /* What an operator typed is quoted in sentences: keep it on one line. */
    for (char *c = text; *c != '\0'; c++)
        if ((unsigned char)*c < 0x20 || *c == 0x7f)
            *c = '?';

    struct report_note *note = arena_new(&r->memory, sizeof *note);
    struct slice kept = arena_copy(&r->memory, slice_str(text));
    if (note == NULL || kept.ptr == NULL) {
        r->nomem = true;
        return;
    }
    *note = (struct report_note){r->notes, at, r->count, level, kept.ptr};
    r->notes = note;
}

void
report_error(struct report *r, struct where at, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    add_note(r, at, COMPLAINT_ERROR, fmt, args);
    va_end(args);
}

void
report_warning(struct report *r, struct where at, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    add_note(r, at, COMPLAINT_WARNING, fmt, args);
    va_end(args);
}

struct slice
report_line(const struct report *r, unsigned n)
{
    struct slice source = r->source;
    while (n > 1 && source.len > 0) {
        source = slice_from(source, slice_find(source, '\n') + 1);
        n--;
    }
    struct slice line = slice_head(source, slice_find(source, '\n'));
    if (line.len > 0 && line.ptr[line.len - 1] == '\r')
        line.len--;
    return line;
}

static bool
ends_in(struct slice s, const char *end)
{
    size_t n = strlen(end);
    return s.len >= n && ascii_is(slice_from(s, s.len - n), end);
}

/* Does s begin with a key that holds a password itself ("password:", "password_hash:"), and not
 * with one that names a file or says what may be done? Its length with the colon, or 0. */
static size_t
secret_key(struct slice s)
{
    static const char *const words[] = {"password", "passwd", "secret"};
    for (size_t i = 0; i < COUNT_OF(words); i++) {
        if (!ascii_starts(s, words[i]))
            continue;
        size_t n = strlen(words[i]);
        while (n < s.len && (ascii_is_alnum(s.ptr[n]) || s.ptr[n] == '_' || s.ptr[n] == '-'))
            n++;
        struct slice key = slice_head(s, n);
        if (ends_in(key, "file") || ends_in(key, "files") || ends_in(key, "unverified"))
            return 0;
        while (n < s.len && (ascii_is_blank(s.ptr[n]) || s.ptr[n] == '"' || s.ptr[n] == '\''))
            n++;
        if (n < s.len && s.ptr[n] == ':')
            return n + 1;
    }
    return 0;
}

/* The line up to the value of a password, if there is one. */
static struct slice
without_secret(struct slice line)
{
    for (size_t i = 0; i < line.len; i++) {
        size_t n = secret_key(slice_from(line, i));
        if (n > 0)
            return slice_head(line, i + n);
    }
    return line;
}

/* UTF-8: a column is a character; its further octets do not count. */
static bool
begins_character(char c)
{
    return ((unsigned char)c & 0xc0) != 0x80;
}

/* The offset of a column (from 1) in the line; at most its length. */
static size_t
offset_of_column(struct slice line, unsigned column)
{
    size_t i = 0;
    for (unsigned at = 1; i < line.len; i++) {
        if (begins_character(line.ptr[i]) && at++ == column)
            break;
    }
    return i;
}

/* A terminal must survive it: what is not printable ASCII is '?', one for each character. */
static void
put_visible(struct buf *out, char c)
{
    if (ascii_is_print(c) || c == '\t')
        buf_put_char(out, c);
    else if (begins_character(c))
        buf_put_char(out, '?');
}

/* The line and a caret below the column. Tabs stay tabs above the caret, so that both are as
 * wide as the terminal makes them. */
static void
put_line_and_caret(struct buf *out, const struct report *r, struct where at)
{
    struct slice line = without_secret(report_line(r, at.line));
    size_t caret = offset_of_column(line, at.column);
    /* A character cut in two is one '?', or none: nothing to care about. */
    size_t begin = line.len > SHOWN_MAX && caret > SHOWN_MAX / 2 ? caret - SHOWN_MAX / 2 : 0;
    struct slice shown = slice_head(slice_from(line, begin), SHOWN_MAX);

    buf_put_str(out, "  ");
    for (size_t i = 0; i < shown.len; i++)
        put_visible(out, shown.ptr[i]);
    buf_put_str(out, "\n  ");
    for (size_t i = 0; i < shown.len && begin + i < caret; i++)
        if (begins_character(shown.ptr[i]))
            buf_put_char(out, shown.ptr[i] == '\t' ? '\t' : ' ');
    buf_put_str(out, "^\n");
}

static void
write_note(struct buf *out, const struct report *r, const struct report_note *note)
{
    buf_put_str(out, r->file);
    if (note->at.line > 0)
        buf_printf(out, ":%u:%u", note->at.line, note->at.column);
    buf_printf(out, ": %s: %s\n", note->level == COMPLAINT_ERROR ? "error" : "warning",
               note->text);
    if (note->at.line > 0 && r->source.len > 0)
        put_line_and_caret(out, r, note->at);
}

static int
by_place(const void *left, const void *right)
{
    const struct report_note *a = *(const struct report_note *const *)left;
    const struct report_note *b = *(const struct report_note *const *)right;
    if (a->at.line != b->at.line)
        return a->at.line < b->at.line ? -1 : 1;
    if (a->at.column != b->at.column)
        return a->at.column < b->at.column ? -1 : 1;
    return a->order < b->order ? -1 : 1;
}

void
report_write(struct report *r, struct complaints *out)
{
    const struct report_note *sorted[REPORT_MAX];
    size_t n = 0;
    for (const struct report_note *note = r->notes; note != NULL; note = note->next)
        sorted[n++] = note;
    qsort(sorted, n, sizeof sorted[0], by_place);

    for (size_t i = 0; i < n; i++)
        write_note(&out->text, r, sorted[i]);
    if (r->count > REPORT_MAX)
        buf_printf(&out->text, "%s: and %zu more\n", r->file, r->count - REPORT_MAX);
    if (r->nomem) {
        buf_printf(&out->text, "%s: error: out of memory\n", r->file);
        r->errors++;
    }
    out->errors += r->errors;
    out->warnings += r->warnings;
}
