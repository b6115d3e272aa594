#include "gateway/base/mem.h"
#include "gateway/net/conn_private.h"

/* One step: decrypt into what the owner left before, or else into the loop's room, from where the
 * owner can take it without a copy of its own. Octets that were authentic are delivered even when
 * what follows them is not. */
static bool
unseal_some(struct conn *c, struct slice *sealed)
{
    struct err why;
    struct buf *plain = &c->loop->plain;
    if (conn_kept(c) > 0)
        plain = conn_keep_room(c);
    bool ok = tls_filter_feed(c->tls, sealed, plain, &why);
    c->tls_holds = ok && buf_room(plain) == 0;
    /* Known before the owner answers what came before it: nothing can be sealed any more. */
    if (!ok && c->trouble.kind == ERR_NONE)
        c->trouble = why;

    if (ok && !c->tls_told && tls_filter_is_open(c->tls)) {
        c->tls_told = true;
        c->events->on_tls(c->owner);
    }
    if (c->state != CONN_OPEN)
        buf_clear(plain);
    else if (plain == &c->in)
        conn_deliver_kept(c);
    else
        conn_deliver(c, buf_slice(plain));
    buf_clear(&c->loop->plain);
    return ok;
}

void
conn_unseal(struct conn *c, struct slice *sealed)
{
    bool ok;
    do
        ok = unseal_some(c, sealed);
    while (ok && c->state == CONN_OPEN && c->tls_holds && !c->input_ended &&
           conn_kept(c) < CONN_INPUT_MAX);

    if (ok && tls_filter_is_ended(c->tls))
        conn_input_ended(c);
}

static bool
begin_handshake(struct conn *c, struct tls_filter *filter, struct err *err)
{
    if (filter == NULL)
        return err_set(err, ERR_NOMEM, "TLS: out of memory");
    c->tls = filter;
    c->era++;
    buf_clear(&c->in);
    c->in_taken = 0;
    conn_at_turn_end(c);
    return true;
}

bool
conn_start_tls_server(struct conn *c, struct tls_context *context, struct err *err)
{
    must(c->state == CONN_OPEN && c->tls == NULL);
    return begin_handshake(c, tls_filter_new_server(context, &c->out), err);
}

bool
conn_start_tls_client(struct conn *c, struct tls_context *context, const char *host,
                      struct slice session_key, struct err *err)
{
    must(c->state == CONN_OPEN && c->tls == NULL);
    struct tls_filter *filter = tls_filter_new_client(context, host, session_key, &c->out);
    return begin_handshake(c, filter, err);
}

const struct tls_filter *
conn_tls(const struct conn *c)
{
    return c->tls;
}
