#include "gateway/mail/smtp_client_private.h"

/* Until TLS stands, a list of extensions may have been touched by anybody: each EHLO begins with
 * nothing (RFC 3207 4.2). */
void
client_say_hello(struct smtp_client *c)
{
    c->offers = (struct ehlo){0};
    client_say(c, "EHLO ", c->settings.hello);
    client_move(c, CLIENT_EHLO);
}

static void
note_banner(struct smtp_client *c, const struct reply *r)
{
    struct slice text = slice(r->text, r->len);
    struct slice name = slice_head(text, slice_find(text, ' '));
    c->masked = ehlo_is_masked(name);
    name = slice_head(name, sizeof c->banner_name);
    memcpy(c->banner_name, name.ptr, name.len);
    c->banner_name_len = name.len;
}

void
client_got_banner(struct smtp_client *c, const struct reply *r)
{
    note_banner(c, r);
    if (r->code == 220)
        client_say_hello(c);
    else if (reply_is_success(r) || r->code < 400)
        client_fail_unexpected(c);
    else
        client_give_up(c, SMTP_STAGE_BANNER, r);
}

static struct reply
no_starttls(const struct smtp_client *c)
{
    const char *cause = smtp_client_is_masked(c)
                            ? "a firewall with SMTP inspection masks what it offers"
                            : "has its certificate expired, or is TLS not set up there?";
    struct reply why = reply_make(451, "4.7.4", "TLS is required and not offered: %s", cause);
    why.local = true;
    return why;
}

/* HELO knows neither STARTTLS nor AUTH. */
static bool
may_say_helo(const struct smtp_client *c)
{
    return c->state == CLIENT_EHLO && !c->tls && !c->settings.tls_required &&
           c->settings.user.len == 0;
}

static void
got_offers(struct smtp_client *c)
{
    if (!c->tls && c->offers.starttls) {
        client_say(c, "STARTTLS", slice("", 0));
        client_move(c, CLIENT_STARTTLS);
    } else if (!c->tls && c->settings.tls_required) {
        struct reply why = no_starttls(c);
        client_give_up(c, SMTP_STAGE_STARTTLS, &why);
    } else {
        client_authenticate(c);
    }
}

void
client_got_hello(struct smtp_client *c, const struct reply *r)
{
    if (reply_is_success(r)) {
        got_offers(c);
    } else if (reply_is_permanent(r) && may_say_helo(c)) {
        c->offers = (struct ehlo){0};
        client_say(c, "HELO ", c->settings.hello);
        client_move(c, CLIENT_HELO);
    } else if (r->code < 400) {
        client_fail_unexpected(c);
    } else {
        client_give_up(c, SMTP_STAGE_EHLO, r);
    }
}

void
client_got_starttls(struct smtp_client *c, const struct reply *r)
{
    bool answered_too_early = c->out.len > 0;
    if (answered_too_early || (r->code != 220 && r->code < 400))
        client_fail_unexpected(c);
    else if (r->code == 220)
        client_move(c, CLIENT_HANDSHAKE);
    else if (c->settings.tls_required)
        client_give_up(c, SMTP_STAGE_STARTTLS, r);
    else
        client_authenticate(c);
}
