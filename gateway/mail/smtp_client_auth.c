#include "gateway/base/base64.h"
#include "gateway/base/mem.h"
#include "gateway/mail/smtp_client_private.h"

/* Put text and a line end as base64. The room is taken first, so that out does not move while it
 * grows and leave a copy behind. */
static void
say_secret(struct smtp_client *c, const char *before, struct slice text)
{
    size_t room = strlen(before) + (text.len + 2) / 3 * 4 + 2;
    if (buf_reserve(&c->out, room) == NULL)
        return;
    c->secret_said = true;
    buf_put_str(&c->out, before);
    base64_encode(&c->out, text);
    buf_put_str(&c->out, "\r\n");
}

/* RFC 4616: nobody to act for, the name, the password. */
static void
say_plain(struct smtp_client *c)
{
    struct slice user = c->settings.user;
    struct slice password = c->settings.password;
    struct buf text;
    buf_init(&text, user.len + password.len + 2);
    char *to = buf_reserve(&text, text.max);
    if (to != NULL) {
        to[0] = '\0';
        memcpy(to + 1, user.ptr, user.len);
        to[1 + user.len] = '\0';
        if (password.len > 0)
            memcpy(to + 2 + user.len, password.ptr, password.len);
        say_secret(c, "AUTH PLAIN ", slice(to, text.max));
        mem_wipe(to, text.max);
    } else {
        c->out.over = true;
    }
    buf_fini(&text);
}

void
client_authenticate(struct smtp_client *c)
{
    if (c->settings.user.len == 0) {
        client_move(c, CLIENT_READY);
    } else if (c->offers.auth_login) {
        client_say(c, "AUTH LOGIN", slice("", 0));
        client_move(c, CLIENT_LOGIN);
    } else if (c->offers.auth_plain) {
        say_plain(c);
        client_move(c, CLIENT_SECRET);
    } else {
        struct reply why = reply_make(451, "5.7.3", "Require basic authentication: %s",
                                      c->offers.auth ? "neither LOGIN nor PLAIN is offered"
                                                     : "AUTH is not offered");
        why.local = true;
        client_give_up(c, SMTP_STAGE_AUTH, &why);
    }
}

/* Is it in the text, as it is or as it is sent? When there is no memory to see, it may be. */
static bool
shows(const struct reply *r, struct slice secret)
{
    struct buf sent;
    buf_init(&sent, secret.len * 2 + 8);
    base64_encode(&sent, secret);
    bool found = !buf_ok(&sent) || memmem(r->text, r->len, sent.data, sent.len) != NULL ||
                 memmem(r->text, r->len, secret.ptr, secret.len) != NULL;
    if (sent.data != NULL)
        mem_wipe(sent.data, sent.cap);
    buf_fini(&sent);
    return found;
}

/* A server that takes a line of AUTH for a command quotes it, and replies reach logs. In what
 * PLAIN sends the password cannot be seen by itself, but it stands behind these words. */
void
client_hide_secret(const struct smtp_client *c, struct reply *r)
{
    struct slice password = c->settings.password;
    if (password.len == 0)
        return;
    if (!shows(r, password) && memmem(r->text, r->len, "AUTH PLAIN ", 11) == NULL)
        return;
    struct reply hidden =
        reply_make(r->code, NULL, "(the server repeats what we logged on with)");
    memcpy(hidden.enhanced, r->enhanced, sizeof hidden.enhanced);
    *r = hidden;
}

/* LOGIN is two questions, whatever their words (exchange-facts.md 3.4). A third one is cancelled.
 */
static void
got_challenge(struct smtp_client *c)
{
    switch (c->state) {
    case CLIENT_LOGIN:
        say_secret(c, "", c->settings.user);
        client_move(c, CLIENT_NAME);
        return;
    case CLIENT_NAME:
        say_secret(c, "", c->settings.password);
        client_move(c, CLIENT_SECRET);
        return;
    case CLIENT_SECRET:
        client_say(c, "*", slice("", 0));
        client_move(c, CLIENT_CANCEL);
        return;
    default:
        client_fail_unexpected(c);
        return;
    }
}

void
client_got_auth(struct smtp_client *c, const struct reply *r)
{
    if (c->state == CLIENT_CANCEL && r->code >= 400) {
        struct reply why = reply_make(451, "4.7.0", "AUTH asked for more than name and password");
        why.local = true;
        client_give_up(c, SMTP_STAGE_AUTH, &why);
    } else if (r->code == 334) {
        got_challenge(c);
    } else if (r->code >= 400) {
        client_give_up(c, SMTP_STAGE_AUTH, r);
    } else if (reply_is_success(r) && c->state == CLIENT_SECRET) {
        c->authenticated = true;
        client_move(c, CLIENT_READY);
    } else {
        client_fail_unexpected(c);
    }
}
