#include "gateway/exchange/listing.h"

#include "gateway/base/ascii.h"
#include "gateway/base/buf.h"
#include "gateway/base/mem.h"

/* ---- Characters ---- */

static void
put_utf8(struct buf *out, uint32_t c)
{
    if (c < 0x80) {
        buf_put_char(out, (char)c);
    } else if (c < 0x800) {
        buf_put_char(out, (char)(0xc0 | c >> 6));
        buf_put_char(out, (char)(0x80 | (c & 0x3f)));
    } else {
        buf_put_char(out, (char)(0xe0 | c >> 12));
        buf_put_char(out, (char)(0x80 | (c >> 6 & 0x3f)));
        buf_put_char(out, (char)(0x80 | (c & 0x3f)));
    }
}

/* Code units by themselves: what is beyond 16 bits is in no name that we compare. */
static void
from_utf16(struct slice text, bool is_big, struct buf *out)
{
    for (size_t i = 0; i + 1 < text.len; i += 2) {
        uint32_t first = (unsigned char)text.ptr[i], second = (unsigned char)text.ptr[i + 1];
        put_utf8(out, is_big ? first << 8 | second : second << 8 | first);
    }
}

static void
decode(struct slice text, struct buf *out)
{
    if (slice_starts(text, slice_str("\xff\xfe")) || slice_starts(text, slice_str("\xfe\xff"))) {
        bool is_big = text.ptr[0] == '\xfe';
        slice_skip(&text, 2);
        from_utf16(text, is_big, out);
        return;
    }
    if (slice_starts(text, slice_str("\xef\xbb\xbf")))
        slice_skip(&text, 3);
    buf_put(out, text);
}

/* Values are shown to people later: what would move their cursor becomes a blank, CR before LF
 * as well. */
static void
clean(struct buf *text)
{
    for (size_t i = 0; i < text->len; i++) {
        unsigned char c = (unsigned char)text->data[i];
        if ((c < ' ' && c != '\n' && c != '\0') || c == 0x7f)
            text->data[i] = ' ';
    }
}

/* ---- Lines ---- */

struct reader {
    struct listing *listing;
    struct slice rest;
    unsigned line;
    size_t record_room;
    struct listing_field fields[LISTING_FIELDS_MAX]; /* of the record that is being read */
    size_t count;
    unsigned began;
    bool failed; /* no room */
};

static bool
next_line(struct reader *r, struct slice *line)
{
    if (r->rest.len == 0)
        return false;
    const char *end = memchr(r->rest.ptr, '\n', r->rest.len);
    size_t len = end != NULL ? (size_t)(end - r->rest.ptr) : r->rest.len;
    *line = slice(r->rest.ptr, len);
    slice_skip(&r->rest, end != NULL ? len + 1 : len);
    r->line++;
    return true;
}

/* "Name   : value" */
static bool
split(struct slice line, struct slice *name, struct slice *value)
{
    size_t n = 0;
    while (n < line.len && ascii_is_alnum(line.ptr[n]))
        n++;
    size_t colon = n;
    while (colon < line.len && line.ptr[colon] == ' ')
        colon++;
    bool has_name = n > 0 && ascii_is_alpha(line.ptr[0]) && colon > n;
    if (!has_name || colon == line.len || line.ptr[colon] != ':')
        return false;
    *name = slice(line.ptr, n);
    slice_skip(&line, colon + 1);
    *value = ascii_trim(line);
    return true;
}

/* ---- Records ---- */

/* Fields that one command alone prints. */
static const struct {
    const char *field;
    enum listing_kind kind;
} marks[] = {
    {"SmartHostAuthMechanism", LISTING_SEND_CONNECTOR},
    {"PermissionGroups", LISTING_RECEIVE_CONNECTOR},
    {"ExtendedRights", LISTING_PERMISSION},
    {"DomainType", LISTING_ACCEPTED_DOMAIN},
    {"AllowedOOFType", LISTING_REMOTE_DOMAIN},
    {"Thumbprint", LISTING_CERTIFICATE},
    {"MaxReceiveSize", LISTING_TRANSPORT},
};

static const char *const commands[LISTING_KINDS] = {
    "?",
    "Get-SendConnector",
    "Get-ReceiveConnector",
    "Get-ADPermission",
    "Get-AcceptedDomain",
    "Get-RemoteDomain",
    "Get-ExchangeCertificate",
    "Get-TransportConfig",
};

static enum listing_kind
kind_of(const struct listing_record *record)
{
    for (size_t i = 0; i < sizeof marks / sizeof marks[0]; i++)
        if (listing_value(record, marks[i].field) != NULL)
            return marks[i].kind;
    return LISTING_UNKNOWN;
}

static void
end_record(struct reader *r)
{
    struct listing *l = r->listing;
    if (r->count == 0)
        return;
    struct listing_field *fields = arena_new(&l->arena, r->count * sizeof *fields);
    if (fields == NULL || l->count == r->record_room) {
        r->failed = true;
        return;
    }
    memcpy(fields, r->fields, r->count * sizeof *fields);
    struct listing_record *record = &l->records[l->count++];
    *record = (struct listing_record){.line = r->began, .fields = fields, .count = r->count};
    record->kind = kind_of(record);
    r->count = 0;
}

static bool
is_known(const struct reader *r, struct slice name)
{
    for (size_t i = 0; i < r->count; i++)
        if (slice_is(name, r->fields[i].name))
            return true;
    return false;
}

static void
add_field(struct reader *r, struct slice name, struct slice value)
{
    if (is_known(r, name) || r->count == LISTING_FIELDS_MAX)
        end_record(r);
    if (r->count == 0)
        r->began = r->line;
    struct slice kept_name = arena_copy(&r->listing->arena, name);
    struct slice kept_value = arena_copy(&r->listing->arena, value);
    if (kept_name.ptr == NULL || kept_value.ptr == NULL)
        r->failed = true;
    else
        r->fields[r->count++] = (struct listing_field){kept_name.ptr, kept_value.ptr};
}

/* The rest of a value: a list is cut behind a comma, all else anywhere. */
static void
add_more(struct reader *r, struct slice more)
{
    struct listing_field *f = &r->fields[r->count - 1];
    size_t len = strlen(f->value);
    bool after_comma = len > 0 && f->value[len - 1] == ',';
    char *joined = arena_new(&r->listing->arena, len + more.len + 2);
    if (joined == NULL) {
        r->failed = true;
        return;
    }
    memcpy(joined, f->value, len);
    if (after_comma)
        joined[len++] = ' ';
    memcpy(joined + len, more.ptr, more.len);
    f->value = joined;
}

static void
read_line(struct reader *r, struct slice line)
{
    struct slice name, value;
    if (ascii_trim(line).len == 0)
        end_record(r);
    else if (split(line, &name, &value))
        add_field(r, name, value);
    else if (r->count > 0 && line.ptr[0] == ' ')
        add_more(r, ascii_trim(line));
    else
        end_record(r);
}

static bool
read_records(struct listing *l, struct slice text, struct err *err)
{
    struct reader *r = mem_new(sizeof *r);
    l->records = arena_new(&l->arena, LISTING_RECORDS_MAX * sizeof *l->records);
    if (r == NULL || l->records == NULL) {
        mem_free(&r);
        return err_set(err, ERR_NOMEM, "no memory");
    }
    struct slice line;
    *r = (struct reader){.listing = l, .rest = text, .record_room = LISTING_RECORDS_MAX};
    while (!r->failed && next_line(r, &line))
        read_line(r, line);
    end_record(r);
    bool failed = r->failed;
    mem_free(&r);
    if (failed)
        return err_set(err, ERR_LIMIT, "more than %d records, or too long ones",
                       LISTING_RECORDS_MAX);
    return l->count > 0 ||
           err_set(err, ERR_SYNTAX, "no line \"Name : value\": save the output of | Format-List");
}

bool
listing_read(struct slice text, struct listing *listing, struct err *err)
{
    struct buf decoded;
    *listing = (struct listing){.count = 0};
    arena_init(&listing->arena, (size_t)8 * LISTING_MAX);
    if (text.len > LISTING_MAX)
        return err_set(err, ERR_LIMIT, "larger than %d octets", LISTING_MAX);
    buf_init(&decoded, (size_t)2 * LISTING_MAX);
    decode(text, &decoded);
    clean(&decoded);
    bool ok = !buf_ok(&decoded) ? err_set(err, ERR_NOMEM, "no memory")
              : memchr(buf_text(&decoded), '\0', decoded.len) != NULL
                  ? err_set(err, ERR_SYNTAX, "not text: it holds NUL")
                  : read_records(listing, buf_slice(&decoded), err);
    buf_fini(&decoded);
    return ok;
}

void
listing_free(struct listing *listing)
{
    arena_fini(&listing->arena);
    listing->records = NULL;
    listing->count = 0;
}

const char *
listing_command(enum listing_kind kind)
{
    return commands[kind];
}

const char *
listing_value(const struct listing_record *r, const char *name)
{
    for (size_t i = 0; i < r->count; i++)
        if (ascii_is(slice_str(r->fields[i].name), name))
            return r->fields[i].value;
    return NULL;
}
