/*
 * tls_census.h - counting TLS sessions by connector: version, cipher, verification, and which of
 * them need a lowered profile. Any thread.
 */
#ifndef RELAY_TLS_CENSUS_H
#define RELAY_TLS_CENSUS_H

#include "config/config.h"
#include "gateway/base/metrics.h"
#include "tls/tls_filter.h"

enum tls_direction { TLS_RECEIVE, TLS_SEND, TLS_DIRECTIONS };

/* tls: open, or NULL (then nothing is counted). */
void tls_census_count(struct metrics *m, enum tls_direction direction, const char *connector,
                      enum tls_profile_name profile, const struct tls_filter *tls);

/* Of the sessions of connectors with a lowered profile: what each needed it for. */
enum tls_need { TLS_NEED_VERSION, TLS_NEED_RENEGOTIATION, TLS_NEED_CERTIFICATE, TLS_NEED_NONE };
enum { TLS_NEEDS = TLS_NEED_NONE + 1 };
extern const char *const tls_need_words[TLS_NEEDS]; /* the first three as in tls_filter.h */
extern const char *const tls_direction_words[TLS_DIRECTIONS];

counter *tls_census_exceptions(struct metrics *m, enum tls_direction direction,
                               const char *connector, enum tls_need need);

#endif
