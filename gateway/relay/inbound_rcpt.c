/*
 * inbound_rcpt.c - whose is this recipient, and can what was announced go there?
 */
#include "gateway/relay/inbound_private.h"

static void
log_recipient_refused(const struct inbound *s, struct slice to, const struct route *route)
{
    struct log_line line;
    struct slice from = s->transaction.parcel->envelope.from;
    inbound_log(s, &line, EV_recipient_refused);
    log_str(&line, "client", inbound_client(s));
    log_str(&line, "connector", s->connector->name);
    log_slice(&line, "from", from.len > 0 ? from : slice_str("<>"));
    log_slice(&line, "to", to);
    char room[REPLY_TEXT + 32];
    struct buf reply = {.data = room, .cap = sizeof room, .max = sizeof room - 1};
    reply_put(&reply, &route->d.reply);
    log_slice(&line, "reply", buf_slice(&reply));
    log_str(&line, "why", route->d.why);
    log_end(&line);
}

/* The list grows by doubling inside the arena: at most twice what it needs, gone with it. */
static bool
add_recipient(struct transaction *t, const struct route *route, const struct smtp_rcpt *rcpt)
{
    struct parcel *p = t->parcel;
    struct envelope *e = &p->envelope;
    if (e->recipient_count == t->recipient_room) {
        size_t room = t->recipient_room ? t->recipient_room * 2 : 1;
        struct envelope_recipient *list = arena_new(&p->arena, room * sizeof *list);
        if (list == NULL)
            return false;
        if (e->recipient_count > 0)
            memcpy(list, e->recipients, e->recipient_count * sizeof *list);
        e->recipients = list;
        t->recipient_room = room;
    }
    struct slice address = arena_copy(&p->arena, slice_str(route->address));
    struct slice connector = arena_copy(&p->arena, slice_str(route->connector->name));
    struct slice orcpt = rcpt->orcpt;
    if (orcpt.len > 0)
        orcpt = arena_copy(&p->arena, orcpt);
    if (address.ptr == NULL || connector.ptr == NULL || orcpt.len < rcpt->orcpt.len)
        return false;
    e->recipients[e->recipient_count++] = (struct envelope_recipient){
        .address = address,
        .connector = connector,
        .notify = rcpt->notify,
        .orcpt = orcpt,
    };
    return true;
}

/* The way is known: can what was announced go there? What it cannot take is refused here, where
 * the sending server hears it at once. */
static void
judge_next_hop(const struct inbound *s, struct route *route)
{
    const struct transaction *t = &s->transaction;
    const char *hop = route->connector->name;
    struct hop_offers offers = board_offers(s->worker->shop->board, slice_str(hop), HOP_ANY,
                                            loop_now_ms(s->worker->loop));
    /* Who was offered BINARYMIME says it of everything, and its content decides. */
    enum smtp_body_type body = s->binary_offered ? SMTP_BODY_UNSAID : t->body;
    struct reply reply;
    if (hop_refuses(&offers, body, t->size, &reply))
        decision_set(&route->d, reply, route->connector->where,
                     "by its last EHLO, no server of %s takes it", hop);
    else if (t->parcel->envelope.utf8 && !route->connector->smtputf8)
        decision_set(&route->d, reply_make(553, "5.6.7", "The next server takes no SMTPUTF8"),
                     route->connector->where, "%s has no smtputf8: true", hop);
}

void
inbound_ask_rcpt(struct inbound *s, const struct smtp_rcpt *rcpt)
{
    struct route route;
    route_recipient(s->runtime->config, s->connector, rcpt->to, false, &route);
    if (reply_is_success(&route.d.reply))
        judge_next_hop(s, &route);
    if (!reply_is_success(&route.d.reply))
        log_recipient_refused(s, rcpt->to.text, &route);
    else if (!add_recipient(&s->transaction, &route, rcpt))
        route.d.reply = reply_make(452, "4.3.1", "Insufficient system resources");
    inbound_spoil_exch50(s);
    inbound_answer(s, &route.d.reply);
}
