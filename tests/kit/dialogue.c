#include "tests/kit/dialogue.h"

#include <errno.h>
#include <stdio.h>

#include "gateway/base/ascii.h"
#include "gateway/base/mem.h"

enum { FILE_MAX = 256 * 1024, OCTETS_MAX = 1 << 20 };

bool
dialogue_matches(struct slice line, struct slice pattern)
{
    while (pattern.len > 0 && *pattern.ptr != '*') {
        if (line.len == 0 || *line.ptr != *pattern.ptr)
            return false;
        slice_skip(&line, 1);
        slice_skip(&pattern, 1);
    }
    if (pattern.len == 0)
        return line.len == 0;
    slice_skip(&pattern, 1);
    for (size_t n = 0; n <= line.len; n++)
        if (dialogue_matches(slice_from(line, n), pattern))
            return true;
    return false;
}

/* "12xTEXT}" behind "\{" */
static bool
repeat(struct buf *out, struct slice *text)
{
    size_t x = slice_find(*text, 'x'), end = slice_find(*text, '}');
    uint64_t times;

    if (end == text->len || x > end || !ascii_number(slice_head(*text, x), OCTETS_MAX, &times))
        return false;
    struct slice what = slice_from(slice_head(*text, end), x + 1);
    for (; times > 0; times--)
        if (!dialogue_unescape(out, what))
            return false;
    slice_skip(text, end + 1);
    return true;
}

static bool
hex(struct buf *out, struct slice *text)
{
    if (text->len < 2 || ascii_hex_value(text->ptr[0]) < 0 || ascii_hex_value(text->ptr[1]) < 0)
        return false;
    buf_put_char(out, (char)(ascii_hex_value(text->ptr[0]) * 16 + ascii_hex_value(text->ptr[1])));
    slice_skip(text, 2);
    return true;
}

bool
dialogue_unescape(struct buf *out, struct slice text)
{
    static const char names[] = "rnt0\\", values[] = "\r\n\t\0\\";

    while (text.len > 0) {
        char c = *text.ptr;
        slice_skip(&text, 1);
        if (c != '\\') {
            buf_put_char(out, c);
            continue;
        }
        if (text.len == 0)
            return false;
        c = *text.ptr;
        slice_skip(&text, 1);
        const char *name = memchr(names, c, sizeof names - 1);
        if (name != NULL)
            buf_put_char(out, values[name - names]);
        else if (!(c == '{' && repeat(out, &text)) && !(c == 'x' && hex(out, &text)))
            return false;
    }
    return buf_ok(out);
}

/* Without what is for readers only. */
static struct slice
strip(struct slice line)
{
    if (line.len > 0 && *line.ptr == '#')
        return slice_head(line, 0);
    for (size_t i = 0; i + 3 < line.len; i++)
        if (memcmp(line.ptr + i, "  # ", 4) == 0)
            line.len = i;
    while (line.len > 0 && ascii_is_blank(line.ptr[line.len - 1]))
        line.len--;
    return line;
}

/* One line of the file becomes a step, its octets go to out. */
static bool
read_step(struct dialogue_step *step, struct slice line, char fed, struct buf *out)
{
    size_t before = out->len;
    struct slice text = slice_from(line, 2);
    char kind = *line.ptr;

    if (line.len > 1 && line.ptr[1] != ' ')
        return false;
    if (kind == 'c' || kind == 's') {
        if (!dialogue_unescape(out, text))
            return false;
        if (ascii_upper(kind) == fed)
            kind = fed;
    } else if (kind == 'C' || kind == 'S' || kind == '!' || kind == '=') {
        buf_put(out, text);
        if (kind == fed)
            buf_put_str(out, "\r\n");
    } else {
        return false;
    }
    step->kind = kind;
    step->text = slice(NULL, out->len - before); /* ptr: when out moves no more */
    return true;
}

static bool
read_steps(struct dialogue *d, struct slice file, char fed, struct buf *out, struct err *err)
{
    for (int number = 1; file.len > 0; number++) {
        size_t lf = slice_find(file, '\n');
        struct slice line = strip(slice_head(file, lf));
        file = slice_from(file, lf + 1);
        if (line.len == 0)
            continue;
        if (!read_step(&d->steps[d->count], line, fed, out))
            return err_set(err, ERR_SYNTAX, "%s:%d: not a line of a dialogue", d->path, number);
        d->steps[d->count++].line = number;
    }
    return true;
}

static bool
read_file(const char *path, struct buf *file, struct err *err)
{
    FILE *f = fopen(path, "r");

    if (f == NULL)
        return err_sys(err, ERR_IO, "%s", path);
    char *to = buf_reserve(file, file->max);
    must(to != NULL);
    buf_grew(file, fread(to, 1, file->max, f));
    bool all = feof(f) && !ferror(f);
    fclose(f);
    return all || err_set(err, ERR_IO, "%s: cannot be read as a whole", path);
}

bool
dialogue_load(struct dialogue *d, const char *path, char fed, struct err *err)
{
    struct buf file, out;
    bool ok = false;

    *d = (struct dialogue){0};
    snprintf(d->path, sizeof d->path, "%s", path);
    buf_init(&file, FILE_MAX);
    buf_init(&out, OCTETS_MAX);
    if (!read_file(path, &file, err))
        goto out;
    size_t lines = 1;
    for (size_t i = 0; i < file.len; i++)
        lines += file.data[i] == '\n';
    d->steps = mem_new(lines * sizeof *d->steps);
    must(d->steps != NULL);
    ok = read_steps(d, buf_slice(&file), fed, &out, err);
    d->octets = out.data;
    size_t at = 0;
    for (size_t i = 0; i < d->count; i++) {
        d->steps[i].text.ptr = d->octets + at;
        at += d->steps[i].text.len;
    }
out:
    buf_fini(&file);
    return ok;
}

void
dialogue_fini(struct dialogue *d)
{
    mem_free(&d->steps);
    mem_free(&d->octets);
}
