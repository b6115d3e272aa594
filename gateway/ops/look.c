#include "gateway/ops/look.h"

static bool
look_in(enum tls_profile profile, const struct probe_settings *settings,
        const struct probe_target *target, struct probe **out, struct err *err)
{
    const struct tls_client_settings trust = {.profile = profile, .trust = TLS_TRUST_NONE};
    struct tls_context *tls = NULL;
    struct probe_settings s = *settings;
    TRY(tls_context_new_client(&trust, &tls, err));
    s.tls = tls;
    s.profile = profile;
    s.tls_required = true;
    s.user = s.password = NULL;
    s.mail_count = 0;
    bool ok = probe_run(&s, target, 1, out, err);
    tls_context_unref(&tls);
    return ok;
}

bool
look_has_session(const struct probe_result *r)
{
    const struct probe_step *tls = probe_find_step(r, PROBE_TLS, 0);
    return tls != NULL && tls->state != PROBE_CRITICAL && r->has_certificate;
}

/* Is there an address where only the handshake failed? */
static bool
is_worth_lowering(const struct probe *p)
{
    for (size_t i = 0; i < probe_count(p); i++) {
        const struct probe_step *tls = probe_find_step(probe_results(p)[i], PROBE_TLS, 0);
        if (tls != NULL && !look_has_session(probe_results(p)[i]))
            return true;
    }
    return false;
}

bool
look_run(const struct probe_settings *settings, const struct probe_target *target,
         struct look *out, struct err *err)
{
    *out = (struct look){NULL, NULL};
    TRY(look_in(TLS_MODERN, settings, target, &out->modern, err));
    return !is_worth_lowering(out->modern) ||
           look_in(TLS_EXCHANGE2003, settings, target, &out->lowered, err);
}

void
look_fini(struct look *l)
{
    probe_free(&l->modern);
    probe_free(&l->lowered);
}

static const struct probe_result *
first_session(const struct probe_result *const *list, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (look_has_session(list[i]))
            return list[i];
    return NULL;
}

const struct probe_result *
look_find_session(const struct probe_result *const *modern, size_t modern_count,
                  const struct probe_result *const *lowered, size_t lowered_count,
                  enum tls_profile *profile)
{
    const struct probe_result *r = first_session(modern, modern_count);
    *profile = r != NULL ? TLS_MODERN : TLS_EXCHANGE2003;
    return r != NULL ? r : first_session(lowered, lowered_count);
}

const struct probe_result *
look_session(const struct look *l, enum tls_profile *profile)
{
    bool both = l->lowered != NULL;
    return look_find_session(probe_results(l->modern), probe_count(l->modern),
                             both ? probe_results(l->lowered) : NULL,
                             both ? probe_count(l->lowered) : 0, profile);
}
