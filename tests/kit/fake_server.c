#include "tests/kit/fake_server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>

#include "gateway/base/ascii.h"
#include "gateway/base/mem.h"
#include "tests/kit/test.h"

enum { RECIPIENTS_MAX = 32 };

const char fake_silence[] = "silence", fake_close[] = "close";

struct fake_session {
    struct fake_session *next;
    struct fake_server *server;
    struct conn *conn;
    char recipients[RECIPIENTS_MAX][FAKE_LINE_MAX];
    size_t recipient_count;
    bool has_sender;
    bool in_content;
    bool over;
};

static void
session_end(struct fake_session *s, bool now)
{
    struct fake_session **at = &s->server->sessions;
    while (*at != s)
        at = &(*at)->next;
    *at = s->next;
    conn_close(&s->conn, now);
    mem_free(&s);
}

static void
say(struct fake_session *s, const char *reply)
{
    if (reply == fake_close)
        s->over = true;
    else if (reply != fake_silence)
        conn_write(s->conn, slice_str(reply));
}

static void
take_recipient(struct fake_session *s, const char *line)
{
    struct slice address = slice_from(slice_str(line), strlen("RCPT TO:<"));
    address = slice_head(address, slice_find(address, '>'));
    assert_true(s->recipient_count < RECIPIENTS_MAX);
    slice_copy_text(s->recipients[s->recipient_count++], FAKE_LINE_MAX, address);
}

static void
take_message(struct fake_session *s)
{
    struct fake_server *f = s->server;
    f->transactions++;
    for (size_t i = 0; i < s->recipient_count; i++) {
        assert_true(f->taken_count < FAKE_TAKEN_MAX);
        snprintf(f->taken[f->taken_count++], FAKE_LINE_MAX, "%s", s->recipients[i]);
    }
}

static const char *
good_answer(struct fake_session *s, const char *line)
{
    if (line[0] == '\0')
        return "220 fake\r\n";
    if (ascii_starts(slice_str(line), "EHLO"))
        return "250-fake\r\n250-PIPELINING\r\n250 8BITMIME\r\n";
    if (strcmp(line, "DATA") == 0)
        return s->recipient_count > 0 ? "354 go\r\n" : "503 5.5.1 nobody\r\n";
    if (ascii_starts(slice_str(line), "RCPT") && !s->has_sender)
        return "503 5.5.1 from whom?\r\n";
    if (strcmp(line, "QUIT") == 0)
        return "221 2.0.0 bye\r\n";
    return "250 2.0.0 fine\r\n";
}

static void
got_line(struct fake_session *s, const char *line)
{
    struct fake_server *f = s->server;
    if (s->in_content && strcmp(line, ".") != 0)
        return;
    if (ascii_starts(slice_str(line), "MAIL") || strcmp(line, "RSET") == 0) {
        s->recipient_count = 0;
        s->has_sender = false;
    }
    f->taken_in_transaction = s->recipient_count;
    const char *reply = f->answer != NULL ? f->answer(f, line) : NULL;
    if (reply == NULL)
        reply = good_answer(s, line);
    bool good = reply[0] == '2';
    if (ascii_starts(slice_str(line), "RCPT") && good)
        take_recipient(s, line);
    if (ascii_starts(slice_str(line), "MAIL"))
        s->has_sender = good;
    if (s->in_content && good)
        take_message(s);
    s->in_content = strcmp(line, "DATA") == 0 && reply[0] == '3';
    say(s, reply);
    if (strcmp(line, "QUIT") == 0)
        s->over = true;
}

static void
on_input(void *owner, struct slice *in)
{
    struct fake_session *s = owner;
    size_t n;
    while (!s->over && (n = slice_find(*in, '\n')) < in->len) {
        char line[FAKE_LINE_MAX];
        slice_copy_text(line, sizeof line, slice_head(*in, n > 0 ? n - 1 : 0));
        slice_skip(in, n + 1);
        got_line(s, line);
    }
    if (s->over)
        session_end(s, false);
}

static void
on_nothing(void *owner)
{
    (void)owner;
}

static void
on_end(void *owner, const struct err *why)
{
    struct fake_session *s = owner;
    (void)why;
    s->conn = NULL;
    session_end(s, true);
}

static void
on_fd(void *context, int fd)
{
    static const struct conn_events events = {on_input, on_nothing, on_nothing, on_end};
    struct fake_server *f = context;
    struct err err;
    struct fake_session *s = mem_new(sizeof *s);
    assert_non_null(s);
    s->server = f;
    s->next = f->sessions;
    f->sessions = s;
    f->connections++;
    s->conn = conn_of_fd(f->loop, fd, &events, s, &err);
    if (s->conn == NULL) {
        session_end(s, true);
        return;
    }
    got_line(s, "");
    if (s->over)
        session_end(s, false);
}

void
fake_server_open(struct fake_server *f, struct loop *l)
{
    struct sockaddr_in any = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct err err;
    *f = (struct fake_server){.loop = l};
    if (!port_open(l, (struct sockaddr *)&any, on_fd, f, &f->port, &err))
        fail_msg("%s", err.text);
}

void
fake_server_deafen(struct fake_server *f)
{
    port_close(&f->port);
}

void
fake_server_close(struct fake_server *f)
{
    while (f->sessions != NULL)
        session_end(f->sessions, true);
    port_close(&f->port);
}

int
fake_server_took(const struct fake_server *f, const char *recipient)
{
    int times = 0;
    for (int i = 0; i < f->taken_count; i++)
        times += strcmp(f->taken[i], recipient) == 0;
    return times;
}
