#include "gateway/mail/smtp_client_private.h"

/*
 * exchange-facts.md 3.6. From here to its reply the blob is to blame for whatever ends the
 * connection: devices that let the verb pass and not what follows leave both sides waiting. The
 * message is tried again, and the caller knows better than to send the blob once more.
 */
void
client_begin_exch50(struct smtp_client *c)
{
    const struct smtp_transaction *t = &c->flight.mail;
    buf_put_str(&c->out, "XEXCH50 ");
    buf_put_num(&c->out, t->exch50.len);
    buf_put_char(&c->out, ' ');
    buf_put_num(&c->out, t->exch50_number);
    client_say(c, "", slice("", 0));
    c->flight.exch50 = SMTP_EXCH50_HUNG;
    client_move(c, CLIENT_EXCH50);
}

/* On with the flight, with the blob or without. */
static void
settle(struct smtp_client *c, enum smtp_exch50_end how)
{
    c->flight.exch50 = how;
    client_move(c, CLIENT_FLIGHT);
    client_fly(c);
}

/* A refusal while a part of the blob is still to be said leaves the server waiting for it, or
 * taking it for commands: the connection is of no more use. */
void
client_got_exch50(struct smtp_client *c, const struct reply *r)
{
    bool too_early = c->out.len > 0;
    if (c->state == CLIENT_EXCH50 && r->code == 354 && !too_early) {
        client_move(c, CLIENT_BLOB);
        buf_put(&c->out, c->flight.mail.exch50);
    } else if (too_early || r->code / 100 == 3) {
        client_fail_unexpected(c);
    } else if (r->code >= 400) {
        settle(c, SMTP_EXCH50_REFUSED);
    } else if (c->state == CLIENT_BLOB) {
        settle(c, SMTP_EXCH50_TAKEN);
    } else {
        client_fail_unexpected(c);
    }
}
