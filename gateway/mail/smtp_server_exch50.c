/*
 * smtp_server_exch50.c - XEXCH50, by which Exchange 2000 to 2007 send MAPI properties beside a
 * message (exchange-facts.md 3.6).
 *
 * The length is judged before anything is read or allocated: that nobody did so was MS03-046. The
 * blob is as many octets as were said, without a terminator; it goes to the gateway as a whole,
 * and is opaque.
 *
 * After a refusal no blob comes: Exchange sends it when it has read 354. A client that does not
 * wait has its blob taken for commands, which it could have sent as commands, too; each line of
 * it that is none is an error, and the tenth ends the session.
 */
#include "gateway/base/ascii.h"
#include "gateway/mail/smtp_server_private.h"

/* Cut the next word off the front. */
static struct slice
take_word(struct slice *text)
{
    size_t n = 0;

    while (n < text->len && !ascii_is_blank(text->ptr[n]))
        n++;
    struct slice word = slice_head(*text, n);
    *text = ascii_trim(slice_from(*text, n));
    return word;
}

/* "1024 2" */
static bool
read_numbers(struct slice args, uint64_t *size, uint64_t *number)
{
    struct slice first = take_word(&args), second = take_word(&args);

    return args.len == 0 && ascii_number(first, UINT64_MAX, size) && *size > 0 &&
           ascii_number(second, UINT32_MAX, number);
}

/* Why it may not come now, or NULL. */
static const char *
refusal_now(const struct smtp_server *s)
{
    if (!s->authenticated)
        return "504 Need to authenticate first";
    if (s->state == SERVER_MAIL)
        return "503 5.5.2 Need rcpt command";
    if (s->state != SERVER_RCPT || s->exch50.done)
        return "503 5.5.1 Bad sequence of commands";
    return NULL;
}

void
server_exch50(struct smtp_server *s, struct slice args)
{
    struct exch50 *x = &s->exch50;
    const char *refusal = refusal_now(s);
    uint64_t size, number;

    if (refusal != NULL) { /* may be pipelined behind what was refused */
        server_say(s, refusal);
        return;
    }
    if (!read_numbers(args, &size, &number)) {
        server_refuse(s, "501 5.5.4 Invalid arguments");
        return;
    }
    if (size > s->settings.exch50_max) {
        server_say(s, "552 5.3.4 XEXCH50 data exceeds fixed maximum size");
        return;
    }
    server_say(s, "354 Send binary data");
    buf_init(&x->blob, (size_t)size);
    x->left = size;
    x->number = (uint32_t)number;
    x->done = true;
    pace_begin(&s->content.pace);
    server_move(s, SERVER_EXCH50);
}

void
server_blob(struct smtp_server *s, struct slice *in)
{
    struct exch50 *x = &s->exch50;
    struct slice run = slice_head(*in, x->left < in->len ? (size_t)x->left : in->len);

    slice_skip(in, run.len);
    x->left -= run.len;
    buf_put(&x->blob, run);
    if (x->left > 0)
        return;
    server_move(s, SERVER_RCPT);
    if (!buf_ok(&x->blob)) {
        buf_fini(&x->blob);
        server_say(s, "452 4.3.1 Insufficient system resources");
        return;
    }
    server_ask(s, SMTP_ASK_EXCH50);
    s->question.exch50 = (struct smtp_exch50){buf_slice(&x->blob), x->number};
}

void
server_got_exch50(struct smtp_server *s, const struct reply *reply)
{
    server_say_reply(s, reply);
    buf_fini(&s->exch50.blob);
}
