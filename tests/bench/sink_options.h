/*
 * sink_options.h - what smtp-sink was told on its command line.
 *
 * Gives    words of argv, checked; anything wrong ends the program.
 */
#ifndef BENCH_SINK_OPTIONS_H
#define BENCH_SINK_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

struct options {
    const char *listen;
    const char *certificate;
    const char *key;
    const char *user;
    const char *password;
    const char *hash_log;
    const char *unknown; /* recipients that begin so get 550; NULL: none */
    bool tls_required;
    uint64_t expect; /* end after so many messages; 0 = never */
    uint64_t refuse_percent;
    uint64_t drop_percent;
    uint64_t stall_percent;
    uint64_t seed;
};

void sink_read_options(int argc, char **argv, struct options *o);

#endif
