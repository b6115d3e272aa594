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

/* What we know before asking. */
static bool
has_obstacle(const struct smtp_client *c, const struct smtp_transaction *t, struct reply *why)
{
    uint64_t max = c->offers.size_max;
    if (max > 0 && t->size > max)
        *why =
            reply_make(552, "5.3.4", "Message of %llu octets exceeds the server's limit of %llu",
                       (unsigned long long)t->size, (unsigned long long)max);
    else if (t->body == SMTP_BODY_8BITMIME && !c->offers.eight_bit_mime)
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
    struct flight *f = &c->flight;
    *f = (struct flight){.mail = *t};
    f->said = f->answered = c->reset_due ? STEP_RSET : STEP_MAIL;
    f->end = last_step(f) + 1;
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
    if (c->offers.eight_bit_mime && t->body == SMTP_BODY_8BITMIME)
        buf_put_str(out, " BODY=8BITMIME");
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
        buf_put_str(&c->out, "RCPT TO:<");
        buf_put(&c->out, f->mail.to[step - STEP_FIRST_RCPT].address);
        buf_put_str(&c->out, ">\r\n");
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
