#include "gateway/mail/dsn.h"

#include <stdio.h>

#include "gateway/base/ascii.h"
#include "gateway/base/clock.h"
#include "gateway/mail/address.h"

enum { LINE_WIDTH = 76, BOUNDARY_MAX = 70 };

/* RFC 3463 without its class: what went wrong, where. */
struct status {
    unsigned class, subject, detail;
};

/* What a failure means for the sender, by subject and detail; detail -1 is all that are not
 * named. */
static const struct advice {
    int subject, detail;
    const char *text;
} advices[] = {
    {1, 1, "There is no such mailbox. Please check the spelling of the address."},
    {1, -1, "The address is not known there or not valid. Please check its spelling."},
    {2, 2, "The mailbox is full. Please try again later, or reach the recipient another way."},
    {2, -1, "The mailbox does not take messages now. Please reach the recipient another way."},
    {3, 4, "The message is larger than the recipient's system takes. Please send less at once."},
    {4, 1, "The recipient's system does not answer. Its postmaster may already know."},
    {4, 6, "The message went round in circles. Please tell your postmaster."},
    {4, 7, "It could not be delivered in the time allowed. If it still matters, send it again."},
    {4, -1, "There is trouble on the way to the recipient. Your postmaster can find out more."},
    {5, 3, "The message has too many recipients. Please send it to fewer people at once."},
    {6, -1, "The recipient's system cannot take the format of the message. Try plain text."},
    {7, -1, "You or this message may not pass there. Your postmaster can ask for permission."},
};

/* No octet of somebody else ends a line, a field or a part. */
static void
put_safe(struct buf *out, struct slice text)
{
    for (size_t i = 0; i < text.len; i++)
        buf_put_char(out, ascii_is_print(text.ptr[i]) ? text.ptr[i] : '?');
}

static void
put_date(struct buf *out, int64_t unix_ms)
{
    char date[CLOCK_TEXT];
    clock_rfc5322(unix_ms, date);
    buf_put_str(out, date);
}

/* How much of text goes onto a line: whole words, and one at least. */
static size_t
line_length(struct slice text, size_t width)
{
    if (text.len <= width)
        return text.len;
    size_t n = width;
    while (n > 0 && text.ptr[n] != ' ')
        n--;
    return n > 0 ? n : slice_find(text, ' ');
}

/* Put text in lines that begin with margin. */
static void
put_wrapped(struct buf *out, const char *margin, struct slice text)
{
    while (text.len > 0) {
        size_t n = line_length(text, LINE_WIDTH - strlen(margin));
        buf_put_str(out, margin);
        put_safe(out, slice_head(text, n));
        buf_put_str(out, "\r\n");
        text = slice_from(text, n + 1);
    }
}

/* One field, "Name: type text", going on in lines that begin with a blank. */
static void
put_field(struct buf *out, const char *name, const char *type, struct slice text)
{
    size_t start = out->len;
    buf_put_str(out, name);
    buf_put_str(out, ": ");
    buf_put_str(out, type);
    while (text.len > 0) {
        size_t n = slice_find(text, ' ');
        if (out->len - start + 1 + n > LINE_WIDTH && n > 0) {
            buf_put_str(out, "\r\n");
            start = out->len;
        }
        buf_put_char(out, ' ');
        put_safe(out, slice_head(text, n));
        text = slice_from(text, n + 1);
    }
    buf_put_str(out, "\r\n");
}

/* The last words about a recipient. Words of ours that are no reply have the code 0. */
static bool
last_words(const struct dsn_recipient *r, struct reply *words)
{
    struct reply_reader reader;
    struct slice text = r->last_error;
    struct slice end = slice_str("\n");

    if (r->reply != NULL) {
        *words = *r->reply;
        return true;
    }
    if (text.len == 0)
        return false;
    reply_reader_init(&reader);
    bool is_reply =
        reply_read(&reader, &text) == REPLY_MORE && reply_read(&reader, &end) == REPLY_DONE;
    if (is_reply) {
        *words = reader.reply;
    } else {
        *words = reply_make(451, NULL, "%.*s", SLICE_ARG(r->last_error));
        words->local = true;
        words->code = 0;
    }
    reply_reader_fini(&reader);
    return true;
}

static void
put_last_words(struct buf *out, const struct reply *words)
{
    if (words->code != 0)
        reply_put(out, words);
    else
        buf_put(out, slice(words->text, words->len));
}

/* RFC 3463 2: a delay is class 4, an expiry is 4.4.7, and else the reply knows. */
static struct status
status_of(enum dsn_kind kind, const struct dsn_recipient *r)
{
    struct reply words;
    bool has_words = last_words(r, &words);
    if (r->expired || (kind == DSN_DELAY && !has_words))
        return (struct status){4, 4, 7};
    if (!has_words || words.code == 0)
        return (struct status){kind == DSN_DELAY ? 4 : 5, 0, 0};
    unsigned class = kind == DSN_FAILURE && words.code >= 500 ? 5 : 4;
    if (words.enhanced[0] == 0)
        return (struct status){class, 0, 0};
    return (struct status){class, words.enhanced[1], words.enhanced[2]};
}

static const char *
advice_for(struct status status)
{
    for (size_t i = 0; i < COUNT_OF(advices); i++) {
        const struct advice *a = &advices[i];
        if (a->subject == (int)status.subject &&
            (a->detail < 0 || a->detail == (int)status.detail))
            return a->text;
    }
    return "";
}

/* The name in "hub1.fabrikam.example[10.2.0.1]:25". */
static struct slice
host_name(struct slice remote_host)
{
    size_t bracket = slice_find(remote_host, '[');
    if (bracket > 0)
        return slice_head(remote_host, bracket);
    return slice_head(remote_host, slice_find(remote_host, ']') + 1);
}

static void
put_message_id(struct buf *out, const char *name, struct slice id)
{
    for (size_t i = 0; i < id.len; i++)
        if (!ascii_is_print(id.ptr[i]) || id.ptr[i] == ' ')
            return;
    if (id.len == 0)
        return;
    bool bare = id.ptr[0] != '<';
    buf_printf(out, "%s: %s", name, bare ? "<" : "");
    buf_put(out, id);
    buf_put_str(out, bare ? ">\r\n" : "\r\n");
}

/* Only the original could hold the boundary at the start of a line: try until it does not. */
static void
choose_boundary(const struct dsn *dsn, char boundary[BOUNDARY_MAX + 1])
{
    const struct slice in = dsn->original_header;
    unsigned attempt = 0;
    do {
        snprintf(boundary, BOUNDARY_MAX + 1, "=_%u_%.*s", attempt++, SLICE_ARG(dsn->id));
    } while (in.len > 0 && memmem(in.ptr, in.len, boundary, strlen(boundary)) != NULL);
}

static void
begin_part(struct buf *out, const char *boundary, const char *type)
{
    buf_printf(out, "\r\n--%s\r\nContent-Type: %s\r\n", boundary, type);
}

static void
put_header(struct buf *out, const struct dsn *dsn, const char *boundary)
{
    buf_put_str(out, "Date: ");
    put_date(out, dsn->now_unix_ms);
    buf_put_str(out, "\r\nFrom: \"Mail gateway ");
    put_safe(out, dsn->hostname);
    buf_put_str(out, "\" <");
    put_safe(out, dsn->postmaster);
    buf_put_str(out, ">\r\nTo: <");
    put_safe(out, dsn->sender);
    buf_printf(out, ">\r\nSubject: %s\r\nMessage-ID: <",
               dsn->kind == DSN_DELAY ? "Your message is delayed: not delivered yet"
                                      : "Undeliverable: your message was not delivered");
    put_safe(out, dsn->id);
    buf_put_str(out, ".report@");
    put_safe(out, dsn->hostname);
    buf_put_str(out, ">\r\n");
    put_message_id(out, "In-Reply-To", dsn->message_id);
    put_message_id(out, "References", dsn->message_id);
    buf_printf(out,
               "Auto-Submitted: auto-replied\r\n"
               "MIME-Version: 1.0\r\n"
               "Content-Type: multipart/report; report-type=delivery-status;\r\n"
               "\tboundary=\"%s\"\r\n",
               boundary);
    if (dsn_is_8bit(dsn->original_header))
        buf_put_str(out, "Content-Transfer-Encoding: 8bit\r\n");
    buf_put_str(out, "\r\nThis is a delivery report in MIME format.\r\n");
}

static void
put_recipient_words(struct buf *out, const struct dsn *dsn, const struct dsn_recipient *r)
{
    struct reply words;
    buf_put_str(out, "\r\n");
    put_wrapped(out, "    ", r->address);
    if (last_words(r, &words)) {
        struct buf said;
        buf_init(&said, 1024);
        if (r->remote_host.len > 0 && !words.local) {
            put_safe(&said, slice_head(r->remote_host, 300));
            buf_put_str(&said, " said: ");
        }
        put_last_words(&said, &words);
        put_wrapped(out, "        ", buf_slice(&said));
        buf_fini(&said);
    }
    if (dsn->kind == DSN_FAILURE)
        put_wrapped(out, "        ", slice_str(advice_for(status_of(dsn->kind, r))));
}

/* For people: what happened, what it means, what to do, whom to ask. */
static void
put_words(struct buf *out, const struct dsn *dsn)
{
    bool delay = dsn->kind == DSN_DELAY;
    buf_put_str(out, "\r\nThis is the mail gateway ");
    put_safe(out, dsn->hostname);
    buf_put_str(out, ".\r\n\r\nYour message of ");
    put_date(out, dsn->arrived_unix_ms);
    buf_put_str(out, delay ? "\r\nhas not been delivered yet to:\r\n"
                           : "\r\ncould not be delivered to:\r\n");
    for (size_t i = 0; i < dsn->recipient_count; i++)
        put_recipient_words(out, dsn, &dsn->recipients[i]);
    if (delay) {
        buf_put_str(out, "\r\nYou need not do anything: delivery is tried again until\r\n");
        put_date(out, dsn->recipients[0].retry_until_unix_ms);
        buf_put_str(out, ", and you will hear from us if it fails.\r\n");
    } else {
        buf_put_str(out, "\r\nNobody will try again: for these recipients this is the end.\r\n");
    }
    buf_put_str(out, "\r\nIf you need help, send this report to\r\n    ");
    put_safe(out, dsn->postmaster);
    buf_put_str(out, "\r\nWhat follows is for administrators.\r\n");
}

/* RFC 3464 2.3. */
static void
put_recipient_fields(struct buf *out, const struct dsn *dsn, const struct dsn_recipient *r)
{
    struct status status = status_of(dsn->kind, r);
    struct slice host = host_name(r->remote_host);
    struct reply words;

    buf_put_str(out, "\r\n");
    put_field(out, "Final-Recipient", "rfc822;", r->address);
    put_field(out, "Action", dsn->kind == DSN_DELAY ? "delayed" : "failed", slice("", 0));
    buf_printf(out, "Status: %u.%u.%u\r\n", status.class, status.subject, status.detail);
    if (domain_is_valid(host) || domain_is_literal(host))
        put_field(out, "Remote-MTA", "dns;", host);
    if (last_words(r, &words)) {
        struct buf said;
        buf_init(&said, 1024);
        put_last_words(&said, &words);
        put_field(out, "Diagnostic-Code", words.local ? "x-forestgate;" : "smtp;",
                  buf_slice(&said));
        buf_fini(&said);
    }
    if (dsn->kind == DSN_DELAY) {
        buf_put_str(out, "Will-Retry-Until: ");
        put_date(out, r->retry_until_unix_ms);
        buf_put_str(out, "\r\n");
    }
}

/* For machines: RFC 3464 2. */
static void
put_status(struct buf *out, const struct dsn *dsn)
{
    buf_put_str(out, "\r\n");
    put_field(out, "Reporting-MTA", "dns;", dsn->hostname);
    buf_put_str(out, "Arrival-Date: ");
    put_date(out, dsn->arrived_unix_ms);
    buf_put_str(out, "\r\n");
    for (size_t i = 0; i < dsn->recipient_count; i++)
        put_recipient_fields(out, dsn, &dsn->recipients[i]);
}

static void
put_original(struct buf *out, const struct dsn *dsn, const char *boundary)
{
    struct slice header = dsn->original_header;
    if (header.len == 0)
        return;
    begin_part(out, boundary, "text/rfc822-headers");
    if (dsn_is_8bit(header))
        buf_put_str(out, "Content-Transfer-Encoding: 8bit\r\n");
    buf_put_str(out, "\r\n");
    buf_put(out, header);
    if (header.ptr[header.len - 1] != '\n')
        buf_put_str(out, "\r\n");
}

void
dsn_put(struct buf *out, const struct dsn *dsn)
{
    char boundary[BOUNDARY_MAX + 1];
    must(dsn->recipient_count > 0 && dsn->sender.len > 0);
    choose_boundary(dsn, boundary);
    put_header(out, dsn, boundary);
    begin_part(out, boundary, "text/plain; charset=us-ascii");
    put_words(out, dsn);
    begin_part(out, boundary, "message/delivery-status");
    put_status(out, dsn);
    put_original(out, dsn, boundary);
    buf_printf(out, "\r\n--%s--\r\n", boundary);
}

bool
dsn_is_8bit(struct slice report)
{
    for (size_t i = 0; i < report.len; i++)
        if ((unsigned char)report.ptr[i] > 127)
            return true;
    return false;
}
