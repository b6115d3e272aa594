#include "gateway/relay/bounce.h"

#include "gateway/base/clock.h"
#include "gateway/base/mem.h"
#include "gateway/mail/dsn.h"
#include "gateway/mail/header.h"
#include "gateway/relay/outlet.h"
#include "gateway/route/recipient.h"

enum {
    ORIGINAL_MAX = 64 * 1024,      /* of the original header section; the rest is left out */
    REPORT_MAX = 64 * 1024 * 1024, /* as many recipients as a message may have */
    WORDS_MAX = 1024 * 1024, /* of last words in one report; each recipient gets its share */
    WORDS_MIN = 40,
};

/* The header section of the original, as far as ORIGINAL_MAX goes. A disk that cannot be read
 * costs the copy, not the report. */
static void
read_original(const struct body *body, struct buf *out)
{
    struct err err;
    struct header_scanner scanner;
    struct header_field field;
    char *scratch = mem_new(ORIGINAL_MAX);
    struct slice piece;
    header_scanner_init(&scanner);
    if (scratch != NULL && body_read(body, 0, scratch, ORIGINAL_MAX, &piece, &err)) {
        piece = slice_head(piece, ORIGINAL_MAX);
        while (header_scan(&scanner, &piece, &field) == HEADER_FIELD)
            buf_put(out, field.raw);
    }
    header_scanner_fini(&scanner);
    mem_free(&scratch);
}

/* What is known of the trouble when nobody said anything about this recipient itself. */
static struct slice
last_words(const struct worker *w, const struct envelope_recipient *r)
{
    const struct outlet *o = worker_outlet(w, r->connector);
    if (r->last_error.len > 0 || o == NULL)
        return r->last_error;
    return slice_str(outlet_state(o).last_error);
}

static struct reply
shortened(const struct reply *r, size_t max)
{
    struct reply less = *r;
    if (less.len > max) {
        less.len = (unsigned short)max;
        less.text[max] = '\0';
    }
    return less;
}

static void
fill_rows(const struct worker *w, const struct parcel *about, const struct bounce_row *rows,
          size_t count, struct reply *replies, struct dsn_recipient *out)
{
    size_t share = WORDS_MAX / count > WORDS_MIN ? WORDS_MAX / count : WORDS_MIN;
    const struct envelope *e = &about->envelope;
    for (size_t i = 0; i < count; i++) {
        const struct envelope_recipient *r = &e->recipients[rows[i].index];
        if (rows[i].reply != NULL)
            replies[i] = shortened(rows[i].reply, share);
        out[i] = (struct dsn_recipient){
            .address = r->address,
            .expired = rows[i].expired,
            .remote_host = slice_str(rows[i].server),
            .reply = rows[i].reply ? &replies[i] : NULL,
            .last_error = slice_head(last_words(w, r), share),
            .retry_until_unix_ms = e->received_unix_ms + (int64_t)w->runtime->config->expire_ms,
        };
    }
}

static bool
put_report(struct worker *w, const struct parcel *about, enum bounce_kind kind,
           const struct bounce_row *rows, size_t count, uint64_t id, struct buf *out)
{
    struct buf original;
    char id_room[ID_TEXT];
    struct dsn_recipient *recipients = mem_new(count * sizeof *recipients);
    struct reply *replies = mem_new(count * sizeof *replies);
    if (recipients == NULL || replies == NULL) {
        mem_free(&recipients);
        mem_free(&replies);
        return false;
    }
    buf_init(&original, ORIGINAL_MAX);
    read_original(about->body, &original);
    fill_rows(w, about, rows, count, replies, recipients);
    id_text(id, id_room);
    const struct dsn dsn = {
        .kind = kind == BOUNCE_DELAY ? DSN_DELAY : DSN_FAILURE,
        .hostname = slice_str(w->runtime->config->hostname),
        .postmaster = slice_str(w->runtime->config->postmaster),
        .id = slice_str(id_room),
        .now_unix_ms = clock_unix_ms(),
        .sender = about->envelope.from,
        .message_id = about->envelope.message_id,
        .arrived_unix_ms = about->envelope.received_unix_ms,
        .recipients = recipients,
        .recipient_count = count,
        .original_header = buf_slice(&original),
    };
    dsn_put(out, &dsn);
    buf_fini(&original);
    mem_free(&recipients);
    mem_free(&replies);
    return buf_ok(out);
}

/* The report goes the way of mail to its sender; without a route it is held. */
static bool
address_report(struct worker *w, const struct parcel *about, struct parcel *report)
{
    struct envelope *e = &report->envelope;
    struct address to;
    struct route route = {.connector = NULL};
    e->recipients = arena_new(&report->arena, sizeof *e->recipients);
    if (e->recipients == NULL)
        return false;
    if (address_parse_utf8(about->envelope.from, &to))
        route_recipient(w->runtime->config, NULL, to, false, &route);
    struct envelope_recipient *r = &e->recipients[0];
    r->address = arena_copy(&report->arena, about->envelope.from);
    r->connector =
        arena_copy(&report->arena, slice_str(route.connector ? route.connector->name : ""));
    r->state = route.connector ? RECIPIENT_WAITING : RECIPIENT_HELD;
    r->last_error =
        route.connector ? slice(NULL, 0) : arena_copy(&report->arena, slice_str(route.d.why));
    r->due_unix_ms = e->received_unix_ms;
    e->recipient_count = 1;
    return r->address.ptr != NULL && r->connector.ptr != NULL;
}

static bool
make_draft(struct worker *w, const struct parcel *about, enum bounce_kind kind,
           const struct bounce_row *rows, size_t count, struct bounce *out, struct err *err)
{
    struct buf text;
    TRY(spool_begin_report(w->shop->spool, &out->draft, err));
    buf_init(&text, REPORT_MAX);
    uint64_t id = spool_draft_id(out->draft);
    bool ok = put_report(w, about, kind, rows, count, id, &text) ||
              err_set(err, ERR_NOMEM, "no memory for the report");
    ok = ok && spool_append(out->draft, buf_slice(&text), err);
    out->parcel->envelope.id = id;
    out->parcel->envelope.size = text.len;
    /* Header fields of the original with 8-bit octets are shown as they came. */
    out->parcel->envelope.body_type =
        dsn_is_8bit(buf_slice(&text)) ? SMTP_BODY_8BITMIME : SMTP_BODY_7BIT;
    buf_fini(&text);
    return ok;
}

bool
bounce_make(struct worker *w, const struct parcel *about, enum bounce_kind kind,
            const struct bounce_row *rows, size_t row_count, struct bounce *out, struct err *err)
{
    *out = (struct bounce){NULL, NULL};
    if (about->envelope.from.len == 0) {
        struct log_line line;
        log_begin(&line, w->shop->log, EV_report_dropped, about->envelope.id);
        log_slice(&line, "to", about->envelope.recipients[rows[0].index].address);
        log_str(&line, "why", "the sender is null: there is no report about a report");
        log_end(&line);
        return true;
    }
    out->parcel = parcel_new();
    if (out->parcel == NULL)
        return err_set(err, ERR_NOMEM, "out of memory");
    out->parcel->envelope.is_report = true;
    out->parcel->envelope.received_unix_ms = clock_unix_ms();
    if (address_report(w, about, out->parcel) || err_set(err, ERR_NOMEM, "out of memory"))
        if (make_draft(w, about, kind, rows, row_count, out, err))
            return true;
    bounce_drop(out);
    return false;
}

void
bounce_done(struct worker *w, struct bounce *b, uint64_t about_id, enum bounce_kind kind)
{
    const struct envelope *e = &b->parcel->envelope;
    bool held = e->recipients[0].state == RECIPIENT_HELD;
    struct log_line line;
    log_begin(&line, w->shop->log, held ? EV_report_held : EV_report_queued, about_id);
    log_id(&line, "report", e->id);
    log_slice(&line, "to", e->recipients[0].address);
    if (held)
        log_slice(&line, "why", e->recipients[0].last_error);
    else
        log_str(&line, "kind", kind == BOUNCE_DELAY ? "delay" : "failure");
    log_end(&line);
    counter_add(metrics_series(w->shop->metrics, METRIC_reports_total,
                               held                   ? "held"
                               : kind == BOUNCE_DELAY ? "delay"
                                                      : "failure",
                               NULL),
                1);
    if (!held)
        worker_offer(w, b->parcel);
    parcel_unref(&b->parcel);
}

void
bounce_drop(struct bounce *b)
{
    if (b->draft != NULL)
        spool_drop(&b->draft);
    parcel_unref(&b->parcel);
}
