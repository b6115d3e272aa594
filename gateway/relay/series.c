#include "gateway/relay/series.h"

#include "gateway/relay/tls_census.h"

/* The first value of a counter that counts nothing yet. */
static void
begin(counter *c)
{
    counter_add(c, 0);
}

static void
begin_exceptions(struct metrics *m, enum tls_direction direction, const char *connector,
                 enum tls_profile_name profile)
{
    for (unsigned need = 0; profile == TLS_PROFILE_EXCHANGE2003 && need < TLS_NEEDS; need++)
        begin(tls_census_exceptions(m, direction, connector, (enum tls_need)need));
}

void
series_begin(struct metrics *m, const struct config *c)
{
    static const char *const logons[] = {"ok", "remembered", "wrong", "unchecked"};
    begin(metrics_series(m, METRIC_reloads_total, "ok", NULL));
    begin(metrics_series(m, METRIC_reloads_total, "refused", NULL));
    begin(metrics_series(m, METRIC_pressure_mails_total, "slowed", NULL));
    begin(metrics_series(m, METRIC_pressure_mails_total, "refused", NULL));
    for (size_t i = 0; i < c->receive_count; i++) {
        const struct receive_connector *r = &c->receive[i];
        for (size_t k = 0; k < COUNT_OF(logons) && r->account_count > 0; k++)
            begin(metrics_series(m, METRIC_smtp_auth_total, r->name, logons[k]));
        begin_exceptions(m, TLS_RECEIVE, r->name, r->tls_profile);
    }
    for (size_t i = 0; i < c->send_count; i++)
        begin_exceptions(m, TLS_SEND, c->send[i].name, c->send[i].tls_profile);
}
