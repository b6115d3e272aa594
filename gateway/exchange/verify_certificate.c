/* The certificates that their servers show the gateway (exchange-facts.md 2.5). Get-
 * ExchangeCertificate speaks of the server that it runs on, and does not say which. */
#include "gateway/exchange/verify_private.h"

#include "gateway/route/spaces.h"

/* Does "*.contoso.example" or the name itself cover it? A star stands for one label. */
static bool
covers(struct slice pattern, const char *name)
{
    char text[SPACE_TEXT];
    slice_copy_text(text, sizeof text, pattern);
    if (strcasecmp(text, name) == 0)
        return true;
    const char *dot = strchr(name, '.');
    return strncmp(text, "*.", 2) == 0 && dot != NULL && strcasecmp(text + 1, dot) == 0;
}

struct search {
    const char *name;
    bool found;
};

static bool
compare(void *context, struct slice item)
{
    struct search *s = context;
    s->found = covers(item, s->name);
    return !s->found;
}

static bool
names(const struct listing_record *r, const char *name)
{
    struct search s = {name, false};
    listing_each(verify_value(r, "CertificateDomains"), compare, &s);
    return s.found;
}

static bool
is_for_smtp(const struct listing_record *r)
{
    return listing_has(verify_value(r, "Services"), "SMTP");
}

static void
check_trust(struct verifier *v, const struct listing_record *r, const char *name,
            const struct send_connector *ours)
{
    struct verify_place place = {r, "certificate for", name, "Status"};
    verify_field(v, &place, "Valid", EXCHANGE_STOPS,
                 "Exchange takes STARTTLS away when its certificate is not valid: mail waits");
    place.field = "IsSelfSigned";
    bool by_pin = ours->tls_verify == TLS_VERIFY_PIN || ours->tls_verify == TLS_VERIFY_NONE;
    if (by_pin)
        verify_agrees(v);
    else
        verify_field(v, &place, "False", EXCHANGE_STOPS,
                     "the gateway verifies a chain, and this one has none: mail waits; give the "
                     "server a certificate of a CA, or pin this one (tls: { verify: pin })");
}

/* The certificate that the server would show for this name. */
static const struct listing_record *
find(const struct verifier *v, const char *name)
{
    const struct listing_record *r = NULL, *best = NULL;
    while ((r = verify_next(v, LISTING_CERTIFICATE, r)) != NULL)
        if (names(r, name) && is_for_smtp(r) &&
            (best == NULL || listing_is(verify_value(r, "Status"), "Valid")))
            best = r;
    return best;
}

static void
check_name(struct verifier *v, const char *name, const struct send_connector *ours)
{
    const struct listing_record *r = find(v, name);
    const struct verify_place place = {NULL, "certificate for", name, ""};
    if (r != NULL)
        check_trust(v, r, name, ours);
    else
        verify_differs(v, EXCHANGE_UNKNOWN, &place,
                       "none in the output names it and has SMTP among its services",
                       "such a certificate on the server itself",
                       "without one STARTTLS is not offered (event 12014), or the gateway finds "
                       "another name: mail waits");
}

void
verify_certificates(struct verifier *v)
{
    if (!verify_has_any(v, LISTING_CERTIFICATE, "which certificates the servers show"))
        return;
    for (size_t i = 0; i < v->plan->inbound_count; i++) {
        const struct send_connector *ours = v->plan->inbound[i].ours;
        if (ours->tls_server_name != NULL) {
            check_name(v, ours->tls_server_name, ours);
            continue;
        }
        for (size_t k = 0; k < ours->server_count; k++)
            check_name(v, ours->servers[k].host, ours);
    }
}
