/*
 * inbound_exch50.c - what a client sends beside its message by XEXCH50.
 *
 * It is answered 250 also when it is dropped: Exchange would make an event of a refusal, and the
 * message goes on without the blob in any case (exchange-facts.md 1.3, 1.6).
 */
#include "gateway/relay/exch50.h"
#include "gateway/relay/inbound_private.h"

/* What is to be done with it; the blob itself fills up the parcel. */
static enum exch50_fate
keep(struct inbound *s, struct slice blob, uint32_t number)
{
    struct transaction *t = &s->transaction;
    struct envelope *e = &t->parcel->envelope;
    if ((s->connector->rights & RIGHT_ACCEPT_EXCH50) == 0)
        return EXCH50_NO_RIGHT;
    if (smtp_server_refused_some(s->engine))
        return EXCH50_RECIPIENTS;
    e->exch50 = arena_copy(&t->parcel->arena, blob);
    e->exch50_number = number;
    return e->exch50.ptr != NULL ? EXCH50_KEPT : EXCH50_NO_MEMORY;
}

void
inbound_ask_exch50(struct inbound *s, struct slice blob, uint32_t number)
{
    struct reply ok = reply_make(250, "2.0.0", "XEXCH50 OK");
    exch50_count(s->worker->shop->metrics, s->connector->name, keep(s, blob, number));
    inbound_answer(s, &ok);
}

void
inbound_spoil_exch50(struct inbound *s)
{
    struct envelope *e = &s->transaction.parcel->envelope;
    if (e->exch50.len == 0)
        return;
    e->exch50 = slice(NULL, 0);
    exch50_count(s->worker->shop->metrics, s->connector->name, EXCH50_RECIPIENTS);
}
