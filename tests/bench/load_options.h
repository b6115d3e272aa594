/*
 * load_options.h - what smtp-load was told on its command line.
 *
 * Gives    words of argv, checked; anything wrong ends the program.
 */
#ifndef BENCH_LOAD_OPTIONS_H
#define BENCH_LOAD_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

struct options {
    const char *to_endpoint;
    uint64_t sessions, messages, size, per_connection, rate, timeout_s;
    const char *user;
    const char *password;
    const char *from;
    const char *to;
    const char *ledger;
    const char *mark;
    bool in_clear;
    bool retry;
};

void load_read_options(int argc, char **argv, struct options *o);

#endif
