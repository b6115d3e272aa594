#include "gateway/mail/trace.h"

#include "gateway/base/ascii.h"
#include "gateway/base/clock.h"
#include "gateway/mail/address.h"
#include "gateway/mail/fold.h"

/* The engine takes only good names; whatever comes here, no octet of it can end the field, open a
 * comment or quote something. */
static void
put_hello(struct fold *f, struct slice hello)
{
    if (hello.len == 0)
        hello = slice_str("unknown");
    hello = slice_head(hello, DOMAIN_MAX);
    if (domain_is_hello(hello)) {
        fold_put_word(f, "", hello, "");
        return;
    }
    char safe[DOMAIN_MAX];
    for (size_t i = 0; i < hello.len; i++)
        safe[i] = domain_is_hello(slice(hello.ptr + i, 1)) ? hello.ptr[i] : '?';
    fold_put_word(f, "", slice(safe, hello.len), "");
}

static void
put_client(struct fold *f, const struct trace *t)
{
    bool v6 = slice_find(t->client_address, ':') < t->client_address.len;
    const char *literal = v6 ? "[IPv6:" : "[";
    if (t->client_name.len == 0) {
        fold_put_word(f, v6 ? "([IPv6:" : "([", t->client_address, "])");
        return;
    }
    fold_put_word(f, "(", t->client_name, "");
    fold_put_word(f, literal, t->client_address, "])");
}

static void
put_tls(struct fold *f, const struct trace *t)
{
    if (t->tls_version.len == 0)
        return;
    fold_put_word(f, "(", t->tls_version, "");
    fold_put_word(f, "", t->tls_cipher, "");
    size_t start = fold_begin_word(f);
    buf_put_num(f->out, t->tls_bits);
    buf_put_char(f->out, ')');
    fold_end_word(f, start);
}

const char *
trace_protocol(const struct trace *t)
{
    static const char *const names[2][2][2] = {
        /* neither, AUTH; TLS, both */
        {{"ESMTP", "ESMTPA"}, {"ESMTPS", "ESMTPSA"}},
        {{"UTF8SMTP", "UTF8SMTPA"}, {"UTF8SMTPS", "UTF8SMTPSA"}},
    };
    return t->esmtp ? names[t->utf8][t->tls_version.len > 0][t->authenticated] : "SMTP";
}

void
trace_put(struct buf *out, const struct trace *t)
{
    struct fold f = fold_begin(out);
    buf_put_str(out, "Received: from");
    put_hello(&f, t->hello);
    put_client(&f, t);
    fold_put_word(&f, "by ", t->hostname, "");
    fold_put_text(&f, "(forestgate)");
    fold_put_word(&f, "with ", slice_str(trace_protocol(t)), "");
    put_tls(&f, t);
    bool one = t->recipient.len > 0;
    fold_put_word(&f, "id ", t->id, one ? "" : ";");
    if (one)
        fold_put_word(&f, "for <", t->recipient, ">;");

    char date[CLOCK_TEXT];
    clock_rfc5322(t->received_unix_ms, date);
    fold_put_text(&f, date);
    buf_put_str(out, "\r\n");
}

bool
trace_is_hop(struct slice field_name)
{
    return ascii_is(field_name, "Received");
}
