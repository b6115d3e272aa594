#include "gateway/mail/trace.h"

#include "gateway/base/ascii.h"
#include "gateway/base/clock.h"
#include "gateway/mail/address.h"

enum { LINE_WIDTH = 77 };

/* Words go onto the line while there is room, else onto a new one. */
struct folder {
    struct buf *out;
    size_t line_start; /* where the current line begins in out */
};

/* A word is written behind a blank, in as many parts as it has. When it went past the width, that
 * blank becomes a fold. */
static size_t
begin_word(const struct folder *f)
{
    buf_put_char(f->out, ' ');
    return f->out->len;
}

static void
end_word(struct folder *f, size_t start)
{
    static const char fold[] = "\r\n\t";
    struct buf *out = f->out;
    size_t len = out->len - start;
    if (!buf_ok(out) || out->len - f->line_start <= LINE_WIDTH)
        return;
    if (buf_reserve(out, sizeof fold - 2) == NULL)
        return;
    memmove(out->data + start + sizeof fold - 2, out->data + start, len);
    memcpy(out->data + start - 1, fold, sizeof fold - 1);
    buf_grew(out, sizeof fold - 2);
    f->line_start = start + 1;
}

static void
put_word(struct folder *f, const char *before, struct slice word, const char *behind)
{
    size_t start = begin_word(f);
    buf_put_str(f->out, before);
    buf_put(f->out, word);
    buf_put_str(f->out, behind);
    end_word(f, start);
}

static void
put_text(struct folder *f, const char *word)
{
    put_word(f, word, slice("", 0), "");
}

/* The engine takes only good names; whatever comes here, no octet of it can end the field, open a
 * comment or quote something. */
static void
put_hello(struct folder *f, struct slice hello)
{
    if (hello.len == 0)
        hello = slice_str("unknown");
    hello = slice_head(hello, DOMAIN_MAX);
    if (domain_is_hello(hello)) {
        put_word(f, "", hello, "");
        return;
    }
    char safe[DOMAIN_MAX];
    for (size_t i = 0; i < hello.len; i++)
        safe[i] = domain_is_hello(slice(hello.ptr + i, 1)) ? hello.ptr[i] : '?';
    put_word(f, "", slice(safe, hello.len), "");
}

static void
put_client(struct folder *f, const struct trace *t)
{
    bool v6 = slice_find(t->client_address, ':') < t->client_address.len;
    const char *literal = v6 ? "[IPv6:" : "[";
    if (t->client_name.len == 0) {
        put_word(f, v6 ? "([IPv6:" : "([", t->client_address, "])");
        return;
    }
    put_word(f, "(", t->client_name, "");
    put_word(f, literal, t->client_address, "])");
}

static void
put_tls(struct folder *f, const struct trace *t)
{
    if (t->tls_version.len == 0)
        return;
    put_word(f, "(", t->tls_version, "");
    put_word(f, "", t->tls_cipher, "");
    size_t start = begin_word(f);
    buf_put_num(f->out, t->tls_bits);
    buf_put_char(f->out, ')');
    end_word(f, start);
}

const char *
trace_protocol(bool esmtp, bool tls, bool authenticated)
{
    if (!esmtp)
        return "SMTP";
    if (tls)
        return authenticated ? "ESMTPSA" : "ESMTPS";
    return authenticated ? "ESMTPA" : "ESMTP";
}

void
trace_put(struct buf *out, const struct trace *t)
{
    struct folder f = {.out = out, .line_start = out->len};
    buf_put_str(out, "Received: from");
    put_hello(&f, t->hello);
    put_client(&f, t);
    put_word(&f, "by ", t->hostname, "");
    put_text(&f, "(forestgate)");
    put_word(&f, "with ",
             slice_str(trace_protocol(t->esmtp, t->tls_version.len > 0, t->authenticated)), "");
    put_tls(&f, t);
    bool one = t->recipient.len > 0;
    put_word(&f, "id ", t->id, one ? "" : ";");
    if (one)
        put_word(&f, "for <", t->recipient, ">;");

    char date[CLOCK_TEXT];
    clock_rfc5322(t->received_unix_ms, date);
    put_text(&f, date);
    buf_put_str(out, "\r\n");
}

bool
trace_is_hop(struct slice field_name)
{
    return ascii_is(field_name, "Received");
}
