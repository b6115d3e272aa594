#include "gateway/relay/tls_census.h"

#include <string.h>

const char *const tls_need_words[TLS_NEEDS] = {"version", "renegotiation", "certificate", "none"};
const char *const tls_direction_words[TLS_DIRECTIONS] = {"receive", "send"};

counter *
tls_census_exceptions(struct metrics *m, enum tls_direction direction, const char *connector,
                      enum tls_need need)
{
    const char *const values[] = {tls_direction_words[direction], connector,
                                  tls_need_words[need]};
    return metrics_series_of(m, METRIC_tls_exception_sessions_total, values, COUNT_OF(values));
}

static enum tls_need
need_of(const struct tls_filter *tls)
{
    const char *word = tls_filter_needs_legacy(tls);
    unsigned i = TLS_NEED_VERSION;
    while (i < TLS_NEED_NONE && (word == NULL || strcmp(word, tls_need_words[i]) != 0))
        i++;
    return (enum tls_need)i;
}

void
tls_census_count(struct metrics *m, enum tls_direction direction, const char *connector,
                 enum tls_profile_name profile, const struct tls_filter *tls)
{
    if (tls == NULL || !tls_filter_is_open(tls))
        return;
    const char *const values[] = {tls_direction_words[direction], connector,
                                  tls_filter_version(tls), tls_filter_cipher_class(tls),
                                  tls_filter_verified(tls)};
    counter_add(metrics_series_of(m, METRIC_tls_sessions_total, values, COUNT_OF(values)), 1);
    if (profile == TLS_PROFILE_EXCHANGE2003)
        counter_add(tls_census_exceptions(m, direction, connector, need_of(tls)), 1);
}
