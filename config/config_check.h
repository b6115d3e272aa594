/*
 * config_check.h - what only the whole can tell: things that fit one by one, and not together.
 *
 * Takes    what config_read() made of the tree, also when it complained; the tree tells what was
 *          given and where.
 * Gives    complaints about what would surprise somebody: mail that could go two ways, passwords
 *          in the open, names that nothing uses.
 */
#ifndef CONFIG_CONFIG_CHECK_H
#define CONFIG_CONFIG_CHECK_H

#include "config/config_yaml.h"

void config_check(const struct config *config, const struct node *root, struct report *report);

#endif
