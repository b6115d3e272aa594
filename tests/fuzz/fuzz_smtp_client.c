/*
 * Any server: the conversation ends or waits, every recipient of a transaction that is over has
 * an outcome, the output is bounded, and how the stream is cut changes nothing. Where TLS is
 * required, neither name nor password nor mail is said in clear. What belongs to an extension is
 * said only to a server that offers it. A chunk has the octets that BDAT announced, or the
 * connection is over; a blob is said only to who has our logon.
 */
#include "gateway/mail/smtp_client.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

enum { RECIPIENTS = 3, OUTPUT_BOUND = 128 * 1024, CONTENT = 4, LEAD = 1 };

static const char binary_content[] = ".\n\0x";

struct talk {
    struct smtp_client *client;
    struct smtp_client_settings settings;
    struct smtp_outcome outcomes[RECIPIENTS];
    struct buf said;
    unsigned messages;
    bool tls;
    bool sending;
    bool envelope_only;
    bool binary;  /* content for BDAT, and a blob for XEXCH50 */
    bool options; /* SMTPUTF8 is needed */
    bool leads;   /* the first octets in a chunk of their own */
    size_t given; /* octets of the content so far */
};

static void
on_reply(void *context, enum smtp_stage stage, const struct reply *r)
{
    const struct talk *t = context;
    must(stage <= SMTP_STAGE_IDLE && r->code >= 200);
    bool knows = t->settings.user.len > 0 && stage >= SMTP_STAGE_AUTH;
    must(!knows || memmem(r->text, r->len, "secret", 6) == NULL);
}

static bool
says(struct slice out, const char *word)
{
    return out.len > 0 && memmem(out.ptr, out.len, word, strlen(word)) != NULL;
}

/* Words of extensions only to who offers these. */
static void
check_extensions(const struct talk *t, struct slice out)
{
    const struct ehlo *offers = smtp_client_offers(t->client);
    must(!says(out, "BODY=BINARYMIME") || (offers->chunking && offers->binary_mime));
    must(!says(out, " SMTPUTF8") || offers->smtputf8);
    must(!says(out, " NOTIFY=") || offers->dsn);
    must(!says(out, " ENVID=") || offers->dsn);
    must(!says(out, "XEXCH50") || offers->xexch50);
    must(!t->options || offers->smtputf8 || !says(out, "MAIL FROM"));
}

static void
note_output(struct talk *t)
{
    struct slice out = smtp_client_output(t->client);
    must(out.len <= OUTPUT_BOUND);
    check_extensions(t, out);
    if (out.len > 0 && t->settings.tls_required && !t->tls) {
        must(memmem(out.ptr, out.len, "AUTH", 4) == NULL);
        must(memmem(out.ptr, out.len, "MAIL", 4) == NULL);
    }
    if (out.len > 0 && t->envelope_only)
        must(memmem(out.ptr, out.len, "DATA", 4) == NULL);
    buf_put(&t->said, out);
    smtp_client_sent(t->client, out.len);
}

static void
check_outcomes(struct talk *t)
{
    for (size_t i = 0; t->sending && i < RECIPIENTS; i++) {
        must(t->outcomes[i].reply.code >= 200);
        must(t->outcomes[i].stage >= SMTP_STAGE_MAIL);
        bool success = reply_is_success(&t->outcomes[i].reply);
        enum smtp_stage taken = t->envelope_only ? SMTP_STAGE_RCPT : SMTP_STAGE_CONTENT;
        must(!success || t->outcomes[i].stage == taken);
    }
    t->sending = false;
}

static void
begin_message(struct talk *t)
{
    static const struct smtp_to to[RECIPIENTS] = {
        {.address = {"a@b", 3}, .notify = DSN_NOTIFY_SUCCESS | DSN_NOTIFY_DELAY},
        {.address = {"c@b", 3}, .notify = DSN_NOTIFY_NEVER, .orcpt = {"rfc822;c@b", 10}},
        {.address = {"d@b", 3}}};
    const struct smtp_transaction mail = {
        .from = slice_str("k@a"),
        .to = to,
        .to_count = RECIPIENTS,
        .size = t->binary ? CONTENT : 0,
        .envelope_only = t->envelope_only,
        .has_bare = t->binary,
        .lead = t->leads ? LEAD : 0,
        .utf8 = t->options,
        .dsn_return = DSN_RETURN_FULL,
        .envid = slice_str("QQ1"),
        .exch50 = slice_str(t->binary ? "blob" : ""),
        .outcomes = t->outcomes,
    };
    t->sending = true;
    t->given = 0;
    t->messages++;
    smtp_client_send(t->client, &mail, 0);
}

/* One task. False: it is the server's turn. */
static bool
do_task(struct talk *t)
{
    struct slice body = slice(t->binary ? binary_content : ".x\r\n", CONTENT);
    switch (smtp_client_task(t->client)) {
    case SMTP_TASK_STARTTLS:
        t->tls = true;
        smtp_client_tls_done(t->client, 0);
        return true;
    case SMTP_TASK_READY:
        if (t->messages < 3)
            begin_message(t);
        else
            smtp_client_quit(t->client, 0);
        return true;
    case SMTP_TASK_BODY:
        must(!t->envelope_only);
        slice_skip(&body, t->given);
        smtp_client_body(t->client, &body, 0);
        t->given = CONTENT - body.len;
        if (body.len == 0)
            smtp_client_body_end(t->client, 0);
        return true;
    case SMTP_TASK_DONE:
        check_outcomes(t);
        smtp_client_next(t->client);
        return true;
    case SMTP_TASK_FAILED:
        check_outcomes(t);
        must(smtp_client_failure(t->client)->reply.code >= 400);
        return false;
    case SMTP_TASK_WAIT:
    case SMTP_TASK_CLOSED:
        return false;
    }
    return false;
}

/* One line of the server in pieces: what follows a line may depend on what we do in between. */
static void
hear_line(struct talk *t, struct slice line, size_t step)
{
    while (line.len > 0) {
        struct slice piece = slice_head(line, step);
        slice_skip(&line, piece.len);
        smtp_client_feed(t->client, &piece, 0);
        must(piece.len == 0);
    }
    do {
        note_output(t);
    } while (do_task(t));
    note_output(t);
}

/* Cut a whole line off the front, without its CRLF. False: there is none. */
static bool
take_line(struct slice *said, struct slice *line)
{
    size_t lf = slice_find(*said, '\n');
    if (lf == said->len)
        return false;
    must(lf > 0 && said->ptr[lf - 1] == '\r');
    *line = slice_head(*said, lf - 1);
    slice_skip(said, lf + 1);
    return true;
}

/* The octets that follow XEXCH50 when it is taken, and BDAT always. True: all of them. */
static bool
take_octets(struct slice *said, struct slice octets)
{
    size_t n = said->len < octets.len ? said->len : octets.len;
    must(n == 0 || memcmp(said->ptr, octets.ptr, n) == 0);
    slice_skip(said, n);
    return n == octets.len;
}

static bool
is_command(struct slice line)
{
    static const char *const verbs[] = {"EHLO ", "HELO ", "STARTTLS", "AUTH ", "a2lt", "c2Vj",
                                        "*",     "MAIL ", "RCPT ",    "RSET",  "QUIT"};
    for (size_t i = 0; i < COUNT_OF(verbs); i++)
        if (slice_starts(line, slice_str(verbs[i])))
            return true;
    return false;
}

/* What a server hears that counts octets: commands, and behind these nothing but commands. */
static void
check_binary(const struct talk *t)
{
    struct slice said = buf_slice(&t->said), line;
    size_t left = CONTENT; /* of this message */
    while (t->binary && take_line(&said, &line)) {
        if (slice_starts(line, slice_str("BDAT "))) {
            must(slice_is(line,
                          t->leads ? left == CONTENT ? "BDAT 1" : "BDAT 3 LAST" : "BDAT 4 LAST"));
            size_t size = t->leads && left == CONTENT ? LEAD : left;
            if (!take_octets(&said, slice(binary_content + CONTENT - left, size)))
                break; /* the connection ended in between */
            left -= size;
        } else if (slice_is(line, "XEXCH50 4 0")) {
            must(t->settings.user.len > 0);
            if (slice_starts(said, slice_str("blob")))
                slice_skip(&said, 4);
        } else {
            must(is_command(line));
            left = CONTENT;
        }
    }
    must(!t->binary || said.len == 0);
}

static void
converse(struct talk *t, unsigned char flags, struct slice in, size_t step)
{
    *t = (struct talk){.settings = {.hello = slice_str("gw")}};
    t->settings.tls_required = flags & 1;
    t->settings.user = slice_str(flags & 2 ? "kim" : "");
    t->settings.password = slice_str("secret");
    t->settings.on_reply = on_reply;
    t->settings.context = t;
    t->envelope_only = flags & 64;
    t->binary = (flags & 32) && !t->envelope_only;
    t->options = flags & 128;
    t->leads = flags & 16;
    buf_init(&t->said, 1 << 20);
    t->client = smtp_client_new(&t->settings, 0);
    must(t->client != NULL);
    while (in.len > 0) {
        size_t lf = slice_find(in, '\n');
        struct slice line = slice_head(in, lf + 1);
        slice_skip(&in, line.len);
        hear_line(t, line, step);
    }
    struct reply lost = reply_make(451, "4.4.2", "lost");
    smtp_client_lost(t->client, &lost);
    while (do_task(t))
        ;
    must(!t->sending);
    check_binary(t);
    smtp_client_free(&t->client);
}

int
LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
    if (size < 2)
        return 0;
    struct slice in = slice((const char *)data + 1, size - 1);
    struct talk whole, cut;
    converse(&whole, data[0], in, in.len);
    converse(&cut, data[0], in, data[0] / 4U % 8 + 1);
    must(slice_equal(buf_slice(&whole.said), buf_slice(&cut.said)));
    must(whole.messages == cut.messages);
    buf_fini(&whole.said);
    buf_fini(&cut.said);
    return 0;
}
