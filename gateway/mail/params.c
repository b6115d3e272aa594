#include "gateway/mail/params.h"

#include "gateway/base/ascii.h"
#include "gateway/mail/xtext.h"

static const char invalid[] = "501 5.5.4 Invalid arguments";
static const char twice[] = "501 5.5.4 Parameter given twice";
static const char unknown[] = "555 5.5.4 Unsupported parameter";
static const char no_binary[] = "555 5.5.4 BODY=BINARYMIME is not supported";

enum { SIZE_DIGITS = 20 }; /* RFC 1870 4 */

struct param {
    struct slice keyword;
    struct slice value;
    bool has_value; /* there was a '=' */
};

/* Where a parameter is decoded to. */
struct target {
    const struct smtp_server_settings *offers;
    struct smtp_mail *mail;
    struct buf *room;
};

static const char *
read_size(struct target *to, struct slice value)
{
    struct smtp_mail *mail = to->mail;

    if (mail->size_given)
        return twice;
    if (value.len == 0 || value.len > SIZE_DIGITS)
        return invalid;
    for (size_t i = 0; i < value.len; i++)
        if (!ascii_is_digit(value.ptr[i]))
            return invalid;
    mail->size_given = true;
    if (!ascii_number(value, UINT64_MAX, &mail->size))
        mail->size = UINT64_MAX; /* twenty digits may say more: too much in any case */
    return NULL;
}

static const char *
read_body(struct target *to, struct slice value)
{
    if (to->mail->body != SMTP_BODY_UNSAID)
        return twice;
    if (ascii_is(value, "7BIT"))
        to->mail->body = SMTP_BODY_7BIT;
    else if (ascii_is(value, "8BITMIME"))
        to->mail->body = SMTP_BODY_8BITMIME;
    else if (!ascii_is(value, "BINARYMIME"))
        return invalid;
    else if (!to->offers->binarymime_offered)
        return no_binary;
    else
        to->mail->body = SMTP_BODY_BINARYMIME;
    return NULL;
}

/* xtext of a mailbox, or "<>". Whether we believe it is the gateway's question. */
static const char *
read_auth(struct target *to, struct slice value)
{
    size_t before = to->room->len;

    if (to->mail->auth_given)
        return twice;
    if (value.len == 0 || !xtext_decode(to->room, value))
        return invalid;
    struct slice auth = slice_from(buf_slice(to->room), before);
    for (size_t i = 0; i < auth.len; i++)
        if (!ascii_is_print(auth.ptr[i]))
            return invalid;
    to->mail->auth_given = true;
    to->mail->auth = auth;
    return NULL;
}

static const struct {
    const char *keyword;
    const char *(*read)(struct target *to, struct slice value); /* NULL, or the refusal */
} known[] = {
    {"SIZE", read_size},
    {"BODY", read_body},
    {"AUTH", read_auth},
};

static bool
is_keyword(struct slice s)
{
    for (size_t i = 0; i < s.len; i++)
        if (!ascii_is_alnum(s.ptr[i]) && !(s.ptr[i] == '-' && i > 0))
            return false;
    return s.len > 0;
}

/* Cut the next parameter off *text, which begins with blanks. False: it is none. */
static bool
take_param(struct slice *text, struct param *p)
{
    if (!ascii_is_blank(*text->ptr))
        return false;
    *text = ascii_trim(*text);
    size_t end = 0;
    while (end < text->len && !ascii_is_blank(text->ptr[end]))
        end++;
    struct slice word = slice_head(*text, end);
    slice_skip(text, end);
    size_t equals = slice_find(word, '=');
    p->keyword = slice_head(word, equals);
    p->value = slice_from(word, equals + 1);
    p->has_value = equals < word.len;
    return is_keyword(p->keyword);
}

static const char *
read_param(const struct param *p, struct target *to)
{
    for (size_t i = 0; i < COUNT_OF(known); i++)
        if (ascii_is(p->keyword, known[i].keyword))
            return p->has_value ? known[i].read(to, p->value) : invalid;
    return unknown;
}

bool
params_read_mail(struct slice text, const struct smtp_server_settings *offers, struct buf *room,
                 struct smtp_mail *mail, const char **refusal)
{
    struct target to = {offers, mail, room};

    while (ascii_trim(text).len > 0) {
        struct param p;
        *refusal = take_param(&text, &p) ? read_param(&p, &to) : invalid;
        if (*refusal != NULL)
            return false;
    }
    return true;
}

bool
params_read_rcpt(struct slice text, const char **refusal)
{
    struct param p;

    if (ascii_trim(text).len == 0)
        return true;
    *refusal = take_param(&text, &p) ? unknown : invalid;
    return false;
}
