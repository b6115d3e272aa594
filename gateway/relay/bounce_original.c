#include "gateway/relay/bounce_original.h"

#include "gateway/base/mem.h"
#include "gateway/mail/header.h"
#include "gateway/mail/quoted_printable.h"
#include "gateway/route/firewall.h"

enum {
    HEADER_SHOWN_MAX = 64 * 1024, /* of the header section alone; the rest is left out */
    PIECE = 64 * 1024,
    OWN_PARTS = 64 * 1024, /* what else a report holds, at a guess */
};

/* May all of it go along? What DATA cannot carry cannot be in a report, which goes by DATA. */
static bool
whole_fits(const struct envelope *e, const struct body *body, const struct hop_offers *hop)
{
    return e->dsn_return == DSN_RETURN_FULL && e->body_type != SMTP_BODY_BINARYMIME &&
           !e->has_bare && body_size(body) <= BOUNCE_WHOLE_MAX &&
           hop_takes(hop, e->body_type != SMTP_BODY_7BIT, body_size(body) + OWN_PARTS);
}

static void
take_field(struct bounce_original *o, const struct header_field *field)
{
    if (!firewall_is_reserved(field->name))
        buf_put(&o->header, field->raw);
}

/* The fields in one piece. What follows them begins at *used. */
static enum header_event
take_fields(struct bounce_original *o, struct header_scanner *scanner, struct slice piece,
            uint64_t *used)
{
    struct header_field field;
    struct slice rest = piece;
    enum header_event event;
    while ((event = header_scan(scanner, &rest, &field)) == HEADER_FIELD)
        take_field(o, &field);
    *used += piece.len - rest.len;
    if (event == HEADER_END || event == HEADER_END_UNMARKED)
        *used -= field.raw.len;
    return event;
}

/* The last field of a message that has no content, not even a blank line. */
static void
take_last(struct bounce_original *o, struct header_scanner *scanner)
{
    struct header_field field;
    while (header_scan_end(scanner, &field) == HEADER_FIELD)
        take_field(o, &field);
}

/* The header section as far as `most` octets go. True: that is all of it. */
static bool
read_header(struct bounce_original *o, const struct body *body, char *scratch, uint64_t most)
{
    struct header_scanner scanner;
    struct slice piece;
    struct err err;
    enum header_event event = HEADER_MORE;
    o->content_from = 0;
    header_scanner_init(&scanner);
    while (event == HEADER_MORE && o->content_from < most) {
        if (!body_read(body, o->content_from, scratch, PIECE, &piece, &err))
            break;
        if (piece.len == 0) {
            take_last(o, &scanner);
            event = HEADER_END;
            break;
        }
        piece = slice_head(piece, (size_t)(most - o->content_from));
        event = take_fields(o, &scanner, piece, &o->content_from);
    }
    header_scanner_fini(&scanner);
    return event == HEADER_END && buf_ok(&o->header);
}

static bool
is_8bit(struct slice octets)
{
    for (size_t i = 0; i < octets.len; i++)
        if ((unsigned char)octets.ptr[i] > 127)
            return true;
    return false;
}

void
bounce_original_init(struct bounce_original *o, const struct parcel *about, bool wants_whole,
                     const struct hop_offers *hop)
{
    const struct body *body = about->body;
    char *scratch = mem_new(PIECE);
    *o = (struct bounce_original){.what = DSN_ORIGINAL_NONE};
    buf_init(&o->header, HEADER_MAX);
    if (scratch == NULL)
        return;
    if (wants_whole && whole_fits(&about->envelope, body, hop) &&
        read_header(o, body, scratch, HEADER_MAX)) {
        o->what = DSN_ORIGINAL_WHOLE;
        o->is_8bit = about->envelope.body_type != SMTP_BODY_7BIT;
    } else {
        buf_clear(&o->header);
        (void)read_header(o, body, scratch, HEADER_SHOWN_MAX);
        o->what = o->header.len > 0 ? DSN_ORIGINAL_HEADER : DSN_ORIGINAL_NONE;
        o->is_8bit = is_8bit(buf_slice(&o->header));
    }
    mem_free(&scratch);
}

void
bounce_original_fini(struct bounce_original *o)
{
    buf_fini(&o->header);
}

/* From the blank line on. */
static bool
append_content(const struct bounce_original *o, const struct body *body, char *scratch,
               struct spool_draft *report, struct err *err)
{
    struct slice piece;
    struct err ignored;
    for (uint64_t at = o->content_from; body_read(body, at, scratch, PIECE, &piece, &ignored);
         at += piece.len) {
        if (piece.len == 0)
            return true;
        TRY(spool_append(report, piece, err));
    }
    return true; /* the disk cannot be read: the rest is left out */
}

/* Each octet becomes three at most, and a few more for line ends. */
static bool
append_encoded(const struct bounce_original *o, struct spool_draft *report, struct err *err)
{
    struct buf encoded;
    buf_init(&encoded, 4 * o->header.len);
    quoted_printable_put(&encoded, buf_slice(&o->header));
    bool ok = buf_ok(&encoded) || err_set(err, ERR_NOMEM, "no memory for the original");
    ok = ok && spool_append(report, buf_slice(&encoded), err);
    buf_fini(&encoded);
    return ok;
}

bool
bounce_original_append(const struct bounce_original *o, const struct body *body,
                       struct spool_draft *report, struct err *err)
{
    if (o->what == DSN_ORIGINAL_NONE)
        return true;
    if (o->what == DSN_ORIGINAL_HEADER && o->is_8bit)
        return append_encoded(o, report, err);
    TRY(spool_append(report, buf_slice(&o->header), err));
    if (o->what != DSN_ORIGINAL_WHOLE)
        return true;
    char *scratch = mem_new(PIECE);
    if (scratch == NULL)
        return err_set(err, ERR_NOMEM, "no memory for the original");
    bool ok = append_content(o, body, scratch, report, err);
    mem_free(&scratch);
    return ok;
}
