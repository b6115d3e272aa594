/* Cut anywhere, the same fields come out; all that came out is all that went in; every field has
 * a name and ends its line. */
#include "gateway/mail/header.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

struct result {
    struct buf all;
    size_t fields;
    enum header_event end;
};

static void
take(struct result *r, enum header_event event, const struct header_field *field)
{
    buf_put(&r->all, field->raw);
    if (event != HEADER_FIELD)
        return;
    r->fields++;
    must(field->name.len > 0 && field->name.ptr == field->raw.ptr);
    must(header_value(field).len < field->raw.len);
    for (size_t i = 0; i < field->name.len; i++)
        must(field->name.ptr[i] > ' ' && field->name.ptr[i] != ':');
    struct buf value;
    buf_init(&value, field->raw.len);
    header_unfold(&value, field);
    must(buf_ok(&value) && slice_find(buf_slice(&value), '\n') == value.len);
    buf_fini(&value);
}

static void
scan(struct slice in, size_t step, struct result *r)
{
    struct header_scanner s;
    struct header_field field;
    header_scanner_init(&s);
    r->end = HEADER_MORE;
    while (in.len > 0 && r->end == HEADER_MORE) {
        struct slice piece = slice_head(in, step);
        slice_skip(&in, piece.len);
        do {
            r->end = header_scan(&s, &piece, &field);
            if (r->end != HEADER_MORE)
                take(r, r->end, &field);
        } while (r->end == HEADER_FIELD);
        buf_put(&r->all, piece);
    }
    if (r->end == HEADER_MORE) {
        do {
            r->end = header_scan_end(&s, &field);
            take(r, r->end, &field);
        } while (r->end == HEADER_FIELD);
    }
    buf_put(&r->all, in);
    header_scanner_fini(&s);
}

int
LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
    if (size < 2)
        return 0;
    struct slice in = slice((const char *)data + 1, size - 1);
    struct result whole = {0}, cut = {0};
    buf_init(&whole.all, size);
    buf_init(&cut.all, size);
    scan(in, in.len, &whole);
    scan(in, data[0] % 24U + 1, &cut);
    must(slice_equal(buf_slice(&whole.all), in) && slice_equal(buf_slice(&cut.all), in));
    must(whole.fields == cut.fields && whole.end == cut.end);
    buf_fini(&whole.all);
    buf_fini(&cut.all);
    return 0;
}
