#include "gateway/spool/envelope_private.h"

bool
envelope_is_open(const struct envelope_recipient *r)
{
    return r->state == RECIPIENT_WAITING || r->state == RECIPIENT_HELD ||
           r->state == RECIPIENT_SUSPENDED || r->state == RECIPIENT_RETURNING;
}

size_t
envelope_open_count(const struct envelope *e)
{
    size_t open = 0;
    for (size_t i = 0; i < e->recipient_count; i++)
        open += envelope_is_open(&e->recipients[i]);
    return open;
}

struct slice
envelope_queue(const struct envelope *e, const struct envelope_recipient *r)
{
    if (r->state == RECIPIENT_RETURNING)
        return slice_str(QUEUE_RETURNING);
    if (r->state == RECIPIENT_SUSPENDED && e->crashes >= ENVELOPE_CRASHES_POISON)
        return slice_str(QUEUE_POISON);
    return r->state == RECIPIENT_HELD ? slice_str(QUEUE_HELD) : r->connector;
}

/* ---- Writing ------------------------------------------------------------------------------ */

/* n as `octets` big-endian octets at `to`. */
static void
store_number(char *to, uint64_t n, size_t octets)
{
    for (size_t i = octets; i-- > 0; n >>= 8)
        to[i] = (char)(n & 0xff);
}

static void
put_number(struct buf *out, uint64_t n, size_t octets)
{
    char room[8];
    store_number(room, n, octets);
    buf_put(out, slice(room, octets));
}

static void
put_text(struct buf *out, struct slice text)
{
    put_number(out, text.len, 4);
    buf_put(out, text);
}

static void
put_field(struct buf *out, enum tag tag, struct slice text)
{
    if (text.len == 0)
        return;
    buf_put_char(out, (char)tag);
    put_text(out, text);
}

static uint64_t
not_negative(int64_t unix_ms)
{
    return unix_ms > 0 ? (uint64_t)unix_ms : 0;
}

/* Make sure that the table, which begins at `table` and ends at the end of out, has a row for
 * this connector, due no later than this. True: a row was added. */
static bool
note_destination(struct buf *out, size_t table, struct slice connector, uint64_t due)
{
    for (size_t at = table; at < out->len;) {
        size_t len = (unsigned char)out->data[at + 8];
        if (slice_equal(slice(out->data + at + DESTINATION_OCTETS, len), connector)) {
            if (due < envelope_load_number(out->data + at, 8))
                store_number(out->data + at, due, 8);
            return false;
        }
        at += DESTINATION_OCTETS + len;
    }
    char *row = buf_reserve(out, DESTINATION_OCTETS + connector.len);
    if (row == NULL)
        return false;
    store_number(row, due, 8);
    row[8] = (char)connector.len;
    if (connector.len > 0)
        memcpy(row + DESTINATION_OCTETS, connector.ptr, connector.len);
    buf_grew(out, DESTINATION_OCTETS + connector.len);
    return true;
}

static void
put_destinations(const struct envelope *e, struct buf *out)
{
    size_t table = out->len;
    uint64_t count = 0;
    for (size_t i = 0; i < e->recipient_count; i++) {
        const struct envelope_recipient *r = &e->recipients[i];
        must(r->connector.len <= ENVELOPE_CONNECTOR_MAX &&
             r->moved_from.len <= ENVELOPE_CONNECTOR_MAX);
        if (!envelope_is_open(r))
            continue;
        uint64_t due = r->state == RECIPIENT_SUSPENDED ? INT64_MAX : not_negative(r->due_unix_ms);
        count += note_destination(out, table, envelope_queue(e, r), due);
    }
    must(count <= UINT16_MAX);
    if (buf_ok(out))
        store_number(out->data + table - FRONT_OCTETS + AT_DESTINATIONS, count, 2);
}

static void
put_recipient(struct buf *out, const struct envelope_recipient *r)
{
    struct slice last_error = slice_head(r->last_error, ENVELOPE_ERROR_MAX);
    buf_put_char(out, TAG_RECIPIENT);
    put_number(out,
               RECIPIENT_OCTETS - 5 + r->address.len + r->connector.len + last_error.len +
                   r->orcpt.len + r->moved_from.len,
               4);
    put_number(out, r->state, 1);
    put_number(out, r->attempts, 4);
    put_number(out, not_negative(r->due_unix_ms), 8);
    put_text(out, r->address);
    put_text(out, r->connector);
    put_text(out, last_error);
    put_number(out, r->notify, 1);
    put_text(out, r->orcpt);
    put_number(out, not_negative(r->tried_unix_ms), 8);
    put_text(out, r->moved_from);
}

static void
put_exch50(struct buf *out, const struct envelope *e)
{
    if (e->exch50.len == 0)
        return;
    buf_put_char(out, TAG_EXCH50);
    put_number(out, NUMBER_OCTETS + e->exch50.len, 4);
    put_number(out, e->exch50_number, NUMBER_OCTETS);
    buf_put(out, e->exch50);
}

static unsigned
marks_of(const struct envelope *e)
{
    return (e->is_report ? MARK_REPORT : 0U) | (e->delay_noticed ? MARK_DELAY_NOTICED : 0U) |
           (e->has_bare ? MARK_BARE : 0U) | (e->is_unended ? MARK_UNENDED : 0U) |
           (e->utf8 ? MARK_UTF8 : 0U) | (e->keeps_reserved ? MARK_RESERVED : 0U) |
           (unsigned)e->body_type << BODY_TYPE_SHIFT;
}

void
envelope_encode(const struct envelope *e, struct buf *out)
{
    size_t start = out->len;
    buf_put_str(out, "FGE");
    put_number(out, VERSION, 1);
    put_number(out, 0, 4); /* the length, known at the end */
    put_number(out, e->id, 8);
    put_number(out, not_negative(e->received_unix_ms), 8);
    put_number(out, e->size, 8);
    put_number(out, marks_of(e), 1);
    put_number(out, e->auth, 1);
    put_number(out, 0, 2); /* destinations, known behind them */
    put_number(out, e->recipient_count, 4);
    put_destinations(e, out);

    put_field(out, TAG_FROM, e->from);
    put_field(out, TAG_AUTH_NAME, e->auth_name);
    put_field(out, TAG_RECEIVE_CONNECTOR, e->receive_connector);
    put_field(out, TAG_ACCOUNT, e->account);
    put_field(out, TAG_CLIENT, e->client);
    put_field(out, TAG_MESSAGE_ID, e->message_id);
    put_field(out, TAG_ENVID, e->envid);
    char dsn_return = (char)e->dsn_return;
    put_field(out, TAG_DSN_RETURN, slice(&dsn_return, e->dsn_return != DSN_RETURN_UNSAID));
    put_exch50(out, e);
    char crashes = (char)e->crashes;
    put_field(out, TAG_CRASHES, slice(&crashes, e->crashes > 0));
    for (size_t i = 0; i < e->recipient_count; i++)
        put_recipient(out, &e->recipients[i]);
    if (buf_ok(out))
        store_number(out->data + start + AT_LENGTH, out->len - start, 4);
}
