#include "gateway/relay/runtime.h"

#include "gateway/base/mem.h"

static struct tls_key_pair
key_pair_of(const struct certificate *c)
{
    return (struct tls_key_pair){c->certificate_file, c->key_file};
}

static enum tls_profile
profile_of(enum tls_profile_name profile)
{
    switch (profile) {
    case TLS_PROFILE_MODERN:
        return TLS_MODERN;
    case TLS_PROFILE_EXCHANGE2003:
        return TLS_EXCHANGE2003;
    }
    never("tls_profile_name has two values");
}

static bool
is_on(const struct receive_connector *r, const struct listener *l)
{
    for (size_t i = 0; i < r->listen_count; i++)
        if (r->listen[i] == l)
            return true;
    return false;
}

/* Where no connector listens, probes may still look. */
static bool
is_asked_for(const struct config *c, const struct listener *l, enum tls_profile_name profile)
{
    size_t on_it = 0;
    for (size_t i = 0; i < c->receive_count; i++) {
        on_it += is_on(&c->receive[i], l);
        if (c->receive[i].tls_profile == profile && is_on(&c->receive[i], l))
            return true;
    }
    return on_it == 0 && profile == TLS_PROFILE_MODERN;
}

static bool
make_profiles(const struct config *c, const struct listener *l, const struct tls_key_pair *pairs,
              size_t count, struct listener_tls *out, struct err *err)
{
    for (unsigned i = 0; i < RUNTIME_PROFILES; i++) {
        enum tls_profile_name profile = (enum tls_profile_name)i;
        if (is_asked_for(c, l, profile))
            TRY(tls_context_new_server(profile_of(profile), pairs, count, &out->of[i], err));
    }
    return true;
}

static bool
make_listener_tls(const struct config *c, const struct listener *l, struct listener_tls *out,
                  struct err *err)
{
    size_t count = 1 + l->more_certificates_count;
    struct tls_key_pair *pairs = mem_new(count * sizeof *pairs);
    if (pairs == NULL)
        return err_set(err, ERR_NOMEM, "out of memory");
    pairs[0] = key_pair_of(l->certificate);
    for (size_t i = 1; i < count; i++)
        pairs[i] = key_pair_of(l->more_certificates[i - 1]);
    bool ok = make_profiles(c, l, pairs, count, out, err);
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

struct tls_client_settings
runtime_send_trust(const struct send_connector *c)
{
    _Static_assert(sizeof(struct pin) == 32, "pins are handed over as an array of 32 octets");
    return (struct tls_client_settings){
        .profile = profile_of(c->tls_profile),
        .trust = trust_of(c->tls_verify),
        .ca_file = c->tls_ca_file,
        /* struct pin is nothing but its 32 octets. */
        .pins = c->pin_count > 0 ? (const unsigned char(*)[32])c->pins : NULL,
        .pin_count = c->pin_count,
    };
}

static bool
make_send_tls(const struct send_connector *c, const struct tls_roots *roots,
              struct tls_context **out, struct err *err)
{
    struct tls_client_settings settings = runtime_send_trust(c);
    settings.roots = roots;
    return tls_context_new_client(&settings, out, err) ||
           err_within(err, "send connector %s", c->name);
}

static bool
make_all_listener_tls(struct runtime *r, struct err *err)
{
    const struct config *c = r->config;
    for (size_t i = 0; i < c->listener_count; i++)
        TRY(make_listener_tls(c, &c->listeners[i], &r->listener_tls[i], err));
    return true;
}

/* The system's roots are read when the first connector wants them, and once. */
static bool
make_all_send_tls(struct runtime *r, struct err *err)
{
    const struct config *c = r->config;
    struct tls_roots *roots = NULL;
    bool ok = true;
    for (size_t i = 0; ok && i < c->send_count; i++) {
        const struct send_connector *s = &c->send[i];
        if (roots == NULL && s->tls_verify == TLS_VERIFY_NAME && s->tls_ca_file == NULL)
            ok = tls_roots_new(&roots, err);
        ok = ok && make_send_tls(s, roots, &r->send_tls[i], err);
    }
    tls_roots_free(&roots);
    return ok;
}

static bool
read_identities(struct runtime *r, struct err *err)
{
    for (size_t i = 0; i < r->config->certificate_count; i++) {
        const struct certificate *c = &r->config->certificates[i];
        if (!tls_identity_of_file(c->certificate_file, &r->identities[i], err))
            return err_within(err, "certificate %s", c->name);
    }
    return true;
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
    r->identities = mem_new(config->certificate_count * sizeof *r->identities);
    bool ok = r->listener_tls != NULL && r->send_tls != NULL && r->identities != NULL;
    if (!ok)
        err_set(err, ERR_NOMEM, "out of memory");
    ok = ok && make_all_listener_tls(r, err) && read_identities(r, err) &&
         make_all_send_tls(r, err);
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
        for (size_t k = 0; k < RUNTIME_PROFILES; k++)
            tls_context_unref(&r->listener_tls[i].of[k]);
    for (size_t i = 0; r->send_tls != NULL && i < r->config->send_count; i++)
        tls_context_unref(&r->send_tls[i]);
    mem_free(&r->listener_tls);
    mem_free(&r->send_tls);
    mem_free(&r->identities);
    config_unref(&r->config);
    mem_free(&r);
}

struct tls_context *
runtime_listener_tls(const struct runtime *r, const struct listener *l,
                     enum tls_profile_name profile)
{
    const struct listener_tls *have = &r->listener_tls[l - r->config->listeners];
    for (unsigned i = profile; i < profile + RUNTIME_PROFILES; i++)
        if (have->of[i % RUNTIME_PROFILES] != NULL)
            return have->of[i % RUNTIME_PROFILES];
    never("every listener has a TLS context");
}

struct tls_context *
runtime_send_tls(const struct runtime *r, const struct send_connector *c)
{
    return r->send_tls[c - r->config->send];
}
