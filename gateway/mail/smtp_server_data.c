/*
 * smtp_server_data.c - DATA, the content, and its end.
 *
 * Content goes to the gateway as runs of the caller's own input. A message that turns out to be
 * refused is read to its end and thrown away: before the final dot there is no place for a reply.
 */
#include "gateway/mail/smtp_server_private.h"

void
server_begin_content(struct smtp_server *s, bool chunked)
{
    s->content.chunked = chunked;
    dot_reader_init(&s->content.dots, s->settings.normalise_bare_newline);
    s->content.octets = 0;
    pace_begin(&s->content.pace);
    s->content.refused = false;
}

void
server_data(struct smtp_server *s, struct slice args)
{
    if (!server_takes_nothing(s, args))
        return;
    if (s->binary) { /* RFC 3030 3; the transaction stays, BDAT may still come */
        server_refuse(s, "503 5.5.1 Bad sequence of commands");
        return;
    }
    server_begin_content(s, false);
    server_ask(s, SMTP_ASK_DATA);
}

void
server_got_data(struct smtp_server *s, const struct reply *reply)
{
    must(reply->code == 354 || reply->code >= 400);
    if (s->content.chunked) {
        server_got_chunks_data(s, reply);
        return;
    }
    if (reply->code != 354) {
        server_say_reply(s, reply);
        server_drop_transaction(s);
        return;
    }
    /* One line and these words, whatever the gateway's are: Exchange 2003 cannot read a 354 of
     * several (KB 912341). */
    server_say(s, "354 Start mail input; end with <CRLF>.<CRLF>");
    server_move(s, SERVER_CONTENT);
}

/* What is wrong with the content as such, or NULL. In this order and before what the gateway says
 * about it, so that the reply does not depend on how the network cut the octets. */
static const char *
fault_of(const struct smtp_server *s)
{
    const struct content *c = &s->content;

    if (c->dots.bare_newline && !s->settings.normalise_bare_newline)
        return "550 5.6.0 Message has a CR or LF that is not part of CRLF";
    if (c->dots.nul)
        return "550 5.6.0 Message has a NUL character";
    if (s->settings.size_max > 0 && c->octets > s->settings.size_max)
        return "552 5.3.4 Message size exceeds fixed maximum message size";
    return NULL;
}

static void
end_content(struct smtp_server *s)
{
    const char *fault = fault_of(s);

    if (fault != NULL)
        server_say(s, fault);
    else if (s->content.refused)
        server_say_reply(s, &s->content.refusal);

    if (fault != NULL || s->content.refused)
        server_drop_transaction(s);
    else
        server_ask(s, SMTP_ASK_MESSAGE);
}

void
server_content(struct smtp_server *s, struct slice *in)
{
    struct slice run;

    switch (dot_read(&s->content.dots, in, &run)) {
    case DOT_MORE:
        return;
    case DOT_END:
        end_content(s);
        return;
    case DOT_RUN:
        s->content.octets += run.len;
        if (s->content.refused || fault_of(s) != NULL)
            return;
        server_ask(s, SMTP_ASK_BODY);
        s->question.body = run;
        return;
    }
}

void
smtp_server_refuse_content(struct smtp_server *s, const struct reply *reply)
{
    must(s->question.ask == SMTP_ASK_BODY);
    must(reply->code >= 400);
    s->content.refused = true;
    s->content.refusal = *reply;
}

void
server_got_message(struct smtp_server *s, const struct reply *reply)
{
    server_say_reply(s, reply);
    server_move(s, SERVER_READY);
    if (reply_is_success(reply))
        s->errors = 0;
}
