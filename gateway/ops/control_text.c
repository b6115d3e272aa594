#include "gateway/ops/control_text.h"

#include <inttypes.h>

const char *
control_queue_name(const char *queue)
{
    return queue[0] != '\0' ? queue : CONTROL_UNREACHABLE;
}

bool
control_has_word(const struct slice *words, size_t count, const char *word)
{
    for (size_t i = 0; i < count; i++)
        if (slice_is(words[i], word))
            return true;
    return false;
}

struct slice
control_value_of(const struct slice *words, size_t count, const char *word)
{
    for (size_t i = 0; i + 1 < count; i++)
        if (slice_is(words[i], word))
            return words[i + 1];
    return slice(NULL, 0);
}

void
control_put_age(struct buf *out, int64_t ms)
{
    uint64_t s = ms > 0 ? (uint64_t)ms / 1000 : 0;
    if (s < 60)
        buf_printf(out, "%" PRIu64 "s", s);
    else if (s < 3600)
        buf_printf(out, "%" PRIu64 "m", s / 60);
    else if (s < 86400)
        buf_printf(out, "%" PRIu64 "h%" PRIu64 "m", s / 3600, s / 60 % 60);
    else
        buf_printf(out, "%" PRIu64 "d%" PRIu64 "h", s / 86400, s / 3600 % 24);
}

void
control_put_padded(struct buf *out, struct slice text, size_t width)
{
    buf_put(out, text);
    for (size_t n = text.len; n < width; n++)
        buf_put_char(out, ' ');
}

/* Nine digits tell microseconds in a thousand seconds, and 0.003668 stays what it is. */
enum { HOW = JSON_COMPACT | JSON_REAL_PRECISION(9) };

void
control_put_json(struct buf *out, json_t *json)
{
    size_t n = json != NULL ? json_dumpb(json, NULL, 0, HOW) : 0;
    char *to = n > 0 ? buf_reserve(out, n) : NULL;
    if (to != NULL)
        buf_grew(out, json_dumpb(json, to, n, HOW));
    buf_put_char(out, '\n');
    json_decref(json);
}

json_t *
control_json_slice(struct slice s)
{
    json_t *json = json_stringn(s.ptr ? s.ptr : "", s.len);
    return json ? json : json_string("?"); /* not UTF-8 */
}

json_t *
control_json_text(const char *text_or_null)
{
    if (text_or_null == NULL || text_or_null[0] == '\0')
        return json_null();
    return control_json_slice(slice_str(text_or_null));
}

void
control_json_set(json_t *object, const char *key, json_t *value_or_null)
{
    json_object_set_new(object, key, value_or_null != NULL ? value_or_null : json_null());
}
