#include "gateway/ops/queue_text.h"

#include <inttypes.h>

#include "gateway/base/base64.h"
#include "gateway/base/utf8.h"

const char *
queue_recipient_state_text(enum recipient_state state)
{
    static const char *const texts[] = {
        [RECIPIENT_WAITING] = "waiting",     [RECIPIENT_DELIVERED] = "delivered",
        [RECIPIENT_BOUNCED] = "bounced",     [RECIPIENT_EXPIRED] = "expired",
        [RECIPIENT_HELD] = "held",           [RECIPIENT_SUSPENDED] = "suspended",
        [RECIPIENT_RETURNING] = "returning", [RECIPIENT_REMOVED] = "removed",
    };
    must((size_t)state < COUNT_OF(texts));
    return texts[state];
}

struct slice
queue_sender(const struct envelope *e)
{
    return e->from.len > 0 ? e->from : slice_str("<>");
}

void
queue_put_clean(struct buf *out, struct slice text, size_t max)
{
    bool is_cut = max > 0 && text.len > max;
    struct slice shown = is_cut ? slice_head(text, max - 1) : text;
    for (size_t i = 0; i < shown.len; i++) {
        unsigned char c = (unsigned char)shown.ptr[i];
        buf_put_char(out, c < 0x20 || c == 0x7f ? '?' : (char)c);
    }
    if (is_cut)
        buf_put_char(out, '~');
}

void
queue_put_size(struct buf *out, uint64_t octets)
{
    static const char units[] = "KMGT";
    size_t unit = 0;
    uint64_t tenths = octets * 10 / 1024;
    if (octets < 1000) {
        buf_put_num(out, octets);
        return;
    }
    for (; tenths >= 10000 && unit + 2 < sizeof units; unit++)
        tenths /= 1024;
    if (tenths < 100)
        buf_printf(out, "%" PRIu64 ".%" PRIu64 "%c", tenths / 10, tenths % 10, units[unit]);
    else
        buf_printf(out, "%" PRIu64 "%c", tenths / 10, units[unit]);
}

/* ---- JSON ---- */

/* Octets that begin no character become '?', each. */
static json_t *
text_json(struct slice s)
{
    struct buf clean;
    json_t *json = json_stringn(s.ptr != NULL ? s.ptr : "", s.len);
    if (json != NULL)
        return json;
    buf_init(&clean, s.len);
    for (size_t i = 0; i < s.len; i++)
        buf_put_char(&clean, (unsigned char)s.ptr[i] < 0x80 ? s.ptr[i] : '?');
    json = control_json_slice(buf_slice(&clean));
    buf_fini(&clean);
    return json;
}

static json_t *
recipient_json(const struct envelope *e, const struct envelope_recipient *r)
{
    bool is_open = envelope_is_open(r);
    return json_pack("{s:o, s:s, s:o, s:o, s:I, s:I, s:I, s:o, s:o, s:i, s:o}", "address",
                     text_json(r->address), "state", queue_recipient_state_text(r->state),
                     "connector", text_json(r->connector), "queue",
                     is_open ? text_json(envelope_queue(e, r)) : json_null(), "attempts",
                     (json_int_t)r->attempts, "due_unix_ms", (json_int_t)r->due_unix_ms,
                     "tried_unix_ms", (json_int_t)r->tried_unix_ms, "last_error",
                     text_json(r->last_error), "moved_from", text_json(r->moved_from), "notify",
                     (int)r->notify, "orcpt", text_json(r->orcpt));
}

static json_t *
base64_json(struct slice octets)
{
    struct buf text;
    buf_init(&text, octets.len * 2 + 8);
    base64_encode(&text, octets);
    json_t *json = control_json_slice(buf_slice(&text));
    buf_fini(&text);
    return json;
}

/* What the way of the content depends on, and what Exchange sent beside it. */
static void
add_content(json_t *to, const struct envelope *e)
{
    control_json_set(to, "body_type", json_integer(e->body_type));
    control_json_set(to, "has_bare", json_boolean(e->has_bare));
    control_json_set(to, "is_unended", json_boolean(e->is_unended));
    control_json_set(to, "utf8", json_boolean(e->utf8));
    control_json_set(to, "keeps_reserved", json_boolean(e->keeps_reserved));
    control_json_set(to, "exch50", base64_json(e->exch50));
    control_json_set(to, "exch50_number", json_integer(e->exch50_number));
}

json_t *
queue_message_json(const struct envelope *e)
{
    char id[ID_TEXT];
    json_t *recipients = json_array();
    id_text(e->id, id);
    for (size_t i = 0; i < e->recipient_count; i++)
        json_array_append_new(recipients, recipient_json(e, &e->recipients[i]));
    json_t *json = json_pack(
        "{s:s, s:I, s:I, s:o, s:o, s:o, s:o, s:o, s:b, s:b, s:i, s:i, s:o, s:i, s:o}", "id", id,
        "received_unix_ms", (json_int_t)e->received_unix_ms, "size", (json_int_t)e->size, "from",
        text_json(e->from), "message_id", text_json(e->message_id), "client",
        text_json(e->client), "account", text_json(e->account), "receive_connector",
        text_json(e->receive_connector), "is_report", e->is_report, "delay_noticed",
        e->delay_noticed, "crashes", (int)e->crashes, "auth", (int)e->auth, "auth_name",
        text_json(e->auth_name), "ret", (int)e->dsn_return, "envid", text_json(e->envid));
    if (json != NULL)
        add_content(json, e);
    control_json_set(json, "recipients", recipients);
    return json;
}
