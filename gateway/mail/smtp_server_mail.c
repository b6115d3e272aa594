/*
 * smtp_server_mail.c - MAIL and RCPT: the envelope.
 */
#include "gateway/base/ascii.h"
#include "gateway/base/utf8.h"
#include "gateway/mail/params.h"
#include "gateway/mail/smtp_server_private.h"

static const char no_memory[] = "452 4.3.1 Insufficient system resources";
static const char invalid[] = "501 5.5.4 Invalid arguments";
static const char needs_utf8[] = "553 5.6.7 Address beyond ASCII without SMTPUTF8";

/* A copy of the command's arguments that lasts until the answer, with as much room behind it for
 * what is decoded from it; ptr is NULL when there is no memory. */
static struct slice
hold(struct smtp_server *s, struct slice args)
{
    buf_clear(&s->held);
    if (buf_reserve(&s->held, 2 * args.len) == NULL)
        return slice(NULL, 0);
    buf_put(&s->held, args);
    return buf_slice(&s->held);
}

/* Cut "FROM:" or "TO:" off the front. Blanks before the path are common, and harmless. */
static bool
skip_word(struct slice *rest, const char *word)
{
    if (!ascii_starts(*rest, word))
        return false;
    slice_skip(rest, strlen(word));
    return true;
}

void
server_mail(struct smtp_server *s, struct slice args)
{
    const struct address_rules rules = {.null_ok = true, .utf8_ok = true};
    struct smtp_mail mail = {0};
    const char *refusal;

    if (!skip_word(&args, "FROM:")) {
        server_refuse(s, invalid);
        return;
    }
    struct slice rest = hold(s, args);
    if (rest.ptr == NULL) {
        server_say(s, no_memory);
    } else if (!address_read_path(&rest, rules, &mail.from)) {
        server_say(s, "501 5.1.7 Invalid address");
    } else if (!params_read_mail(rest, &s->settings, &s->held, &mail, &refusal)) {
        server_refuse(s, refusal);
    } else if (!mail.utf8 && !utf8_is_ascii(mail.from.text)) {
        server_say(s, needs_utf8);
    } else if (s->settings.size_max > 0 && mail.size > s->settings.size_max) {
        server_say(s, "552 5.3.4 Message size exceeds fixed maximum message size");
    } else {
        s->utf8 = mail.utf8;
        s->binary = mail.body == SMTP_BODY_BINARYMIME;
        server_ask(s, SMTP_ASK_MAIL);
        s->question.mail = mail;
    }
}

void
server_got_mail(struct smtp_server *s, const struct reply *reply)
{
    server_say_reply(s, reply);
    if (!reply_is_success(reply))
        return;
    s->proven = true;
    s->recipients = 0;
    s->recipients_before = s->said[SMTP_RCPT];
    s->exch50.done = false;
    server_move(s, SERVER_MAIL);
}

void
server_rcpt(struct smtp_server *s, struct slice args)
{
    const struct address_rules rules = {.postmaster_ok = true, .utf8_ok = true};
    struct smtp_rcpt rcpt = {0};
    const char *refusal;

    if (!skip_word(&args, "TO:")) {
        server_refuse(s, invalid);
        return;
    }
    struct slice rest = hold(s, args);
    if (rest.ptr == NULL) {
        server_say(s, no_memory);
    } else if (!address_read_path(&rest, rules, &rcpt.to)) {
        server_say(s, "501 5.1.3 Invalid address");
    } else if (!params_read_rcpt(rest, &s->held, &rcpt, &refusal)) {
        server_refuse(s, refusal);
    } else if (!s->utf8 && !utf8_is_ascii(rcpt.to.text)) {
        server_say(s, needs_utf8);
    } else if (s->settings.recipients_max > 0 && s->recipients >= s->settings.recipients_max) {
        server_say(s, "452 4.5.3 Too many recipients");
    } else {
        server_ask(s, SMTP_ASK_RCPT);
        s->question.rcpt = rcpt;
    }
}

void
server_got_rcpt(struct smtp_server *s, const struct reply *reply)
{
    server_say_reply(s, reply);
    if (!reply_is_success(reply))
        return;
    s->recipients++;
    server_move(s, SERVER_RCPT);
}

bool
smtp_server_refused_some(const struct smtp_server *s)
{
    return s->said[SMTP_RCPT] - s->recipients_before != s->recipients;
}
