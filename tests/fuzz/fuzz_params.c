/* What was taken can be written down in one way that reads back as the same. */
#include "gateway/mail/params.h"

#include "gateway/base/ascii.h"
#include "gateway/mail/xtext.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

static void
put(struct buf *to, const struct smtp_mail *mail)
{
    static const char *const bodies[] = {"", " BODY=7BIT", " BODY=8BITMIME", " BODY=BINARYMIME"};
    static const char *const returns[] = {"", " RET=FULL", " RET=HDRS"};

    if (mail->size_given) {
        buf_put_str(to, " SIZE=");
        buf_put_num(to, mail->size);
    }
    buf_put_str(to, bodies[mail->body]);
    buf_put_str(to, mail->utf8 ? " SMTPUTF8" : "");
    buf_put_str(to, returns[mail->dsn_return]);
    if (mail->envid.len > 0) {
        buf_put_str(to, " ENVID=");
        buf_put(to, mail->envid);
    }
    if (mail->auth_given) {
        buf_put_str(to, " AUTH=");
        xtext_encode(to, mail->auth);
    }
}

/* xtext of printable ASCII? */
static void
must_be_plain(struct slice xtext)
{
    struct buf plain;

    buf_init(&plain, xtext.len + 1);
    must(xtext_decode(&plain, xtext));
    for (size_t i = 0; i < plain.len; i++)
        must(ascii_is_print(plain.data[i]));
    buf_fini(&plain);
}

static void
read_mail(struct slice text, const struct smtp_server_settings *offers)
{
    struct smtp_mail mail = {0}, again = {0};
    struct buf room, written, room_again;
    const char *refusal = NULL;

    buf_init(&room, text.len + 1);
    buf_init(&written, 3 * text.len + 100);
    buf_init(&room_again, 3 * text.len + 100);
    must(buf_reserve(&room, text.len + 1) != NULL);
    must(buf_reserve(&room_again, 3 * text.len + 100) != NULL);
    if (params_read_mail(text, offers, &room, &mail, &refusal)) {
        for (size_t i = 0; i < mail.auth.len; i++)
            must(ascii_is_print(mail.auth.ptr[i]));
        must(offers->smtputf8_offered || !mail.utf8);
        must(mail.envid.len <= DSN_ENVID_MAX);
        must_be_plain(mail.envid);
        put(&written, &mail);
        must(params_read_mail(buf_slice(&written), offers, &room_again, &again, &refusal));
        must(again.size_given == mail.size_given && again.size == mail.size);
        must(again.body == mail.body && again.auth_given == mail.auth_given);
        must(again.utf8 == mail.utf8 && again.dsn_return == mail.dsn_return);
        must(slice_equal(again.auth, mail.auth) && slice_equal(again.envid, mail.envid));
    } else {
        must(refusal != NULL && refusal[0] == '5' && refusal[3] == ' ');
    }
    buf_fini(&room);
    buf_fini(&written);
    buf_fini(&room_again);
}

static void
read_rcpt(struct slice text)
{
    struct smtp_rcpt rcpt = {0};
    struct buf room;
    const char *refusal = NULL;

    buf_init(&room, text.len + 1);
    if (params_read_rcpt(text, &room, &rcpt, &refusal)) {
        must(rcpt.notify <= DSN_NOTIFY_DELAY * 2 - 1);
        must(!(rcpt.notify & DSN_NOTIFY_NEVER) || rcpt.notify == DSN_NOTIFY_NEVER);
        must(rcpt.orcpt.len <= DSN_ORCPT_MAX);
        must_be_plain(slice_from(rcpt.orcpt, slice_find(rcpt.orcpt, ';') + 1));
    } else {
        must(refusal != NULL && refusal[0] == '5' && refusal[3] == ' ');
    }
    buf_fini(&room);
}

/* The first octet says what is offered. */
int
LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
    if (size == 0)
        return 0;
    const struct smtp_server_settings offers = {.smtputf8_offered = data[0] & 2};
    struct slice text = slice((const char *)data + 1, size - 1);
    read_mail(text, &offers);
    read_rcpt(text);
    return 0;
}
