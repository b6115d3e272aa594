/*
 * However chunks are mixed with other commands, whatever they hold and however the network cuts
 * them: each command gets one reply, and a message that was accepted is its chunks one behind the
 * other, to the octet.
 *
 * Each octet of the input is a command; what the chunks hold is the rest of the input, which the
 * fuzzer will fill with things that look like commands.
 */
#include <stdio.h>

#include "gateway/base/ascii.h"
#include "tests/kit/server_driver.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

enum { SIZE_MAX_SAID = 300 };

struct play {
    struct server_driver d;
    struct buf model; /* the chunks that were taken since the last message */
    size_t cut;
    size_t said_used;
};

static void
send_cut(struct play *p, struct slice text)
{
    for (; text.len > 0; text = slice_from(text, p->cut))
        server_driver_send(&p->d, slice_head(text, p->cut));
}

/* Cut one reply, of one line or several, off what the server said; its code. */
static int
take_reply(struct play *p)
{
    for (;;) {
        struct slice rest = slice_from(buf_slice(&p->d.said), p->said_used);
        size_t lf = slice_find(rest, '\n');
        must(lf < rest.len && lf > 4 && rest.ptr[lf - 1] == '\r');
        p->said_used += lf + 1;
        if (rest.ptr[3] == ' ')
            return (rest.ptr[0] - '0') * 100 + (rest.ptr[1] - '0') * 10 + rest.ptr[2] - '0';
    }
}

static bool
is_closed(const struct play *p)
{
    return server_driver_open_question(&p->d) == SMTP_ASK_CLOSE;
}

/* One command is sent, and its reply is there; one, if the session goes on. */
static int
ask(struct play *p, const char *command, struct slice octets)
{
    send_cut(p, slice_str(command));
    must(octets.len == 0 || p->said_used == p->d.said.len || is_closed(p));
    send_cut(p, octets);
    int code = take_reply(p);
    must(p->said_used == p->d.said.len || is_closed(p));
    return code;
}

static void
do_chunk(struct play *p, size_t n, bool last, const char *more, struct slice content)
{
    char command[64];
    struct slice octets = slice_head(content, n);
    snprintf(command, sizeof command, "BDAT %zu%s%s\r\n", octets.len, last ? " LAST" : "", more);
    int code = ask(p, command, octets);
    if (code == 250)
        buf_put(&p->model, octets);
    if (code == 250 && last)
        must(slice_equal(buf_slice(&p->model), buf_slice(&p->d.message)));
    if (code != 250 || last)
        buf_clear(&p->model);
    must(p->model.len <= SIZE_MAX_SAID);
}

static void
do_command(struct play *p, unsigned char choice, struct slice content)
{
    static const struct {
        const char *text;
        bool ends; /* a chunk before it is forgotten, if it gets 2xx */
    } others[] = {
        {"MAIL FROM:<kim@b.example>\r\n", true},
        {"MAIL FROM:<kim@b.example> BODY=BINARYMIME\r\n", true},
        {"RCPT TO:<lee@a.example>\r\n", false},
        {"RCPT TO:<nobody@a.example>\r\n", false},
        {"RSET\r\n", true},
        {"EHLO mx.b.example\r\n", true},
        {"NOOP\r\n", false},
    };
    struct reply no = reply_make(554, "5.6.0", "No");
    unsigned kind = choice % 16, n = choice / 16;

    if (kind < COUNT_OF(others)) {
        if (ask(p, others[kind].text, slice(NULL, 0)) == 250 && others[kind].ends)
            buf_clear(&p->model);
        return;
    }
    if (kind == 7)
        server_driver_prepare(&p->d, SMTP_ASK_BODY, &no);
    if (kind == 8)
        server_driver_prepare(&p->d, SMTP_ASK_DATA, &no);
    do_chunk(p, (size_t)n * n, kind >= 12, kind == 9 ? " X" : "", content);
    for (size_t i = 0; i < DRIVER_PREPARED; i++)
        p->d.prepared[i].ask = SMTP_ASK_NOTHING;
}

int
LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
    struct smtp_server_settings settings = server_driver_settings();
    struct play p = {0};

    if (size < 2 || size > 2000)
        return 0;
    settings.tls_required = settings.auth_required = false;
    settings.binarymime_offered = true;
    settings.size_max = SIZE_MAX_SAID;
    p.cut = 1 + data[0] % 64U;
    server_driver_init(&p.d, &settings);
    buf_init(&p.model, 2 * SIZE_MAX_SAID);
    must(take_reply(&p) == 220);
    must(ask(&p, "EHLO mx.b.example\r\n", slice(NULL, 0)) == 250);
    for (size_t i = 1; i < size && !is_closed(&p); i++)
        do_command(&p, data[i], slice_from(slice((const char *)data, size), i));
    must(buf_ok(&p.model));
    must(p.d.transactions == smtp_server_in_transaction(p.d.server));
    server_driver_fini(&p.d);
    buf_fini(&p.model);
    return 0;
}
