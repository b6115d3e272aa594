/* The reading half of envelope.h. */
#include "gateway/spool/envelope_private.h"

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
    return envelope_load_number(taken.ptr, taken.len);
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
    out->due_unix_ms = (int64_t)(envelope_load_number(rest->ptr, 8) & INT64_MAX);
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

static size_t
smallest_recipient(const struct reader *r)
{
    static const size_t octets[] = {0, RECIPIENT_OCTETS_1, RECIPIENT_OCTETS_2, RECIPIENT_OCTETS};
    must(r->version < COUNT_OF(octets));
    return octets[r->version];
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
    if (r->bad || !whole || auth > ENVELOPE_AUTH_NAMED ||
        recipients > r->rest.len / smallest_recipient(r))
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
    out->tried_unix_ms = r.version > 2 ? take_time(&r) : 0;
    out->moved_from = r.version > 2 ? take_text(&r) : slice(NULL, 0);
    out->state = state <= RECIPIENT_REMOVED ? (enum recipient_state)state : RECIPIENT_WAITING;
    if (r.bad || r.rest.len > 0 || state > RECIPIENT_REMOVED || out->notify > NOTIFY_ALL ||
        out->connector.len > ENVELOPE_CONNECTOR_MAX ||
        out->moved_from.len > ENVELOPE_CONNECTOR_MAX)
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

static void
read_crashes(struct slice octets, struct envelope *out, struct reader *whole)
{
    struct reader r = {.rest = octets};
    out->crashes = (uint8_t)take_number(&r, 1);
    if (r.bad || r.rest.len > 0 || out->crashes == 0)
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
        } else if (tag == TAG_CRASHES && r->version > 2) {
            read_crashes(octets, e, r);
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
