#include "gateway/journal/tracking.h"

#include <inttypes.h>

#include "gateway/base/clock.h"
#include "gateway/base/id.h"

static void
put_next(struct buf *line, struct slice value)
{
    buf_put_char(line, ',');
    journal_put_value(line, value);
}

void
tracking_put(struct buf *line, const struct tracking_event *e)
{
    char text[CLOCK_TEXT], id[ID_TEXT];
    clock_iso(e->unix_ms, text);
    id_text(e->id, id);
    buf_put_str(line, text);
    put_next(line, e->client_ip);
    put_next(line, e->client_hostname);
    put_next(line, e->server_ip);
    put_next(line, e->server_hostname);
    put_next(line, e->context);
    put_next(line, e->connector);
    put_next(line, slice_str(e->source));
    put_next(line, slice_str(e->event));
    put_next(line, slice_str(id));
    put_next(line, e->message_id);
    put_next(line, e->recipients);
    put_next(line, e->status);
    buf_printf(line, ",%" PRIu64 ",%zu", e->bytes, e->recipient_count);
    put_next(line, e->related);
    put_next(line, e->reference);
    buf_put_char(line, ','); /* the subject */
    struct slice sender = e->sender.len > 0 ? e->sender : slice_str("<>");
    put_next(line, sender);
    put_next(line, sender);
    buf_put_char(line, ',');
}

/* The end of a field: the comma behind it, outside of quotes. */
static size_t
field_length(struct slice rest)
{
    bool quoted = false;
    size_t i = 0;
    for (; i < rest.len && (quoted || rest.ptr[i] != ','); i++)
        if (rest.ptr[i] == '"')
            quoted = !quoted;
    return i;
}

bool
tracking_split(struct slice line, struct slice fields[TRACKING_FIELD_COUNT])
{
    if (line.len == 0 || line.ptr[0] == '#')
        return false;
    for (size_t n = 0; n < TRACKING_FIELD_COUNT; n++) {
        size_t len = field_length(line);
        bool is_last = n + 1 == TRACKING_FIELD_COUNT;
        if ((len == line.len) != is_last)
            return false;
        fields[n] = slice_head(line, len);
        line = slice_from(line, len + 1);
    }
    return true;
}

struct slice
tracking_value(struct slice field, char *room)
{
    size_t n = 0;
    if (field.len < 2 || field.ptr[0] != '"')
        return field;
    for (size_t i = 1; i + 1 < field.len; i++) {
        if (field.ptr[i] == '"')
            i++; /* doubled */
        room[n++] = field.ptr[i];
    }
    return slice(room, n);
}
