#include "gateway/mail/spf_fields.h"

#include "gateway/base/ascii.h"
#include "gateway/mail/address.h"
#include "gateway/mail/auth_results.h"
#include "gateway/mail/fold.h"

enum {
    WHY_MAX = 240,
    CLIENT_MAX = 64,
    SENDER_MAX = 450, /* quoted octet by octet it still fits into a line of 998 */
};

const char *
spf_result_name(enum spf_result result)
{
    static const char *const names[] = {"none",     "neutral",   "pass",     "fail",
                                        "softfail", "temperror", "permerror"};
    return names[result];
}

/* Letters, digits and what else needs no quotes in an RFC 5322 atom, and dots between them. */
static bool
is_dot_atom(struct slice text)
{
    static const char more[] = "!#$%&'*+-/=?^_`{|}~";
    char before = '.';

    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (c == '.' && before == '.')
            return false;
        if (c != '.' && !ascii_is_alnum(c) && memchr(more, c, sizeof more - 1) == NULL)
            return false;
        before = c;
    }
    return before != '.';
}

/* RFC 8601 2.2, pvalue: an address whose parts need no quotes, or a domain. */
static bool
is_plain_pvalue(struct slice text)
{
    size_t at = slice_find(text, '@');

    if (at == text.len)
        return domain_is_valid(text);
    return is_dot_atom(slice_head(text, at)) && domain_is_valid(slice_from(text, at + 1));
}

static void
put_quoted(struct buf *out, struct slice text)
{
    buf_put_char(out, '"');
    for (size_t i = 0; i < text.len; i++) {
        char c = ascii_is_print(text.ptr[i]) ? text.ptr[i] : '?';
        if (c == '"' || c == '\\')
            buf_put_char(out, '\\');
        buf_put_char(out, c);
    }
    buf_put_char(out, '"');
}

/* "key=value" and what stands behind it; the value quoted unless it is plain. */
static void
put_pair(struct fold *f, const char *key, struct slice value, bool is_plain, const char *behind)
{
    size_t start = fold_begin_word(f);
    buf_put_str(f->out, key);
    buf_put_char(f->out, '=');
    if (is_plain)
        buf_put(f->out, value);
    else
        put_quoted(f->out, value);
    buf_put_str(f->out, behind);
    fold_end_word(f, start);
}

/* A comment, word by word. */
static void
put_comment(struct fold *f, struct slice receiver, struct slice why)
{
    fold_put_word(f, "(", receiver, ":");
    why = slice_head(why, WHY_MAX);
    while (why.len > 0) {
        size_t len = slice_find(why, ' ');
        size_t start = fold_begin_word(f);
        for (size_t i = 0; i < len; i++) {
            char c = ascii_is_print(why.ptr[i]) ? why.ptr[i] : '?';
            if (c == '(' || c == ')' || c == '\\')
                buf_put_char(f->out, '\\');
            buf_put_char(f->out, c);
        }
        why = slice_from(why, len + 1);
        if (why.len == 0)
            buf_put_char(f->out, ')');
        fold_end_word(f, start);
    }
}

static void
put_auth_results(struct buf *out, const struct spf_fields *s)
{
    struct fold f = fold_begin(out);
    const char *key = s->of_hello ? "smtp.helo" : "smtp.mailfrom";
    struct slice value = s->of_hello ? s->hello : s->sender;

    buf_put_str(out, AUTH_RESULTS_NAME ":");
    fold_put_word(&f, "", s->hostname, ";");
    fold_put_word(&f, "spf=", slice_str(spf_result_name(s->result)), "");
    put_pair(&f, key, value, is_plain_pvalue(value), "");
    buf_put_str(out, "\r\n");
}

static void
put_received_spf(struct buf *out, const struct spf_fields *s)
{
    struct fold f = fold_begin(out);

    buf_put_str(out, "Received-SPF:");
    fold_put_text(&f, spf_result_name(s->result));
    put_comment(&f, s->hostname, s->why);
    put_pair(&f, "client-ip", s->client, is_dot_atom(s->client), ";");
    put_pair(&f, "envelope-from", s->sender, is_dot_atom(s->sender), ";");
    put_pair(&f, "helo", s->hello, is_dot_atom(s->hello), ";");
    fold_put_word(&f, "identity=", slice_str(s->of_hello ? "helo" : "mailfrom"), ";");
    put_pair(&f, "receiver", s->hostname, is_dot_atom(s->hostname), "");
    buf_put_str(out, "\r\n");
}

void
spf_fields_put(struct buf *out, const struct spf_fields *asked)
{
    struct spf_fields s = *asked;

    s.sender = slice_head(s.sender, SENDER_MAX);
    s.hello = slice_head(s.hello, DOMAIN_MAX);
    s.client = slice_head(s.client, CLIENT_MAX);
    if (s.why.len == 0)
        s.why = slice_str("checked");
    put_auth_results(out, &s);
    put_received_spf(out, &s);
}
