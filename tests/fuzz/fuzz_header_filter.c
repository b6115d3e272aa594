/* What goes on is what came, minus fields that may not pass, in the same order, with at most a
 * blank line more; the body is untouched; twice is once; and cut anywhere it is the same. */
#include "gateway/route/firewall.h"
#include "gateway/route/header_filter.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

struct result {
    struct buf message; /* as it goes on */
    unsigned removed;
    bool ok;
};

static void
run(struct slice in, unsigned rights, size_t step, struct result *r)
{
    struct header_filter f;
    struct err err;
    struct slice rest = in;
    *r = (struct result){.ok = true};
    buf_init(&r->message, in.len + HEADER_FILTER_MAX + 4096);
    header_filter_init(&f, rights, &r->message);
    while (r->ok && !f.done && rest.len > 0) {
        struct slice piece = slice_head(rest, step);
        slice_skip(&rest, piece.len);
        r->ok = header_filter_take(&f, piece, &err);
    }
    r->ok = r->ok && header_filter_end(&f, &err);
    must(f.used <= in.len);
    if (r->ok)
        buf_put(&r->message, slice_from(in, (size_t)f.used));
    r->removed = f.removed;
    header_filter_fini(&f);
}

static bool
next_field(struct header_scanner *s, struct slice *in, struct header_field *field,
           enum header_event *event)
{
    *event = header_scan(s, in, field);
    if (*event == HEADER_MORE)
        *event = header_scan_end(s, field);
    return *event == HEADER_FIELD;
}

/* The fields of `after` are those of `before` that may pass, and the bodies are equal. */
static void
compare(struct slice before, struct slice after, unsigned rights)
{
    struct header_scanner a, b;
    struct header_field x, y;
    enum header_event a_event, b_event;
    header_scanner_init_max(&a, HEADER_FILTER_MAX);
    header_scanner_init_max(&b, HEADER_FILTER_MAX);
    while (next_field(&a, &before, &x, &a_event)) {
        if (!firewall_passes(x.name, rights))
            continue;
        must(next_field(&b, &after, &y, &b_event));
        /* The last field may lack its line end; the blank line gives it one. */
        must(slice_starts(y.raw, x.raw));
    }
    must(!next_field(&b, &after, &y, &b_event));
    must(b_event == HEADER_END);
    if (a_event == HEADER_END_UNMARKED) {
        must(slice_starts(after, x.raw));
        slice_skip(&after, x.raw.len);
    }
    must(slice_equal(before, after));
    header_scanner_fini(&a);
    header_scanner_fini(&b);
}

int
LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
    if (size < 3)
        return 0;
    unsigned rights = data[0] * 256U + data[1];
    size_t step = data[2] % 24U + 1;
    struct slice in = slice((const char *)data + 3, size - 3);
    struct result whole, cut, twice;
    run(in, rights, in.len, &whole);
    run(in, rights, step, &cut);
    must(whole.ok == cut.ok && whole.removed == cut.removed);
    must(slice_equal(buf_slice(&whole.message), buf_slice(&cut.message)));
    if (whole.ok) {
        compare(in, buf_slice(&whole.message), rights);
        run(buf_slice(&whole.message), rights, step, &twice);
        must(twice.ok && twice.removed == 0);
        must(slice_equal(buf_slice(&twice.message), buf_slice(&whole.message)));
        buf_fini(&twice.message);
    }
    buf_fini(&whole.message);
    buf_fini(&cut.message);
    return 0;
}
