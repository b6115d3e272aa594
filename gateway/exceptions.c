#include "gateway/exceptions.h"

static void
shout(struct workshop *shop, enum log_event event, const char *direction, const char *connector)
{
    struct log_line line;
    log_begin(&line, shop->log, event, 0);
    log_str(&line, "direction", direction);
    log_str(&line, "connector", connector);
    log_end(&line);
}

/* What both kinds of connector have in common. */
static void
look_at(struct workshop *shop, const char *direction, const char *connector, bool tls_required,
        enum tls_profile_name profile, uint64_t *clear, uint64_t *lowered)
{
    if (!tls_required) {
        shout(shop, EV_tls_not_required, direction, connector);
        ++*clear;
    }
    if (profile == TLS_PROFILE_EXCHANGE2003) {
        shout(shop, EV_tls_lowered, direction, connector);
        ++*lowered;
    }
}

void
exceptions_log(struct workshop *shop, const struct config *config)
{
    uint64_t clear = 0, lowered = 0;
    for (size_t i = 0; i < config->receive_count; i++) {
        const struct receive_connector *r = &config->receive[i];
        look_at(shop, "receive", r->name, r->tls_require, r->tls_profile, &clear, &lowered);
    }
    for (size_t i = 0; i < config->send_count; i++) {
        const struct send_connector *s = &config->send[i];
        look_at(shop, "send", s->name, s->tls_require, s->tls_profile, &clear, &lowered);
    }
    counter_set(metrics_series(shop->metrics, METRIC_smtp_clear_connectors, NULL, NULL), clear);
    counter_set(metrics_series(shop->metrics, METRIC_tls_lowered_connectors, NULL, NULL),
                lowered);
}
