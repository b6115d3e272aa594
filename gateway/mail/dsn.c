#include "gateway/mail/dsn.h"

#include "gateway/mail/address.h"
#include "gateway/mail/dsn_text.h"

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

bool
dsn_is_wanted(unsigned notify, enum dsn_action action)
{
    switch (action) {
    case DSN_FAILED:
        return notify == DSN_NOTIFY_UNSAID || (notify & DSN_NOTIFY_FAILURE) != 0;
    case DSN_DELAYED:
        return notify == DSN_NOTIFY_UNSAID || (notify & DSN_NOTIFY_DELAY) != 0;
    case DSN_RELAYED:
        return (notify & DSN_NOTIFY_SUCCESS) != 0;
    }
    never("an action of no kind");
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

/* RFC 3463 2: a delay is class 4, an expiry is 4.4.7, and else the reply knows. RFC 3886: what
 * was passed on to a server without reports is 2.1.9. */
static struct status
status_of(const struct dsn_recipient *r)
{
    struct reply words;
    bool has_words = last_words(r, &words);
    if (r->action == DSN_RELAYED)
        return (struct status){2, 1, 9};
    if (r->expired || (r->action == DSN_DELAYED && !has_words))
        return (struct status){4, 4, 7};
    if (!has_words || words.code == 0)
        return (struct status){r->action == DSN_DELAYED ? 4 : 5, 0, 0};
    unsigned class = r->action == DSN_FAILED && words.code >= 500 ? 5 : 4;
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

/* The name in "hub1.fabrikam.example[10.2.0.1]:25"; the address with its brackets where that is
 * all there is, or where it stands in the place of the name. */
static struct slice
host_name(struct slice remote_host)
{
    size_t bracket = slice_find(remote_host, '[');
    struct slice name = slice_head(remote_host, bracket);
    struct slice rest = slice_from(remote_host, bracket);
    struct slice literal = slice_head(rest, slice_find(rest, ']') + 1);
    bool is_name = literal.len < 2 || !slice_equal(name, slice(literal.ptr + 1, literal.len - 2));
    return name.len > 0 && is_name ? name : literal;
}

/* Parts of a report are told apart by this. */
static void
put_boundary(struct buf *out, const struct dsn *dsn)
{
    buf_put_str(out, "=_");
    buf_put(out, dsn->boundary);
}

static void
begin_part(struct buf *out, const struct dsn *dsn, const char *type)
{
    buf_put_str(out, "\r\n--");
    put_boundary(out, dsn);
    buf_printf(out, "\r\nContent-Type: %s\r\n", type);
}

static void
put_encoding(struct buf *out, bool is_8bit)
{
    if (is_8bit)
        buf_put_str(out, "Content-Transfer-Encoding: 8bit\r\n");
}

static bool
has_action(const struct dsn *dsn, enum dsn_action action)
{
    for (size_t i = 0; i < dsn->recipient_count; i++)
        if (dsn->recipients[i].action == action)
            return true;
    return false;
}

static const char *
subject_of(const struct dsn *dsn)
{
    if (has_action(dsn, DSN_FAILED))
        return "Undeliverable: your message was not delivered";
    if (has_action(dsn, DSN_DELAYED))
        return "Your message is delayed: not delivered yet";
    return "Relayed: your message was passed on";
}

static void
put_header(struct buf *out, const struct dsn *dsn)
{
    buf_put_str(out, "Date: ");
    dsn_put_date(out, dsn->now_unix_ms);
    buf_put_str(out, "\r\nFrom: \"Mail gateway ");
    dsn_put_safe(out, dsn->hostname);
    buf_put_str(out, "\" <");
    dsn_put_safe(out, dsn->postmaster);
    buf_put_str(out, ">\r\nTo: <");
    dsn_put_address(out, dsn->sender, dsn->utf8);
    buf_printf(out, ">\r\nSubject: %s\r\nMessage-ID: <", subject_of(dsn));
    dsn_put_safe(out, dsn->id);
    buf_put_str(out, ".report@");
    dsn_put_safe(out, dsn->hostname);
    buf_put_str(out, ">\r\n");
    dsn_put_message_id(out, "In-Reply-To", dsn->message_id);
    dsn_put_message_id(out, "References", dsn->message_id);
    buf_put_str(out, "Auto-Submitted: auto-replied\r\n"
                     "MIME-Version: 1.0\r\n"
                     "Content-Type: multipart/report; report-type=delivery-status;\r\n"
                     "\tboundary=\"");
    put_boundary(out, dsn);
    buf_put_str(out, "\"\r\n");
    put_encoding(out, dsn_is_8bit(dsn));
    buf_put_str(out, "\r\nThis is a delivery report in MIME format.\r\n");
}

/* ---- For people: what happened, what it means, what to do, whom to ask ---- */

static void
put_recipient_words(struct buf *out, const struct dsn *dsn, const struct dsn_recipient *r)
{
    struct reply words;
    buf_put_str(out, "\r\n    ");
    dsn_put_address(out, r->address, dsn->utf8);
    buf_put_str(out, "\r\n");
    if (last_words(r, &words)) {
        struct buf said;
        buf_init(&said, 1024);
        if (r->remote_host.len > 0 && !words.local) {
            dsn_put_safe(&said, slice_head(r->remote_host, 300));
            buf_put_str(&said, " said: ");
        }
        put_last_words(&said, &words);
        dsn_put_wrapped(out, "        ", buf_slice(&said));
        buf_fini(&said);
    }
    if (r->action == DSN_FAILED)
        dsn_put_wrapped(out, "        ", slice_str(advice_for(status_of(r))));
    if (r->diagnosis.len > 0) {
        dsn_put_wrapped(out, "        ", slice_str("For the postmaster:"));
        dsn_put_wrapped(out, "        ", r->diagnosis);
    }
}

/* All recipients of whom the same is told. */
static void
put_group(struct buf *out, const struct dsn *dsn, enum dsn_action action, const char *heading)
{
    buf_put_str(out, "\r\nYour message of ");
    dsn_put_date(out, dsn->arrived_unix_ms);
    buf_printf(out, "\r\n%s:\r\n", heading);
    for (size_t i = 0; i < dsn->recipient_count; i++)
        if (dsn->recipients[i].action == action)
            put_recipient_words(out, dsn, &dsn->recipients[i]);
}

static void
put_words(struct buf *out, const struct dsn *dsn)
{
    buf_put_str(out, "\r\nThis is the mail gateway ");
    dsn_put_safe(out, dsn->hostname);
    buf_put_str(out, ".\r\n");
    if (has_action(dsn, DSN_FAILED)) {
        put_group(out, dsn, DSN_FAILED, "could not be delivered to");
        buf_put_str(out, "\r\nNobody will try again: for these recipients this is the end.\r\n");
    }
    if (has_action(dsn, DSN_DELAYED)) {
        put_group(out, dsn, DSN_DELAYED, "has not been delivered yet to");
        buf_put_str(out, "\r\nYou need not do anything: delivery is tried again until\r\n");
        dsn_put_date(out, dsn->recipients[0].retry_until_unix_ms);
        buf_put_str(out, ", and you will hear from us if it fails.\r\n");
    }
    if (has_action(dsn, DSN_RELAYED)) {
        put_group(out, dsn, DSN_RELAYED, "was passed on to the mail server of");
        buf_put_str(out,
                    "\r\nThat server took it, but it does not report deliveries: you asked to "
                    "be\r\ntold of success, and this is all that can be told.\r\n");
    }
    buf_put_str(out, "\r\nIf you need help, send this report to\r\n    ");
    dsn_put_safe(out, dsn->postmaster);
    buf_put_str(out, "\r\nWhat follows is for administrators.\r\n");
}

/* ---- For machines: RFC 3464 2 ---- */

static const char *
action_text(enum dsn_action action)
{
    switch (action) {
    case DSN_FAILED:
        return "failed";
    case DSN_DELAYED:
        return "delayed";
    case DSN_RELAYED:
        return "relayed";
    }
    never("an action of no kind");
}

static void
put_recipient_fields(struct buf *out, const struct dsn *dsn, const struct dsn_recipient *r)
{
    struct status status = status_of(r);
    struct slice host = host_name(r->remote_host);
    struct reply words;

    buf_put_str(out, "\r\n");
    dsn_put_original_recipient(out, r->orcpt, dsn->utf8);
    dsn_put_address_field(out, "Final-Recipient", r->address, dsn->utf8);
    dsn_put_field(out, "Action", action_text(r->action), slice("", 0));
    buf_printf(out, "Status: %u.%u.%u\r\n", status.class, status.subject, status.detail);
    if (domain_is_valid(host) || domain_is_literal(host))
        dsn_put_field(out, "Remote-MTA", "dns;", host);
    if (last_words(r, &words)) {
        struct buf said;
        buf_init(&said, 1024);
        put_last_words(&said, &words);
        dsn_put_field(out, "Diagnostic-Code", words.local ? "x-forestgate;" : "smtp;",
                      buf_slice(&said));
        buf_fini(&said);
    }
    if (r->action == DSN_DELAYED) {
        buf_put_str(out, "Will-Retry-Until: ");
        dsn_put_date(out, r->retry_until_unix_ms);
        buf_put_str(out, "\r\n");
    }
}

static void
put_status(struct buf *out, const struct dsn *dsn)
{
    buf_put_str(out, "\r\n");
    dsn_put_envelope_id(out, dsn->envid);
    dsn_put_field(out, "Reporting-MTA", "dns;", dsn->hostname);
    buf_put_str(out, "Arrival-Date: ");
    dsn_put_date(out, dsn->arrived_unix_ms);
    buf_put_str(out, "\r\n");
    for (size_t i = 0; i < dsn->recipient_count; i++)
        put_recipient_fields(out, dsn, &dsn->recipients[i]);
}

static void
begin_original(struct buf *out, const struct dsn *dsn)
{
    static const char *const types[2][2] = {{"text/rfc822-headers", "message/rfc822"},
                                            {"message/global-headers", "message/global"}};
    begin_part(out, dsn, types[dsn->original_is_utf8][dsn->original == DSN_ORIGINAL_WHOLE]);
    if (dsn->original == DSN_ORIGINAL_WHOLE)
        put_encoding(out, dsn->original_is_8bit);
    else if (dsn->original_is_8bit)
        buf_put_str(out, "Content-Transfer-Encoding: quoted-printable\r\n");
    buf_put_str(out, "\r\n");
}

bool
dsn_is_8bit(const struct dsn *dsn)
{
    return dsn->utf8 || (dsn->original == DSN_ORIGINAL_WHOLE && dsn->original_is_8bit);
}

void
dsn_put_head(struct buf *out, const struct dsn *dsn)
{
    must(dsn->recipient_count > 0 && dsn->sender.len > 0 && dsn->boundary.len > 0);
    put_header(out, dsn);
    begin_part(out, dsn,
               dsn->utf8 ? "text/plain; charset=utf-8" : "text/plain; charset=us-ascii");
    put_encoding(out, dsn->utf8);
    put_words(out, dsn);
    begin_part(out, dsn,
               dsn->utf8 ? "message/global-delivery-status" : "message/delivery-status");
    put_encoding(out, dsn->utf8);
    put_status(out, dsn);
    if (dsn->original != DSN_ORIGINAL_NONE)
        begin_original(out, dsn);
}

void
dsn_put_end(struct buf *out, const struct dsn *dsn)
{
    buf_put_str(out, "\r\n--");
    put_boundary(out, dsn);
    buf_put_str(out, "--\r\n");
}
