/*
 * config_check_private.h - what the files of config_check share.
 */
#ifndef CONFIG_CONFIG_CHECK_PRIVATE_H
#define CONFIG_CONFIG_CHECK_PRIVATE_H

#include "config/config_check.h"

struct check {
    const struct config *config;
    const struct node *root; /* what was given, and where */
    struct report *report;
};

/* The node's place, or when it was not given that of the thing that could have had it. */
struct where check_place(const struct node *node, struct where thing);

/* The place of a key rather than of its value. */
struct where check_key_place(const struct node *node, struct where thing);

void check_receive(struct check *check);
void check_send(struct check *check);
void check_forests(struct check *check);
void check_rights(struct check *check);

/* What is named and not used, what is needed and not there: half read this would be guessing, so
 * it is told when nothing else is wrong. */
void check_loose_ends(struct check *check);
void check_right_pairs(struct check *check);

#endif
