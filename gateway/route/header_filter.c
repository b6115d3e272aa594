#include "gateway/route/header_filter.h"

#include "gateway/route/firewall.h"

void
header_filter_init(struct header_filter *f, unsigned rights, struct buf *out)
{
    *f = (struct header_filter){.rights = rights, .out = out};
    header_scanner_init_max(&f->scanner, HEADER_FILTER_MAX);
}

void
header_filter_fini(struct header_filter *f)
{
    header_scanner_fini(&f->scanner);
}

static void
pass_field(struct header_filter *f, const struct header_field *field)
{
    f->used += field->raw.len;
    if (firewall_passes(field->name, f->rights))
        buf_put(f->out, field->raw);
    else
        f->removed++;
}

static bool
ends_a_line(const struct buf *out)
{
    return out->len == 0 || out->data[out->len - 1] == '\n';
}

/* A body that begins without a blank line gets one: else its first line would stand behind other
 * fields than before, and a reader could take it for one. */
static void
end_section(struct header_filter *f, enum header_event event, const struct header_field *field)
{
    f->done = true;
    f->used += field->raw.len;
    if (event == HEADER_END_UNMARKED)
        buf_put_str(f->out, ends_a_line(f->out) ? "\r\n" : "\r\n\r\n");
    buf_put(f->out, field->raw);
}

static bool
take_event(struct header_filter *f, enum header_event event, const struct header_field *field,
           struct err *err)
{
    switch (event) {
    case HEADER_MORE:
        break;
    case HEADER_FIELD:
        pass_field(f, field);
        break;
    case HEADER_END:
    case HEADER_END_UNMARKED:
        end_section(f, event, field);
        break;
    case HEADER_TOO_LONG:
        return err_set(err, ERR_LIMIT, "a header section of more than %d octets",
                       HEADER_FILTER_MAX);
    case HEADER_NOMEM:
        return err_set(err, ERR_NOMEM, "out of memory");
    }
    return buf_ok(f->out) || err_set(err, ERR_NOMEM, "out of memory");
}

bool
header_filter_take(struct header_filter *f, struct slice piece, struct err *err)
{
    struct header_field field;
    enum header_event event;

    must(!f->done);
    do {
        event = header_scan(&f->scanner, &piece, &field);
        TRY(take_event(f, event, &field, err));
    } while (event == HEADER_FIELD);
    return true;
}

bool
header_filter_end(struct header_filter *f, struct err *err)
{
    struct header_field field;

    while (!f->done) {
        enum header_event event = header_scan_end(&f->scanner, &field);
        TRY(take_event(f, event, &field, err));
    }
    return true;
}
