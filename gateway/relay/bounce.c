#include "gateway/relay/bounce.h"

#include <stdio.h>

#include "gateway/base/clock.h"
#include "gateway/base/mem.h"
#include "gateway/base/utf8.h"
#include "gateway/relay/board.h"
#include "gateway/relay/bounce_original.h"
#include "gateway/relay/outlet.h"
#include "gateway/relay/report_limit.h"
#include "gateway/relay/track.h"
#include "gateway/route/diagnosis.h"
#include "gateway/route/recipient.h"

enum {
    REPORT_MAX = 64 * 1024 * 1024, /* as many recipients as a message may have */
    WORDS_MAX = 1024 * 1024, /* of last words in one report; each recipient gets its share */
    WORDS_MIN = 40,
    BOUNDARY_OCTETS = 16,
    BOUNDARY_TEXT = 2 * BOUNDARY_OCTETS + 1,
};

/* Nobody could have written it into the original on purpose. */
static void
make_boundary(char text[BOUNDARY_TEXT])
{
    unsigned char octets[BOUNDARY_OCTETS];
    random_octets(octets, sizeof octets);
    for (size_t i = 0; i < sizeof octets; i++)
        snprintf(text + 2 * i, 3, "%02x", octets[i]);
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

static bool
is_wanted(const struct parcel *about, const struct bounce_row *row)
{
    return dsn_is_wanted(about->envelope.recipients[row->index].notify, row->action);
}

static size_t
count_wanted(const struct parcel *about, const struct bounce_row *rows, size_t count)
{
    size_t wanted = 0;
    for (size_t i = 0; i < count; i++)
        wanted += is_wanted(about, &rows[i]);
    return wanted;
}

/* The recipients of a report, as text wants them. */
struct told {
    struct dsn_recipient *recipients;
    struct reply *replies;
    struct diagnosis *diagnoses;
    size_t count;
};

static void
told_fini(struct told *told)
{
    mem_free(&told->recipients);
    mem_free(&told->replies);
    mem_free(&told->diagnoses);
}

static bool
told_init(struct told *told, size_t count)
{
    *told = (struct told){.count = 0};
    told->recipients = mem_new(count * sizeof *told->recipients);
    told->replies = mem_new(count * sizeof *told->replies);
    told->diagnoses = mem_new(count * sizeof *told->diagnoses);
    if (told->recipients != NULL && told->replies != NULL && told->diagnoses != NULL)
        return true;
    told_fini(told);
    return false;
}

/* Cause and remedy, where a server was reached, or tried. */
static struct diagnosis
diagnose(const struct bounce_row *row)
{
    if (row->action == DSN_RELAYED || row->server == NULL || row->reply == NULL)
        return (struct diagnosis){.text = ""};
    const struct smtp_outcome outcome = {.reply = *row->reply, .stage = row->stage};
    return diagnosis_of(&outcome, NULL);
}

static void
tell(const struct worker *w, const struct envelope *e, const struct bounce_row *row, size_t share,
     struct told *told)
{
    const struct envelope_recipient *r = &e->recipients[row->index];
    struct reply *reply = &told->replies[told->count];
    struct diagnosis *diagnosis = &told->diagnoses[told->count];
    *diagnosis = diagnose(row);
    if (row->reply != NULL)
        *reply = shortened(row->reply, share);
    told->recipients[told->count++] = (struct dsn_recipient){
        .address = r->address,
        .orcpt = r->orcpt,
        .action = row->action,
        .expired = row->expired,
        .remote_host = slice_str(row->server),
        .reply = row->reply ? reply : NULL,
        .last_error = slice_head(last_words(w, r), share),
        .diagnosis = slice_head(slice_str(diagnosis->text), share),
        .retry_until_unix_ms = e->received_unix_ms + (int64_t)w->runtime->config->expire_ms,
    };
}

/* Append the report to its draft, its envelope says what it takes to carry it. */
static bool
put_report(struct worker *w, const struct parcel *about, const struct told *told,
           struct bounce *out, struct err *err)
{
    struct bounce_original original;
    struct buf text;
    char id[ID_TEXT], boundary[BOUNDARY_TEXT];
    const struct envelope *e = &about->envelope;
    id_text(spool_draft_id(out->draft), id);
    make_boundary(boundary);
    const struct hop_offers hop =
        board_offers(w->shop->board, out->parcel->envelope.recipients[0].connector, HOP_EACH,
                     loop_now_ms(w->loop));
    bounce_original_init(&original, about, out->action == DSN_FAILED, &hop);
    const struct dsn dsn = {
        .hostname = slice_str(w->runtime->config->hostname),
        .postmaster = slice_str(w->runtime->config->postmaster),
        .id = slice_str(id),
        .boundary = slice_str(boundary),
        .now_unix_ms = clock_unix_ms(),
        .sender = e->from,
        .message_id = e->message_id,
        .envid = e->envid,
        .arrived_unix_ms = e->received_unix_ms,
        .recipients = told->recipients,
        .recipient_count = told->count,
        .original = original.what,
        .original_is_8bit = original.is_8bit,
        .original_is_utf8 = e->utf8,
        .utf8 = !utf8_is_ascii(e->from),
    };
    buf_init(&text, REPORT_MAX);
    dsn_put_head(&text, &dsn);
    bool ok = buf_ok(&text) || err_set(err, ERR_NOMEM, "no memory for the report");
    ok = ok && spool_append(out->draft, buf_slice(&text), err) &&
         bounce_original_append(&original, about->body, out->draft, err);
    buf_clear(&text);
    dsn_put_end(&text, &dsn);
    ok = ok && spool_append(out->draft, buf_slice(&text), err);
    out->parcel->envelope.utf8 = dsn.utf8;
    out->parcel->envelope.body_type = dsn_is_8bit(&dsn) ? SMTP_BODY_8BITMIME : SMTP_BODY_7BIT;
    bounce_original_fini(&original);
    buf_fini(&text);
    return ok;
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
make_draft(struct worker *w, const struct parcel *about, const struct bounce_row *rows,
           size_t count, size_t wanted, struct bounce *out, struct err *err)
{
    struct told told;
    size_t share = WORDS_MAX / wanted > WORDS_MIN ? WORDS_MAX / wanted : WORDS_MIN;
    if (!told_init(&told, wanted))
        return err_set(err, ERR_NOMEM, "no memory for the report");
    out->action = DSN_RELAYED;
    for (size_t i = 0; i < count; i++) {
        if (!is_wanted(about, &rows[i]))
            continue;
        tell(w, &about->envelope, &rows[i], share, &told);
        if (rows[i].action < out->action)
            out->action = rows[i].action;
    }
    bool ok = spool_begin_report(w->shop->spool, &out->draft, err) &&
              put_report(w, about, &told, out, err);
    if (ok) {
        out->parcel->envelope.id = spool_draft_id(out->draft);
        out->parcel->envelope.size = spool_draft_size(out->draft);
    }
    told_fini(&told);
    return ok;
}

/* Nobody hears of these, so the log does: the first failure stands for all. A delay or a success
 * that nobody asked about is no news. */
static void
log_untold(struct worker *w, const struct parcel *about, const struct bounce_row *rows,
           size_t count)
{
    const struct envelope *e = &about->envelope;
    for (size_t i = 0; i < count; i++) {
        if (rows[i].action != DSN_FAILED || (e->from.len > 0 && is_wanted(about, &rows[i])))
            continue;
        struct log_line line;
        log_begin(&line, w->shop->log, EV_report_dropped, e->id);
        log_slice(&line, "to", e->recipients[rows[i].index].address);
        log_str(&line, "why",
                e->from.len == 0 ? "the sender is null: there is no report about a report"
                                 : "the sender asked for no report of failure (NOTIFY)");
        log_end(&line);
        return;
    }
}

/* News of a delay or a success that come too often are no news; a failure waits for its turn. */
static bool
may_tell(struct worker *w, const struct parcel *about, const struct bounce_row *rows,
         size_t count, struct bounce *out)
{
    uint64_t wait_ms;
    if (report_limit_take(w->shop->report_limit, about->envelope.from,
                          w->runtime->config->limit_reports, loop_now_ms(w->loop), &wait_ms))
        return true;
    struct log_line line;
    bool has_failure = false;
    for (size_t i = 0; i < count; i++)
        has_failure = has_failure || (rows[i].action == DSN_FAILED && is_wanted(about, &rows[i]));
    if (has_failure)
        out->wait_ms = wait_ms;
    log_begin(&line, w->shop->log, has_failure ? EV_report_waits : EV_report_dropped,
              about->envelope.id);
    log_slice(&line, "to", about->envelope.from);
    if (has_failure)
        log_num(&line, "next_s", (wait_ms + 999) / 1000);
    else
        log_str(&line, "why", "the sender has had too many reports in an hour (limits.reports)");
    log_end(&line);
    return false;
}

bool
bounce_make(struct worker *w, const struct parcel *about, const struct bounce_row *rows,
            size_t row_count, struct bounce *out, struct err *err)
{
    *out = (struct bounce){.draft = NULL};
    size_t wanted = about->envelope.from.len > 0 ? count_wanted(about, rows, row_count) : 0;
    if (wanted < row_count)
        log_untold(w, about, rows, row_count);
    if (wanted == 0)
        return true;
    if (!may_tell(w, about, rows, row_count, out))
        return true;
    out->parcel = parcel_new();
    if (out->parcel == NULL)
        return err_set(err, ERR_NOMEM, "out of memory");
    out->parcel->envelope.is_report = true;
    out->parcel->envelope.received_unix_ms = clock_unix_ms();
    if (address_report(w, about, out->parcel) || err_set(err, ERR_NOMEM, "out of memory"))
        if (make_draft(w, about, rows, row_count, wanted, out, err))
            return true;
    bounce_drop(out);
    return false;
}

static const char *
kind_of(const struct bounce *b)
{
    switch (b->action) {
    case DSN_FAILED:
        return "failure";
    case DSN_DELAYED:
        return "delay";
    case DSN_RELAYED:
        return "relayed";
    }
    never("a report of no kind");
}

void
bounce_done(struct worker *w, struct bounce *b, const struct envelope *about)
{
    const struct envelope *e = &b->parcel->envelope;
    bool held = e->recipients[0].state == RECIPIENT_HELD;
    struct log_line line;
    log_begin(&line, w->shop->log, held ? EV_report_held : EV_report_queued, about->id);
    log_id(&line, "report", e->id);
    log_slice(&line, "to", e->recipients[0].address);
    if (held)
        log_slice(&line, "why", e->recipients[0].last_error);
    else
        log_str(&line, "kind", kind_of(b));
    log_end(&line);
    counter_add(
        metrics_series(w->shop->metrics, METRIC_reports_total, held ? "held" : kind_of(b), NULL),
        1);
    track_report(w, e, about);
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
