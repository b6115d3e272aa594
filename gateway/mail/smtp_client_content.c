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
    if (c->flight.accepted > 0)
        client_settle(c, r, SMTP_STAGE_CONTENT);
    c->reset_due = false;
    client_move(c, CLIENT_DONE);
}
