#include "gateway/mail/params.h"

#include "gateway/base/ascii.h"
#include "gateway/mail/xtext.h"

static const char invalid[] = "501 5.5.4 Invalid arguments";
static const char twice[] = "501 5.5.4 Parameter given twice";
static const char unknown[] = "555 5.5.4 Unsupported parameter";

enum { SIZE_DIGITS = 20 }; /* RFC 1870 4 */

struct param {
    struct slice keyword;
    struct slice value;
    bool has_value; /* there was a '=' */
};

/* Where a parameter is read to. */
struct target {
    const struct smtp_server_settings *offers; /* MAIL only, as is mail */
    struct smtp_mail *mail;
    struct smtp_rcpt *rcpt; /* RCPT only */
    struct buf *room;
};

/* ------------------------------------------------------------------------ MAIL */

static const char *
read_size(struct target *to, const struct param *p)
{
    struct smtp_mail *mail = to->mail;

    if (mail->size_given)
        return twice;
    if (p->value.len == 0 || p->value.len > SIZE_DIGITS)
        return invalid;
    for (size_t i = 0; i < p->value.len; i++)
        if (!ascii_is_digit(p->value.ptr[i]))
            return invalid;
    mail->size_given = true;
    if (!ascii_number(p->value, UINT64_MAX, &mail->size))
        mail->size = UINT64_MAX; /* twenty digits may say more: too much in any case */
    return NULL;
}

static const char *
read_body(struct target *to, const struct param *p)
{
    if (to->mail->body != SMTP_BODY_UNSAID)
        return twice;
    if (ascii_is(p->value, "7BIT"))
        to->mail->body = SMTP_BODY_7BIT;
    else if (ascii_is(p->value, "8BITMIME"))
        to->mail->body = SMTP_BODY_8BITMIME;
    else if (ascii_is(p->value, "BINARYMIME"))
        to->mail->body = SMTP_BODY_BINARYMIME;
    else
        return invalid;
    return NULL;
}

/* Decode xtext of at least one character to the room: printable ASCII, as what it says ends up in
 * header fields. *decoded is part of the room. */
static bool
decode(struct buf *room, struct slice value, struct slice *decoded)
{
    size_t before = room->len;

    if (value.len == 0 || !xtext_decode(room, value))
        return false;
    *decoded = slice_from(buf_slice(room), before);
    for (size_t i = 0; i < decoded->len; i++)
        if (!ascii_is_print(decoded->ptr[i]))
            return false;
    return true;
}

/* Is it such xtext? */
static bool
is_xtext(struct buf *room, struct slice value)
{
    size_t before = room->len;
    struct slice decoded;
    bool is = decode(room, value, &decoded);

    buf_truncate(room, before);
    return is;
}

/* xtext of a mailbox, or "<>". Whether we believe it is the gateway's question. */
static const char *
read_auth(struct target *to, const struct param *p)
{
    if (to->mail->auth_given)
        return twice;
    if (!decode(to->room, p->value, &to->mail->auth))
        return invalid;
    to->mail->auth_given = true;
    return NULL;
}

static const char *
read_utf8(struct target *to, const struct param *p)
{
    if (!to->offers->smtputf8_offered)
        return unknown;
    if (to->mail->utf8)
        return twice;
    if (p->has_value)
        return invalid;
    to->mail->utf8 = true;
    return NULL;
}

static const char *
read_ret(struct target *to, const struct param *p)
{
    if (to->mail->dsn_return != DSN_RETURN_UNSAID)
        return twice;
    if (ascii_is(p->value, "FULL"))
        to->mail->dsn_return = DSN_RETURN_FULL;
    else if (ascii_is(p->value, "HDRS"))
        to->mail->dsn_return = DSN_RETURN_HEADERS;
    else
        return invalid;
    return NULL;
}

static const char *
read_envid(struct target *to, const struct param *p)
{
    if (to->mail->envid.len > 0)
        return twice;
    if (p->value.len > DSN_ENVID_MAX || !is_xtext(to->room, p->value))
        return invalid;
    to->mail->envid = p->value;
    return NULL;
}

/* ------------------------------------------------------------------------ RCPT */

/* One word of NOTIFY; 0 = none. */
static unsigned
notify_named(struct slice word)
{
    static const struct {
        const char *word;
        enum dsn_notify notify;
    } words[] = {
        {"NEVER", DSN_NOTIFY_NEVER},
        {"SUCCESS", DSN_NOTIFY_SUCCESS},
        {"FAILURE", DSN_NOTIFY_FAILURE},
        {"DELAY", DSN_NOTIFY_DELAY},
    };

    for (size_t i = 0; i < COUNT_OF(words); i++)
        if (ascii_is(word, words[i].word))
            return words[i].notify;
    return 0;
}

/* NEVER, or a list of the others. */
static const char *
read_notify(struct target *to, const struct param *p)
{
    unsigned notify = 0;

    if (to->rcpt->notify != DSN_NOTIFY_UNSAID)
        return twice;
    for (size_t at = 0; at <= p->value.len;) {
        struct slice rest = slice_from(p->value, at);
        struct slice word = slice_head(rest, slice_find(rest, ','));
        if (notify_named(word) == 0)
            return invalid;
        notify |= notify_named(word);
        at += word.len + 1;
    }
    if ((notify & DSN_NOTIFY_NEVER) && notify != DSN_NOTIFY_NEVER)
        return invalid;
    to->rcpt->notify = notify;
    return NULL;
}

static bool
is_address_type(struct slice type)
{
    for (size_t i = 0; i < type.len; i++)
        if (!ascii_is_alnum(type.ptr[i]) && slice_find(slice_str("-._"), type.ptr[i]) == 3)
            return false;
    return type.len > 0;
}

/* "rfc822;" and xtext. An address in UTF-8 stands there in ASCII: RFC 6533 3 has a form of it
 * that is, and one that is not. */
static const char *
read_orcpt(struct target *to, const struct param *p)
{
    size_t semicolon = slice_find(p->value, ';');

    if (to->rcpt->orcpt.len > 0)
        return twice;
    if (p->value.len > DSN_ORCPT_MAX || !is_address_type(slice_head(p->value, semicolon)) ||
        !is_xtext(to->room, slice_from(p->value, semicolon + 1)))
        return invalid;
    to->rcpt->orcpt = p->value;
    return NULL;
}

/* ------------------------------------------------------------------- parameters */

struct known {
    const char *keyword;
    const char *(*read)(struct target *to, const struct param *p); /* NULL, or the refusal */
};

static const struct known at_mail[] = {
    {"SIZE", read_size},     {"BODY", read_body}, {"AUTH", read_auth},
    {"SMTPUTF8", read_utf8}, {"RET", read_ret},   {"ENVID", read_envid},
};

static const struct known at_rcpt[] = {
    {"NOTIFY", read_notify},
    {"ORCPT", read_orcpt},
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

/* NULL, or the refusal. */
static const char *
read_all(struct slice text, const struct known *known, size_t count, struct target *to)
{
    while (ascii_trim(text).len > 0) {
        struct param p;
        const char *refusal = take_param(&text, &p) ? unknown : invalid;
        for (size_t i = 0; i < count && refusal == unknown; i++) {
            if (ascii_is(p.keyword, known[i].keyword)) {
                refusal = known[i].read(to, &p);
                break;
            }
        }
        if (refusal != NULL)
            return refusal;
    }
    return NULL;
}

bool
params_read_mail(struct slice text, const struct smtp_server_settings *offers, struct buf *room,
                 struct smtp_mail *mail, const char **refusal)
{
    struct target to = {.offers = offers, .mail = mail, .room = room};

    *refusal = read_all(text, at_mail, COUNT_OF(at_mail), &to);
    return *refusal == NULL;
}

bool
params_read_rcpt(struct slice text, struct buf *room, struct smtp_rcpt *rcpt,
                 const char **refusal)
{
    struct target to = {.rcpt = rcpt, .room = room};

    *refusal = read_all(text, at_rcpt, COUNT_OF(at_rcpt), &to);
    return *refusal == NULL;
}
