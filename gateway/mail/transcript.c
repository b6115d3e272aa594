#include "gateway/mail/transcript.h"

#include <inttypes.h>
#include <stdio.h>

#include "gateway/base/ascii.h"

static const char end_of_data[] = "\r\n.\r\n";

void
transcript_init(struct transcript *t,
                void (*on_line)(void *context, bool by_client, struct slice text), void *context)
{
    *t = (struct transcript){.on_line = on_line, .context = context, .unanswered = 1};
    buf_init(&t->client, TRANSCRIPT_LINE_MAX);
    buf_init(&t->server, TRANSCRIPT_LINE_MAX);
}

void
transcript_fini(struct transcript *t)
{
    buf_fini(&t->client);
    buf_fini(&t->server);
}

static void
say_content(struct transcript *t)
{
    char text[40];
    snprintf(text, sizeof text, "<%" PRIu64 " octets>", t->content);
    t->on_line(t->context, true, slice_str(text));
    t->content = 0;
    t->state = TRANSCRIPT_LINES;
}

/* What is cut is the end of a long line. True: the line is whole, in `line`. */
static bool
gather(struct buf *line, struct slice *octets)
{
    size_t n = slice_find(*octets, '\n');
    struct slice piece = slice_head(*octets, n);
    bool is_whole = n < octets->len;
    buf_put(line, slice_head(piece, buf_room(line)));
    slice_skip(octets, is_whole ? n + 1 : n);
    if (is_whole && line->len > 0 && line->data[line->len - 1] == '\r')
        buf_truncate(line, line->len - 1);
    return is_whole;
}

/* ---- The client ---- */

/* The word-th word of a command. */
static struct slice
word_of(struct slice line, unsigned word)
{
    line = ascii_trim(line);
    for (; word > 0; word--)
        line = ascii_trim(slice_from(line, slice_find(line, ' ')));
    return slice_head(line, slice_find(line, ' '));
}

static void
say_auth(struct transcript *t, struct slice line)
{
    char text[100];
    struct slice mechanism = slice_head(word_of(line, 1), 20);
    bool has_response = word_of(line, 2).len > 0;
    snprintf(text, sizeof text, "AUTH %.*s%s", SLICE_ARG(mechanism),
             has_response ? " <authentication response>" : "");
    t->on_line(t->context, true, slice_str(text));
    t->is_auth = true;
}

/* Content may follow when this command is answered by 354. */
static void
doubt(struct transcript *t, uint64_t size)
{
    t->state = TRANSCRIPT_DOUBT;
    t->doubt = t->unanswered;
    t->doubt_size = size;
    t->matched = 2; /* the line before ended with CRLF */
}

static void
got_command(struct transcript *t, struct slice line)
{
    uint64_t size = 0;
    struct slice verb = word_of(line, 0);
    t->unanswered++;
    if (ascii_is(verb, "AUTH")) {
        say_auth(t, line);
        return;
    }
    t->on_line(t->context, true, line);
    if (ascii_is(verb, "DATA"))
        doubt(t, 0);
    else if (ascii_is(verb, "XEXCH50") && ascii_number(word_of(line, 1), UINT32_MAX, &size))
        doubt(t, size);
    else if (ascii_is(verb, "BDAT") && ascii_number(word_of(line, 1), UINT64_MAX / 2, &size) &&
             size > 0) {
        t->state = TRANSCRIPT_COUNTED;
        t->left = size;
    }
}

static void
got_client_line(struct transcript *t)
{
    if (t->is_auth)
        t->on_line(t->context, true, slice_str("<authentication response>"));
    else
        got_command(t, buf_slice(&t->client));
    buf_clear(&t->client);
}

/* Up to the end of data; the rest is a command again. */
static void
pass_dot(struct transcript *t, struct slice *octets)
{
    size_t i = 0;
    while (i < octets->len && t->matched < 5) {
        char c = octets->ptr[i++];
        if (c == end_of_data[t->matched])
            t->matched++;
        else
            t->matched = c == '\r';
    }
    t->content += i;
    slice_skip(octets, i);
    if (t->matched == 5 && t->state == TRANSCRIPT_DOT) {
        t->unanswered++; /* the end of data has a reply of its own */
        say_content(t);
    }
}

static void
pass_counted(struct transcript *t, struct slice *octets)
{
    uint64_t n = octets->len < t->left ? octets->len : t->left;
    t->content += n;
    t->left -= n;
    slice_skip(octets, (size_t)n);
    if (t->left == 0)
        say_content(t);
}

/* Nobody knows yet what it is: it is counted, and looked at for the dot. */
static void
pass_doubt(struct transcript *t, struct slice *octets)
{
    if (t->doubt_size == 0 && t->matched < 5) {
        pass_dot(t, octets);
        return;
    }
    t->content += octets->len;
    slice_skip(octets, octets->len);
}

void
transcript_client(struct transcript *t, struct slice octets)
{
    while (octets.len > 0) {
        if (t->state == TRANSCRIPT_DOUBT)
            pass_doubt(t, &octets);
        else if (t->state == TRANSCRIPT_DOT)
            pass_dot(t, &octets);
        else if (t->state == TRANSCRIPT_COUNTED)
            pass_counted(t, &octets);
        else if (gather(&t->client, &octets))
            got_client_line(t);
    }
}

/* ---- The server ---- */

/* The command that content may follow has its answer. */
static void
end_doubt(struct transcript *t, bool comes)
{
    uint64_t early = t->content;
    if (!comes) {
        if (early > 0)
            say_content(t);
        t->state = TRANSCRIPT_LINES;
        return;
    }
    if (t->doubt_size == 0) {
        t->state = TRANSCRIPT_DOT;
        if (t->matched == 5)
            pass_dot(t, &(struct slice){NULL, 0});
        return;
    }
    t->state = TRANSCRIPT_COUNTED;
    t->left = t->doubt_size > early ? t->doubt_size - early : 0;
    t->unanswered++;
    if (t->left == 0)
        say_content(t);
}

static void
got_server_line(struct transcript *t)
{
    struct slice line = buf_slice(&t->server);
    bool is_last = line.len < 4 || line.ptr[3] != '-';
    uint64_t code = 0;
    t->on_line(t->context, false, line);
    (void)!ascii_number(slice_head(line, 3), 999, &code);
    buf_clear(&t->server);
    if (!is_last)
        return;
    if (t->is_auth && code == 334)
        return; /* the dialogue goes on */
    t->is_auth = false;
    if (t->unanswered > 0)
        t->unanswered--;
    if (t->state == TRANSCRIPT_DOUBT && --t->doubt == 0)
        end_doubt(t, code == 354);
}

void
transcript_server(struct transcript *t, struct slice octets)
{
    while (octets.len > 0)
        if (gather(&t->server, &octets))
            got_server_line(t);
}
