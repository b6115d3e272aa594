#include "tests/kit/server_driver.h"

#include "gateway/base/ascii.h"

enum { WIRE_MAX = 1 << 20, INPUT_FIRST = 8192 };

struct smtp_server_settings
server_driver_settings(void)
{
    return (struct smtp_server_settings){
        .hostname = slice_str("gw.a.example"),
        .client_text = slice_str("10.1.20.4"),
        .tls_offered = true,
        .tls_required = true,
        .tls_clear_reply = 530,
        .auth_offered = true,
        .auth_required = true,
        .size_max = 10000,
        .recipients_max = 100,
        .idle_ms = 5 * 60 * 1000,
        .greet_ms = 10 * 60 * 1000,
    };
}

void
server_driver_adopt(struct server_driver *d, struct smtp_server *server)
{
    must(server != NULL);
    *d = (struct server_driver){.server = server, .now_ms = SERVER_DRIVER_START};
    buf_init(&d->in, WIRE_MAX);
    must(buf_reserve(&d->in, INPUT_FIRST) != NULL);
    buf_init(&d->said, WIRE_MAX);
    buf_init(&d->asked, WIRE_MAX);
    buf_init(&d->message, WIRE_MAX);
    server_driver_pump(d);
}

void
server_driver_init(struct server_driver *d, const struct smtp_server_settings *settings)
{
    server_driver_adopt(d, smtp_server_new(settings, SERVER_DRIVER_START));
}

void
server_driver_fini(struct server_driver *d)
{
    smtp_server_free(&d->server);
    buf_fini(&d->in);
    buf_fini(&d->said);
    buf_fini(&d->asked);
    buf_fini(&d->message);
}

void
server_driver_prepare(struct server_driver *d, enum smtp_ask ask, const struct reply *reply)
{
    for (size_t i = 0; i < DRIVER_PREPARED; i++) {
        if (d->prepared[i].ask == SMTP_ASK_NOTHING) {
            d->prepared[i].ask = ask;
            d->prepared[i].reply = *reply;
            return;
        }
    }
    never("too many prepared answers");
}

static const struct reply *
take_prepared(struct server_driver *d, enum smtp_ask ask)
{
    for (size_t i = 0; i < DRIVER_PREPARED; i++) {
        if (d->prepared[i].ask == ask) {
            d->prepared[i].ask = SMTP_ASK_NOTHING;
            return &d->prepared[i].reply;
        }
    }
    return NULL;
}

enum smtp_ask
server_driver_open_question(const struct server_driver *d)
{
    return smtp_server_question(d->server)->ask;
}

static void
put_hex(struct buf *to, struct slice octets)
{
    for (size_t i = 0; i < octets.len; i++)
        buf_printf(to, "%02x", (unsigned char)octets.ptr[i]);
}

static void
note_mail(struct buf *to, const struct smtp_mail *mail)
{
    static const char *const bodies[] = {"", " body=7bit", " body=8bitmime", " body=binarymime"};

    buf_put_str(to, "mail <");
    buf_put(to, mail->from.text);
    buf_put_str(to, ">");
    if (mail->size_given)
        buf_printf(to, " size=%llu", (unsigned long long)mail->size);
    buf_put_str(to, bodies[mail->body]);
    if (mail->auth_given) {
        buf_put_str(to, " auth=");
        buf_put(to, mail->auth);
    }
    static const char *const returns[] = {"", " ret=full", " ret=hdrs"};
    buf_put_str(to, mail->utf8 ? " utf8" : "");
    buf_put_str(to, returns[mail->dsn_return]);
    if (mail->envid.len > 0) {
        buf_put_str(to, " envid=");
        buf_put(to, mail->envid);
    }
}

static void
note_rcpt(struct buf *to, const struct smtp_rcpt *rcpt)
{
    static const char *const notifies[] = {" never", " success", " failure", " delay"};

    buf_put_str(to, "rcpt <");
    buf_put(to, rcpt->to.text);
    buf_put_str(to, rcpt->notify != 0 ? "> notify" : ">");
    for (unsigned i = 0; i < COUNT_OF(notifies); i++)
        if (rcpt->notify & 1U << i)
            buf_put_str(to, notifies[i]);
    if (rcpt->orcpt.len > 0) {
        buf_put_str(to, " orcpt=");
        buf_put(to, rcpt->orcpt);
    }
}

/* A line about the question, without octets that would make it two. */
static void
note(struct server_driver *d, const struct smtp_question *q)
{
    struct buf *to = &d->asked;
    switch (q->ask) {
    case SMTP_ASK_NOTHING:
    case SMTP_ASK_BODY: /* how often it comes depends on how the network cut the octets */
        return;
    case SMTP_ASK_STARTTLS:
        buf_put_str(to, "starttls");
        break;
    case SMTP_ASK_AUTH:
        buf_put_str(to, q->auth.mechanism == AUTH_LOGIN ? "auth login " : "auth plain ");
        buf_put(to, q->auth.name);
        buf_put_str(to, " ");
        buf_put(to, q->auth.password);
        break;
    case SMTP_ASK_MAIL:
        note_mail(to, &q->mail);
        break;
    case SMTP_ASK_RCPT:
        note_rcpt(to, &q->rcpt);
        break;
    case SMTP_ASK_EXCH50:
        buf_printf(to, "exch50 %u ", (unsigned)q->exch50.number);
        put_hex(to, q->exch50.blob);
        break;
    case SMTP_ASK_DATA:
        buf_put_str(to, smtp_server_is_chunked(d->server) ? "data chunked" : "data");
        break;
    case SMTP_ASK_MESSAGE:
        buf_printf(to, "message %zu", d->message.len);
        break;
    case SMTP_ASK_RESET:
        buf_put_str(to, "reset");
        break;
    case SMTP_ASK_CLOSE:
        buf_put_str(to, "close ");
        buf_put_str(to, q->close_why);
        break;
    }
    buf_put_char(to, '\n');
}

static struct reply
usual_answer(const struct smtp_question *q)
{
    switch (q->ask) {
    case SMTP_ASK_AUTH:
        if (slice_is(q->auth.password, "secret"))
            return reply_make(235, "2.7.0", "Authentication successful");
        return reply_make(535, "5.7.3", "Authentication unsuccessful");
    case SMTP_ASK_MAIL:
        return reply_make(250, "2.1.0", "Sender OK");
    case SMTP_ASK_RCPT:
        if (ascii_is(q->rcpt.to.local, "nobody"))
            return reply_make(550, "5.1.1", "User unknown");
        return reply_make(250, "2.1.5", "Recipient OK");
    case SMTP_ASK_EXCH50:
        return reply_make(250, "2.0.0", "XEXCH50 OK");
    case SMTP_ASK_DATA:
        return reply_make(354, NULL, "Go");
    case SMTP_ASK_MESSAGE:
        return reply_make(250, "2.6.0", "Queued mail for delivery");
    case SMTP_ASK_NOTHING:
    case SMTP_ASK_STARTTLS:
    case SMTP_ASK_BODY:
    case SMTP_ASK_RESET:
    case SMTP_ASK_CLOSE:
        break;
    }
    never("a question without an answer");
}

static void
take_body(struct server_driver *d, struct slice run)
{
    const struct reply *refusal = take_prepared(d, SMTP_ASK_BODY);

    must(d->transactions == 1);
    buf_put(&d->message, run);
    if (refusal != NULL)
        smtp_server_refuse_content(d->server, refusal);
    smtp_server_took_body(d->server);
}

static void
answer(struct server_driver *d, const struct smtp_question *q)
{
    enum smtp_ask ask = q->ask;
    const struct reply *prepared = take_prepared(d, ask);
    struct reply reply = prepared != NULL ? *prepared : usual_answer(q);

    if (ask == SMTP_ASK_MAIL && reply_is_success(&reply)) {
        must(d->transactions++ == 0);
    } else if (ask == SMTP_ASK_MESSAGE) {
        must(d->transactions-- == 1);
    } else if (ask == SMTP_ASK_DATA) {
        buf_clear(&d->message);
    }
    smtp_server_answer(d->server, &reply, d->now_ms);
}

/* Do what the open question asks. False: there is none, or it stays open. */
static bool
settle_question(struct server_driver *d)
{
    const struct smtp_question *q = smtp_server_question(d->server);

    if (!d->noted)
        note(d, q);
    d->noted = q->ask != SMTP_ASK_NOTHING;
    if (q->ask == SMTP_ASK_NOTHING || q->ask == d->held || q->ask == SMTP_ASK_STARTTLS ||
        q->ask == SMTP_ASK_CLOSE)
        return false;
    d->noted = false;
    if (q->ask == SMTP_ASK_BODY) {
        take_body(d, q->body);
    } else if (q->ask == SMTP_ASK_RESET) {
        must(d->transactions-- == 1);
        smtp_server_did_reset(d->server);
    } else {
        answer(d, q);
    }
    return true;
}

/* False: nothing was to be sent, or nobody reads it. */
static bool
drain(struct server_driver *d)
{
    struct slice out = smtp_server_output(d->server);

    if (d->deaf || out.len == 0)
        return false;
    buf_put(&d->said, out);
    smtp_server_sent(d->server, out.len);
    return true;
}

void
server_driver_pump(struct server_driver *d)
{
    struct slice rest = slice_from(buf_slice(&d->in), d->in_used);
    bool drained;
    do {
        smtp_server_feed(d->server, &rest, d->now_ms);
        drained = drain(d);
    } while (settle_question(d) || drained);

    enum smtp_ask ask = server_driver_open_question(d);
    must(ask != SMTP_ASK_STARTTLS || rest.len == 0);
    d->in_used = ask == SMTP_ASK_CLOSE ? d->in.len : d->in.len - rest.len;
    if (ask == SMTP_ASK_BODY)
        return;
    buf_drop(&d->in, d->in_used);
    d->in_used = 0;
}

void
server_driver_send(struct server_driver *d, struct slice octets)
{
    if (server_driver_open_question(d) == SMTP_ASK_STARTTLS)
        return; /* these are for the handshake */
    const char *before = d->in.data;
    buf_put(&d->in, octets);
    must(buf_ok(&d->in));
    must(d->in.data == before || server_driver_open_question(d) != SMTP_ASK_BODY);
    server_driver_pump(d);
}

void
server_driver_send_str(struct server_driver *d, const char *text)
{
    server_driver_send(d, slice_str(text));
}

void
server_driver_wait(struct server_driver *d, uint64_t ms)
{
    d->now_ms += ms;
    server_driver_pump(d);
}
