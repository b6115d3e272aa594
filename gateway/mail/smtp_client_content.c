#include "gateway/mail/smtp_client_private.h"

/* DATA was said before the recipients were known to be refused, and taken all the same: an empty
 * message to nobody ends it (RFC 2920 3.1). */
void
client_begin_content(struct smtp_client *c)
{
    if (c->flight.accepted > 0) {
        stuffer_init(&c->flight.stuffer);
        client_move(c, CLIENT_BODY);
        return;
    }
    client_say(c, ".", slice("", 0));
    client_move(c, CLIENT_DOT);
}

static void
say_bdat(struct smtp_client *c, uint64_t size, const char *last)
{
    buf_put_str(&c->out, "BDAT ");
    buf_put_num(&c->out, size);
    client_say(c, last, slice("", 0));
    c->flight.chunk_left = size;
    client_move(c, CLIENT_BODY);
}

/*
 * One chunk for the whole message, or two where there is a lead: its size is known, and nothing
 * is gathered. Nor does a chunk end within a line, which keeps some Exchange servers waiting for
 * more (exchange-facts.md 3.8), unless the lead or the message does. Its last octet waits for
 * smtp_client_body_end(), as the final dot does: until it is there the server has no message.
 */
void
client_begin_chunk(struct smtp_client *c)
{
    const struct smtp_transaction *t = &c->flight.mail;
    must(t->size > t->lead);
    c->flight.chunk_next = t->lead > 0 ? t->size - t->lead : 0;
    if (t->lead > 0)
        say_bdat(c, t->lead, "");
    else
        say_bdat(c, t->size, " LAST");
}

/* Octets of this chunk; what is behind them waits for its turn. */
static void
put_chunk(struct smtp_client *c, struct slice *octets)
{
    struct flight *f = &c->flight;
    struct slice piece = slice_head(*octets, OUTPUT_MAX - c->out.len);
    if (octets->len > f->chunk_left && octets->len - f->chunk_left > f->chunk_next) {
        slice_skip(octets, octets->len);
        client_fail_local(c, "4.3.0", "The content is longer than it was recorded to be");
        return;
    }
    if (piece.len > f->chunk_left)
        piece.len = (size_t)f->chunk_left;
    slice_skip(octets, piece.len);
    f->chunk_left -= piece.len;
    bool is_over = f->chunk_left == 0 && piece.len > 0;
    if (is_over && f->chunk_next == 0)
        f->held = piece.ptr[--piece.len];
    buf_put(&c->out, piece);
    if (is_over && f->chunk_next > 0)
        client_move(c, CLIENT_LEAD);
}

static void
end_chunk(struct smtp_client *c)
{
    struct flight *f = &c->flight;
    if (f->chunk_left > 0 || f->chunk_next > 0) {
        client_fail_local(c, "4.3.0", "The content is shorter than it was recorded to be");
        return;
    }
    buf_put_char(&c->out, f->held);
    client_move(c, CLIENT_DOT);
}

void
smtp_client_body(struct smtp_client *c, struct slice *octets, uint64_t now_ms)
{
    must(c->state == CLIENT_BODY);
    size_t before = octets->len;
    c->now_ms = now_ms;
    if (c->flight.by_chunk)
        put_chunk(c, octets);
    else
        stuffer_put(&c->flight.stuffer, &c->out, octets);
    if (octets->len < before)
        client_wait_anew(c);
    client_check_output(c);
}

void
smtp_client_body_end(struct smtp_client *c, uint64_t now_ms)
{
    must(c->state == CLIENT_BODY);
    c->now_ms = now_ms;
    if (c->flight.by_chunk) {
        end_chunk(c);
    } else {
        stuffer_end(&c->flight.stuffer, &c->out);
        client_move(c, CLIENT_DOT);
    }
    client_check_output(c);
}

/*
 * A server throws the octets of a chunk away that it refuses; what is left of the transaction
 * then is not certain, so RSET comes before the next. But one that refuses the verb took the
 * octets for commands, and will answer each of these: to the next message, if there were one.
 */
static void
settle_chunk(struct smtp_client *c, const struct reply *r)
{
    bool refused_verb = r->code >= 500 && r->code <= 504;
    client_settle(c, r, refused_verb ? SMTP_STAGE_DATA : SMTP_STAGE_CONTENT);
    c->reset_due = !reply_is_success(r);
    client_move(c, CLIENT_DONE);
    if (refused_verb)
        client_fail_local(c, "4.5.0", "BDAT is offered, and was refused");
}

/* To the chunk that is not the last. */
void
client_got_lead(struct smtp_client *c, const struct reply *r)
{
    struct flight *f = &c->flight;
    if (c->out.len > 0 || (r->code < 400 && !reply_is_success(r))) {
        client_fail_unexpected(c);
    } else if (r->code >= 400) {
        settle_chunk(c, r);
    } else {
        uint64_t size = f->chunk_next;
        f->chunk_next = 0;
        say_bdat(c, size, " LAST");
    }
}

void
client_got_content(struct smtp_client *c, const struct reply *r)
{
    bool too_early = c->state == CLIENT_BODY || c->out.len > 0;
    if (r->code < 400 && (too_early || !reply_is_success(r))) {
        client_fail_unexpected(c);
        return;
    }
    if (too_early) {
        /* Refused in the middle. The rest could be taken for commands: say no more. */
        client_fail(c, r);
        return;
    }
    if (c->flight.by_chunk) {
        settle_chunk(c, r);
        return;
    }
    if (c->flight.accepted > 0)
        client_settle(c, r, SMTP_STAGE_CONTENT);
    c->reset_due = false;
    client_move(c, CLIENT_DONE);
}
