#include "gateway/mail/smtp_server.h"

#include "gateway/base/ascii.h"
#include "gateway/base/mem.h"
#include "gateway/mail/smtp_server_private.h"

/* --------------------------------------------------------------------- output */

void
server_say(struct smtp_server *s, const char *line)
{
    buf_put_str(&s->out, line);
    buf_put_str(&s->out, "\r\n");
}

void
server_say_reply(struct smtp_server *s, const struct reply *reply)
{
    reply_put(&s->out, reply);
    buf_put_str(&s->out, "\r\n");
}

void
server_refuse(struct smtp_server *s, const char *line)
{
    server_say(s, line);
    if (++s->errors >= ERRORS_MAX)
        server_close(
            s, s->state == SERVER_REFUSED ? SMTP_END_REFUSED : SMTP_END_ERRORS,
            "421 4.7.0 Too many errors on this connection, closing transmission channel");
}

struct slice
smtp_server_output(const struct smtp_server *s)
{
    return slice_from(buf_slice(&s->out), s->out_sent);
}

void
smtp_server_sent(struct smtp_server *s, size_t n)
{
    must(n <= s->out.len - s->out_sent);
    s->out_sent += n;
    if (s->out_sent < s->out.len)
        return;
    s->out_sent = 0;
    buf_truncate(&s->out, 0); /* and not buf_clear(): that a reply was lost stays known */
    if (s->out.cap > OUTPUT_KEEP)
        buf_shrink(&s->out);
}

/* Is there room for all that one more command can make us say? A client that sends commands and
 * reads no replies is not read either. */
static bool
has_room(struct smtp_server *s)
{
    if (buf_room(&s->out) < OUTPUT_RESERVE && s->out_sent > 0) {
        buf_drop(&s->out, s->out_sent);
        s->out_sent = 0;
    }
    return buf_room(&s->out) >= OUTPUT_RESERVE;
}

/* ----------------------------------------------------------------------- time */

static void
restart_clock(struct smtp_server *s, uint64_t now_ms)
{
    s->heard_ms = s->waiting_ms = now_ms;
    s->clock_restarts = false;
}

/* At `since` plus `limit` when there is a limit, and that is earlier. */
static void
wake_at(uint64_t *wake, uint64_t since, uint64_t limit)
{
    if (limit > 0 && since + limit < *wake)
        *wake = since + limit;
}

/* When the client has kept us waiting too long. */
static uint64_t
deadline_of(const struct smtp_server *s)
{
    uint64_t deadline = UINT64_MAX;

    /* While any other question is open, the client waits for us. */
    if (s->question.ask != SMTP_ASK_NOTHING && s->question.ask != SMTP_ASK_STARTTLS)
        return deadline;
    wake_at(&deadline, s->heard_ms, s->settings.idle_ms);
    if (!s->proven)
        wake_at(&deadline, s->started_ms, s->settings.greet_ms);
    if (s->in_line)
        wake_at(&deadline, s->line_ms, s->settings.command_ms);
    if (s->state == SERVER_HANDSHAKE)
        wake_at(&deadline, s->heard_ms, s->settings.handshake_ms);
    return deadline;
}

static bool
is_paced(const struct smtp_server *s)
{
    return (server_is_in_content(s) || s->chunk.left > 0) && s->settings.data_rate > 0 &&
           s->question.ask == SMTP_ASK_NOTHING;
}

uint64_t
smtp_server_wake_ms(const struct smtp_server *s)
{
    uint64_t wake = deadline_of(s);

    if (is_paced(s) && s->waiting_ms + pace_left_ms(&s->content.pace) < wake)
        wake = s->waiting_ms + pace_left_ms(&s->content.pace);
    return wake;
}

static void
time_out(struct smtp_server *s)
{
    bool can_say = s->state != SERVER_HANDSHAKE;

    if (s->state == SERVER_REFUSED)
        server_close(s, SMTP_END_REFUSED, NULL);
    else
        server_close(s, SMTP_END_TIMEOUT, can_say ? "421 4.4.1 Connection timed out" : NULL);
}

static bool
is_too_slow(struct smtp_server *s, uint64_t now_ms)
{
    uint64_t waited = now_ms - s->waiting_ms;

    s->waiting_ms = now_ms;
    return is_paced(s) && pace_is_slow(&s->content.pace, waited, s->settings.data_rate);
}

/* ---------------------------------------------------------------------- input */

/* Octets follow that are no commands, and nobody knows how many. */
static bool
announces_chunk(const struct smtp_server *s, struct slice line)
{
    return s->state < SERVER_VERB_STATES && ascii_starts(line, "BDAT");
}

/* A line that is none; line is "" where none of it is there. */
static void
refuse_line(struct smtp_server *s, enum line_result fault, struct slice line)
{
    bool in_sasl = s->state == SERVER_SASL;

    if (announces_chunk(s, line)) {
        server_close_lost(s);
        return;
    }
    server_sasl_end(s);
    switch (fault) {
    case LINE_TOO_LONG:
        server_refuse(s, in_sasl ? "500 5.5.6 Authentication exchange line is too long"
                                 : "500 5.5.2 Line too long");
        return;
    case LINE_BARE_LF:
        /* What follows is a new command for us, and perhaps the same line for a relay before us:
         * we do not go on to find out. */
        server_close(s, SMTP_END_BARE_LF, "500 5.5.2 Lines must end with CRLF");
        return;
    case LINE_NOMEM:
        server_close(s, SMTP_END_MEMORY, "421 4.3.1 Insufficient system resources");
        return;
    case LINE_BARE_CR:
    case LINE_NUL:
        server_refuse(s, "500 5.5.2 Control characters in a command");
        return;
    case LINE_MORE:
    case LINE_DONE:
        break;
    }
    never("a good line is no fault");
}

static void
read_line(struct smtp_server *s, struct slice *in)
{
    struct slice line = slice("", 0);
    enum line_result result = line_read(&s->lines, in, &line);

    s->behind = in;
    if (result != LINE_MORE)
        s->in_line = false;
    if (result == LINE_DONE && s->state == SERVER_SASL)
        server_sasl_line(s, line);
    else if (result == LINE_DONE && s->state == SERVER_REFUSED)
        server_refused_line(s, line);
    else if (result == LINE_DONE)
        server_command(s, line);
    else if (result != LINE_MORE)
        refuse_line(s, result, line);
    s->behind = NULL;
}

static bool
reads_no_line(const struct smtp_server *s)
{
    return s->state == SERVER_CONTENT || s->state == SERVER_EXCH50 || s->chunk.left > 0;
}

static void
read_content(struct smtp_server *s, struct slice *in)
{
    size_t before = in->len;

    if (s->state == SERVER_CONTENT)
        server_content(s, in);
    else if (s->state == SERVER_EXCH50)
        server_blob(s, in);
    else
        server_chunk(s, in);
    pace_took(&s->content.pace, before - in->len);
}

void
smtp_server_feed(struct smtp_server *s, struct slice *in, uint64_t now_ms)
{
    if (s->clock_restarts)
        restart_clock(s, now_ms);
    if (is_too_slow(s, now_ms)) {
        server_close(s, SMTP_END_SLOW, "421 4.4.2 The message came too slowly");
        return;
    }
    if (in->len > 0 && s->question.ask == SMTP_ASK_NOTHING && has_room(s))
        s->heard_ms = now_ms;
    if (now_ms >= deadline_of(s)) {
        time_out(s);
        return;
    }
    server_settle(s);
    while (in->len > 0 && s->question.ask == SMTP_ASK_NOTHING && has_room(s)) {
        if (reads_no_line(s))
            read_content(s, in);
        else
            read_line(s, in);
        server_settle(s);
    }
    if (!s->in_line && line_is_begun(&s->lines)) {
        s->in_line = true;
        s->line_ms = now_ms;
    }
}

uint64_t
smtp_server_data_rate(const struct smtp_server *s)
{
    return s->content.pace.rate;
}

/* ------------------------------------------------------- questions and answers */

const struct smtp_question *
smtp_server_question(const struct smtp_server *s)
{
    return &s->question;
}

void
smtp_server_answer(struct smtp_server *s, const struct reply *reply, uint64_t now_ms)
{
    enum smtp_ask asked = s->question.ask;

    server_close_question(s);
    restart_clock(s, now_ms);
    switch (asked) {
    case SMTP_ASK_AUTH:
        server_got_auth(s, reply);
        break;
    case SMTP_ASK_MAIL:
        server_got_mail(s, reply);
        break;
    case SMTP_ASK_RCPT:
        server_got_rcpt(s, reply);
        break;
    case SMTP_ASK_EXCH50:
        server_got_exch50(s, reply);
        break;
    case SMTP_ASK_DATA:
        server_got_data(s, reply);
        break;
    case SMTP_ASK_MESSAGE:
        server_got_message(s, reply);
        break;
    case SMTP_ASK_NOTHING:
    case SMTP_ASK_STARTTLS:
    case SMTP_ASK_BODY:
    case SMTP_ASK_RESET:
    case SMTP_ASK_CLOSE:
        never("an answer to a question that has none");
    }
    /* 421 says that we close (RFC 5321 3.8), whoever said it. */
    if (reply->code == 421 && s->state != SERVER_OVER)
        server_close(s, SMTP_END_ANSWER, NULL);
    server_settle(s);
}

void
smtp_server_took_body(struct smtp_server *s)
{
    must(s->question.ask == SMTP_ASK_BODY);
    server_close_question(s);
    s->clock_restarts = true;
    if (s->state == SERVER_CHUNK)
        server_chunk_taken(s);
    server_settle(s);
}

/* ------------------------------------------------------------- birth and death */

static struct smtp_server *
new_server(uint64_t now_ms)
{
    struct smtp_server *s = mem_new(sizeof *s);

    if (s == NULL)
        return NULL;
    line_reader_init(&s->lines, SASL_LINE_MAX);
    /* Twice: a command, and what is decoded from it. */
    buf_init(&s->held, 2 * COMMAND_LINE_MAX);
    buf_init(&s->out, OUTPUT_MAX);
    buf_init(&s->hello, HELLO_MAX);
    buf_init(&s->sasl.secret, 4 * CREDENTIAL_MAX);
    buf_init(&s->exch50.blob, 0);
    s->started_ms = s->heard_ms = now_ms;
    if (buf_reserve(&s->out, OUTPUT_FIRST) == NULL)
        smtp_server_free(&s);
    return s;
}

struct smtp_server *
smtp_server_new(const struct smtp_server_settings *settings, uint64_t now_ms)
{
    struct smtp_server *s = new_server(now_ms);

    if (s == NULL)
        return NULL;
    must(settings->hostname.len <= DOMAIN_MAX && settings->client_text.len <= CLIENT_TEXT_MAX);
    s->settings = *settings;
    buf_put_str(&s->out, "220 ");
    buf_put(&s->out, settings->hostname);
    server_say(s, " ESMTP forestgate");
    return s;
}

struct smtp_server *
smtp_server_new_refusing(const struct reply *refusal, struct slice hostname, uint64_t now_ms)
{
    struct smtp_server *s = new_server(now_ms);

    if (s == NULL)
        return NULL;
    /* RFC 5321 4.2.3 puts the name of the host in front of the words. */
    struct reply named =
        reply_make(refusal->code, NULL, "%.*s %s", SLICE_ARG(hostname), refusal->text);
    memcpy(named.enhanced, refusal->enhanced, sizeof named.enhanced);
    server_say_reply(s, &named);
    s->settings.greet_ms = REFUSED_MS;
    server_move(s, SERVER_REFUSED);
    return s;
}

void
smtp_server_free(struct smtp_server **server)
{
    struct smtp_server *s = *server;

    if (s == NULL)
        return;
    server_sasl_end(s);
    line_reader_wipe(&s->lines);
    line_reader_fini(&s->lines);
    buf_fini(&s->held);
    buf_fini(&s->out);
    buf_fini(&s->hello);
    buf_fini(&s->exch50.blob);
    mem_free(server);
}

/* ---------------------------------------------------------------------- facts */

struct slice
smtp_server_hello(const struct smtp_server *s)
{
    return buf_slice(&s->hello);
}

bool
smtp_server_is_esmtp(const struct smtp_server *s)
{
    return s->esmtp;
}

bool
smtp_server_is_chunked(const struct smtp_server *s)
{
    return s->content.chunked;
}

size_t
smtp_server_injected_octets(const struct smtp_server *s)
{
    return s->injected_octets;
}
