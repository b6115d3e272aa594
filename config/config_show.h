/*
 * config_show.h - the schema table, walked to print: what is in force, and what there is.
 */
#ifndef CONFIG_CONFIG_SHOW_H
#define CONFIG_CONFIG_SHOW_H

#include "config/config.h"
#include "gateway/base/buf.h"

/* The effective configuration with all defaults, as YAML that loads to the same. Secrets are not
 * in it, only the paths of their files; paths are absolute. */
void config_show(const struct config *config, struct buf *out);

/* The reference manual: every key with its type, range, default and sentence, as plain text. */
void config_manual(struct buf *out);

#endif
