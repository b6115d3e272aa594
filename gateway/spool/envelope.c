#include "gateway/spool/envelope.h"

/*
 * The record, octet by octet (version 2):
 *
 *     0 "FGE"   3 version   4 length of the record (4)   8 id (8)   16 received (8)
 *    24 size (8)   32 marks   33 auth   34 destinations (2)   36 recipients (4)
 *    40 destinations: due (8), length (1), name
 *       fields:       tag (1), length (4), octets
 *
 * Version 1 differs in the marks (the content was 8-bit or not, no more was known) and in the
 * recipients (nothing behind the last error). It is read, no longer written.
 */
enum {
    VERSION = 2,
    OLDEST_VERSION = 1,
    FRONT_OCTETS = 40,
    AT_LENGTH = 4,
    AT_DESTINATIONS = 34,
    DESTINATION_OCTETS = 9, /* without the name */
    RECIPIENT_OCTETS = 35,  /* tag, length and what is in each, with empty texts */
    RECIPIENT_OCTETS_1 = 30,
    NUMBER_OCTETS = 4, /* before the blob of XEXCH50 */
    NOTIFY_ALL = DSN_NOTIFY_NEVER | DSN_NOTIFY_SUCCESS | DSN_NOTIFY_FAILURE | DSN_NOTIFY_DELAY,
};

enum {
    MARK_8BIT_1 = 1, /* in version 1 */
    MARK_RESERVED = 1,
    MARK_REPORT = 2,
    MARK_DELAY_NOTICED = 4,
    MARK_BARE = 8,
    MARK_UNENDED = 16,
    MARK_UTF8 = 32,
    BODY_TYPE_SHIFT =
        6, /* the two highest bits: enum smtp_body_type, which is never renumbered */
};

enum tag {
    TAG_FROM = 'f',
    TAG_AUTH_NAME = 'n',
    TAG_RECEIVE_CONNECTOR = 'c',
    TAG_ACCOUNT = 'a',
    TAG_CLIENT = 'p',
    TAG_MESSAGE_ID = 'm',
    TAG_ENVID = 'e',
    TAG_DSN_RETURN = 'd', /* one octet */
    TAG_EXCH50 = 'x',     /* number, blob */
    TAG_RECIPIENT = 'r',
};

/* What ENVELOPE_RECORD_MAX says of itself. */
_Static_assert(5000 * (RECIPIENT_OCTETS + ADDRESS_MAX + ENVELOPE_CONNECTOR_MAX +
                       ENVELOPE_ERROR_MAX + DSN_ORCPT_MAX + DESTINATION_OCTETS +
                       ENVELOPE_CONNECTOR_MAX) +
                       (1 << 20) <=
                   ENVELOPE_RECORD_MAX,
               "a message with 5000 recipients can always be recorded");

static bool
is_open(const struct envelope_recipient *r)
{
    return r->state == RECIPIENT_WAITING || r->state == RECIPIENT_HELD;
}

size_t
envelope_open_count(const struct envelope *e)
{
    size_t open = 0;
    for (size_t i = 0; i < e->recipient_count; i++)
        open += is_open(&e->recipients[i]);
    return open;
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

static uint64_t
load_number(const char *from, size_t octets)
{
    uint64_t n = 0;
    for (size_t i = 0; i < octets; i++)
        n = n << 8 | (unsigned char)from[i];
    return n;
}

/* Make sure that the table, which begins at `table` and ends at the end of out, has a row for
 * this connector, due no later than this. True: a row was added. */
static bool
note_destination(struct buf *out, size_t table, struct slice connector, uint64_t due)
{
    for (size_t at = table; at < out->len;) {
        size_t len = (unsigned char)out->data[at + 8];
        if (slice_equal(slice(out->data + at + DESTINATION_OCTETS, len), connector)) {
            if (due < load_number(out->data + at, 8))
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
        must(r->connector.len <= ENVELOPE_CONNECTOR_MAX);
        if (!is_open(r))
            continue;
        struct slice connector = r->state == RECIPIENT_HELD ? slice(NULL, 0) : r->connector;
        count += note_destination(out, table, connector, not_negative(r->due_unix_ms));
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
                   r->orcpt.len,
               4);
    put_number(out, r->state, 1);
    put_number(out, r->attempts, 4);
    put_number(out, not_negative(r->due_unix_ms), 8);
    put_text(out, r->address);
    put_text(out, r->connector);
    put_text(out, last_error);
    put_number(out, r->notify, 1);
    put_text(out, r->orcpt);
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
    for (size_t i = 0; i < e->recipient_count; i++)
        put_recipient(out, &e->recipients[i]);
    if (buf_ok(out))
        store_number(out->data + start + AT_LENGTH, out->len - start, 4);
}

/* ---- Reading ------------------------------------------------------------------------------ */

/* What is left of a record; bad is sticky, and what is taken then is zero or empty. */
struct reader {
    struct slice rest;
    unsigned version;
    bool bad;
};

static struct slice
take(struct reader *r, size_t octets)
{
    if (octets > r->rest.len) {
        r->bad = true;
        r->rest.len = 0;
        return r->rest;
    }
    struct slice taken = slice_head(r->rest, octets);
    slice_skip(&r->rest, octets);
    return taken;
}

static uint64_t
take_number(struct reader *r, size_t octets)
{
    struct slice taken = take(r, octets);
    return load_number(taken.ptr, taken.len);
}

static struct slice
take_text(struct reader *r)
{
    return take(r, (size_t)take_number(r, 4));
}

static int64_t
take_time(struct reader *r)
{
    uint64_t n = take_number(r, 8);
    r->bad = r->bad || n > INT64_MAX;
    return (int64_t)(n & INT64_MAX);
}

bool
envelope_next_destination(struct slice *rest, struct envelope_destination *out)
{
    if (rest->len < DESTINATION_OCTETS)
        return false;
    size_t len = (unsigned char)rest->ptr[8];
    if (len > rest->len - DESTINATION_OCTETS)
        return false;
    out->due_unix_ms = (int64_t)(load_number(rest->ptr, 8) & INT64_MAX);
    out->connector = slice(rest->ptr + DESTINATION_OCTETS, len);
    slice_skip(rest, DESTINATION_OCTETS + len);
    return true;
}

static bool
take_marks(struct reader *r, struct envelope *e)
{
    unsigned marks = (unsigned)take_number(r, 1);
    e->is_report = marks & MARK_REPORT;
    e->delay_noticed = marks & MARK_DELAY_NOTICED;
    if (r->version == OLDEST_VERSION) {
        e->body_type = marks & MARK_8BIT_1 ? SMTP_BODY_8BITMIME : SMTP_BODY_UNSAID;
        return marks <= (MARK_8BIT_1 | MARK_REPORT | MARK_DELAY_NOTICED);
    }
    e->has_bare = marks & MARK_BARE;
    e->is_unended = marks & MARK_UNENDED;
    e->utf8 = marks & MARK_UTF8;
    e->keeps_reserved = marks & MARK_RESERVED;
    e->body_type = (enum smtp_body_type)(marks >> BODY_TYPE_SHIFT);
    return true;
}

/* The front, and r behind it. */
static bool
read_front(struct slice record, struct reader *r, struct envelope_front *front,
           struct envelope *e, struct err *err)
{
    *r = (struct reader){.rest = record};
    if (!slice_is(take(r, 3), "FGE"))
        return err_set(err, ERR_SYNTAX, "not an envelope record");
    uint64_t version = take_number(r, 1);
    if (!r->bad && version > VERSION)
        return err_set(err, ERR_STATE, "envelope record of version %u, newer than %d",
                       (unsigned)version, VERSION);
    r->version = (unsigned)version;
    bool whole = version >= OLDEST_VERSION && take_number(r, 4) == record.len;
    e->id = take_number(r, 8);
    e->received_unix_ms = take_time(r);
    e->size = take_number(r, 8);
    whole = take_marks(r, e) && whole;
    uint64_t auth = take_number(r, 1);
    uint64_t destinations = take_number(r, 2);
    uint64_t recipients = take_number(r, 4);

    const char *table = r->rest.ptr;
    for (uint64_t i = 0; i < destinations && !r->bad; i++) {
        (void)take_time(r);
        r->bad = take(r, (size_t)take_number(r, 1)).len > ENVELOPE_CONNECTOR_MAX || r->bad;
    }
    size_t smallest = r->version == OLDEST_VERSION ? RECIPIENT_OCTETS_1 : RECIPIENT_OCTETS;
    if (r->bad || !whole || auth > ENVELOPE_AUTH_NAMED || recipients > r->rest.len / smallest)
        return err_set(err, ERR_SYNTAX, "envelope record with a broken front");

    e->auth = (enum envelope_auth)auth;
    e->recipient_count = (size_t)recipients;
    *front = (struct envelope_front){
        .id = e->id,
        .received_unix_ms = e->received_unix_ms,
        .size = e->size,
        .destinations = slice(table, (size_t)(r->rest.ptr - table)),
    };
    return true;
}

static void
read_recipient(struct slice octets, struct envelope_recipient *out, struct reader *whole)
{
    struct reader r = {.rest = octets, .version = whole->version};
    uint64_t state = take_number(&r, 1);
    out->attempts = (uint32_t)take_number(&r, 4);
    out->due_unix_ms = take_time(&r);
    out->address = take_text(&r);
    out->connector = take_text(&r);
    out->last_error = take_text(&r);
    out->notify = r.version > OLDEST_VERSION ? (unsigned)take_number(&r, 1) : DSN_NOTIFY_UNSAID;
    out->orcpt = r.version > OLDEST_VERSION ? take_text(&r) : slice(NULL, 0);
    out->state = state <= RECIPIENT_HELD ? (enum recipient_state)state : RECIPIENT_WAITING;
    if (r.bad || r.rest.len > 0 || state > RECIPIENT_HELD || out->notify > NOTIFY_ALL ||
        out->connector.len > ENVELOPE_CONNECTOR_MAX)
        whole->bad = true;
}

static void
read_dsn_return(struct slice octets, struct envelope *out, struct reader *whole)
{
    struct reader r = {.rest = octets};
    uint64_t asked = take_number(&r, 1);
    out->dsn_return = asked <= DSN_RETURN_HEADERS ? (enum dsn_return)asked : DSN_RETURN_UNSAID;
    if (r.bad || r.rest.len > 0 || asked > DSN_RETURN_HEADERS)
        whole->bad = true;
}

static void
read_exch50(struct slice octets, struct envelope *out, struct reader *whole)
{
    struct reader r = {.rest = octets};
    out->exch50_number = (uint32_t)take_number(&r, NUMBER_OCTETS);
    out->exch50 = r.rest;
    if (r.bad || r.rest.len == 0)
        whole->bad = true;
}

static struct slice *
field_of(struct envelope *e, uint64_t tag)
{
    switch (tag) {
    case TAG_FROM:
        return &e->from;
    case TAG_AUTH_NAME:
        return &e->auth_name;
    case TAG_RECEIVE_CONNECTOR:
        return &e->receive_connector;
    case TAG_ACCOUNT:
        return &e->account;
    case TAG_CLIENT:
        return &e->client;
    case TAG_MESSAGE_ID:
        return &e->message_id;
    case TAG_ENVID:
        return &e->envid;
    default:
        return NULL;
    }
}

/* Everything behind the front. recipients NULL: look at them, keep none. */
static bool
read_fields(struct reader *r, struct envelope *e, struct envelope_recipient *recipients,
            struct err *err)
{
    size_t seen = 0;
    while (r->rest.len > 0 && !r->bad) {
        uint64_t tag = take_number(r, 1);
        struct slice octets = take_text(r);
        struct envelope_recipient one;
        if (tag == TAG_RECIPIENT && seen < e->recipient_count) {
            read_recipient(octets, recipients ? &recipients[seen] : &one, r);
            seen++;
        } else if (tag == TAG_DSN_RETURN && r->version > OLDEST_VERSION) {
            read_dsn_return(octets, e, r);
        } else if (tag == TAG_EXCH50 && r->version > OLDEST_VERSION) {
            read_exch50(octets, e, r);
        } else if (field_of(e, tag) != NULL) {
            *field_of(e, tag) = octets;
        } else {
            r->bad = true;
        }
    }
    if (r->bad || seen != e->recipient_count)
        return err_set(err, ERR_SYNTAX, "envelope record with broken fields");
    e->recipients = recipients;
    return true;
}

bool
envelope_decode(struct slice record, struct arena *arena, struct envelope *out, struct err *err)
{
    struct slice copy = arena_copy(arena, record);
    if (copy.ptr == NULL)
        return err_set(err, ERR_NOMEM, "no memory for an envelope of %zu octets", record.len);

    struct reader r;
    struct envelope_front front;
    *out = (struct envelope){0};
    TRY(read_front(copy, &r, &front, out, err));
    struct envelope_recipient *recipients =
        arena_new(arena, out->recipient_count * sizeof *recipients);
    if (recipients == NULL)
        return err_set(err, ERR_NOMEM, "no memory for %zu recipients", out->recipient_count);
    return read_fields(&r, out, recipients, err);
}

bool
envelope_check(struct slice record, struct err *err)
{
    struct reader r;
    struct envelope_front front;
    struct envelope e = {0};
    TRY(read_front(record, &r, &front, &e, err));
    return read_fields(&r, &e, NULL, err);
}

bool
envelope_read_front(struct slice record, struct envelope_front *out, struct err *err)
{
    struct reader r;
    struct envelope e = {0};
    return read_front(record, &r, out, &e, err);
}
