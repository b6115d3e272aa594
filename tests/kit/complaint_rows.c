#include "tests/kit/complaint_rows.h"

#include <stdio.h>

#include "tests/kit/test.h"

enum { TEXT_MAX = 16384 };

static void
replace_first(const char *text, const char *from, const char *to, char out[TEXT_MAX])
{
    const char *at = strstr(text, from);
    must(at != NULL);
    int n = snprintf(out, TEXT_MAX, "%.*s%s%s", (int)(at - text), text, to, at + strlen(from));
    must(n > 0 && n < TEXT_MAX);
}

static struct slice
next_line(struct slice *text)
{
    struct slice line = slice_head(*text, slice_find(*text, '\n'));
    *text = slice_from(*text, line.len + 1);
    return line;
}

/* Behind a complaint with a place: the line that it is about, and a caret below its column. */
static bool
has_line_and_caret(struct slice *text, const char *source, unsigned line, unsigned column)
{
    struct slice rest = slice_str(source), wanted = {0};
    while (line-- > 0)
        wanted = next_line(&rest);
    struct slice shown = next_line(text), caret = next_line(text);
    return slice_equal(slice_from(shown, 2), wanted) && slice_find(caret, '^') == column + 1;
}

/* The complaint without the file's name and with "@" for the folder. */
static void
put_complaint(const struct config_folder *f, struct slice line, struct buf *out)
{
    size_t n = strlen(f->path);
    slice_skip(&line, n + strlen("/forestgate.yaml:"));
    if (line.len > 0 && line.ptr[0] == ' ')
        slice_skip(&line, 1);
    while (line.len > 0) {
        bool folder = slice_starts(line, slice_str(f->path));
        buf_put_char(out, folder ? '@' : line.ptr[0]);
        slice_skip(&line, folder ? n : 1);
    }
    buf_put_char(out, '\n');
}

static void
check_row(const struct config_folder *f, const struct complaint_row *row)
{
    char source[TEXT_MAX];
    struct complaints complaints;
    struct config *config = NULL;
    struct buf said;

    buf_init(&said, TEXT_MAX);
    replace_first(config_folder_small, row->from, row->to, source);
    bool good = config_folder_load(f, source, &config, &complaints);
    struct slice text = buf_slice(&complaints.text);
    while (text.len > 0) {
        struct slice line = next_line(&text);
        unsigned at_line, at_column;
        put_complaint(f, line, &said);
        int n =
            sscanf(line.ptr + strlen(f->path), "/forestgate.yaml:%u:%u:", &at_line, &at_column);
        if (n == 2 && !has_line_and_caret(&text, source, at_line, at_column))
            fail_row(row->say, "no line or caret:\n%s", buf_text(&complaints.text));
    }
    if (strcmp(buf_text(&said), row->said) != 0)
        fail_row(row->say, "said:\n%snot:\n%s", buf_text(&said), row->said);
    if (good != (strstr(row->said, "error: ") == NULL))
        fail_row(row->say, "loaded: %d", good);
    buf_fini(&said);
    config_unref(&config);
    complaints_fini(&complaints);
}

void
complaint_rows_check(const struct complaint_row *rows, size_t count)
{
    struct config_folder folder;
    config_folder_new(&folder);
    for (size_t i = 0; i < count; i++)
        check_row(&folder, &rows[i]);
    config_folder_remove(&folder);
}
