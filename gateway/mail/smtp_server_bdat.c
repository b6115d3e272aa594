/*
 * smtp_server_bdat.c - BDAT: content in chunks whose length is said first (RFC 3030).
 *
 * Each BDAT gets one reply, behind its last octet: a chunk that is refused, for whatever reason
 * and in whatever state, is read to its end and thrown away first, since what it holds must never
 * be taken for commands. For the same reason a BDAT whose length nobody can tell is the end of
 * the session.
 *
 * A chunk that fails ends the transaction (RFC 3030 2). What the client has pipelined behind it
 * finds none: each further BDAT gets 503 behind its octets, and the next MAIL begins anew, with
 * RSET or without.
 */
#include "gateway/base/ascii.h"
#include "gateway/mail/smtp_server_private.h"

enum { SIZE_DIGITS = 20 }; /* of the largest number of 64 bits */

static const char invalid[] = "501 5.5.4 Invalid arguments";
static const char too_large[] = "552 5.3.4 Message size exceeds fixed maximum message size";

/* "4000", "86 LAST". False: it does not say how many octets follow. With anything else behind the
 * number the chunk is refused. */
static bool
read_chunk(struct slice args, struct chunk *chunk)
{
    size_t digits = 0;

    while (digits < args.len && ascii_is_digit(args.ptr[digits]))
        digits++;
    struct slice rest = slice_from(args, digits);
    if (digits > SIZE_DIGITS || (rest.len > 0 && !ascii_is_blank(*rest.ptr)))
        return false;
    *chunk = (struct chunk){0};
    if (!ascii_number(slice_head(args, digits), UINT64_MAX, &chunk->size))
        return false;
    chunk->left = chunk->size;
    rest = ascii_trim(rest);
    chunk->last = ascii_is(rest, "LAST");
    if (rest.len > 0 && !chunk->last)
        chunk->refusal = invalid;
    return true;
}

/* The last octet of a chunk is here, and the gateway has taken what it takes. */
static void
end_chunk(struct smtp_server *s)
{
    const struct chunk *chunk = &s->chunk;

    if (chunk->refusal != NULL) {
        server_say(s, chunk->refusal);
        if (s->state == SERVER_CHUNK)
            server_drop_transaction(s);
    } else if (s->content.refused) {
        server_say_reply(s, &s->content.refusal);
        server_drop_transaction(s);
    } else if (chunk->last) {
        server_ask(s, SMTP_ASK_MESSAGE);
    } else {
        buf_put_str(&s->out, "250 2.0.0 ");
        buf_put_num(&s->out, chunk->size);
        server_say(s, " octets received");
        server_move(s, SERVER_CHUNKS);
    }
}

static void
begin_chunk(struct smtp_server *s)
{
    server_move(s, SERVER_CHUNK);
    if (s->chunk.left == 0)
        end_chunk(s);
}

/* The sum is known before the octets come: what will be too large is not given to the gateway. */
static bool
is_too_large(const struct smtp_server *s, uint64_t size)
{
    uint64_t max = s->settings.size_max;

    return max > 0 && (size > max || s->content.octets > max - size);
}

void
server_close_lost(struct smtp_server *s)
{
    server_close(s, SMTP_END_CHUNK, "501 5.5.4 Size of the chunk is no number, closing");
}

void
server_bdat(struct smtp_server *s, struct slice args)
{
    bool first = s->state == SERVER_RCPT;

    if (!read_chunk(args, &s->chunk)) {
        server_close_lost(s);
        return;
    }
    if (first)
        server_begin_content(s, true);
    if (s->chunk.refusal == NULL && is_too_large(s, s->chunk.size))
        s->chunk.refusal = too_large;
    if (first && s->chunk.refusal == NULL)
        server_ask(s, SMTP_ASK_DATA);
    else
        begin_chunk(s);
}

void
server_refuse_bdat(struct smtp_server *s, struct slice args, const char *line)
{
    if (!read_chunk(args, &s->chunk)) {
        server_close_lost(s);
        return;
    }
    pace_begin(&s->content.pace);
    s->chunk.refusal = line;
    if (s->chunk.left == 0)
        end_chunk(s);
}

void
server_got_chunks_data(struct smtp_server *s, const struct reply *reply)
{
    if (reply->code == 421) { /* nobody waits for the octets: we close */
        server_say_reply(s, reply);
        return;
    }
    if (reply->code != 354) {
        s->content.refused = true;
        s->content.refusal = *reply;
    }
    begin_chunk(s);
}

void
server_chunk(struct smtp_server *s, struct slice *in)
{
    struct chunk *chunk = &s->chunk;
    struct slice run = slice_head(*in, chunk->left < in->len ? (size_t)chunk->left : in->len);

    slice_skip(in, run.len);
    chunk->left -= run.len;
    if (chunk->refusal == NULL && !s->content.refused) {
        s->content.octets += run.len;
        server_ask(s, SMTP_ASK_BODY);
        s->question.body = run;
    } else if (chunk->left == 0) {
        end_chunk(s);
    }
}

void
server_chunk_taken(struct smtp_server *s)
{
    if (s->chunk.left == 0)
        end_chunk(s);
}
