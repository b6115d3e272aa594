#include "tests/kit/tls_pair.h"

void
tls_pair_init(struct tls_pair *p, struct tls_context *client, struct tls_context *server,
              const char *host, const char *session_key)
{
    *p = (struct tls_pair){0};
    buf_init(&p->client_wire, PAIR_WIRE_MAX);
    buf_init(&p->server_wire, PAIR_WIRE_MAX);
    buf_init(&p->client_plain, PAIR_PLAIN_MAX);
    buf_init(&p->server_plain, PAIR_PLAIN_MAX);
    p->server = tls_filter_new_server(server, &p->server_wire);
    p->client = tls_filter_new_client(client, host, slice_str(session_key), &p->client_wire);
    must(p->client != NULL && p->server != NULL);
}

void
tls_pair_fini(struct tls_pair *p)
{
    tls_filter_free(&p->client);
    tls_filter_free(&p->server);
    buf_fini(&p->client_wire);
    buf_fini(&p->server_wire);
    buf_fini(&p->client_plain);
    buf_fini(&p->server_plain);
}

static bool
carry(struct buf *wire, struct tls_filter *to, struct buf *plain, size_t step, struct err *err)
{
    if (wire->len == 0 || err->kind != ERR_NONE)
        return false;
    struct slice in = slice_head(buf_slice(wire), step);
    size_t offered = in.len;
    bool ok = tls_filter_feed(to, &in, plain, err);
    if (ok)
        must(in.len == 0 || buf_room(plain) == 0);
    buf_drop(wire, offered - in.len);
    return ok && offered > in.len;
}

bool
tls_pair_carry_to_server(struct tls_pair *p, size_t step)
{
    return carry(&p->client_wire, p->server, &p->server_plain, step, &p->server_err);
}

bool
tls_pair_carry_to_client(struct tls_pair *p, size_t step)
{
    return carry(&p->server_wire, p->client, &p->client_plain, step, &p->client_err);
}

void
tls_pair_carry(struct tls_pair *p, size_t step)
{
    for (bool moved = true; moved;) {
        moved = tls_pair_carry_to_server(p, step);
        if (tls_pair_carry_to_client(p, step))
            moved = true;
    }
}

bool
tls_pair_is_open(const struct tls_pair *p)
{
    return tls_filter_is_open(p->client) && tls_filter_is_open(p->server);
}
