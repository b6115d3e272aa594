#include "gateway/relay/runtime.h"

#include "gateway/base/mem.h"

static struct tls_key_pair
key_pair_of(const struct certificate *c)
{
    return (struct tls_key_pair){c->certificate_file, c->key_file};
}

static bool
make_listener_tls(const struct listener *l, struct tls_context **out, struct err *err)
{
    size_t count = 1 + l->more_certificates_count;
    struct tls_key_pair *pairs = mem_new(count * sizeof *pairs);
    if (pairs == NULL)
        return err_set(err, ERR_NOMEM, "out of memory");
    pairs[0] = key_pair_of(l->certificate);
    for (size_t i = 1; i < count; i++)
        pairs[i] = key_pair_of(l->more_certificates[i - 1]);
    bool ok = tls_context_new_server(TLS_MODERN, pairs, count, out, err);
    mem_free(&pairs);
    return ok || err_within(err, "listener %s", l->name);
}

static enum tls_trust
trust_of(enum tls_verify verify)
{
    switch (verify) {
    case TLS_VERIFY_NAME:
        return TLS_TRUST_NAME;
    case TLS_VERIFY_CA:
        return TLS_TRUST_CA;
    case TLS_VERIFY_PIN:
        return TLS_TRUST_PIN;
    case TLS_VERIFY_NONE:
        return TLS_TRUST_NONE;
    }
    never("tls_verify has four values");
}

static bool
make_send_tls(const struct send_connector *c, struct tls_context **out, struct err *err)
{
    const struct tls_client_settings settings = {
        .profile = TLS_MODERN,
        .trust = trust_of(c->tls_verify),
        .ca_file = c->tls_ca_file,
        /* struct pin is nothing but its 32 octets. */
        .pins = c->pin_count > 0 ? (const unsigned char(*)[32])c->pins : NULL,
        .pin_count = c->pin_count,
    };
    _Static_assert(sizeof(struct pin) == 32, "pins are handed over as an array of 32 octets");
    return tls_context_new_client(&settings, out, err) ||
           err_within(err, "send connector %s", c->name);
}

bool
runtime_new(struct config **take_config, struct runtime **out, struct err *err)
{
    struct config *config = *take_config;
    *take_config = NULL;
    struct runtime *r = mem_new(sizeof *r);
    if (r == NULL) {
        config_unref(&config);
        return err_set(err, ERR_NOMEM, "out of memory");
    }
    atomic_store(&r->refs, 1);
    r->config = config;
    r->listener_tls = mem_new(config->listener_count * sizeof *r->listener_tls);
    r->send_tls = mem_new(config->send_count * sizeof *r->send_tls);
    bool ok = r->listener_tls != NULL && r->send_tls != NULL;
    if (!ok)
        err_set(err, ERR_NOMEM, "out of memory");
    for (size_t i = 0; ok && i < config->listener_count; i++)
        ok = make_listener_tls(&config->listeners[i], &r->listener_tls[i], err);
    for (size_t i = 0; ok && i < config->send_count; i++)
        ok = make_send_tls(&config->send[i], &r->send_tls[i], err);
    if (!ok) {
        runtime_unref(&r);
        return false;
    }
    *out = r;
    return true;
}

struct runtime *
runtime_ref(struct runtime *r)
{
    atomic_fetch_add(&r->refs, 1);
    return r;
}

void
runtime_unref(struct runtime **ref)
{
    struct runtime *r = *ref;
    *ref = NULL;
    if (r == NULL || atomic_fetch_sub(&r->refs, 1) > 1)
        return;
    for (size_t i = 0; r->listener_tls != NULL && i < r->config->listener_count; i++)
        tls_context_unref(&r->listener_tls[i]);
    for (size_t i = 0; r->send_tls != NULL && i < r->config->send_count; i++)
        tls_context_unref(&r->send_tls[i]);
    mem_free(&r->listener_tls);
    mem_free(&r->send_tls);
    config_unref(&r->config);
    mem_free(&r);
}

struct tls_context *
runtime_listener_tls(const struct runtime *r, const struct listener *l)
{
    return r->listener_tls[l - r->config->listeners];
}

struct tls_context *
runtime_send_tls(const struct runtime *r, const struct send_connector *c)
{
    return r->send_tls[c - r->config->send];
}
