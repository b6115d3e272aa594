/*
 * command_options.h - the options that several subcommands share, read with getopt_long.
 */
#ifndef GATEWAY_COMMAND_OPTIONS_H
#define GATEWAY_COMMAND_OPTIONS_H

#include <stdio.h>

#include "config/config_load.h"

enum { OPTION_TIMES_MAX = 16 };

struct option_spec {
    const char *name;   /* "from" for --from */
    const char **value; /* set to the argument; points into argv */
    bool *flag;         /* or this is set, when value is NULL */
    size_t *count; /* not NULL: up to OPTION_TIMES_MAX times, value is the first of as many */
};

/* Reads `-c FILE`/`--config FILE` into *config_path, which must be given then (NULL: the command
 * has none, or names "config" among its options), and the given options. *rest gets the index of
 * the first word that is no option. False: a complaint was printed. */
bool options_read(int argc, char **argv, const char **config_path,
                  const struct option_spec *specs, size_t count, int *rest);

/* Load it. NULL: there were errors; all complaints went to standard error. */
struct config *options_load(const char *config_path);

/* All of it, which may be nothing. */
void options_print(const struct buf *text, FILE *to);

#endif
