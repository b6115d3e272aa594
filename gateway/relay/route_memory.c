#include "gateway/relay/route_memory.h"

#include "gateway/base/mem.h"
#include "gateway/mail/address.h"

enum { ROWS = 256 };

struct row {
    char domain[DOMAIN_MAX + 1]; /* as written; "" = nothing is remembered here */
    char from[ENVELOPE_CONNECTOR_MAX + 1];
    const struct send_connector *to; /* NULL: no way leads there */
};

struct route_memory {
    struct row rows[ROWS];
};

struct route_memory *
route_memory_new(void)
{
    return mem_new(sizeof(struct route_memory));
}

void
route_memory_free(struct route_memory **m)
{
    mem_free(m);
}

void
route_memory_forget(struct route_memory *m)
{
    for (size_t i = 0; i < ROWS; i++)
        m->rows[i].domain[0] = '\0';
}

/* Behind the last '@': a quoted local part may have others. */
static struct slice
domain_of(struct slice address)
{
    size_t at = address.len;
    while (at > 0 && address.ptr[at - 1] != '@')
        at--;
    return slice_from(address, at);
}

static struct row *
row_of(struct route_memory *m, struct slice domain)
{
    uint32_t hash = 2166136261U;
    for (size_t i = 0; i < domain.len; i++)
        hash = (hash ^ (unsigned char)domain.ptr[i]) * 16777619U;
    return &m->rows[(hash ^ hash >> 16) % ROWS];
}

const struct send_connector *
route_memory_ask(struct route_memory *m, const struct config *config, const struct envelope *e,
                 const struct envelope_recipient *r)
{
    struct slice domain = domain_of(r->address);
    if (domain.len == 0 || domain.len > DOMAIN_MAX ||
        e->receive_connector.len > ENVELOPE_CONNECTOR_MAX)
        return route_queued(config, e->receive_connector, r->address, NULL, 0);
    struct row *row = row_of(m, domain);
    if (slice_is(domain, row->domain) && slice_is(e->receive_connector, row->from))
        return row->to;
    row->to = route_queued(config, e->receive_connector, r->address, NULL, 0);
    slice_copy_text(row->domain, sizeof row->domain, domain);
    slice_copy_text(row->from, sizeof row->from, e->receive_connector);
    return row->to;
}
