#include "gateway/mail/smtp_client_private.h"
#include "gateway/mail/xtext.h"

/* DATA, or RSET when only the envelope is tried. */
static size_t
last_step(const struct flight *f)
{
    return STEP_FIRST_RCPT + f->mail.to_count;
}

static enum smtp_stage
stage_of_step(const struct flight *f, size_t step)
{
    if (step < STEP_FIRST_RCPT)
        return SMTP_STAGE_MAIL;
    if (step < last_step(f))
        return SMTP_STAGE_RCPT;
    return f->mail.envelope_only ? SMTP_STAGE_IDLE : SMTP_STAGE_DATA;
}

enum smtp_stage
client_flight_stage(const struct smtp_client *c)
{
    return stage_of_step(&c->flight, c->flight.answered);
}

static bool
is_rset(const struct flight *f, size_t step)
{
    return step == STEP_RSET || (f->mail.envelope_only && step == last_step(f));
}

bool
client_flight_awaits_rset(const struct smtp_client *c)
{
    return is_rset(&c->flight, c->flight.answered);
}

void
client_settle(struct smtp_client *c, const struct reply *reply, enum smtp_stage stage)
{
    const struct smtp_transaction *t = &c->flight.mail;
    for (size_t i = 0; i < t->to_count; i++) {
        struct smtp_outcome *outcome = &t->outcomes[i];
        if (outcome->reply.code == 0 || reply_is_success(&outcome->reply))
            *outcome = (struct smtp_outcome){.reply = *reply, .stage = stage};
    }
}

static bool
takes_binary(const struct smtp_client *c)
{
    return c->offers.chunking && c->offers.binary_mime;
}

/* What we know before asking. */
static bool
has_obstacle(const struct smtp_client *c, const struct smtp_transaction *t, struct reply *why)
{
    uint64_t max = c->offers.size_max;
    if (t->has_bare && !takes_binary(c))
        *why = reply_make(554, "5.6.3",
                          "Message has binary content (CR or LF alone, or NUL) and "
                          "the server takes no BINARYMIME");
    else if (t->utf8 && !c->offers.smtputf8)
        *why =
            reply_make(553, "5.6.7", "Message needs SMTPUTF8 and the server does not offer it");
    else if (max > 0 && t->size > max)
        *why =
            reply_make(552, "5.3.4", "Message of %llu octets exceeds the server's limit of %llu",
                       (unsigned long long)t->size, (unsigned long long)max);
    else if (t->body == SMTP_BODY_8BITMIME && !c->offers.eight_bit_mime && !c->flight.by_chunk)
        *why = reply_make(554, "5.6.3", "Message has 8-bit content and the server takes none");
    else
        return false;
    why->local = true;
    return true;
}

void
client_take_off(struct smtp_client *c, const struct smtp_transaction *t)
{
    must(t->to_count > 0 || t->envelope_only);
    must(t->exch50.len <= SMTP_EXCH50_MAX);
    must(!t->envelope_only || (!t->has_bare && !t->is_unended && t->exch50.len == 0));
    struct flight *f = &c->flight;
    *f = (struct flight){.mail = *t};
    f->said = f->answered = c->reset_due ? STEP_RSET : STEP_MAIL;
    f->by_chunk = t->has_bare || (t->is_unended && takes_binary(c));
    f->blob_due = t->exch50.len > 0 && c->offers.xexch50 && c->authenticated;
    if (t->exch50.len > 0 && !f->blob_due)
        f->exch50 = SMTP_EXCH50_NOT_OFFERED;
    f->end = last_step(f) + !(f->by_chunk || f->blob_due);
    for (size_t i = 0; i < t->to_count; i++)
        t->outcomes[i].reply.code = 0;
    client_move(c, CLIENT_FLIGHT);

    struct reply why;
    if (has_obstacle(c, t, &why)) {
        client_settle(c, &why, SMTP_STAGE_MAIL);
        client_move(c, CLIENT_DONE);
        return;
    }
    client_fly(c);
}

static void
say_dsn_of_mail(struct buf *out, const struct smtp_transaction *t)
{
    if (t->dsn_return != DSN_RETURN_UNSAID)
        buf_put_str(out, t->dsn_return == DSN_RETURN_FULL ? " RET=FULL" : " RET=HDRS");
    if (t->envid.len > 0) {
        buf_put_str(out, " ENVID=");
        buf_put(out, t->envid);
    }
}

static void
say_notify(struct buf *out, unsigned notify)
{
    static const struct {
        enum dsn_notify when;
        const char *word;
    } words[] = {
        {DSN_NOTIFY_NEVER, "NEVER"},
        {DSN_NOTIFY_SUCCESS, "SUCCESS"},
        {DSN_NOTIFY_FAILURE, "FAILURE"},
        {DSN_NOTIFY_DELAY, "DELAY"},
    };
    const char *before = " NOTIFY=";
    for (size_t i = 0; i < COUNT_OF(words); i++) {
        if ((notify & words[i].when) == 0)
            continue;
        buf_put_str(out, before);
        buf_put_str(out, words[i].word);
        before = ",";
    }
}

static void
say_rcpt(struct smtp_client *c, const struct smtp_to *to)
{
    struct buf *out = &c->out;
    buf_put_str(out, "RCPT TO:<");
    buf_put(out, to->address);
    buf_put_char(out, '>');
    if (c->offers.dsn) {
        say_notify(out, to->notify);
        if (to->orcpt.len > 0) {
            buf_put_str(out, " ORCPT=");
            buf_put(out, to->orcpt);
        }
    }
    buf_put_str(out, "\r\n");
}

static void
say_mail(struct smtp_client *c)
{
    const struct smtp_transaction *t = &c->flight.mail;
    struct buf *out = &c->out;
    buf_put_str(out, "MAIL FROM:<");
    buf_put(out, t->from);
    buf_put_char(out, '>');
    if (c->offers.size && t->size > 0) {
        buf_put_str(out, " SIZE=");
        buf_put_num(out, t->size);
    }
    if (c->flight.by_chunk)
        buf_put_str(out, " BODY=BINARYMIME");
    else if (c->offers.eight_bit_mime && t->body == SMTP_BODY_8BITMIME)
        buf_put_str(out, " BODY=8BITMIME");
    if (t->utf8)
        buf_put_str(out, " SMTPUTF8");
    if (c->offers.dsn)
        say_dsn_of_mail(out, t);
    if (c->offers.auth && t->auth_anonymous) {
        buf_put_str(out, " AUTH=<>");
    } else if (c->offers.auth && t->auth.len > 0) {
        buf_put_str(out, " AUTH=");
        xtext_encode(out, t->auth);
    }
    buf_put_str(out, "\r\n");
}

static void
say_step(struct smtp_client *c, size_t step)
{
    const struct flight *f = &c->flight;
    if (is_rset(f, step)) {
        client_say(c, "RSET", slice("", 0));
    } else if (step == STEP_MAIL) {
        say_mail(c);
    } else if (step < last_step(f)) {
        say_rcpt(c, &f->mail.to[step - STEP_FIRST_RCPT]);
    } else {
        client_say(c, "DATA", slice("", 0));
    }
}

static bool
may_say_more(const struct smtp_client *c)
{
    const struct flight *f = &c->flight;
    return f->said < f->end && c->out.len < COMMANDS_MAX &&
           (f->said == f->answered || (c->offers.pipelining && !f->mail.envelope_only));
}

/* All recipients were refused before DATA was said. */
static bool
has_nobody(const struct flight *f)
{
    return f->said == last_step(f) && f->answered == f->said && f->accepted == 0 &&
           !f->mail.envelope_only;
}

/* The recipients are known, and DATA was held back. */
static void
go_on(struct smtp_client *c)
{
    struct flight *f = &c->flight;
    if (f->blob_due) {
        f->blob_due = false;
        f->exch50 = SMTP_EXCH50_RECIPIENTS;
        if (f->accepted == f->mail.to_count) {
            client_begin_exch50(c);
            return;
        }
    }
    if (f->by_chunk) {
        client_begin_chunk(c);
        return;
    }
    f->end++;
    client_fly(c);
}

void
client_fly(struct smtp_client *c)
{
    struct flight *f = &c->flight;
    if (has_nobody(f))
        f->end = f->said;
    while (may_say_more(c))
        say_step(c, f->said++);
    if (f->answered < f->end)
        return;
    if (f->go)
        client_begin_content(c);
    else if (f->accepted > 0 && f->end == last_step(f) && !f->mail.envelope_only)
        go_on(c);
    else
        client_move(c, CLIENT_DONE);
}

static void
got_rset(struct smtp_client *c, const struct reply *r)
{
    if (reply_is_success(r))
        c->reset_due = false;
    else
        client_fail_unexpected(c);
}

static void
got_mail(struct smtp_client *c, const struct reply *r)
{
    struct flight *f = &c->flight;
    if (reply_is_success(r)) {
        c->reset_due = true;
        return;
    }
    f->refused = true;
    f->end = f->said;
    client_settle(c, r, SMTP_STAGE_MAIL);
}

static void
got_rcpt(struct smtp_client *c, const struct reply *r)
{
    struct flight *f = &c->flight;
    if (f->refused) {
        if (reply_is_success(r))
            client_fail_unexpected(c); /* of which sender? Nothing it says means anything now */
        return;
    }
    f->mail.outcomes[f->answered - STEP_FIRST_RCPT] =
        (struct smtp_outcome){.reply = *r, .stage = SMTP_STAGE_RCPT};
    if (reply_is_success(r))
        f->accepted++;
}

static void
got_data(struct smtp_client *c, const struct reply *r)
{
    if (r->code == 354)
        c->flight.go = true;
    else
        client_settle(c, r, SMTP_STAGE_DATA);
}

/* 354 and nothing else of its class, to DATA and nothing else; there, no success. */
static bool
makes_sense(const struct flight *f, const struct reply *r)
{
    bool to_data = f->answered == last_step(f) && !f->mail.envelope_only;
    return r->code >= 400 || (to_data ? r->code == 354 : reply_is_success(r));
}

void
client_got_flight(struct smtp_client *c, const struct reply *r)
{
    struct flight *f = &c->flight;
    if (f->answered == f->said || !makes_sense(f, r)) {
        client_fail_unexpected(c);
        return;
    }
    if (is_rset(f, f->answered))
        got_rset(c, r);
    else if (f->answered == STEP_MAIL)
        got_mail(c, r);
    else if (f->answered < last_step(f))
        got_rcpt(c, r);
    else
        got_data(c, r);
    if (c->state != CLIENT_FLIGHT)
        return;
    f->answered++;
    client_wait_anew(c);
    client_fly(c);
}
