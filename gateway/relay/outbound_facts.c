/* What is to be said of a connection to a server. */
#include "gateway/relay/outbound_private.h"

bool
outbound_may_log_on(const struct outbound *b)
{
    return b->may_log_on;
}

bool
outbound_lost_patience(const struct outbound *b)
{
    return b->lost_patience;
}

bool
outbound_is_masked(const struct outbound *b)
{
    return b->engine != NULL && smtp_client_is_masked(b->engine);
}

const struct tls_trouble *
outbound_trouble(const struct outbound *b)
{
    return b->trouble.kind != TLS_TROUBLE_NONE ? &b->trouble : NULL;
}

struct lane *
outbound_lane(const struct outbound *b)
{
    return b->lane;
}

struct outbound *
outbound_after(const struct outbound *b)
{
    return b->next;
}

uint64_t
outbound_serial(const struct outbound *b)
{
    return b->serial;
}

struct outbound_facts
outbound_facts(const struct outbound *b)
{
    struct outbound_facts facts = {0};
    const struct tls_filter *tls = b->conn ? conn_tls(b->conn) : NULL;
    slice_copy_text(facts.server, sizeof facts.server, slice_str(b->server_text));
    if (b->engine != NULL) {
        const struct ehlo *offers = smtp_client_offers(b->engine);
        facts.offers = hop_offers_of(offers, loop_now_ms(b->outlet->worker->loop));
        facts.offers_dsn = offers->dsn;
    }
    if (tls != NULL && tls_filter_is_open(tls)) {
        facts.tls = tls_filter_version(tls);
        facts.cipher = tls_filter_cipher(tls);
        facts.verified = tls_filter_verified(tls);
        facts.peer_expires_unix_s = tls_filter_peer_expires_unix_s(tls);
    }
    return facts;
}
