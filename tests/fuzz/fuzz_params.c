/* What was taken can be written down in one way that reads back as the same. */
#include "gateway/mail/params.h"
#include "gateway/mail/xtext.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

static void
put(struct buf *to, const struct smtp_mail *mail)
{
    static const char *const bodies[] = {"", " BODY=7BIT", " BODY=8BITMIME", " BODY=BINARYMIME"};

    if (mail->size_given) {
        buf_put_str(to, " SIZE=");
        buf_put_num(to, mail->size);
    }
    buf_put_str(to, bodies[mail->body]);
    if (mail->auth_given) {
        buf_put_str(to, " AUTH=");
        xtext_encode(to, mail->auth);
    }
}

int
LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
    struct slice text = slice((const char *)data, size);
    struct smtp_mail mail = {0}, again = {0};
    const struct smtp_server_settings offers = {.binarymime_offered = size % 2};
    struct buf room, written, room_again;
    const char *refusal = NULL;

    buf_init(&room, size + 1);
    buf_init(&written, 3 * size + 100);
    buf_init(&room_again, 3 * size + 100);
    if (params_read_mail(text, &offers, &room, &mail, &refusal)) {
        for (size_t i = 0; i < mail.auth.len; i++)
            must(mail.auth.ptr[i] >= 0x20 && mail.auth.ptr[i] <= 0x7e);
        put(&written, &mail);
        must(params_read_mail(buf_slice(&written), &offers, &room_again, &again, &refusal));
        must(again.size_given == mail.size_given && again.size == mail.size);
        must(again.body == mail.body && again.auth_given == mail.auth_given);
        must(slice_equal(again.auth, mail.auth));
    } else {
        must(refusal != NULL && refusal[0] == '5' && refusal[3] == ' ');
    }
    buf_fini(&room);
    buf_fini(&written);
    buf_fini(&room_again);
    return 0;
}
