/*
 * config_files.h - have the files that a configuration names changed on disk: certificates, keys,
 * roots, passwords, hashes?
 */
#ifndef CONFIG_CONFIG_FILES_H
#define CONFIG_CONFIG_FILES_H

#include "config/config.h"

/* A number that changes when any of them was written, replaced (also behind a symbolic link),
 * removed, or given another owner or mode. Looks at each (stat), reads none. */
uint64_t config_files_look(const struct config *config);

#endif
