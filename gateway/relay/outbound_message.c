#include "gateway/relay/outbound_private.h"

#include "gateway/base/clock.h"
#include "gateway/base/mem.h"
#include "gateway/relay/outbound_header.h"
#include "gateway/route/accept.h"
#include "gateway/route/loop_trace.h"

enum { BODY_PIECE = 64 * 1024 };

void
outbound_settle(struct outbound *b)
{
    struct delivery *d = b->d;
    b->d = NULL;
    b->unrecorded++;
    mem_free(&b->scratch);
    buf_clear(&b->prefix);
    if (b->prefix.cap > OUTBOUND_PREFIX_KEPT)
        buf_shrink(&b->prefix);
    outlet_settle(b->outlet, &d, b->outcomes, b);
}

void
outbound_give_back(struct outbound *b)
{
    struct delivery *d = b->d;
    b->d = NULL;
    outlet_put_back(b->outlet, d);
}

bool
outbound_is_ready(const struct outbound *b)
{
    return b->engine != NULL && b->d == NULL && !b->retiring &&
           smtp_client_task(b->engine) == SMTP_TASK_READY;
}

static bool
make_room(struct outbound *b, size_t count)
{
    if (count <= b->room_count)
        return true;
    struct smtp_outcome *outcomes = mem_resize(b->outcomes, count * sizeof *outcomes);
    if (outcomes != NULL)
        b->outcomes = outcomes;
    struct slice *addresses = mem_resize(b->addresses, count * sizeof *addresses);
    if (addresses != NULL)
        b->addresses = addresses;
    struct smtp_to *to = mem_resize(b->to, count * sizeof *to);
    if (to != NULL)
        b->to = to;
    if (outcomes == NULL || addresses == NULL || to == NULL)
        return false;
    b->room_count = count;
    return true;
}

/* Our trace field stands before everything else that leaves. */
static bool
make_prefix(struct outbound *b)
{
    unsigned char hash[LOOP_TRACE_HASH];
    struct slice connector = slice_str(b->outlet->name);
    buf_clear(&b->prefix);
    if (!loop_trace_hash(&b->outlet->worker->shop->trace_key, connector, b->addresses,
                         b->d->open_count, hash))
        return false;
    loop_trace_put(&b->prefix, slice_str(b->runtime->config->hostname), connector, hash);
    return buf_ok(&b->prefix);
}

/* Would a hairpin lead back to the servers that the message came from (design.md 10, own forest)?
 * The route has judged servers that are written as addresses; a name is known only now. */
static bool
leads_back(const struct outbound *b)
{
    const struct receive_connector *from =
        config_receive(b->runtime->config, b->d->parcel->envelope.receive_connector);
    for (size_t i = 0; from != NULL && i < from->speaks_for_count; i++) {
        const struct forest *own = from->speaks_for[i];
        for (size_t k = 0; own->hairpin && k < own->deliver_count; k++)
            if (own->deliver[k] == b->connector)
                return accept_network(from, (const struct sockaddr *)&b->lane->addr) != NULL;
    }
    return false;
}

/* Without a word to the server. */
static void
refuse_here(struct outbound *b, struct reply r)
{
    for (size_t n = 0; n < b->d->open_count; n++)
        b->outcomes[n] = (struct smtp_outcome){.reply = r, .stage = SMTP_STAGE_RCPT};
    outbound_settle(b);
}

static void
log_unreadable(const struct outbound *b, const struct err *err)
{
    struct log_line line;
    log_begin(&line, b->outlet->worker->shop->log, EV_internal_trouble, b->d->id);
    log_str(&line, "what", "the content of a queued message could not be read");
    log_str(&line, "why", err->text);
    log_end(&line);
}

static struct reply
unreadable_reply(void)
{
    return outbound_local_reply(451, "4.3.0", "The content could not be read from the spool");
}

/* Where its header must be looked at, the fields that may leave stand behind ours. */
static bool
begin_body(struct outbound *b)
{
    struct err err;
    const struct parcel *p = b->d->parcel;
    b->prefix_sent = 0;
    b->body_sent = 0;
    b->body_done = false;
    if (!outbound_header_is_filtered(&p->envelope, b->connector) ||
        outbound_header_put(p->body, b->connector->rights, &b->prefix, &b->body_sent, &err))
        return true;
    log_unreadable(b, &err);
    return false;
}

static void
say_to(struct outbound *b, size_t n)
{
    const struct envelope_recipient *r = delivery_recipient(b->d, n);
    b->addresses[n] = r->address;
    b->to[n] = (struct smtp_to){.address = r->address, .notify = r->notify, .orcpt = r->orcpt};
}

void
outbound_send(struct outbound *b, struct delivery **take_d)
{
    uint64_t now = loop_now_ms(b->outlet->worker->loop);
    b->d = *take_d;
    *take_d = NULL;
    size_t count = b->d->open_count;
    bool ready = make_room(b, count);
    for (size_t n = 0; ready && n < count; n++)
        say_to(b, n);
    if (!ready || !make_prefix(b)) {
        outbound_give_back(b); /* out of memory: another time */
        b->retiring = true;
        return;
    }
    if (leads_back(b)) {
        refuse_here(b, outbound_local_reply(554, "5.4.6",
                                            "The way leads back to the servers it came from"));
        return;
    }
    size_t own = b->prefix.len;
    if (!begin_body(b)) {
        refuse_here(b, unreadable_reply());
        return;
    }
    const struct envelope *e = &b->d->parcel->envelope;
    b->in_content = false;
    b->lap_us = clock_us();
    b->waits_for = WAITS_FOR_SERVER;
    b->sent_count++;
    b->lane->last_turn = ++b->outlet->turn;
    const struct smtp_transaction t = {
        .from = e->from,
        .to = b->to,
        .to_count = count,
        .size = e->size - b->body_sent + b->prefix.len,
        .body = e->body_type,
        .has_bare = e->has_bare,
        .is_unended = e->is_unended && !b->lane->avoids.unended,
        .lead = own,
        .utf8 = e->utf8,
        .dsn_return = e->dsn_return,
        .envid = e->envid,
        .exch50 = outbound_exch50(b),
        .exch50_number = e->exch50_number,
        .auth_anonymous = e->auth == ENVELOPE_AUTH_ANONYMOUS,
        .auth = e->auth == ENVELOPE_AUTH_NAMED ? e->auth_name : slice(NULL, 0),
        .outcomes = b->outcomes,
    };
    smtp_client_send(b->engine, &t, now);
    outbound_drive(b);
}

static void
abort_body(struct outbound *b, const struct err *err)
{
    struct reply r = unreadable_reply();
    log_unreadable(b, err);
    smtp_client_abort(b->engine, &r);
}

bool
outbound_give_body(struct outbound *b, uint64_t now)
{
    if (b->prefix_sent < b->prefix.len) {
        struct slice rest = slice_from(buf_slice(&b->prefix), b->prefix_sent);
        size_t before = rest.len;
        smtp_client_body(b->engine, &rest, now);
        b->prefix_sent += before - rest.len;
        return before != rest.len;
    }
    if (b->body_done) {
        if (b->unrecorded > 0)
            return false; /* the dot waits for the records of the messages before */
        smtp_client_body_end(b->engine, now);
        return true;
    }
    const struct body *body = b->d->parcel->body;
    if (body_is_file(body) && b->scratch == NULL && (b->scratch = mem_new(BODY_PIECE)) == NULL)
        return false;
    struct err err;
    struct slice piece;
    if (!body_read(body, b->body_sent, b->scratch, BODY_PIECE, &piece, &err)) {
        abort_body(b, &err);
        return true;
    }
    if (piece.len == 0) {
        b->body_done = true;
        return true;
    }
    size_t before = piece.len;
    smtp_client_body(b->engine, &piece, now);
    b->body_sent += before - piece.len;
    return before != piece.len;
}
