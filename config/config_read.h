/*
 * config_read.h - a tree of nodes, read through the schema table into a struct config.
 *
 * Takes    the tree and a room whose config is empty.
 * Gives    every member that has a row, from the file or from the row's default; names of things
 *          are pointers to them, wherever in the file they stand.
 * Refuses  unknown keys (with the nearest known one), missing keys, values that do not fit. What
 *          was refused is nothing, or left out of its list: the rest can still be checked.
 * Touches  the files that it names, to see whether they can be read; not their content.
 */
#ifndef CONFIG_CONFIG_READ_H
#define CONFIG_CONFIG_READ_H

#include "config/config_schema.h"
#include "config/config_yaml.h"

void config_read(const struct node *root, const struct value_room *room, struct report *report);

#endif
