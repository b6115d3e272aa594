#include "gateway/relay/inbound_private.h"

#include "gateway/base/mem.h"

/* A balancer sends its header at once. */
enum { HEADER_MS = 10 * 1000 };

bool
inbound_wants_header(const struct inbound *s)
{
    const struct listener *l = s->listener;
    for (size_t i = 0; i < l->proxy_network_count; i++)
        if (network_holds(&l->proxy_networks[i], conn_peer(s->conn)))
            return true;
    return false;
}

bool
inbound_await_header(struct inbound *s)
{
    s->proxy = mem_new(sizeof *s->proxy);
    if (s->proxy == NULL)
        return false;
    proxy_reader_init(s->proxy);
    timer_set(s->timer, loop_now_ms(s->worker->loop) + HEADER_MS);
    return true;
}

void
inbound_log_header(const struct inbound *s, const char *why)
{
    struct log_line line;
    log_begin(&line, s->worker->shop->log, EV_proxy_refused, s->id);
    log_str(&line, "listener", s->listener->name);
    log_str(&line, "client", inbound_client(s));
    log_str(&line, "why", why);
    log_end(&line);
}

void
inbound_header_timeout(struct inbound *s)
{
    s->proxy_late = true;
    inbound_log_header(s, "no PROXY header came within 10 s");
    inbound_end(s, false);
}

/* From here on the client is whom the header names. When it names nobody, the balancer speaks for
 * itself and is known by its own address. Such a session is answered in full but never brings
 * mail, whoever logs on: receive connectors are chosen by the client's network, which is not
 * known, and the balancer's own network must not lend its rights to strangers behind it. */
static bool
take_header(struct inbound *s)
{
    s->no_client = s->proxy->client != PROXY_CLIENT;
    s->proxy_client = s->proxy->client;
    if (s->no_client) {
        s->no_mail = "No mail is taken: the PROXY header does not say who the client is";
    } else {
        slice_copy_text(s->balancer, sizeof s->balancer, slice_str(conn_peer_text(s->conn)));
        conn_set_peer(s->conn, (const struct sockaddr *)&s->proxy->source);
    }
    mem_free(&s->proxy);
    return inbound_greet(s);
}

bool
inbound_read_header(struct inbound *s, struct slice *in)
{
    switch (proxy_read(s->proxy, in)) {
    case PROXY_MORE:
        return false;
    case PROXY_BAD:
        inbound_log_header(s, s->proxy->fault);
        break;
    case PROXY_DONE:
        if (take_header(s))
            return true;
        break;
    }
    inbound_end(s, true);
    return false;
}
